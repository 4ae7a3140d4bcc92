"""Small pairs of maps in memory, and the obvious way to compare them."""

import numpy as np
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.comparing.pair import paired
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap

ECOSG = tables.legend("ecosg")
SIDE = 34


def cover(codes, grid):
    return CoverMap(np.ascontiguousarray(codes, np.uint8), grid, ECOSG)


def pair(old, new, grid, bounds=None):
    return paired(cover(old, grid), cover(new, grid), bounds)


@st.composite
def grids(draw):
    """Odd windows: the southern half, across the dateline, once around the globe, one row, one column."""
    if draw(st.booleans()):
        per_degree = 1
        rows = draw(st.integers(1, 7))
        return LatLonGrid(per_degree, draw(st.integers(0, 180 - rows)), draw(st.sampled_from([0, 7, 359])), rows, 360)
    per_degree = draw(st.sampled_from([1, 2, 360]))
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 67))
    row = draw(st.integers(0, 180 * per_degree - rows))
    return LatLonGrid(per_degree, row, draw(st.sampled_from([0, 360 * per_degree - 3])), rows, cols)


def codes(grid, seed, *, kinds=33, changed=0.3, no_data=0.1):
    """(old, new) in long runs and single cells, with holes."""
    rng = np.random.default_rng(seed)
    old = np.repeat(rng.integers(1, kinds + 1, (grid.rows, grid.cols // 9 + 1)), 9, axis=1)[:, : grid.cols]
    new = np.where(rng.random(grid.shape) < changed, rng.integers(1, kinds + 1, grid.shape), old)
    holes = rng.random((2, *grid.shape)) < no_data
    return [np.where(hole, 0, one).astype(np.uint8) for hole, one in zip(holes, (old, new), strict=True)]


def histogram(old, new):
    """int64 (34, 34): numpy's own count of pairs."""
    edges = np.arange(SIDE + 1)
    return np.histogram2d(old.ravel(), new.ravel(), bins=(edges, edges))[0].astype(np.int64)


def pieces(old, new, *, wraps):
    """bool (y, x) of each connected change, by walking from cell to cell."""
    left = (old != new) & (old > 0) & (new > 0)
    rows, cols = left.shape
    found = []
    while left.any():
        mine, waiting = np.zeros_like(left), [tuple(np.argwhere(left)[0])]
        while waiting:
            y, x = waiting.pop()
            if wraps:
                x %= cols
            if 0 <= y < rows and 0 <= x < cols and left[y, x]:
                mine[y, x], left[y, x] = True, False
                waiting += [(y + down, x + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
        found.append(mine)
    return found
