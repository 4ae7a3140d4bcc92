"""A folder of the user's own tables extends and overrides those that ship, and is named where it counts."""

import csv
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio

from ecosg_update import tables
from ecosg_update.errors import ConfigError, TableError
from ecosg_update.formats import direct, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests.conftest import say

GRID = LatLonGrid(360, 12999, 60999, 21, 36)
HEATH = ("322", "*", "17", "1", "cover", "cover", "grass moor", "B", "E1 covers 228-229")
HEATH_IN_IRELAND = ("322", "ireland", "23", "1", "group", "group", "on peat", "B", "peat map")


def put(folder, name, head, *rows):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *rows])
    return file


def put_crosswalk(folder, *rows, name="corine-l3--ecosg"):
    return put(folder, f"crosswalks/{name}.csv", tables.CROSSWALK_COLUMNS, *rows)


def put_legend(folder, name="farm"):
    rows = [(7, "hay", "#00ff00", "grass", 1, "us"), (9, "barn", "#ff0000", "town", 2, "us")]
    return put(folder, f"legends/{name}.csv", tables.LEGEND_COLUMNS, *rows)


def covers(crosswalk, code, zone="temperate"):
    """Cover -> weight of a class in a zone that the crosswalk knows."""
    weights = crosswalk.weights[crosswalk.zones.index(zone), crosswalk.source.index(code)]
    return {crosswalk.target.codes[at]: float(weights[at]) for at in np.flatnonzero(weights)}


def test_one_row_changes_one_class_in_every_zone_and_nothing_else(tmp_path):
    put_crosswalk(tmp_path, HEATH)
    before = tables.crosswalk("corine-l3")
    with tables.overlaid(tmp_path):
        after = tables.crosswalk("corine-l3")
    at = before.source.index(322)
    assert all(covers(after, 322, zone) == {17: 1} for zone in after.zones)
    np.testing.assert_array_equal(np.delete(after.weights, at, axis=1), np.delete(before.weights, at, axis=1))
    assert tables.crosswalk("corine-l3") is before


def test_a_row_of_one_zone_leaves_the_other_zones_alone(tmp_path):
    put_crosswalk(tmp_path, HEATH_IN_IRELAND)
    with tables.overlaid(tmp_path):
        found = tables.crosswalk("corine-l3")
    assert covers(found, 322, "ireland") == {23: 1}
    assert covers(found, 322) == covers(found, 322, "boreal") == {15: 1}


def test_a_user_s_hard_row_outranks_the_fractions_that_ship(tmp_path):
    put_crosswalk(tmp_path, HEATH)
    with tables.overlaid(tmp_path):
        found = tables.crosswalk("corine-l3", form="fractional")
    assert covers(found, 322) == {17: 1}
    assert covers(found, 313) == {8: 0.5, 13: 0.5}


def test_a_table_that_is_edited_counts_the_next_time(tmp_path):
    file = put_crosswalk(tmp_path, HEATH)
    with tables.overlaid(tmp_path):
        assert covers(tables.crosswalk("corine-l3"), 322) == {17: 1}
        file.write_text(file.read_text().replace(",17,", ",16,"))
        assert covers(tables.crosswalk("corine-l3"), 322) == {16: 1}


@pytest.fixture
def farm(tmp_path):
    """A base of crops, a raster of the two classes of a farm on it, and a folder of tables for them."""
    direct.write(
        CoverMap(np.full(GRID.shape, 19, np.uint8), GRID, tables.legend("ecosg")),
        tmp_path / "base.dir",
        title="made-up",
    )
    codes = np.full((70, 120), 7, np.uint8)
    codes[:, 60:] = 9
    profile = {"driver": "GTiff", "width": 120, "height": 70, "count": 1, "dtype": "uint8", "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "farm.tif", "w", transform=GRID.at(1200).transform, **profile) as raster:
        raster.write(codes, 1)
    put_legend(tmp_path / "own")
    put_crosswalk(
        tmp_path / "own",
        ("7", "*", "17", "1", "cover", "cover", "c", "A", "r"),
        ("9", "*", "29", "1", "cover", "cover", "c", "A", "r"),
        name="farm--ecosg",
    )
    put_crosswalk(
        tmp_path / "own",
        ("9", "*", "29", "0.75", "cover", "cover", "c", "A", "r"),
        ("9", "*", "17", "0.25", "cover", "cover", "c", "A", "r"),
        name="farm--ecosg.fractional",
    )
    return tmp_path


@pytest.mark.parametrize(("form", "town"), [("hard", 1), ("fractional", 0.75)])
def test_a_new_legend_maps_a_raster_without_code(farm, form, town):
    arguments = ("map", farm / "farm.tif", "--legend", "farm", "--base", farm / "base.dir", "-o", farm / "c.nc")
    without = say(*arguments)
    assert without.code == 3 and "'farm' does not exist" in without.err
    said = say(*arguments, "--tables", farm / "own", "--form", form)
    assert said.code == 0, said.err
    found = netcdf.read_prediction(farm / "c.nc")
    rows, cols = GRID.shape
    assert found.share.shape == (rows, cols) and (found.share == 1).all()
    assert (found.values[16, :, : cols // 2] == 1).all()
    np.testing.assert_allclose(found.values[28, :, cols // 2 :], town)


def test_a_run_takes_the_folder_of_its_file_and_the_manifest_names_it(farm):
    (farm / "run.toml").write_text(
        '[labels]\npath = "farm.tif"\nlegend = "farm"\n[base]\npath = "base.dir"\n[crosswalk]\n'
        'tables = "own"\nform = "fractional"\n[output]\nfolder = "out"\nstem = "m"\nformats = ["dir"]\n'
    )
    said = say("run", farm / "run.toml", "--json")
    assert said.code == 0, said.err
    manifest = json.loads((farm / "out" / "m_manifest.json").read_text())
    file = farm / "own" / "crosswalks" / "farm--ecosg.csv"
    assert manifest["tables"][file.as_posix()] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "crosswalks/corine-l3--ecosg.csv" in manifest["tables"]
    assert manifest["config"]["crosswalk"]["form"] == "fractional"
    assert manifest["changes"]["changed"] == GRID.cells
    again = say("run", farm / "out" / "m_run.toml", "--overwrite", "--json")
    assert again.code == 0, again.err
    assert file.as_posix() not in tables.checksums()


def test_a_replaced_legend_leaves_the_checksums(tmp_path):
    file = put_legend(tmp_path, "worldcover")
    with tables.overlaid(tmp_path):
        found = tables.checksums()
        assert tables.legend("worldcover").codes == (7, 9)
    assert file.as_posix() in found and "legends/worldcover.csv" not in found
    assert tables.legend("worldcover").codes[0] == 10


def test_the_environment_names_the_folder_too(tmp_path, monkeypatch):
    put_legend(tmp_path)
    monkeypatch.setenv("ECOSG_UPDATE_TABLES", str(tmp_path))
    assert "farm" in say("tables").out
    monkeypatch.setenv("ECOSG_UPDATE_TABLES", str(tmp_path / "absent"))
    said = say("tables", "ecosg")
    assert said.code == 2 and "is no folder of tables" in said.err


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("legends/ecosg.csv", TableError, "covers are those of SURFEX"),
        ("corine-l3--ecosg.csv", TableError, "lies in no room"),
        ("crosswalks/corine-l3.csv", TableError, "SOURCE--TARGET"),
        ("notes/readme.csv", TableError, "holds no table"),
    ],
)
def test_a_folder_that_cannot_be_meant_is_refused(tmp_path, name, error, message):
    put(tmp_path, name, ("a", "b"), ("1", "2"))
    with pytest.raises(error, match=message), tables.overlaid(tmp_path):
        pass


def test_a_folder_that_is_absent_is_refused_and_leaves_no_trace(tmp_path):
    with pytest.raises(ConfigError, match="no folder"), tables.overlaid(tmp_path / "absent"):
        pass
    assert tables.legend("corine-l3")


def test_the_example_of_the_page_does_what_the_page_says(tmp_path):
    page = (Path(__file__).resolve().parents[1] / "docs" / "crosswalk.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    file = put_crosswalk(tmp_path)
    file.write_text(text)
    with tables.overlaid(tmp_path):
        found = tables.crosswalk("corine-l3")
    assert covers(found, 322, "ireland") == {17: 1} and covers(found, 322) == {15: 1}
    assert say("tables", "check", "--tables", tmp_path).code == 0
