"""The grid of a model: where PGD puts the pixels of a cover map.

Formulas are SURFEX's (`mode_gridtype_conf_proj.F90`, `mode_gridtype_lonlat_reg.F90`, 8.1), on its sphere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.grid import Bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

Numbers: TypeAlias = "NDArray[np.float64] | float"
"""One number or an array of them."""

RADIUS = 6_371_229.0
"""Of the Earth, metres (`XRADIUS`, `ini_csts.F90`)."""

SIDE_POINTS = 512
"""Of the outline of a box, at least: on 1000 km, what bulges between two of them is less than a metre."""

FLAT = 1e-10
"""Below this `rpk` the cone is a cylinder: Mercator."""


@dataclass(frozen=True)
class ConfProj:
    """A conformal projection on the sphere (`NAM_CONF_PROJ`), degrees.

    rpk: the cone's constant `XRPK`, sin(lat0) for a tangent Lambert cone (HARMONIE's), 1 or -1 polar
    stereographic, 0 Mercator. beta: `XBETA`, rotation of the grid.
    """

    lon0: float
    lat0: float
    rpk: float
    beta: float = 0.0

    def __post_init__(self) -> None:
        if not (-1 <= self.rpk <= 1 and abs(self.lat0) <= 90 and all(map(math.isfinite, (self.lon0, self.beta)))):
            raise GridError(f"domain: {self} is no projection; expected xrpk in -1..1 and xlat0 in -90..90")

    @property
    def is_mercator(self) -> bool:
        """Whether meridians are parallel."""
        return abs(self.rpk) < FLAT

    def radii(self, lat: Numbers) -> NDArray[np.float64]:
        """Signed distance from the pole of the cone (metres) of parallels (degrees); northing for Mercator."""
        phi, phi0 = np.radians(lat), math.radians(self.lat0)
        if self.is_mercator:
            return np.asarray(RADIUS * math.cos(phi0) * np.log(np.tan(math.pi / 4 + phi / 2)))
        k, turn = abs(self.rpk), math.copysign(1.0, self.rpk)  # a southern cone is a northern one upside down
        scale = RADIUS / k * math.cos(phi0) ** (1 - k) * (1 + turn * math.sin(phi0)) ** k
        return np.asarray(turn * scale * (np.abs(np.cos(phi)) / (1 + turn * np.sin(phi))) ** k)

    def angles(self, lon: Numbers) -> NDArray[np.float64]:
        """Angle at the pole of the cone (radians) of meridians (degrees); easting in metres for Mercator."""
        if self.is_mercator:
            return np.asarray(RADIUS * math.cos(math.radians(self.lat0)) * np.radians(lon - self.lon0))
        return np.asarray(self.rpk * np.radians(lon - self.lon0) - math.radians(self.beta))

    def xy(self, lon: Numbers, lat: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Metres from the projection's own origin; `lon` is not wrapped: give it on the branch of `lon0`."""
        radius, angle = self.radii(lat), self.angles(lon)
        if not self.is_mercator:
            return radius * np.sin(angle), -radius * np.cos(angle)
        cos, sin = math.cos(math.radians(self.beta)), math.sin(math.radians(self.beta))
        return angle * cos + radius * sin, radius * cos - angle * sin

    def lonlat(self, x: Numbers, y: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The inverse of `xy`, degrees."""
        phi0 = math.radians(self.lat0)
        if self.is_mercator:
            cos, sin = math.cos(math.radians(self.beta)), math.sin(math.radians(self.beta))
            east, north, flat = x * cos - y * sin, x * sin + y * cos, RADIUS * math.cos(phi0)
            lat = 2 * np.degrees(np.arctan(np.exp(north / flat))) - 90
            return self.lon0 + np.degrees(east / flat), lat
        k, turn = abs(self.rpk), math.copysign(1.0, self.rpk)
        lon = self.lon0 + np.degrees(np.arctan2(turn * x, -turn * y) + math.radians(self.beta)) / self.rpk
        scale = RADIUS / k * math.cos(phi0) ** (1 - k) * (1 + turn * math.sin(phi0)) ** k
        return lon, turn * (90 - 2 * np.degrees(np.arctan((np.hypot(x, y) / scale) ** (1 / k))))


@dataclass(frozen=True)
class Domain:
    """The cells of a model: PGD's physical area (C+I zones of HARMONIE), without the extension zone.

    Cell (x, y) counts from the south-west; arrays over the cells have shape (ny, nx), y from the SOUTH as in
    PGD's files. loncen, latcen: the middle of the grid, degrees. dx, dy: size of a cell, metres, or degrees where
    `projection` is None (`LONLAT REG`).
    """

    name: str
    nx: int
    ny: int
    dx: float
    dy: float
    loncen: float
    latcen: float
    projection: ConfProj | None

    def __post_init__(self) -> None:
        fine = all(math.isfinite(value) for value in (self.dx, self.dy, self.loncen, self.latcen))
        if not fine or min(self.nx, self.ny) < 1 or min(self.dx, self.dy) <= 0 or abs(self.latcen) > 90:
            raise GridError(
                f"domain {self.name}: found {self.nx} x {self.ny} cells of {self.dx} x {self.dy} around "
                f"{self.loncen} E {self.latcen} N; expected at least one cell of positive size and"
                " a place on the globe"
            )
        if self.projection is None:
            leaves = abs(self.latcen) + self.ny * self.dy / 2 > 90 + 1e-9 or self.nx * self.dx > 360 + 1e-9
        else:
            at_infinity = abs(self.latcen) == 90 and self.projection.rpk * self.latcen <= FLAT
            leaves = at_infinity or max(self.nx * self.dx, self.ny * self.dy) > 2 * math.pi * RADIUS
        if leaves:
            raise GridError(f"domain {self.name}: its cells leave the globe; check sizes and corners")

    @property
    def cells(self) -> int:
        """How many."""
        return self.nx * self.ny

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.ny, self.nx

    @property
    def extent(self) -> tuple[float, float]:
        """(west to east, south to north), metres: of the projection, or along the middle's meridian and parallel."""
        if self.projection is not None:
            return self.nx * self.dx, self.ny * self.dy
        parallel = RADIUS * math.cos(math.radians(self.latcen))
        return parallel * math.radians(self.nx * self.dx), RADIUS * math.radians(self.ny * self.dy)

    def position(self, lon: Numbers, lat: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Places (degrees, broadcastable) in units of cells from the south-west corner: cell x is x..x+1."""
        lon, lat = np.broadcast_arrays(self.near(np.asarray(lon, float)), np.asarray(lat, float))
        if self.projection is None:
            return (lon - self.loncen) / self.dx + self.nx / 2, (lat - self.latcen) / self.dy + self.ny / 2
        x, y = self.oriented.xy(lon, lat)
        x0, y0 = self.middle
        return (x - x0) / self.dx + self.nx / 2, (y - y0) / self.dy + self.ny / 2

    def index(self, lon: Numbers, lat: Numbers) -> NDArray[np.int64]:
        """The cell (row-major from the south-west, y * nx + x) of each place; -1 outside."""
        x, y = self.position(lon, lat)
        inside = (x >= 0) & (x < self.nx) & (y >= 0) & (y < self.ny)
        cell = np.full(x.shape, -1, np.int64)
        cell[inside] = y[inside].astype(np.int64) * self.nx + x[inside].astype(np.int64)
        return cell

    def lonlat(self, x: Numbers, y: Numbers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The inverse of `position`: (longitude, latitude), degrees, longitude within 180 of the middle's."""
        east, north = (np.asarray(x, float) - self.nx / 2) * self.dx, (np.asarray(y, float) - self.ny / 2) * self.dy
        if self.projection is None:
            return self.loncen + east, self.latcen + north
        x0, y0 = self.middle
        lon, lat = self.oriented.lonlat(east + x0, north + y0)
        return self.near(lon), lat

    def centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(longitude, latitude) of the cell centres, (ny, nx), degrees: PGD's XLON and XLAT."""
        x, y = np.meshgrid(np.arange(self.nx) + 0.5, np.arange(self.ny) + 0.5)
        return self.lonlat(x, y)

    def corners(self) -> dict[str, tuple[float, float]]:
        """(longitude, latitude) of the four outer corners, degrees."""
        ends = {"SW": (0, 0), "SE": (self.nx, 0), "NW": (0, self.ny), "NE": (self.nx, self.ny)}
        lonlats = {name: self.lonlat(float(x), float(y)) for name, (x, y) in ends.items()}
        return {name: (float(lon), float(lat)) for name, (lon, lat) in lonlats.items()}

    def box(self, margin: float = 0.0) -> Bounds:
        """(west, south, east, north), degrees, around all cells and `margin` cells more on each side.

        West is in -180..180; west > east where the box crosses the dateline; around a pole it has all longitudes.
        """
        lon, lat = self.lonlat(*self._outline(margin))
        south, north = float(lat.min()), float(lat.max())
        poles = [pole for pole in (90.0, -90.0) if self._holds_pole(pole, margin)]
        if poles:
            return -180.0, min(south, *poles), 180.0, max(north, *poles)
        west, east = float(lon.min()), float(lon.max())
        if east - west >= 360:
            return -180.0, max(south, -90.0), 180.0, min(north, 90.0)
        west, east = (west + 180) % 360 - 180, (east + 180) % 360 - 180
        return west, max(south, -90.0), east if east != -180 else 180.0, min(north, 90.0)

    def near(self, lon: Numbers) -> NDArray[np.float64]:
        """Longitudes moved by whole turns to within 180 degrees of the middle; those that are stay as they are."""
        return np.asarray(lon - 360 * np.round((lon - self.loncen) / 360))

    @property
    def middle(self) -> tuple[float, float]:
        """(x, y) of the middle of the grid in the projection `oriented`, metres."""
        x, y = self.oriented.xy(self.loncen, self.latcen)
        return float(x), float(y)

    @property
    def oriented(self) -> ConfProj:
        """The projection with `lon0` moved by whole turns next to the middle; GridError for a `LONLAT REG` grid."""
        if self.projection is None:
            raise GridError(f"domain {self.name}: a grid of longitudes and latitudes has no projection")
        lon0 = self.projection.lon0
        return replace(self.projection, lon0=lon0 + 360 * round((self.loncen - lon0) / 360))

    def _outline(self, margin: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Points around the grid and its margin: a parallel bulges between corners, so two a cell and many a side."""
        x = np.linspace(-margin, self.nx + margin, max(SIDE_POINTS, 2 * math.ceil(self.nx + 2 * margin)) + 1)
        y = np.linspace(-margin, self.ny + margin, max(SIDE_POINTS, 2 * math.ceil(self.ny + 2 * margin)) + 1)
        xs = np.concatenate([x, x, np.full(y.size, -margin), np.full(y.size, self.nx + margin)])
        ys = np.concatenate([np.full(x.size, -margin), np.full(x.size, self.ny + margin), y, y])
        return xs, ys

    def _holds_pole(self, pole: float, margin: float) -> bool:
        if self.projection is None or self.projection.rpk * pole <= 0:
            return False
        x, y = self.position(self.loncen, pole)
        return bool(-margin <= x <= self.nx + margin and -margin <= y <= self.ny + margin)
