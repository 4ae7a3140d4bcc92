"""A model's cells before and after, against PGD's own output and against rules written out."""

import numpy as np
import pytest

from ecosg_update.comparing.comparison import compared
from ecosg_update.comparing.onmodel import LAND, on_model
from ecosg_update.comparing.pair import opened
from ecosg_update.errors import CoverageError
from ecosg_update.formats import covers, direct
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from tests.comparing.made import ECOSG
from tests.pgd.cases import reference, tangent

ABOUT = Provenance("A map", "made up")
GRID = LatLonGrid.from_bounds(360, (-9.0, 52.5, -8.0, 53.0))
DOMAIN = tangent("here", 9, 7, 2500.0, -8.5, 52.75)


def written(path, codes, grid=GRID):
    covers.write(CoverMap(np.ascontiguousarray(codes, np.uint8), grid, ECOSG), path, ABOUT)
    return path


def seen(old, new, domain=DOMAIN):
    files = covers.opened(old), covers.opened(new)
    return on_model(*files, opened(old, new, domain.box(2)), domain)


@pytest.mark.parametrize("name", ["mosaic_a_2500m", "muenster_300m_1000m"])
def test_the_tiles_are_those_that_the_real_pgd_computed(name, tmp_path):
    case = reference(name)
    old = covers.opened(case.stem.with_suffix(".dir"))
    whole = old.read(old.grid)
    new = tmp_path / "new.nc"
    covers.write(CoverMap(np.where(whole.codes == 1, 17, whole.codes), old.grid, ECOSG), new, ABOUT)
    found = on_model(old, covers.opened(new), opened(old.path, new, case.domain.box(2)), case.domain)
    sea = case.result["frac_sea"].reshape(case.domain.shape)
    nature = case.result["frac_nature"].reshape(case.domain.shape)
    for tile, (before, _) in found.tiles.items():
        expected = case.result[f"frac_{tile.lower()}"].reshape(case.domain.shape)
        np.testing.assert_allclose(before, expected, atol=1e-13, rtol=0)
    np.testing.assert_allclose(found.tiles["SEA"][1], 0, atol=1e-13)
    np.testing.assert_allclose(found.tiles["NATURE"][1], nature + sea, atol=3e-8, rtol=0)


@pytest.mark.parametrize("ending", [".dir", ".nc"])
def test_the_same_map_twice_changes_nothing(tmp_path, ending):
    codes = np.random.default_rng(1).integers(1, 34, GRID.shape)
    found = seen(written(tmp_path / "old.dir", codes), written(tmp_path / f"new{ending}", codes)).as_dict()
    for row in (*found["tiles"].values(), *found["fields"].values()):
        assert row["cells_changed"] == 0 and row["max_abs_change"] == 0
        assert row["before_mean"] == row["after_mean"]
    assert found["mask_flips"]["cells"] == [] and found["shape"] == [7, 9]


def test_cells_that_drown_and_cells_that_fall_dry_are_told(tmp_path):
    old = np.full(GRID.shape, 17, np.uint8)
    new = old.copy()
    half = GRID.cols // 2
    new[:, :half], old[:, -half // 2 :] = 2, 1
    new[:, -half // 2 :] = 25
    model = seen(written(tmp_path / "old.dir", old), written(tmp_path / "new.dir", new))
    flips = model.flips()
    assert flips["threshold"] == LAND and len(flips["cells"]) == flips["to_sea"] + flips["to_land"]
    assert flips["to_sea"] > 0
    water = [model.tiles["SEA"][at] + model.tiles["WATER"][at] for at in (0, 1)]
    expected = (water[0] > 0.5) != (water[1] > 0.5)
    assert {(one["row"], one["col"]) for one in flips["cells"]} == set(map(tuple, np.argwhere(expected).tolist()))
    for one in flips["cells"]:
        assert DOMAIN.index(one["lon"], one["lat"]) == one["row"] * DOMAIN.nx + one["col"]
        assert one["sea_before"] == water[0][one["row"], one["col"]]


def test_trees_that_are_felled_are_counted_and_not_averaged(tmp_path):
    old, new = np.full(GRID.shape, 12), np.full(GRID.shape, 17)
    found = seen(written(tmp_path / "old.dir", old), written(tmp_path / "new.dir", new)).as_dict()["fields"]
    assert found["tree_height"]["cells_lost"] == DOMAIN.cells and found["tree_height"]["cells_compared"] == 0
    assert found["tree_height"]["before_mean"] is None
    rough = found["roughness_length"]
    assert rough["before_mean"] == pytest.approx(1.95) and rough["after_mean"] == pytest.approx(0.065)
    assert rough["cells_changed"] == DOMAIN.cells and rough["unit"] == "m"


def test_a_regional_map_is_compared_where_it_lies_on_the_same_pixels(tmp_path):
    old = np.random.default_rng(2).integers(1, 34, GRID.shape).astype(np.uint8)
    part = LatLonGrid.from_bounds(360, (-8.52, 52.71, -8.3, 52.9))
    new = cut(old, GRID, part)
    whole, region = written(tmp_path / "old.dir", old), written(tmp_path / "new.dir", new, part)
    found = seen(whole, region).as_dict()
    assert 0 < found["cells"]["compared"] < DOMAIN.cells
    assert all(row["cells_changed"] == 0 for row in found["tiles"].values())
    assert seen(region, whole).as_dict()["cells"] == found["cells"]


def test_a_finer_map_of_the_same_covers_changes_no_tile_where_covers_are_large(tmp_path):
    old = np.full(GRID.shape, 13, np.uint8)
    fine = GRID.at(1800)
    found = seen(written(tmp_path / "old.dir", old), written(tmp_path / "new.dir", np.full(fine.shape, 13), fine))
    assert found.as_dict()["tiles"]["NATURE"] == {
        "before_mean": 1, "after_mean": 1, "mean_abs_change": 0, "max_abs_change": 0, "cells_changed": 0
    }  # fmt: skip


def test_a_domain_beside_the_maps_is_not_covered(tmp_path):
    path = written(tmp_path / "old.dir", np.ones(GRID.shape))
    with pytest.raises(CoverageError):
        compared(path, path, domain=tangent("away", 5, 4, 2500.0, 28.5, 53.0))


def test_maps_are_left_as_they_were(tmp_path):
    path = written(tmp_path / "old.dir", np.ones(GRID.shape))
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    compared(path, path, domain=DOMAIN)
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == before
    assert direct.info(path).grid == GRID
