"""The pass over two maps: laws of the matrix, and changes found by walking from cell to cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.comparing import changes, scan
from ecosg_update.comparing.scan import scanned
from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.area import cell_km2
from tests.comparing.made import codes, grids, histogram, pair, pieces

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=40)
@given(grids(), seeds)
def test_every_pair_of_covers_is_counted_once_with_the_area_of_its_row(grid, seed):
    old, new = codes(grid, seed)
    found = scanned(pair(old, new, grid)).transitions
    np.testing.assert_array_equal(found.cells, histogram(old, new))
    rows = np.array([histogram(*row) for row in zip(old, new, strict=True)])
    np.testing.assert_allclose(found.km2, np.tensordot(cell_km2(grid), rows, axes=1), rtol=1e-12)
    assert found.km2.sum() == pytest.approx(cell_km2(grid).sum() * grid.cols, rel=1e-12)


@settings(max_examples=20)
@given(grids(), seeds)
def test_a_map_compared_with_itself_has_not_changed(grid, seed):
    old, _ = codes(grid, seed)
    found = scanned(pair(old, old, grid))
    assert found.transitions.changed == (0, 0.0) and found.changes == 0 and found.largest == []
    assert found.transitions.compared[0] == (old > 0).sum()


@settings(max_examples=20)
@given(grids(), seeds)
def test_exchanged_maps_transpose_the_matrix_and_leave_the_changes_in_place(grid, seed):
    old, new = codes(grid, seed)
    there, back = scanned(pair(old, new, grid)), scanned(pair(new, old, grid))
    np.testing.assert_array_equal(there.transitions.cells, back.transitions.cells.T)
    np.testing.assert_array_equal(there.transitions.km2, back.transitions.km2.T)
    assert [(one.cells, one.km2, one.box, one.row, one.col) for one in there.largest] == [
        (one.cells, one.km2, one.box, one.row, one.col) for one in back.largest
    ]


@settings(max_examples=20)
@given(grids(), seeds, st.integers(1, 5))
def test_neither_blocks_nor_threads_change_a_bit(grid, seed, rows):
    old, new = codes(grid, seed)
    whole = scanned(pair(old, new, grid))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "BLOCK_CELLS", rows * grid.cols)
        cut = scanned(pair(old, new, grid))
    np.testing.assert_array_equal(whole.transitions.cells, cut.transitions.cells)
    np.testing.assert_array_equal(whole.transitions.km2, cut.transitions.km2)
    assert whole.largest == cut.largest and whole.changes == cut.changes


@settings(max_examples=60)
@given(grids(), seeds, st.sampled_from([0.02, 0.2, 0.45, 0.9]))
def test_changes_are_those_that_a_walk_from_cell_to_cell_finds(grid, seed, changed):
    old, new = codes(grid, seed, kinds=3, changed=changed)
    found = scanned(pair(old, new, grid), largest=10_000)
    expected = pieces(old, new, wraps=grid.cols == grid.world_cols)
    assert found.changes == len(found.largest) == len(expected)
    areas = cell_km2(grid)
    sizes = sorted((int(mine.sum()), round(float(mine.sum(axis=1) @ areas), 6)) for mine in expected)
    assert sorted((one.cells, round(one.km2, 6)) for one in found.largest) == sizes
    assert [one.km2 for one in found.largest] == sorted((one.km2 for one in found.largest), reverse=True)
    for one in found.largest:
        _check_place(one, old, new, grid, expected)


def _check_place(one, old, new, grid, expected):
    """The told cell, the box and the pair of covers are those of one of the expected pieces."""
    y, x = one.row - grid.row, (one.col - grid.col) % grid.world_cols
    (mine,) = [piece for piece in expected if piece[y, x]]
    assert mine.sum() == one.cells
    inside = np.zeros_like(mine)
    for (_, _), (rows, cols) in one.box.windows_in(grid):
        inside[rows, cols] = True
    assert (mine <= inside).all()
    assert mine.any(axis=1).sum() == one.box.rows
    if one.box.cols < grid.world_cols // 2:
        assert mine[:, inside.any(axis=0)].any(axis=0)[[0, -1]].all()
    pairs = histogram(old[mine], new[mine])
    assert pairs[one.before, one.after] == pairs.max()


def test_only_the_largest_changes_are_told_and_all_are_counted():
    grid = LatLonGrid(1, 40, 10, 6, 61)
    old, new = codes(grid, 5, changed=0.1)
    every = scanned(pair(old, new, grid), largest=10_000)
    few = scanned(pair(old, new, grid), largest=3)
    assert few.largest == every.largest[:3] and few.changes == every.changes > 3
    assert scanned(pair(old, new, grid), largest=0).largest == []


def test_a_change_across_the_dateline_is_one():
    grid = LatLonGrid.globe(1)
    old = np.ones(grid.shape, np.uint8)
    new = old.copy()
    new[30:33, :4], new[33, -2:] = 8, 8
    (one,) = scanned(pair(old, new, grid)).largest
    assert one.cells == 14 and one.box == LatLonGrid(1, 30, 358, 4, 6)
    assert one.as_dict()["west"] == -182 + 360 and one.as_dict()["east"] == 184
    assert -180 <= one.lonlat[0] < -176
    half = LatLonGrid(1, 0, 0, 180, 359)
    assert scanned(pair(old[:, :359], new[:, :359], half)).changes == 2


def test_a_change_all_around_the_globe_has_the_whole_circle():
    grid = LatLonGrid.globe(1)
    old = np.ones(grid.shape, np.uint8)
    new = old.copy()
    new[90] = 6
    (one,) = scanned(pair(old, new, grid)).largest
    assert one.cells == 360 and one.box.cols == 360 and one.box.rows == 1


def test_the_told_cell_lies_inside_a_change_that_is_hollow_in_its_middle():
    grid = LatLonGrid(1, 80, 100, 9, 9)
    old = np.full(grid.shape, 17, np.uint8)
    new = old.copy()
    new[1:8, 1:8] = 29
    new[2:7, 2:7] = 17
    (one,) = scanned(pair(old, new, grid)).largest
    assert new[one.row - grid.row, one.col - grid.col] == 29


def test_a_change_too_large_to_look_at_is_told_by_its_longest_run(monkeypatch):
    grid = LatLonGrid(1, 80, 100, 9, 30)
    old = np.full(grid.shape, 17, np.uint8)
    new = old.copy()
    new[1:8, 3], new[5, 3:20] = 29, 2
    monkeypatch.setattr(changes, "LOOK_CELLS", 10)
    (one,) = scanned(pair(old, new, grid)).largest
    assert (one.row, one.col) == (85, 100 + 3 + 17 // 2) and (one.before, one.after) == (17, 2)
    assert one.cells == 6 + 17 and one.box == LatLonGrid(1, 81, 103, 7, 17)


def test_the_covers_of_places_are_seen_on_the_way(monkeypatch):
    grid = LatLonGrid(1, 80, 100, 9, 31)
    old, new = codes(grid, 3)
    monkeypatch.setattr(scan, "BLOCK_CELLS", 62)
    at = np.random.default_rng(0).permutation(grid.cells)[:50]
    seen = scanned(pair(old, new, grid), places=at).seen
    np.testing.assert_array_equal(seen, [old.ravel()[at], new.ravel()[at]])


def test_progress_ends_with_the_last_row():
    grid = LatLonGrid(1, 80, 100, 9, 31)
    said = []
    scanned(pair(*codes(grid, 3), grid), progress=lambda *state: said.append(state))
    assert said[-1] == ("rows compared", 9, 9)
