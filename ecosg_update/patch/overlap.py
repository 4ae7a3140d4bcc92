"""How much of each pixel lies in each cell, in plain numpy: the readable twin of the compiled kernel.

Areas follow from Green's theorem: the part of a polygon with u < k is the sum over its edges of the integral of
min(u, k) - k along v. No polygon is ever built. Parts are rounded to multiples of `1 / UNIT` of a pixel, so that sums
of up to eight million whole pixels are exact in float64, whatever their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.patch.lattice import Lattice, corners

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ecosg_update.grid import LatLonGrid

    Floats = NDArray[np.float64]

UNIT = float(2**30)
"""Parts of a pixel that are told apart: a part is a multiple of 1e-9 pixel.

This and `SNAP` are compiled into `kernel`, whose cache on disk only watches its own file: touch that as well.
"""

SNAP = 1e-9
"""A corner within this many cells of a cell edge lies on it (rounding of degrees at 1/10800 is 6e-10 cells)."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Which part of which pixel lies in which cell: one entry for each pair that meets inside the target.

    pixel: flat index within the pixels asked for. row, col: cell of the target. weight: part of the pixel (0..1].
    area: area of the whole pixel, cells. A pixel's weights sum to 1 where the target holds all of it.
    """

    pixel: NDArray[np.intp]
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    weight: Floats
    area: Floats


def overlaps(nodes: Lattice, target: LatLonGrid, rows: slice, cols: slice) -> Overlaps:
    """The overlaps of the pixels `[rows, cols]` of the raster with the cells of `target`."""
    u, v = _quads(*corners(nodes, rows, cols))
    base_i, base_j = np.floor(u.min(axis=0) + SNAP), np.floor(v.min(axis=0) + SNAP)
    u, v = u - base_i, v - base_j
    area = 0.5 * ((u[2] - u[0]) * (v[3] - v[1]) - (v[2] - v[0]) * (u[3] - u[1]))
    met = [np.ceil(axis.max(axis=0) - SNAP).clip(min=1).astype(np.intp) for axis in (v, u)]
    whole = np.flatnonzero((met[0] == 1) & (met[1] == 1))
    split = np.flatnonzero((met[0] > 1) | (met[1] > 1))
    pieces = [(whole, 0, 0, np.ones(whole.size))]
    for pick, j, i, weight in _parts(u[:, split], v[:, split], area[split], met[0][split], met[1][split]):
        pieces.append((split[pick], j, i, weight))
    found = [_placed(target, base_j, base_i, area, *piece) for piece in pieces]
    return Overlaps(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _quads(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """The corners of each pixel, clockwise from the north-west: u and v of shape (4, pixel)."""
    around = ((slice(-1), slice(-1)), (slice(-1), slice(1, None)), (slice(1, None),) * 2, (slice(1, None), slice(-1)))
    return np.stack([u[part].ravel() for part in around]), np.stack([v[part].ravel() for part in around])


def _parts(
    u: Floats, v: Floats, area: Floats, rows_met: NDArray[np.intp], cols_met: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], int, int, Floats]]:
    """(pixels, row offset, column offset, weights): the non-empty parts of pixels that meet several cells."""
    above = np.zeros(area.shape)
    for j in range(rows_met.max(initial=0)):
        last = rows_met <= j + 1
        cut = -corner_area(v, u, j + 1.0, np.inf) / area
        below = np.where(last, UNIT, np.clip(np.floor(cut * UNIT + 0.5), above, UNIT))
        band, above = below - above, below
        left = np.zeros(area.shape)
        for i in range(cols_met.max(initial=0)):
            cut = corner_area(u, v, i + 1.0, np.where(last, np.inf, j + 1.0))
            if j > 0:
                cut = cut - corner_area(u, v, i + 1.0, float(j))
            within = np.clip(np.floor(cut / area * UNIT + 0.5), left, band)
            right = np.where(cols_met <= i + 1, band, within)
            pick = np.flatnonzero(right > left)
            yield pick, j, i, (right - left)[pick] / UNIT
            left = right


def corner_area(u: Floats, v: Floats, ku: float, kv: float | Floats) -> Floats:
    """The signed area of polygons (corner, polygon) with u < ku and v < kv, positive where u turns towards v."""
    u_next, v_next = np.roll(u, -1, axis=0), np.roll(v, -1, axis=0)
    u1, v1 = _cut_above(u, v, u_next, v_next, kv)
    u2, v2 = _cut_above(u_next, v_next, u, v, kv)
    near, far = ku - u1, ku - u2
    part = np.maximum(near, far)
    gap = np.abs(near - far)
    crossed = 0.5 * part * part / np.where(gap > 0, gap, 1.0)
    mean = np.where((near >= 0) & (far >= 0), 0.5 * (near + far), np.where(part > 0, crossed, 0.0))
    edges = np.where((v > kv) & (v_next > kv), 0.0, mean * (v2 - v1))
    total: Floats = edges[0] + edges[1] + edges[2] + edges[3]
    return -total


def _cut_above(u: Floats, v: Floats, u_end: Floats, v_end: Floats, kv: float | Floats) -> tuple[Floats, Floats]:
    """The points (u, v), moved along the edge to `end` up to the line v = kv where they lie beyond it."""
    beyond = (v > kv) & (v_end <= kv)
    fall = np.where(beyond, v - v_end, 1.0)
    at_cut = u_end + (u - u_end) * ((np.where(beyond, kv, v_end) - v_end) / fall)
    return np.where(beyond, at_cut, u), np.where(beyond, kv, v)


def _placed(
    target: LatLonGrid,
    base_j: Floats,
    base_i: Floats,
    area: Floats,
    pixel: NDArray[np.intp],
    j: int,
    i: int,
    weight: Floats,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], Floats, Floats]:
    """The entries that the target holds; columns close around the globe."""
    row = base_j[pixel].astype(np.intp) + j
    col = (base_i[pixel].astype(np.intp) + i) % target.world_cols
    held = (row >= 0) & (row < target.rows) & (col < target.cols)
    return pixel[held], row[held], col[held], weight[held], area[pixel[held]]
