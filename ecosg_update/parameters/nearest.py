"""The nearest cells of a type, along great circles, and the value that they give."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.domain import RADIUS
from ecosg_update.errors import ConfigError
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARTH_KM = RADIUS / 1000


@dataclass(frozen=True)
class Search:
    """How far and how many. neighbours: at most so many cells give a value. radius_km: none further away does."""

    neighbours: int = 3
    radius_km: float = 50.0

    def __post_init__(self) -> None:
        if self.neighbours < 1 or not 0 < self.radius_km <= math.pi * EARTH_KM:
            raise ConfigError(
                f"search: found {self.neighbours} neighbours within {self.radius_km} km, "
                "expected 1 or more within 1 to 20,015 km"
            )


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest cells of each target, nearest first.

    places: int64 (target, rank), flat index into the window, -1 where there is none; km: float64 (target, rank), the
    great circle between the centres on SURFEX's sphere, inf where there is none.
    """

    places: NDArray[np.int64]
    km: NDArray[np.float64]

    @property
    def any(self) -> NDArray[np.bool_]:
        """bool (target,): whether a cell of the type is within the radius."""
        return np.greater_equal(self.places[:, 0], 0)


def nearest(
    types: NDArray[np.uint8],
    window: LatLonGrid,
    targets: tuple[NDArray[np.intp], NDArray[np.intp]],
    wanted: NDArray[np.uint8],
    search: Search,
) -> Nearest:
    """For each target the nearest cells of `types` (y, x) on `window` that are of the type that it wants.

    targets: rows and columns in the window; wanted: the type of each. Exact; ties go to the north, then to the west.
    """
    from ecosg_update.parameters.nearest_kernel import search as compiled  # noqa: PLC0415  numba loads where needed

    rows, cols = targets
    places = np.full((rows.size, search.neighbours), -1, np.int64)
    squares = np.full(places.shape, np.inf)
    angle = math.radians(1 / window.per_degree)
    halves = np.sin(np.arange(max(window.rows, window.world_cols) + 1) * (angle / 2)) ** 2
    limit = math.sin(min(math.pi, search.radius_km / EARTH_KM) / 2) ** 2
    cosines = np.cos(np.radians(window.latitudes))
    for cover in np.unique(wanted):
        starts, columns = _by_row(types == cover)
        mine = np.flatnonzero(wanted == cover)
        part, distance = places[mine], squares[mine]
        cells = (starts, columns, window.cols)
        compiled(cells, (rows[mine], cols[mine]), cosines, (halves, window.world_cols, limit), part, distance)
        places[mine], squares[mine] = part, distance
    angles = 2 * np.arcsin(np.sqrt(np.minimum(squares, 1.0)))
    return Nearest(places, np.where(places >= 0, angles * EARTH_KM, np.inf))


def averaged(found: Nearest, values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The mean of the nearest cells' `values` (y, x), weighted by 1/distance, rounded half up; 0 where none is near.

    A mean of values of 1..99 is one: what is legal in the file stays legal.
    """
    weights = 1 / found.km
    picked = np.where(found.places >= 0, values.ravel()[found.places], 0)
    total = weights.sum(axis=1)
    mean = (weights * picked).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.asarray(np.floor(mean + 0.5), np.uint16)


def surroundings(cells: LatLonGrid, whole: LatLonGrid, radius_km: float) -> LatLonGrid:
    """The cells of `whole` that hold all within `radius_km` of `cells`, a part of it."""
    angle = min(math.pi, radius_km / EARTH_KM)
    rows = math.ceil(math.degrees(angle) * cells.per_degree) + 1
    top, bottom = max(whole.row, cells.row - rows), min(whole.row + whole.rows, cells.row + cells.rows + rows)
    furthest = math.radians(max(abs(cells.north), abs(cells.south)))
    if angle + furthest >= math.pi / 2:
        margin = cells.world_cols
    else:
        margin = math.ceil(math.degrees(math.asin(math.sin(angle) / math.cos(furthest))) * cells.per_degree) + 1
    wide = min(cells.world_cols, cells.cols + 2 * margin)
    col = whole.col if wide == cells.world_cols else (cells.col - margin) % cells.world_cols
    grown = LatLonGrid(cells.per_degree, top, col, bottom - top, wide)
    if whole.contains(grown):
        return grown
    return _clipped(cells, whole, top, bottom, margin)


def _clipped(cells: LatLonGrid, whole: LatLonGrid, top: int, bottom: int, margin: int) -> LatLonGrid:
    """The part of a map that ends before the margin does; all columns where the margin reaches its other end."""
    offset, gap = (cells.col - whole.col) % whole.world_cols, whole.world_cols - whole.cols
    first, last = offset - margin, offset + cells.cols + margin
    around = first < -gap or last > whole.cols + gap
    first, last = (0, whole.cols) if around else (max(0, first), min(whole.cols, last))
    return LatLonGrid(cells.per_degree, top, (whole.col + first) % whole.world_cols, bottom - top, last - first)


def _by_row(chosen: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where each row's cells begin (and the end), and their columns."""
    counts = np.count_nonzero(chosen, axis=1)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return starts, np.nonzero(chosen)[1].astype(np.int32)
