"""Small maps of the kinds that go wrong: odd shapes, the southern half, the dateline, fine lattices."""

import numpy as np
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch

ECOSG = tables.legend("ecosg")
PROVENANCE = Provenance("Test map", "random numbers", "A test", "2026-01-01 made")
IRELAND = LatLonGrid(360, 13212, 61524, 13, 21)
DATELINE = LatLonGrid(1800, 270_011, 648_000 - 4, 7, 11)
"""61 S, four columns west of 180 and seven east of it."""


@st.composite
def grids(draw: st.DrawFn) -> LatLonGrid:
    per_degree = draw(st.sampled_from([1, 7, 120, 360, 1800, 3600, 10800]))
    rows, cols = draw(st.integers(1, 9)), draw(st.integers(1, 13))
    row = draw(st.integers(0, 180 * per_degree - rows))
    near_dateline = st.integers(360 * per_degree - cols, 360 * per_degree - 1)
    col = draw(st.integers(0, 360 * per_degree - 1) | near_dateline)
    return LatLonGrid(per_degree, row, col, rows, cols)


def cover(grid: LatLonGrid, seed: int = 0) -> CoverMap:
    codes = np.random.default_rng(seed).integers(0, 34, grid.shape, dtype=np.uint8)
    return CoverMap(codes, grid, ECOSG)


def patch(grid: LatLonGrid, seed: int = 0) -> Patch:
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 34, grid.shape, dtype=np.uint8)
    reason = rng.integers(1, 8, grid.shape, dtype=np.uint8)
    confidence, entropy = (rng.random(grid.shape, dtype=np.float32) * top for top in (1, 5))
    second = rng.integers(0, 34, grid.shape, dtype=np.uint8)
    return Patch(cover(grid, seed + 1), base, reason, confidence, entropy.astype(np.float32), second)
