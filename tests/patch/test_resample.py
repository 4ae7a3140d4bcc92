"""Cover maps on finer and coarser lattices."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from ecosg_update.errors import CoverageError
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from ecosg_update.legend import Legend
from ecosg_update.patch import resample
from ecosg_update.patch.majority import majority_of_codes
from ecosg_update.patch.resample import Resampled, resampled

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


def stretches(start, count, fine, coarse):
    """For each coarse cell of an axis the fine ones that it meets, and the exact length that they share."""
    for cell in range(start, start + count):
        west, east = Fraction(cell, coarse), Fraction(cell + 1, coarse)
        met = range(math.floor(west * fine), math.ceil(east * fine))
        yield [(one, min(east, Fraction(one + 1, fine)) - max(west, Fraction(one, fine))) for one in met]


def exact_majority(cover, cells):
    """The same rule in rational numbers, cell by cell: the oracle."""
    source, legend = cover.grid, cover.legend
    pairs = source.per_degree, cells.per_degree
    found = []
    for rows, cols in product(
        stretches(cells.row, cells.rows, *pairs), list(stretches(cells.col, cells.cols, *pairs))
    ):
        area = dict.fromkeys(legend.codes, Fraction(0))
        for (row, height), (col, width) in product(rows, cols):
            y, x = row - source.row, (col - source.col) % source.world_cols
            if 0 <= y < source.rows and x < source.cols and cover.codes[y, x]:
                area[int(cover.codes[y, x])] += height * width
        priority = dict(zip(legend.codes, legend.priority, strict=True))
        best = min(area, key=lambda code: (-area[code], priority[code], code))
        found.append(best if area[best] else 0)
    return np.array(found, np.uint8).reshape(cells.shape)


RATIOS = [(7, 3), (5, 4), (9, 6), (12, 4), (360, 250), (1800, 700), (10800, 10799), (10800, 719), (3, 1)]


@given(st.sampled_from(RATIOS), st.integers(0, 999), st.data())
@settings(max_examples=60)
def test_any_ratio_is_the_majority_in_rational_numbers(ratio, seed, data):
    fine, coarse = ratio
    rows, cols = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 25))
    row, col = data.draw(st.integers(0, 180 * fine - rows)), data.draw(st.integers(0, 360 * fine - 1))
    made = cover(LatLonGrid(fine, row, col, rows, cols), seed)
    around = made.grid.at(coarse).grown(1)
    cells = LatLonGrid(coarse, around.row, around.col, min(6, around.rows), min(6, around.cols))
    assert (resampled(made, cells).codes == exact_majority(made, cells)).all()


@given(st.sampled_from([(360, 250), (1800, 700), (7, 3), (360, 90), (4, 9), (250, 360)]), st.data())
@settings(max_examples=40)
def test_a_window_is_the_same_however_the_map_is_cut(ratio, data):
    source, target = ratio
    made = cover(LatLonGrid(source, 100 * source - 3, 360 * source - 9, 23, 31))
    whole = resampled(made, target)
    view = Resampled(made, whole.grid)
    top, left = (data.draw(st.integers(0, count - 1)) for count in whole.grid.shape)
    rows = data.draw(st.integers(1, whole.grid.rows - top))
    cols = data.draw(st.integers(1, whole.grid.cols - left))
    grid = whole.grid
    part = LatLonGrid(target, grid.row + top, (grid.col + left) % grid.world_cols, rows, cols)
    assert (view.read(part).codes == cut(whole.codes, whole.grid, part)).all()


@pytest.mark.parametrize("size", [1, 100, 5_000])
@pytest.mark.parametrize("target", [250, 120, 700])
def test_the_size_of_a_piece_decides_nothing(size, target, monkeypatch):
    made = cover(LatLonGrid(360, 13211, 129_590, 37, 53))
    expected = resampled(made, target).codes
    monkeypatch.setattr(resample, "PIECE_CELLS", size)
    assert (resampled(made, target).codes == expected).all()


def test_two_threads_settle_what_one_does(monkeypatch):
    made = cover(LatLonGrid(360, 13211, 61523, 1203, 1101))
    found = resampled(made, 70).codes
    monkeypatch.setattr(resample, "THREADED_CELLS", made.grid.cells + 1)
    assert (resampled(made, 70).codes == found).all()


def test_cells_of_no_data_do_not_vote():
    grid = LatLonGrid(360, 13212, 61524, 4, 4)
    codes = np.zeros(grid.shape, np.uint8)
    codes[2, 1] = 3
    assert resampled(CoverMap(codes, grid, LEGEND), 90).codes.tolist() == [[3]]


def test_a_cell_over_the_gap_of_a_map_nearly_around_the_globe_counts_both_sides():
    grid = LatLonGrid(4, 300, 6, 4, 4 * 360 - 1)  # the column of 5/4 degrees is missing
    codes = np.ones(grid.shape, np.uint8)
    codes[:, 0], codes[:, -1] = 3, 2
    made = CoverMap(codes, grid, LEGEND)
    cells = LatLonGrid(1, 75, 1, 1, 1)
    assert (resampled(made, cells).codes == exact_majority(made, cells)).all()
    assert resampled(made, LatLonGrid(1, 75, 0, 1, 360)).codes.shape == (1, 360)


@pytest.mark.parametrize("ratio", [3, 5, 9])
def test_gdal_finds_the_same_winner_wherever_there_is_one(ratio):
    made = cover(LatLonGrid(360, 13212 // 45 * 45, 61560, 90, 135), seed=3)
    found = resampled(made, 360 // ratio)
    theirs = np.zeros(found.codes.shape, np.uint8)
    place = {"src_transform": made.grid.transform, "dst_transform": found.grid.transform}
    crs = {"src_crs": "EPSG:4326", "dst_crs": "EPSG:4326", "src_nodata": 0, "dst_nodata": 0}
    with rasterio.Env():
        reproject(made.codes, theirs, resampling=Resampling.mode, **place, **crs)
    blocks = made.codes.reshape(found.grid.rows, ratio, found.grid.cols, ratio)
    counts = np.sort(np.stack([(blocks == code).sum(axis=(1, 3)) for code in (1, 2, 3)]), axis=0)
    alone = counts[-1] > counts[-2]
    assert alone.mean() > 0.5
    assert (found.codes == theirs)[alone].all()


def test_a_window_beyond_the_grid_is_refused():
    view = Resampled(cover(GRIDS[0]), GRIDS[0].at(100))
    with pytest.raises(CoverageError, match="is not inside"):
        view.read(GRIDS[0].at(100).grown(1))
