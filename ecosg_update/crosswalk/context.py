"""What the original map says around each target cell: the sub-types that rule R1 inherits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import Context, CoverMap, Crosswalk

if TYPE_CHECKING:
    from numpy.typing import NDArray

KM_PER_DEGREE = 111.195
"""Length of a degree of latitude on the sphere of 6371.0 km, km."""

DEFAULT_RADIUS_KM = 10.0
"""How far rule R1 looks for a sub-type: half the side of the square around a cell. Ours; the crosswalk
evidence asks for "within N km" only, and 10 km is a few dozen cells and the width of a climate transition."""


def cover_sets(crosswalk: Crosswalk, zone: int) -> set[tuple[int, ...]]:
    """The sets of covers among which a neighbourhood majority is needed by the rows of a zone."""
    sets = set()
    for source, target in zip(*np.nonzero(crosswalk.weights[zone]), strict=True):
        column = crosswalk.neighbours[zone][source]
        sets.add(alternatives(crosswalk, column, crosswalk.target.codes[target]))
    return {covers for covers in sets if len(covers) > 1}


def alternatives(crosswalk: Crosswalk, column: str, cover: int) -> tuple[int, ...]:
    """The covers that share `column` ("group", "family", "form" or "cover") with a cover, sorted."""
    legend = crosswalk.target
    if column == "cover":
        return (cover,)
    cells = legend.group if column == "group" else legend.columns[column]
    return tuple(sorted(legend.members(column, cells[legend.index(cover)])))


def context(
    original: CoverMap,
    around: CoverMap,
    crosswalk: Crosswalk,
    *,
    zone: int = 0,
    radius_km: float = DEFAULT_RADIUS_KM,
) -> Context:
    """The context of the cells of `original`, the base map on the target grid.

    around: the base on its own lattice, best with `margin_cells` around the target; where it ends, only what it
    holds is counted. Raises CoverageError where it does not hold the target itself.
    """
    target = original.grid
    within = target.at(around.grid.per_degree)
    majority = {
        covers: _at_centres(cut(codes, around.grid, within), within, target)
        for covers, codes in majorities(around, cover_sets(crosswalk, zone), radius_km=radius_km).items()
    }
    return Context(zone=zone, base=original.codes, majority=majority, grid=target)


def most_frequent(
    around: CoverMap, target: LatLonGrid, covers: tuple[int, ...], radius_km: float
) -> NDArray[np.uint8]:
    """uint8 (y, x) of `target`: the most frequent of some covers in the original, within the square of half side
    `radius_km` around a cell, 0 where none is.

    around: as for `context`.
    """
    within = target.at(around.grid.per_degree)
    found = majorities(around, [covers], radius_km=radius_km)[covers]
    return _at_centres(cut(found, around.grid, within), within, target)


def nearby(around: CoverMap, target: LatLonGrid, cover: int, radius_km: float) -> NDArray[np.bool_]:
    """bool (y, x) of `target`: whether the original has a cover around a cell; as `most_frequent`."""
    return most_frequent(around, target, (cover,), radius_km) > 0


def margin_cells(per_degree: int, bounds_lat: float, radius_km: float = DEFAULT_RADIUS_KM) -> int:
    """Cells of margin that `context` wants around a target up to latitude `bounds_lat` (degrees)."""
    return max(_radius_cells(per_degree, bounds_lat, radius_km))


def majorities(
    base: CoverMap, sets: Iterable[tuple[int, ...]], *, radius_km: float
) -> Mapping[tuple[int, ...], NDArray[np.uint8]]:
    """For each set of covers, uint8 (y, x): the most frequent of them in the square around each cell, 0 for none.

    Ties go to the lowest `priority` of the legend. The square's half side is `radius_km`, in columns by the
    cosine of each row's latitude, so that the answer does not depend on how a map is cut.
    """
    per_degree = base.grid.per_degree
    half_rows, _ = _radius_cells(per_degree, 0.0, radius_km)
    half_cols = np.array([_radius_cells(per_degree, latitude, radius_km)[1] for latitude in base.grid.latitudes])
    priority = dict(zip(base.legend.codes, base.legend.priority, strict=True))
    counts: dict[int, NDArray[np.int32]] = {}
    result = {}
    for covers in sets:
        best = np.zeros(base.grid.shape, np.int32)
        winner = np.zeros(base.grid.shape, np.uint8)
        for cover in sorted(covers, key=priority.__getitem__):
            if cover not in counts:
                counts[cover] = _box_sum(base.codes == cover, half_rows, half_cols)
            more = counts[cover] > best
            winner[more] = cover
            np.maximum(best, counts[cover], out=best)
        result[covers] = winner
    return result


def _box_sum(mask: NDArray[np.bool_], half_rows: int, half_cols: NDArray[np.intp]) -> NDArray[np.int32]:
    """How many cells of `mask` lie within the box around each cell, by an integral image; half_cols: one a row."""
    rows, cols = mask.shape
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    integral = np.zeros((rows + 1, cols + 1), np.int32)
    np.cumsum(mask, axis=0, out=integral[1:, 1:])
    np.cumsum(integral[1:, 1:], axis=1, out=integral[1:, 1:])
    top = np.clip(np.arange(rows) - half_rows, 0, rows)
    bottom = np.clip(np.arange(rows) + half_rows + 1, 0, rows)
    strips: NDArray[np.int32] = integral[bottom] - integral[top]
    left = np.clip(np.arange(cols) - half_cols[:, np.newaxis], 0, cols)
    right = np.clip(np.arange(cols) + half_cols[:, np.newaxis] + 1, 0, cols)
    return np.take_along_axis(strips, right, axis=1) - np.take_along_axis(strips, left, axis=1)


def _radius_cells(per_degree: int, latitude: float, radius_km: float) -> tuple[int, int]:
    """Half the box in rows and in columns."""
    in_rows = radius_km / KM_PER_DEGREE * per_degree
    shrink = max(math.cos(math.radians(min(89.0, abs(latitude)))), 1e-2)
    return math.ceil(in_rows), min(math.ceil(in_rows / shrink), 180 * per_degree)


def _at_centres(codes: NDArray[np.uint8], grid: LatLonGrid, target: LatLonGrid) -> NDArray[np.uint8]:
    """The code of the cell of `grid` that holds each target cell's centre."""
    row = (2 * (target.row + np.arange(target.rows)) + 1) * grid.per_degree // (2 * target.per_degree) - grid.row
    col = (2 * (target.col + np.arange(target.cols)) + 1) * grid.per_degree // (2 * target.per_degree)
    return codes[np.ix_(row, (col - grid.col) % grid.world_cols)]
