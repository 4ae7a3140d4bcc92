"""The 300 m map of a simulated landscape: what is true, and an old map with deliberate mistakes to mend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.grid import GEOGRAPHIC, LatLonGrid, projection
from ecosg_update.layers import CoverMap
from ecosg_update.simulate.surface import materials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.simulate.landscape import Landscape

Where = Callable[["Cells"], "NDArray[np.bool_]"]

SAMPLES = 24
"""Points along each side of a cell at which its landscape is read: 13 m apart at 300 m."""

GRASS, WINTER_CROPS, SUMMER_CROPS, MAIZE = 17, 19, 20, 21
BROADLEAF, NEEDLELEAF, LAKE, WETLAND = 8, 13, 2, 23
OPEN_LOW_RISE, OPEN_MIDRISE = 29, 28


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of the map: true cover uint8 (y, x), and their middle as row and column of the landscape."""

    cover: NDArray[np.uint8]
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    land: Landscape

    def near(self, place: str, radii: float) -> NDArray[np.bool_]:
        """Cells whose middle lies within so many radii of a named place."""
        at = self.land.places[place]
        return np.hypot(self.row - at.row, self.col - at.col) <= radii * at.radius

    def south(self, place: str) -> NDArray[np.bool_]:
        """Cells whose middle lies south of a named place."""
        return self.row > self.land.places[place].row


@dataclass(frozen=True)
class Mistake:
    """One thing that the old map has wrong: cells of `cover` at `where` are called `instead`.

    `visible`: a satellite image can show it. Where it is False the mistake is about a sub-type (which crop,
    which height of houses) that CORINE classes do not tell, and an honest update leaves it.
    """

    name: str
    cover: int
    instead: int
    where: Where
    visible: bool = True


MISTAKES = (
    Mistake("new town missing", OPEN_LOW_RISE, GRASS, lambda c: c.near("new town", 1.6)),
    Mistake("lake missing", LAKE, GRASS, lambda c: c.near("lake", 1.6)),
    Mistake("wood called crops", BROADLEAF, WINTER_CROPS, lambda c: c.near("wood", 1.6)),
    Mistake("bog called pasture", WETLAND, GRASS, lambda c: c.near("bog", 1.6) & c.south("bog")),
    Mistake("pasture called town", GRASS, OPEN_LOW_RISE, lambda c: c.near("town", 1.5)),
    Mistake("town called midrise", OPEN_LOW_RISE, OPEN_MIDRISE, lambda c: c.near("village", 1.6), visible=False),
    Mistake("maize called summer crops", MAIZE, SUMMER_CROPS, lambda c: c.south("new town"), visible=False),
)
"""Applied to the true map, each to cells of its own: no cell has two mistakes."""


@dataclass(frozen=True, eq=False)
class OldMap:
    """A simulated old map.

    truth: the covers of the landscape by majority. base: the same with `MISTAKES`. mistake: uint8 (y, x),
    0 where the two agree, else 1 + the number of the mistake in `MISTAKES`.
    """

    truth: CoverMap
    base: CoverMap
    mistake: NDArray[np.uint8]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """bool (y, x): the base differs from the truth."""
        return self.mistake > 0

    @property
    def numbers(self) -> dict[str, int]:
        """How many cells each mistake spoils, by its name."""
        return {one.name: int((self.mistake == at).sum()) for at, one in enumerate(MISTAKES, start=1)}


def old_map(land: Landscape, *, per_degree: int = 360) -> OldMap:
    """The true map of a landscape and its old map with mistakes, on the cells that touch the landscape.

    Cells that reach beyond the landscape see its edge continued. TableError where the covers of
    tables/simulated/classes.csv are none of ECOCLIMAP-SG.
    """
    grid = LatLonGrid.from_bounds(per_degree, land.grid.lonlat_bounds())
    legend = tables.legend("ecosg")
    row, col = _middles(land, grid)
    cover = _crop_types(_majority(land, grid), row, col, land)
    cells = Cells(cover, row, col, land)
    base, mistake = cover.copy(), np.zeros(cover.shape, np.uint8)
    for number, one in enumerate(MISTAKES, start=1):
        where = (cover == one.cover) & one.where(cells)
        if (mistake[where] > 0).any():
            raise TableError(f"mistake {one.name!r}: some of its cells have another mistake; move it away")
        base[where], mistake[where] = one.instead, number
    return OldMap(CoverMap(cover, grid, legend), CoverMap(base, grid, legend), mistake)


def _middles(land: Landscape, grid: LatLonGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(row, column) of the landscape at the middle of each cell, float64 (y, x)."""
    return _places(land, grid.longitudes, grid.latitudes)


def _places(
    land: Landscape, lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = projection(GEOGRAPHIC, land.grid.crs).transform(*np.meshgrid(lon, lat))
    col, row = ~land.grid.transform @ (x, y)
    return row, col


def _majority(land: Landscape, grid: LatLonGrid) -> NDArray[np.uint8]:
    """The most frequent cover of each cell, uint8 (y, x); the lowest code of a tie."""
    made_of = materials()
    fine = grid.at(grid.per_degree * SAMPLES)
    row, col = _places(land, fine.longitudes, fine.latitudes)
    at_row = np.clip(np.floor(row), 0, land.grid.shape[0] - 1).astype(int)
    at_col = np.clip(np.floor(col), 0, land.grid.shape[1] - 1).astype(int)
    cover = made_of.cover[made_of.rows(land.codes[at_row, at_col])]
    split = cover.reshape(grid.rows, SAMPLES, grid.cols, SAMPLES)
    covers = np.unique(cover)
    number = np.stack([(split == code).sum(axis=(1, 3)) for code in covers])
    return np.asarray(covers[number.argmax(axis=0)], np.uint8)


def _crop_types(
    cover: NDArray[np.uint8], row: NDArray[np.float64], col: NDArray[np.float64], land: Landscape
) -> NDArray[np.uint8]:
    """Crops split by district: maize in the south-east quarter, winter crops elsewhere. No image tells them apart."""
    rows, cols = land.grid.shape
    maize = (cover == WINTER_CROPS) & (row > rows / 2) & (col > cols / 2)
    return np.where(maize, np.uint8(MAIZE), cover)
