"""Which pixel of one grid holds the centre of each pixel of another: nearest neighbour, in memory that is bounded.

Grids whose axes are parallel are matched axis by axis, lat-lon lattices in whole numbers. Elsewhere the projection
is computed on nodes and interpolated where that is true within `TOLERANCE` of a pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection
from ecosg_update.scoring.ground import Ground, geo

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTSIDE = -1
"""The row or the column of a centre that a grid does not hold."""

STEP = 64
"""Pixels between two nodes at first."""

TOLERANCE = 1e-4
"""Pixels by which an interpolated centre may miss the projected one."""


def axes(ground: Ground, source: Ground) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The row of `source` for each row of `ground` and the column for each column, `OUTSIDE` where there is none.

    None where the axes of the two grids are not parallel.
    """
    if isinstance(ground, LatLonGrid) and isinstance(source, LatLonGrid):
        rows = _scaled(ground.row, ground.rows, ground.per_degree, source.per_degree) - source.row
        cols = _scaled(ground.col, ground.cols, ground.per_degree, source.per_degree) - source.col
        return _inside(rows, source.rows), _inside(cols % source.world_cols, source.cols)
    one, other = geo(ground), geo(source)
    if one.crs != other.crs and not (one.is_geographic and other.is_geographic):
        return None
    (x, y), (wide, high) = _centres(one), other.pixel
    west, _, _, north = other.bounds
    if one.is_geographic:
        x = west + (x - west) % 360
    return (
        _inside(np.floor((north - y) / high).astype(np.int64), other.shape[0]),
        _inside(np.floor((x - west) / wide).astype(np.int64), other.shape[1]),
    )


def scattered(ground: Ground, source: Ground) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row and the column of `source`, int64 (y, x) each, that hold the centres of `ground`, or `OUTSIDE`."""
    one, other = geo(ground), geo(source)
    step = STEP
    while step > 1 and _error(one, other, step) > TOLERANCE:
        step //= 2
    rows, cols = _interpolated(one, other, step) if step > 1 else _projected(one, other, *_counted(one, 1))
    return _pair(rows, cols, other)


def of_points(
    lon: NDArray[np.float64], lat: NDArray[np.float64], source: Ground
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The row and the column of `source` that hold points, degrees; both `OUTSIDE` where the grid does not."""
    if isinstance(source, LatLonGrid):
        rows = np.floor((90 - lat) * source.per_degree).astype(np.int64) - source.row
        cols = np.floor((lon + 180) * source.per_degree).astype(np.int64) - source.col
        return _both(_inside(rows, source.rows), _inside(cols % source.world_cols, source.cols))
    x, y = projection(GEOGRAPHIC, source.crs).transform(lon, lat)
    return _pair(*_in_pixels(np.asarray(x), np.asarray(y), source), source)


def _scaled(start: int, count: int, per_degree: int, source: int) -> NDArray[np.int64]:
    """Cells of one lattice that hold the centres of another's; a centre on an edge belongs to the south and east."""
    return ((2 * np.arange(start, start + count, dtype=np.int64) + 1) * source) // (2 * per_degree)


def _inside(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.where((places >= 0) & (places < count), places, OUTSIDE)


def _both(rows: NDArray[np.int64], cols: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    known = (rows >= 0) & (cols >= 0)
    return np.where(known, rows, OUTSIDE), np.where(known, cols, OUTSIDE)


def _pair(
    rows: NDArray[np.float64], cols: NDArray[np.float64], source: GeoGrid
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whole rows and columns of places that may be infinite."""
    down, across = (np.floor(np.where(np.isfinite(axis), axis, OUTSIDE)).astype(np.int64) for axis in (rows, cols))
    return _both(_inside(down, source.shape[0]), _inside(across, source.shape[1]))


def _centres(grid: GeoGrid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x of the columns and y of the rows."""
    wide, high = grid.pixel
    west, _, _, north = grid.bounds
    x, y = west + (np.arange(grid.shape[1]) + 0.5) * wide, north - (np.arange(grid.shape[0]) + 0.5) * high
    return np.asarray(x, np.float64), np.asarray(y, np.float64)


def _counted(grid: GeoGrid, step: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of nodes `step` pixels apart, the first at the centre of the first pixel, the last beyond."""
    rows, cols = (np.asarray(np.arange(0, length - 1 + step, step) + 0.5, np.float64) for length in grid.shape)
    return rows, cols


def _projected(
    ground: GeoGrid, source: GeoGrid, rows: NDArray[np.float64], cols: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of `source`, float64 (row, col) each, at places of `ground` counted in its pixels."""
    wide, high = ground.pixel
    west, _, _, north = ground.bounds
    x, y = np.meshgrid(west + cols * wide, north - rows * high)
    there = projection(ground.crs, source.crs).transform(x, y)
    return _in_pixels(np.asarray(there[0]), np.asarray(there[1]), source)


def _in_pixels(
    x: NDArray[np.float64], y: NDArray[np.float64], source: GeoGrid
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    (wide, high), (west, _, east, north) = source.pixel, source.bounds
    if source.is_geographic:
        middle = (west + east) / 2
        x = middle + (x - middle + 180) % 360 - 180
    return (north - y) / high, (x - west) / wide


def _interpolated(ground: GeoGrid, source: GeoGrid, step: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes = _projected(ground, source, *_counted(ground, step))
    rows, cols = (_between(axis, 0, ground.shape[0], step) for axis in nodes)
    return _between(rows, 1, ground.shape[1], step), _between(cols, 1, ground.shape[1], step)


def _between(nodes: NDArray[np.float64], axis: int, count: int, step: int) -> NDArray[np.float64]:
    """Values at `count` pixels along an axis of nodes that lie `step` pixels apart."""
    at = np.arange(count)
    low, part = at // step, (at % step) / step
    high = np.minimum(low + 1, nodes.shape[axis] - 1)
    weight = part[:, None] if axis == 0 else part
    return np.asarray(np.take(nodes, low, axis) * (1 - weight) + np.take(nodes, high, axis) * weight)


def _error(ground: GeoGrid, source: GeoGrid, step: int) -> float:
    """Pixels of `source` by which the middle between four nodes is missed at most; infinite near an edge of a map."""
    rows, cols = _counted(ground, step)
    middles = rows[:-1] + step / 2, cols[:-1] + step / 2
    if not len(middles[0]) or not len(middles[1]):
        return float("inf")
    worst = 0.0
    for axis, true in zip(_projected(ground, source, rows, cols), _projected(ground, source, *middles), strict=True):
        mean = (axis[:-1, :-1] + axis[1:, :-1] + axis[:-1, 1:] + axis[1:, 1:]) / 4
        miss = np.abs(mean - true)
        worst = max(worst, float(miss.max()) if np.isfinite(miss).all() else float("inf"))
    return worst
