"""Local climate zones from a real scene to covers, by the commands."""

import json

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from ecosg_update import tables
from ecosg_update.formats import direct, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests.conftest import say, shared

VILLAGES_AND_LAKE = (12.52, 52.456, 12.585, 52.485)
"""North-west of Brandenburg an der Havel: a lake, woods, fields, villages."""


def uniform_base(folder, cover, bounds):
    grid = LatLonGrid.from_bounds(360, bounds)
    codes = np.full(grid.shape, cover, np.uint8)
    direct.write(CoverMap(codes, grid, tables.legend("ecosg")), folder / "base.dir", title="made-up uniform base")
    return folder / "base.dir"


@pytest.fixture(scope="module")
def brandenburg(tmp_path_factory):
    """(folder, what `predict` wrote there)."""
    folder = tmp_path_factory.mktemp("lcz")
    options = ("--engine", "so2sat-lcz", "--weights", shared("weights_so2sat_lcz"), "--level", "L1C")
    scene = shared("s2_l1c_brandenburg_jp2", "IMG_DATA")
    said = say("predict", scene, *options, "--bounds", *VILLAGES_AND_LAKE, "-o", folder / "lcz.nc")
    assert said.code == 0, said.err
    return folder, folder / "lcz.nc"


def test_a_real_scene_has_zones_that_sum_to_one(brandenburg):
    _, path = brandenburg
    found = netcdf.read_prediction(path)
    assert found.legend == tables.legend("lcz")
    assert found.origin.startswith("so2sat-lcz:83c96411ded3 on ")
    assert (found.share > 0.9).any()


def test_its_zones_become_towns_and_lakes_in_a_map_of_fields(brandenburg):
    folder, path = brandenburg
    base = uniform_base(folder, 20, VILLAGES_AND_LAKE)
    assert say("map", path, "--base", base, "-o", folder / "covers.nc").code == 0
    said = say("patch", folder / "covers.nc", "--base", base, "--evidence", "engine", "-o", folder / "new.dir")
    assert said.code == 0, said.err
    codes = direct.read(folder / "new.dir").codes
    zones, covers = netcdf.read_prediction(path), netcdf.read_prediction(folder / "covers.nc")
    np.testing.assert_allclose(covers.values[23:28], zones.values[:5], atol=1e-6)  # LCZ 1-5 and nothing else
    assert (codes >= 24).mean() > 0.05 and (codes == 2).mean() > 0.05 and (codes == 20).mean() > 0.05
    assert not np.isin(codes, (17, 19)).any()  # low plants stay the crops that they were


def test_a_window_that_cuts_its_squares_is_refused(tmp_path):
    options = ("--engine", "so2sat-lcz", "--weights", shared("weights_so2sat_lcz"), "--level", "L1C")
    scene = shared("s2_l1c_brandenburg_jp2", "IMG_DATA")
    said = say("predict", scene, *options, "--window", 500, "-o", tmp_path / "lcz.nc")
    assert said.code == 4 and "multiples of the engine's 32" in said.err
    assert not list(tmp_path.iterdir())


def test_surface_reflectance_is_converted_and_the_manifest_says_so(tmp_path):
    """Most of a hazy rainforest stays one, and no town grows there."""
    bounds = (17.9, 0.01, 17.93, 0.04)
    scene = next(path for path in shared("majortom_s2_l2a").iterdir() if path.is_dir())
    config = tmp_path / "run.toml"
    config.write_text(
        f'[scene]\npath = "{scene}"\n[base]\npath = "{uniform_base(tmp_path, 11, bounds)}"\n'
        f'[engine]\nname = "so2sat-lcz"\nweights = "{shared("weights_so2sat_lcz")}"\n'
        f"[target]\nbounds = {list(bounds)}\n[output]\nfolder = '{tmp_path / 'out'}'\nstem = 'lcz'\n"
    )
    said = say("run", config)
    assert said.code == 0, said.err
    manifest = json.loads((tmp_path / "out" / "lcz_manifest.json").read_text())
    assert any("converted to top of atmosphere" in note for note in manifest["notes"])
    assert (manifest["engine"]["engine"], manifest["engine"]["level"]) == ("so2sat-lcz", "L1C")
    codes = direct.read(tmp_path / "out" / "lcz.dir").codes
    assert (codes == 11).mean() > 0.6 and not (codes >= 24).any()


def test_a_map_of_local_climate_zones_becomes_covers_without_a_network(tmp_path):
    with rasterio.open(shared("lcz_redon", "redonWudapt.tif")) as file:
        zones, profile = file.read(1), file.profile | {"dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "zones.tif", "w", **profile) as file:
        file.write(np.nan_to_num(zones).astype(np.uint8), 1)
    base = uniform_base(tmp_path, 20, (-2.10, 47.64, -2.06, 47.67))
    said = say("map", tmp_path / "zones.tif", "--legend", "lcz", "--base", base, "-o", tmp_path / "covers.nc")
    assert said.code == 0, said.err
    covers = netcdf.read_prediction(tmp_path / "covers.nc")
    found = covers.values.mean(axis=(1, 2))
    west, south, east, north = covers.grid.bounds
    points = np.meshgrid(np.linspace(west, east, 200), np.linspace(south, north, 200))
    x, y = Transformer.from_crs("EPSG:4326", profile["crs"], always_xy=True).transform(*points)
    cols, rows = ~profile["transform"] @ (x, y)
    here = zones[rows.astype(int), cols.astype(int)]
    np.testing.assert_allclose(found[23:33], [(here == zone).mean() for zone in range(1, 11)], atol=0.01)
    fields = (here == 14).mean() + np.isin(here, (12, 16)).mean() / 2  # all of D, half of B and F
    assert found[19] == pytest.approx(fields, abs=0.01)
