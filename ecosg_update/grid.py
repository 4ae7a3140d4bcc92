"""Where pixels lie: exact lat-lon lattices (`LatLonGrid`) and projected rasters (`GeoGrid`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from affine import Affine
from pyproj.exceptions import CRSError

from ecosg_update.errors import CoverageError, GridError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Bounds = tuple[float, float, float, float]
"""(west, south, east, north), degrees or metres."""

Window = tuple[slice, slice]
"""(rows, columns) of an array of shape (y, x)."""

SNAP_TOLERANCE = 1e-3
"""An edge within this many cells of a lattice line lies on it (0.3 m at 300 m): headers and people round."""

GEOGRAPHIC = "EPSG:4326"


@dataclass(frozen=True)
class LatLonGrid:
    """A window of the global lattice of `per_degree` cells a degree.

    Row 0 touches 90 N and column 0 touches 180 W; every edge is derived from integers, so that cutting,
    tiling and pasting are exact. A window may cross the dateline: `east` is then beyond 180. The global
    ECOCLIMAP-SG map is `LatLonGrid(360, 0, 0, 64800, 129600)`.

    >>> LatLonGrid(360, 13212, 61524, 396, 648).bounds
    (-9.1, 52.2, -7.3, 53.3)
    """

    per_degree: int
    row: int
    col: int
    rows: int
    cols: int

    def __post_init__(self) -> None:
        if self.per_degree < 1 or self.rows < 1 or self.cols < 1:
            raise GridError(f"grid: {self!r} is empty, expected at least one cell and one cell a degree")
        if self.row < 0 or self.row + self.rows > 180 * self.per_degree:
            raise GridError(f"grid: rows {self.row}..{self.row + self.rows} leave the globe; check the latitudes")
        if not 0 <= self.col < self.world_cols or self.cols > self.world_cols:
            raise GridError(f"grid: columns {self.col}..+{self.cols} leave the globe; check the longitudes")

    def __str__(self) -> str:
        west, south, east, north = self.bounds
        return f"{west:.4f}..{east:.4f} E {south:.4f}..{north:.4f} N"

    @classmethod
    def from_bounds(cls, per_degree: int, bounds: Bounds) -> LatLonGrid:
        """The smallest window that holds `bounds` (degrees), snapped outward; west > east crosses the dateline."""
        west, south, east, north = bounds
        if not all(math.isfinite(edge) for edge in bounds) or south >= north:
            raise GridError(
                f"bounds: found {bounds}, expected west, south, east, north in degrees with south < north"
            )
        if north > 90 + 1e-9 or south < -90 - 1e-9:
            raise GridError(f"bounds: latitudes {south}..{north} leave -90..90")
        if west == east:
            raise GridError(f"bounds: west and east are both {west}; give -180 and 180 for the whole globe")
        span = east - west if east > west else (east - west) % 360
        if span > 360 + 1e-9:
            raise GridError(f"bounds: {west}..{east} is more than once around the globe")
        first_col = _floor((west + 180) * per_degree)
        last_col = _ceil((west + span + 180) * per_degree)
        first_row = max(0, _floor((90 - north) * per_degree))
        last_row = min(180 * per_degree, _ceil((90 - south) * per_degree))
        world = 360 * per_degree
        return cls(per_degree, first_row, first_col % world, last_row - first_row, min(world, last_col - first_col))

    @classmethod
    def globe(cls, per_degree: int) -> LatLonGrid:
        """The whole globe."""
        return cls(per_degree, 0, 0, 180 * per_degree, 360 * per_degree)

    @property
    def world_cols(self) -> int:
        """Columns once around the globe."""
        return 360 * self.per_degree

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return self.rows, self.cols

    @property
    def cells(self) -> int:
        """How many."""
        return self.rows * self.cols

    @property
    def north(self) -> float:
        """Outer edge of the first row, degrees."""
        return (90 * self.per_degree - self.row) / self.per_degree

    @property
    def south(self) -> float:
        """Outer edge of the last row, degrees."""
        return (90 * self.per_degree - self.row - self.rows) / self.per_degree

    @property
    def west(self) -> float:
        """Outer edge of the first column, degrees, -180 <= west < 180."""
        return (self.col - 180 * self.per_degree) / self.per_degree

    @property
    def east(self) -> float:
        """Outer edge of the last column, degrees; beyond 180 where the window crosses the dateline."""
        return (self.col + self.cols - 180 * self.per_degree) / self.per_degree

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north), degrees."""
        return self.west, self.south, self.east, self.north

    @property
    def transform(self) -> Affine:
        """From (column, row) to (longitude, latitude)."""
        step = 1 / self.per_degree
        return Affine(step, 0.0, self.west, 0.0, -step, self.north)

    @property
    def latitudes(self) -> NDArray[np.float64]:
        """Latitude of the cell centres, (rows,), degrees, north to south."""
        return (90 * self.per_degree - self.row - np.arange(self.rows) - 0.5) / self.per_degree

    @property
    def longitudes(self) -> NDArray[np.float64]:
        """Longitude of the cell centres, (cols,), degrees, west to east without a jump at 180."""
        return (self.col - 180 * self.per_degree + np.arange(self.cols) + 0.5) / self.per_degree

    def geo(self) -> GeoGrid:
        """The same cells as a raster in EPSG:4326."""
        return GeoGrid(GEOGRAPHIC, self.transform, self.shape)

    def at(self, per_degree: int) -> LatLonGrid:
        """The same area on another lattice, snapped outward."""
        if per_degree == self.per_degree:
            return self
        if self.cols == self.world_cols:
            whole = LatLonGrid.from_bounds(per_degree, (-180, self.south, 180, self.north))
            return LatLonGrid(per_degree, whole.row, self.col * per_degree // self.per_degree, *whole.shape)
        return LatLonGrid.from_bounds(per_degree, self.bounds)

    def grown(self, cells: int) -> LatLonGrid:
        """The window with a margin of `cells`, clipped at the poles and at once around the globe."""
        top = max(0, self.row - cells)
        bottom = min(180 * self.per_degree, self.row + self.rows + cells)
        cols = min(self.world_cols, self.cols + 2 * cells)
        col = self.col if self.cols == self.world_cols else (self.col - cells) % self.world_cols
        return LatLonGrid(self.per_degree, top, col, bottom - top, cols)

    def contains(self, part: LatLonGrid) -> bool:
        """Whether every cell of `part` (same lattice) is a cell of this window."""
        if part.per_degree != self.per_degree:
            return False
        if part.row < self.row or part.row + part.rows > self.row + self.rows:
            return False
        if self.cols == self.world_cols:
            return True
        return (part.col - self.col) % self.world_cols + part.cols <= self.cols

    def intersection(self, other: LatLonGrid) -> LatLonGrid | None:
        """The cells that both windows hold, None where there are none.

        Two windows that meet on both sides of the globe share two pieces: the one that starts at this
        window's western end or later is returned.
        """
        self._same_lattice(other)
        top, bottom = max(self.row, other.row), min(self.row + self.rows, other.row + other.rows)
        if other.cols == other.world_cols:
            start, width = self.col, self.cols
        elif self.cols == self.world_cols:
            start, width = other.col, other.cols
        else:
            offset = (other.col - self.col) % self.world_cols
            if offset < self.cols:
                start, width = other.col, min(other.cols, self.cols - offset)
            else:
                start, width = self.col, min(self.cols, offset + other.cols - self.world_cols)
        if bottom <= top or width <= 0:
            return None
        return LatLonGrid(self.per_degree, top, start % self.world_cols, bottom - top, width)

    def blocks(self, rows: int, cols: int) -> Iterator[LatLonGrid]:
        """The window in blocks of at most `rows` x `cols` cells, from the north-west, row after row of blocks."""
        for top in range(0, self.rows, rows):
            for left in range(0, self.cols, cols):
                height, width = min(rows, self.rows - top), min(cols, self.cols - left)
                yield LatLonGrid(self.per_degree, self.row + top, (self.col + left) % self.world_cols, height, width)

    def windows_in(self, whole: LatLonGrid) -> Iterator[tuple[Window, Window]]:
        """Pairs (window of this grid's array, window of `whole`'s array): two where `whole` ends in between.

        Raises GridError on another lattice and CoverageError where `whole` lacks a cell of this grid.
        """
        self._same_lattice(whole)
        if not whole.contains(self):
            raise CoverageError(f"domain: {self} is not inside the map's {whole}; ask for less or use a larger map")
        rows = slice(self.row - whole.row, self.row - whole.row + self.rows)
        first = (self.col - whole.col) % whole.world_cols
        width = min(self.cols, whole.cols - first)
        yield (slice(0, self.rows), slice(0, width)), (rows, slice(first, first + width))
        if width < self.cols:
            rest = slice(0, self.cols - width)
            yield (slice(0, self.rows), slice(width, self.cols)), (rows, rest)

    def _same_lattice(self, other: LatLonGrid) -> None:
        if self.per_degree != other.per_degree:
            raise GridError(
                f"grid: {self.per_degree} cells a degree meet {other.per_degree}; resample one of the maps first"
            )


def cut(values: NDArray[Any], grid: LatLonGrid, part: LatLonGrid) -> NDArray[Any]:
    """The cells of `part`, copied out of `values` (..., y, x) on `grid`."""
    _check_shape(values, grid.shape)
    piece = np.empty((*values.shape[:-2], *part.shape), values.dtype)
    for (rows, cols), (from_rows, from_cols) in part.windows_in(grid):
        piece[..., rows, cols] = values[..., from_rows, from_cols]
    return piece


def pasted(values: NDArray[Any], grid: LatLonGrid, part: LatLonGrid, piece: NDArray[Any]) -> NDArray[Any]:
    """A copy of `values` (..., y, x) on `grid` with the cells of `part` replaced by `piece`."""
    _check_shape(values, grid.shape)
    _check_shape(piece, part.shape)
    whole = values.copy()
    for (rows, cols), (to_rows, to_cols) in part.windows_in(grid):
        whole[..., to_rows, to_cols] = piece[..., rows, cols]
    return whole


@dataclass(frozen=True)
class GeoGrid:
    """A north-up raster in any projection: pixel (row, column) touches `transform @ (column, row)`.

    `crs` is anything that PROJ reads (an EPSG code, WKT); `shape` is (rows, cols).
    """

    crs: str
    transform: Affine
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        if not self.crs:
            raise GridError("grid: the raster has no coordinate reference system; assign one (gdal_edit.py -a_srs)")
        if self.transform.b or self.transform.d or self.transform.a <= 0 or self.transform.e >= 0:
            raise GridError(f"grid: transform {tuple(self.transform)[:6]} is not north-up; warp the raster first")
        if min(self.shape) < 1:
            raise GridError(f"grid: a raster of {self.shape} pixels is empty")

    @property
    def pixel(self) -> tuple[float, float]:
        """(width, height) of a pixel in units of the projection."""
        return self.transform.a, -self.transform.e

    @property
    def bounds(self) -> Bounds:
        """(west, south, east, north) in units of the projection."""
        rows, cols = self.shape
        west, north = self.transform @ (0, 0)
        east, south = self.transform @ (cols, rows)
        return west, south, east, north

    def window(self, rows: slice, cols: slice) -> GeoGrid:
        """The grid of `array[rows, cols]`; the slices name both ends and may leave the raster."""
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        return GeoGrid(self.crs, self.transform @ Affine.translation(cols.start, rows.start), shape)

    def lonlat_bounds(self) -> Bounds:
        """The lat-lon box (degrees) around the raster; west > east where it crosses the dateline."""
        transformer = projection(self.crs, GEOGRAPHIC)
        west, south, east, north = transformer.transform_bounds(*self.bounds, densify_pts=41)
        if not all(math.isfinite(edge) for edge in (west, south, east, north)):
            raise GridError(f"grid: bounds {self.bounds} have no place on the globe in {self.crs}")
        return west, south, east, north

    def covering(self, cells: LatLonGrid, margin: int = 0) -> Window | None:
        """Rows and columns of this raster that hold `cells` plus `margin` pixels; None where they do not meet."""
        transformer = projection(GEOGRAPHIC, self.crs)
        lon, lat = _outline(cells)
        x, y = transformer.transform(lon, lat)
        if self.is_geographic:
            centre = self.bounds[0] + (self.bounds[2] - self.bounds[0]) / 2
            middle = (cells.west + cells.east) / 2
            x = np.asarray(lon) + 360 * round((centre - middle) / 360)
        inside = np.isfinite(x) & np.isfinite(y)
        if not inside.any():
            return None
        columns, rows = ~self.transform @ (np.asarray(x)[inside], np.asarray(y)[inside])
        top, bottom = math.floor(rows.min()) - margin, math.ceil(rows.max()) + margin
        left, right = math.floor(columns.min()) - margin, math.ceil(columns.max()) + margin
        top, left = max(0, top), max(0, left)
        bottom, right = min(self.shape[0], bottom), min(self.shape[1], right)
        if bottom <= top or right <= left:
            return None
        return slice(top, bottom), slice(left, right)

    @property
    def is_geographic(self) -> bool:
        """Whether the axes are longitude and latitude in degrees."""
        return bool(_crs(self.crs).is_geographic)


@lru_cache(maxsize=64)
def projection(source: str, target: str) -> pyproj.Transformer:
    """The transformation between two reference systems, x before y; GridError for an unknown system."""
    return pyproj.Transformer.from_crs(_crs(source), _crs(target), always_xy=True)


@lru_cache(maxsize=64)
def _crs(text: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text)
    except CRSError as error:
        raise GridError(f"grid: {text[:60]!r} is no coordinate reference system that PROJ knows") from error


def _outline(cells: LatLonGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points on the edge of a window, dense enough for a curved projection."""
    west, south, east, north = cells.bounds
    lon, lat = np.linspace(west, east, 41), np.linspace(south, north, 41)
    lons = np.concatenate([lon, lon, np.full(41, west), np.full(41, east)])
    lats = np.concatenate([np.full(41, north), np.full(41, south), lat, lat])
    return lons, lats


def _floor(cells: float) -> int:
    return math.floor(cells + SNAP_TOLERANCE)


def _ceil(cells: float) -> int:
    return math.ceil(cells - SNAP_TOLERANCE)


def _check_shape(values: NDArray[Any], shape: tuple[int, int]) -> None:
    if values.shape[-2:] != shape:
        raise GridError(f"grid: an array of shape {values.shape} does not fit a grid of {shape}")
