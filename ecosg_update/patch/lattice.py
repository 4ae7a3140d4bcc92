"""Where the pixels of a raster lie, counted in cells of a lat-lon grid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection

if TYPE_CHECKING:
    from numpy.typing import NDArray

COARSEST_STEP = 256
"""Pixels between two nodes at first; a power of two, so that halves and the division by it are exact."""

TOLERANCE = 1e-4
"""Cells by which an interpolated pixel corner may miss the projected one (3 cm at 300 m)."""

STRAIGHT = 1e-8
"""Cells: second differences below are rounding; a lat-lon raster on the target's own lattice stays exact."""

TWIST = 1e-5
"""How much of its width a pixel's far edge may be longer and still count as equal (UTM at 60 N, 10 m: 3e-6)."""

FINE = 0.6
"""Largest side in cells of a small pixel: leaning by half a pixel, it still meets one cell edge of a kind."""

SAMPLE = 32
"""Rows and columns of blocks at most in which the error is measured: the curvature of a projection is smooth."""

SPLITS = 2**18
"""Most parts of pixels that one block of the lattice may have: bounds the kernel's buffers (a few MB)."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Nodes every `step` pixels of a raster, between which pixel corners are interpolated bilinearly.

    u, v: float64 (y, x), columns and rows of the target grid, counted from its north-western corner; u runs on
    without a jump where the raster crosses the dateline. The node [0, 0] is the corner of the pixel (`row`,
    `col`) of the raster (zero or negative: nodes lie at multiples of `step` from the origin of the projection, so
    that two windows of one raster share them). error: the largest distance in cells that was measured between an
    interpolated and a projected point, half-way between nodes.
    """

    u: NDArray[np.float64]
    v: NDArray[np.float64]
    step: int
    row: int
    col: int
    error: float

    @cached_property
    def splits(self) -> tuple[int, int]:
        """The most (rows, columns) of cells that one pixel meets."""
        return _cells_met(self.v, self.step), _cells_met(self.u, self.step)

    @cached_property
    def spans(self) -> NDArray[np.float64]:
        """(block row, 2): the lowest and the highest v of each row of blocks."""
        low, high = self.v.min(axis=1), self.v.max(axis=1)
        return np.stack([np.minimum(low[:-1], low[1:]), np.maximum(high[:-1], high[1:])], axis=1)

    @cached_property
    def is_fine(self) -> bool:
        """Whether every pixel is upright, smaller than `FINE` cells and as good as a parallelogram.

        Then no pixel meets two parallel cell edges, and cutting it along a straight line in its own space is the
        same as in the space of the cells, to within `TWIST` of the pixel.
        """
        (u_down, u_along), (v_down, v_along) = ([np.diff(axis, axis=n) for n in (0, 1)] for axis in (self.u, self.v))
        if u_along.min() <= 0 or v_down.min() <= 0:
            return False
        if np.abs(u_down).max() > u_along.min() / 2 or np.abs(v_along).max() > v_down.min() / 2:
            return False
        twist = max(
            np.abs(np.diff(u_along, axis=0)).max() / u_along.min(),
            np.abs(np.diff(v_along, axis=0)).max() / v_down.min(),
        )
        return bool(max(u_along.max(), v_down.max()) <= FINE * self.step and twist <= TWIST * self.step)


def lattice(grid: GeoGrid, target: LatLonGrid) -> Lattice:
    """The coarsest lattice over `grid` whose corners are true within `TOLERANCE` cells of `target`.

    A step of one pixel is always accepted: a pixel *is* the quadrilateral of its four projected corners.
    Raises GridError where the raster has no place on the globe or holds a pole.
    """
    step = min(COARSEST_STEP, 1 << (max(grid.shape) - 1).bit_length())
    while step > 1:
        found = _lattice(grid, target, step)
        if found.error <= TOLERANCE and step**2 * math.prod(found.splits) <= SPLITS:
            return found
        step //= 2
    found = _lattice(grid, target, 1)
    if not _is_upright(found):
        raise GridError(f"grid: {grid.bounds} in {grid.crs} holds a pole or leaves the globe; cut the raster first")
    return found


def _lattice(grid: GeoGrid, target: LatLonGrid, step: int) -> Lattice:
    """The lattice of one step; its error is infinite where a node has no place on the globe."""
    row, col = _anchor(grid, step)
    rows = np.arange(row - step, grid.shape[0] + -(grid.shape[0] - row) % step + step + 1, step)
    cols = np.arange(col - step, grid.shape[1] + -(grid.shape[1] - col) % step + step + 1, step)
    u, v = (_evened(axis, step) for axis in _projected(grid, target, rows, cols))
    found = Lattice(u, v, step, row, col, math.inf)
    return replace(found, error=_error(found, grid, target)) if _is_upright(found) else found


def _evened(nodes: NDArray[np.float64], step: int) -> NDArray[np.float64]:
    """The inner nodes, shifted so that interpolation misses as much above as below: half of what it would.

    A chord misses a curve by an eighth of the second difference in the middle and by nothing at its ends. The outer
    ring is there for the second differences, so that a window of a raster has the nodes of the whole.
    """
    inner = nodes[1:-1, 1:-1]
    if step == 1:
        return inner.copy()
    bend = nodes[2:, 1:-1] + nodes[:-2, 1:-1] + nodes[1:-1, 2:] + nodes[1:-1, :-2] - 4 * inner
    return inner - np.where(np.isfinite(bend) & (np.abs(bend) > STRAIGHT), bend, 0.0) / 16


def _error(nodes: Lattice, grid: GeoGrid, target: LatLonGrid) -> float:
    """The largest gap, cells, between interpolated and projected points at and between nodes, in some blocks."""
    if nodes.step == 1:
        return 0.0
    rows, cols = (
        np.unique(np.linspace(0, blocks - 1, SAMPLE).astype(int)) for blocks in np.subtract(nodes.u.shape, 1)
    )
    half_rows = nodes.row + nodes.step // 2 * np.stack([2 * rows, 2 * rows + 1], axis=1).ravel()
    half_cols = nodes.col + nodes.step // 2 * np.stack([2 * cols, 2 * cols + 1], axis=1).ravel()
    truth = _projected(grid, target, half_rows, half_cols)
    lines, places = half_rows - nodes.row, half_cols - nodes.col
    u, v = (_between(axis, lines / nodes.step, places / nodes.step) for axis in (nodes.u, nodes.v))
    turns = np.round((u - truth[0]) / target.world_cols) * target.world_cols
    return max(float(np.abs(u - truth[0] - turns).max()), float(np.abs(v - truth[1]).max()))


def _between(nodes: NDArray[np.float64], rows: NDArray[np.float64], cols: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear interpolation at node coordinates (rows) x (cols), none of them on the last node."""
    a, b = rows.astype(int), cols.astype(int)
    at_line: NDArray[np.float64] = nodes[a] + (nodes[a + 1] - nodes[a]) * (rows - a)[:, None]
    found: NDArray[np.float64] = at_line[:, b] + (at_line[:, b + 1] - at_line[:, b]) * (cols - b)
    return found


def corners(nodes: Lattice, rows: slice, cols: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(u, v) float64 (rows + 1, cols + 1): the corners of the pixels `[rows, cols]` in cells of the target."""
    lines = np.arange(rows.start, rows.stop + 1) - nodes.row
    places = np.arange(cols.start, cols.stop + 1) - nodes.col
    line_block = np.minimum(lines // nodes.step, nodes.u.shape[0] - 2)
    place_block = np.minimum(places // nodes.step, nodes.u.shape[1] - 2)
    down = ((lines - line_block * nodes.step) / nodes.step)[:, None]
    along = places - place_block * nodes.step
    u = _interpolated(nodes.u, line_block, down, place_block, along, nodes.step)
    v = _interpolated(nodes.v, line_block, down, place_block, along, nodes.step)
    return u, v


def _interpolated(
    nodes: NDArray[np.float64],
    line_block: NDArray[np.intp],
    down: NDArray[np.float64],
    place_block: NDArray[np.intp],
    along: NDArray[np.intp],
    step: int,
) -> NDArray[np.float64]:
    """Bilinear interpolation in the order of operations of the compiled kernel, so that both agree to the bit."""
    upper = nodes[line_block]
    at_line = upper + (nodes[line_block + 1] - upper) * down
    left, right = at_line[:, place_block], at_line[:, place_block + 1]
    return np.where(along == step, right, left + (right - left) / step * along)


def _projected(
    grid: GeoGrid, target: LatLonGrid, rows: NDArray[np.intp], cols: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(u, v) of the north-western corners of the pixels at `rows` and `cols`, which may lie beyond the raster."""
    x = grid.transform.c + grid.transform.a * cols
    y = grid.transform.f + grid.transform.e * rows
    lon, lat = projection(grid.crs, GEOGRAPHIC).transform(*np.meshgrid(x, y))
    if np.isfinite(lon).all():
        lon = np.unwrap(np.unwrap(lon, axis=1, period=360), axis=0, period=360)
    return (lon + 180) * target.per_degree - target.col, (90 - lat) * target.per_degree - target.row


def _anchor(grid: GeoGrid, step: int) -> tuple[int, int]:
    """The pixel (row, column) of the first node: at or before (0, 0), at a multiple of `step` from the origin."""
    width, height = grid.pixel
    return -(round(-grid.transform.f / height) % step), -(round(grid.transform.c / width) % step)


def _cells_met(nodes: NDArray[np.float64], step: int) -> int:
    """The most cells that one pixel meets along an axis, from the longest steps between nodes."""
    extent = (np.abs(np.diff(nodes, axis=0)).max() + np.abs(np.diff(nodes, axis=1)).max()) / step
    return math.ceil(float(extent)) + 1


def _is_upright(nodes: Lattice) -> bool:
    """Whether every node has a place and no block turns over, as one around a pole does."""
    u, v = nodes.u, nodes.v
    if not (np.isfinite(u).all() and np.isfinite(v).all()):
        return False
    right_u, right_v = np.diff(u, axis=1)[:-1], np.diff(v, axis=1)[:-1]
    down_u, down_v = np.diff(u, axis=0)[:, :-1], np.diff(v, axis=0)[:, :-1]
    return bool((right_u * down_v > right_v * down_u).all())
