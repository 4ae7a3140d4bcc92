"""A simulated landscape: CORINE level-3 classes at 10 m that look like an Atlantic coast, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine

from ecosg_update.errors import GridError
from ecosg_update.grid import GeoGrid
from ecosg_update.simulate.noise import fractal, ranks
from ecosg_update.simulate.parcels import centroids, parcels

if TYPE_CHECKING:
    from numpy.typing import NDArray

CRS = "EPSG:32629"
CORNER = (529980.0, 5870040.0)
"""Easting and northing of the north-west corner: inside tile 29UNV, on its 60 m lattice."""

PIXEL = 10.0
SIZE = 1098
"""Pixels along each side: a tenth of a Sentinel-2 tile."""

SMALLEST = 240

CLASSES = (111, 112, 121, 131, 211, 231, 311, 312, 322, 324, 331, 332, 411, 412, 511, 512, 523)
"""The CORINE level-3 codes that occur."""

OPEN = (322, 331, 332, 411, 412, 511, 512, 523)
"""Classes that no fence divides."""


@dataclass(frozen=True)
class Place:
    """A named part of the landscape: centre and radius in pixels."""

    row: float
    col: float
    radius: float


@dataclass(frozen=True, eq=False)
class Landscape:
    """A simulated landscape.

    codes: uint16 (y, x), CORINE level-3 codes of `CLASSES`, no gaps. parcel: int32 (y, x), a number for each
    field, stand or plot, 0..n-1. places: the named parts that a test or a demo points at.
    """

    codes: NDArray[np.uint16]
    parcel: NDArray[np.int32]
    grid: GeoGrid
    places: dict[str, Place]
    seed: int

    def __post_init__(self) -> None:
        if self.codes.shape != self.grid.shape or self.parcel.shape != self.grid.shape:
            raise GridError(f"landscape: arrays of {self.codes.shape} and {self.parcel.shape} on {self.grid.shape}")


def landscape(seed: int, *, size: int = SIZE) -> Landscape:
    """The landscape of a seed, `size` x `size` pixels of 10 m; the same seed gives the same landscape.

    `size` is a multiple of 6 (10, 20 and 60 m pixels share their edges) and at least 240; GridError otherwise.
    """
    if size % 6 or size < SMALLEST:
        raise GridError(f"landscape: size {size}, expected a multiple of 6 of at least {SMALLEST}")
    grid = GeoGrid(CRS, Affine(PIXEL, 0, CORNER[0], 0, -PIXEL, CORNER[1]), (size, size))
    land = _Land(np.random.default_rng(seed), size)
    for paint in (_farmland, _uplands, _woods, _built, _waters, _shore):
        paint(land)
    return Landscape(land.codes, _numbered(land), grid, land.places, seed)


def _numbered(land: _Land) -> NDArray[np.int32]:
    """Parcels numbered 0..n-1 without gaps; each kind of water and of upland is one parcel."""
    whole = np.where(np.isin(land.codes, OPEN), -land.codes.astype(np.int32), land.parcel)
    _, number = np.unique(whole, return_inverse=True)
    return number.reshape(land.shape).astype(np.int32)


class _Land:
    """The canvas that the painters share: they must come in order, each over the one before."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size, self.shape = rng, size, (size, size)
        self.y, self.x = np.mgrid[:size, :size].astype(np.float32)
        self.parcel = parcels(rng, self.shape, width=(9, 20))
        self.row, self.col = centroids(self.parcel)
        self.lot = rng.random(self.parcel.max() + 1).astype(np.float32)[self.parcel]
        self.codes = np.full(self.shape, 231, np.uint16)
        self.places = _places(rng, size)
        self.river = self._river()
        coast = size * 0.13 + size * 0.03 * fractal(rng, (size,), wavelength=size / 3)[:, None]
        self.inland = self.x - coast + size * 0.012 * self.field(size / 12)
        self.sea = self.inland < 0
        self.relief = ranks(self.x / size * 1.5 + 0.6 * self.field(size / 2.5, slope=2.6), ~self.sea)

    def field(self, wavelength: float, slope: float = 1.7) -> NDArray[np.float32]:
        return fractal(self.rng, self.shape, wavelength=wavelength, slope=slope)

    def rank(self, wavelength: float, slope: float = 1.7) -> NDArray[np.float32]:
        return ranks(self.field(wavelength, slope), ~self.sea)

    def distance(self, name: str, *, by_parcel: bool) -> NDArray[np.float32]:
        """Distance to a place in its radii, with a ragged edge; by parcel the edge follows the fields."""
        place = self.places[name]
        row, col = (self.row, self.col) if by_parcel else (self.y, self.x)
        ragged = 1 + 0.12 * self.field(self.size / 14, slope=2.2) + 0.2 * self.field(self.size / 5, slope=2.6)
        return np.asarray(np.hypot(row - place.row, col - place.col) / place.radius * ragged, np.float32)

    def by_parcel(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each parcel carries the value of its middle, so that what follows from it has straight edges."""
        return np.asarray(field[self.row.astype(int), self.col.astype(int)], np.float32)

    def paint(self, code: int, where: NDArray[np.bool_]) -> None:
        self.codes[where] = code

    def _river(self) -> NDArray[np.float32]:
        """Signed distance to the middle of the river, pixels: it runs from the east through the town."""
        town = self.places["town"]
        bends = self.size * 0.05 * fractal(self.rng, (self.size,), wavelength=self.size / 5, slope=2.6)
        bends += 5 * fractal(self.rng, (self.size,), wavelength=self.size / 25, slope=2.6)
        middle = town.row + bends - bends[int(town.col)]
        slant = np.hypot(1, np.gradient(middle))
        return np.asarray((self.y - middle) / slant, np.float32)


def _places(rng: np.random.Generator, size: int) -> dict[str, Place]:
    """Where things lie, as parts of the side: name, row, column, radius; each moves a little with the seed."""
    plan = {
        "town": (0.55, 0.34, 0.085),
        "works": (0.64, 0.43, 0.042),
        "new town": (0.82, 0.66, 0.058),
        "village": (0.20, 0.42, 0.030),
        "lake": (0.30, 0.68, 0.060),
        "tarn": (0.42, 0.90, 0.028),
        "quarry": (0.76, 0.34, 0.022),
        "wood": (0.38, 0.47, 0.070),
        "bog": (0.66, 0.84, 0.085),
    }
    shifts = rng.uniform(-0.02, 0.02, (len(plan), 2))
    return {
        name: Place(float(size * (row + dy)), float(size * (col + dx)), size * radius)
        for (name, (row, col, radius)), (dy, dx) in zip(plan.items(), shifts, strict=True)
    }


def _farmland(land: _Land) -> None:
    """Pasture everywhere, tilled parcels where the soil is good."""
    soil = land.by_parcel(land.rank(land.size / 5))
    land.paint(211, land.lot < np.clip(1.6 * soil - 0.55, 0.06, 0.85))


def _uplands(land: _Land) -> None:
    """Scrub, heath, blanket bog and rock with height; plantations in whole parcels below them."""
    relief, wet = land.relief, land.rank(land.size / 8, slope=2.4)
    land.paint(322, relief > 0.80)
    land.paint(412, (relief > 0.83) & (wet > 0.55))
    land.paint(412, land.distance("bog", by_parcel=False) < 1)
    land.paint(332, (relief > 0.93) & (land.rank(land.size / 20, slope=2.2) > 0.80))
    height = land.by_parcel(relief)
    slope = (height > 0.62) & (height < 0.90) & (land.by_parcel(land.rank(land.size / 6)) > 0.52)
    land.paint(312, slope & (land.lot < 0.62))
    land.paint(324, slope & (land.lot > 0.80))


def _woods(land: _Land) -> None:
    low = land.relief < 0.75
    land.paint(311, low & (land.rank(land.size / 9) > 0.93))
    land.paint(311, land.distance("wood", by_parcel=True) < 1)
    land.paint(311, low & (np.abs(land.river) < 14) & (land.rank(land.size / 20) > 0.62))


def _built(land: _Land) -> None:
    """Towns along parcel edges, streets as small parcels of their own, works and a quarry."""
    town, new = land.distance("town", by_parcel=True), land.distance("new town", by_parcel=True)
    suburbs = (town < 1) | (new < 1) | (land.distance("village", by_parcel=True) < 1)
    works = (land.distance("works", by_parcel=True) < 1) & (town > 0.55)
    quarry = land.distance("quarry", by_parcel=False) < 1
    land.paint(112, suburbs)
    land.paint(111, town < 0.60)
    land.paint(121, works)
    land.paint(131, quarry)
    plots = parcels(land.rng, land.shape, width=(2.5, 6))
    land.parcel = np.where(suburbs | works | quarry, plots + land.parcel.max() + 1, land.parcel)


def _waters(land: _Land) -> None:
    """Two lakes with reeds around them, and the river, which widens towards the sea."""
    for name in ("lake", "tarn"):
        distance = land.distance(name, by_parcel=False)
        land.paint(411, (distance < 1.45) & (distance > 0.9) & (land.rank(land.size / 12) > 0.35))
        land.paint(512, distance < 1)
    half_width = np.clip(2.0 + 5.0 * (1 - land.inland / (0.5 * land.size)), 1.6, 7.0)
    land.paint(511, np.abs(land.river) < half_width)


def _shore(land: _Land) -> None:
    """Sand along parts of the coast, then the sea over everything west of it."""
    width = land.size * 0.012 * (1 + land.field(land.size / 8, slope=2.2))
    land.paint(331, (land.inland < width) & (np.abs(land.river) > 12))
    land.paint(523, land.sea)
