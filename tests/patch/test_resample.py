"""Cover maps on finer and coarser lattices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import majority_of_codes
from ecosg_update.patch.resample import resampled

LEGEND = Legend("made", (1, 2, 3), ("a", "b", "c"), ((0, 0, 0),) * 3, ("",) * 3, (3, 1, 2))


def cover(grid, seed=0):
    return CoverMap(np.random.default_rng(seed).integers(0, 4, grid.shape).astype(np.uint8), grid, LEGEND)


GRIDS = [LatLonGrid(360, 13211, 61523, 7, 13), LatLonGrid(360, 40001, 129595, 5, 11)]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("ratio", [1, 2, 5, 30])
def test_finer_and_back_is_the_same_map(grid, ratio):
    fine = resampled(cover(grid), grid.per_degree * ratio)
    back = resampled(fine, grid)
    assert fine.codes.shape == (grid.rows * ratio, grid.cols * ratio)
    assert (back.codes == cover(grid).codes).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_a_cell_takes_the_cover_that_holds_its_centre(grid):
    found = resampled(cover(grid), 500)
    for row, lat in enumerate(found.grid.latitudes):
        for col, lon in enumerate(found.grid.longitudes):
            source_row = int(np.floor((90 - lat) * 360)) - grid.row
            source_col = (int(np.floor((lon + 180) * 360)) - grid.col) % grid.world_cols
            inside = 0 <= source_row < grid.rows and source_col < grid.cols
            assert found.codes[row, col] == (cover(grid).codes[source_row, source_col] if inside else 0)


@given(st.integers(0, 50), st.integers(1, 6), st.sampled_from(GRIDS))
@settings(max_examples=25)
def test_whole_ratios_agree_with_exact_aggregation(seed, ratio, grid):
    per_degree = 360 // ratio
    coarse = resampled(cover(grid, seed), per_degree)
    expected = majority_of_codes(cover(grid, seed).codes, grid.geo(), LEGEND, coarse.grid, kernel="numpy")
    assert (coarse.codes == expected).all()


def test_a_tie_goes_to_the_lowest_priority():
    grid = LatLonGrid(360, 13212, 61524, 2, 4)
    found = resampled(CoverMap(np.array([[1, 1, 1, 0], [2, 2, 3, 0]], np.uint8), grid, LEGEND), 180)
    assert found.codes.tolist() == [[2, 3]]


def test_cells_that_the_map_does_not_reach_are_zero():
    grid = GRIDS[0]
    wide = grid.grown(3)
    found = resampled(cover(grid), wide)
    assert (cut(found.codes, wide, grid) == cover(grid).codes).all()
    assert (found.codes > 0).sum() == (cover(grid).codes > 0).sum()


def test_broken_ratios_are_split_exactly():
    grid = LatLonGrid(3, 100, 200, 3, 3)
    codes = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 3]], np.uint8)
    found = resampled(CoverMap(codes, grid, LEGEND), LatLonGrid(2, 67, 133, 1, 1))
    assert found.codes.tolist() == [[1]]
