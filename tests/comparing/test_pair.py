"""Two maps on the cells that both hold."""

import numpy as np
import pytest

from ecosg_update.comparing.pair import opened, paired
from ecosg_update.comparing.scan import scanned
from ecosg_update.errors import CoverageError, FormatError, GridError, TableError
from ecosg_update.formats import covers, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from ecosg_update.legend import Legend
from tests.comparing.made import codes, cover

IRELAND = LatLonGrid(360, 13212, 61524, 13, 21)
ABOUT = Provenance("A map", "made up")


def test_only_shared_cells_are_compared():
    old, _ = codes(IRELAND, 1)
    part = LatLonGrid(360, 13215, 61530, 20, 9)
    both = paired(cover(old, IRELAND), cover(np.full(part.shape, 17), part))
    assert both.grid == LatLonGrid(360, 13215, 61530, 10, 9)
    found = both.read(both.grid)
    np.testing.assert_array_equal(found[0], cut(old, IRELAND, both.grid))
    assert (found[1] == 17).all()


def test_bounds_cut_the_cells_further():
    both = paired(*(cover(one, IRELAND) for one in codes(IRELAND, 1)), (IRELAND.west, 0, IRELAND.west + 0.0139, 90))
    assert both.grid.cols == 6 and both.grid.rows == IRELAND.rows


def test_a_coarse_map_is_repeated_on_the_fine_lattice():
    fine = LatLonGrid(1800, 13212 * 5 + 3, 61524 * 5 + 2, 40, 61)
    old, _ = codes(IRELAND, 2)
    new = np.full(fine.shape, 19, np.uint8)
    both = paired(cover(old, IRELAND), cover(new, fine))
    assert both.grid == fine
    rows, cols = (3 + np.arange(40)) // 5, (2 + np.arange(61)) // 5
    np.testing.assert_array_equal(both.read(fine)[0], old[np.ix_(rows, cols)])
    there = scanned(both).transitions
    back = scanned(paired(cover(new, fine), cover(old, IRELAND))).transitions
    np.testing.assert_array_equal(there.cells, back.cells.T)


def test_lattices_that_do_not_nest_are_refused():
    odd = LatLonGrid(500, 18350, 85450, 30, 30)
    with pytest.raises(GridError, match="360 cells a degree meet 500, expected a multiple"):
        paired(cover(codes(IRELAND, 1)[0], IRELAND), cover(np.ones(odd.shape), odd))


def test_maps_that_share_no_cell_are_not_compared():
    away = LatLonGrid(360, 13212, 6152, 13, 21)
    with pytest.raises(CoverageError, match="share no cell; give two maps of one region"):
        paired(*(cover(np.ones(grid.shape), grid) for grid in (IRELAND, away)))
    with pytest.raises(CoverageError, match="share no cell within"):
        paired(*(cover(np.ones(grid.shape), grid) for grid in (IRELAND, IRELAND)), (3, 50, 4, 51))


@pytest.mark.parametrize("endings", [(".dir", ".nc"), (".nc", ".tif"), (".tif", ".dir"), (".nc", ".nc")])
def test_maps_of_any_format_give_the_same(tmp_path, endings, monkeypatch):
    both = codes(IRELAND, 4)
    paths = [tmp_path / f"{name}{ending}" for name, ending in zip(("old", "new"), endings, strict=True)]
    for path, one in zip(paths, both, strict=True):
        covers.write(cover(one, IRELAND), path, ABOUT)
    monkeypatch.setattr("ecosg_update.comparing.scan.BLOCK_CELLS", 42)
    found = scanned(opened(*paths))
    expected = scanned(paired(*(cover(one, IRELAND) for one in both)))
    np.testing.assert_array_equal(found.transitions.cells, expected.transitions.cells)
    assert found.largest == expected.largest


def test_another_legend_is_refused(tmp_path):
    corine = Legend("corine-l1", (1, 2), ("a", "b"), ((0, 0, 0),) * 2, ("a", "b"), (1, 2))
    netcdf.write_cover(
        CoverMap(np.ones(IRELAND.shape, np.uint8), IRELAND, corine), tmp_path / "a.nc", provenance=ABOUT
    )
    with pytest.raises(TableError, match="holds classes of corine-l1, expected ecosg's"):
        opened(tmp_path / "a.nc", tmp_path / "a.nc")


def test_a_map_that_is_absent_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"absent\.hdr: does not exist"):
        opened(tmp_path / "absent.dir", tmp_path / "absent.dir")
