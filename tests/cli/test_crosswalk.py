"""`ecosg-update crosswalk`: from two maps to a table, from the table to probabilities, and on to the covers."""

import json

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.formats import netcdf
from ecosg_update.grid import LatLonGrid
from tests.conftest import say, shared
from tests.learned.made import CELLS, covers, pair, probabilities


@pytest.fixture
def maps(tmp_path):
    classes, corine, *_ = pair(tmp_path)
    return classes, corine


def test_a_table_is_learned_applied_and_mapped(tmp_path, maps):
    classes, corine = maps
    table = tmp_path / "dynamicworld--corine-l3.csv"
    said = say(
        "crosswalk", "learn", classes, "--legend", "dynamicworld", "--truth", corine, "--block-km", 0.3, "-o", table
    )
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == str(table)
    assert "* 112 Discontinuous urban fabric" in said.out or "* 211" in said.out
    assert "on held-out blocks (5 parts" in said.out
    probable = tmp_path / "corine.nc"
    said = say("crosswalk", "apply", classes, "--legend", "dynamicworld", "--table", table, "-o", probable)
    assert said.code == 0, said.err
    found = netcdf.read_prediction(probable)
    assert found.legend == tables.legend("corine-l3")
    np.testing.assert_allclose(found.values.sum(axis=0), found.share > 0, atol=1e-5)
    covers(tmp_path / "base", CELLS.grown(3))
    said = say("map", probable, "--base", tmp_path / "base.dir", "-o", tmp_path / "covers.nc")
    assert said.code == 0, said.err


def test_probabilities_are_learned_towards_the_covers_of_an_original(tmp_path):
    covers(tmp_path / "base", CELLS)
    probabilities(tmp_path / "seen.nc", CELLS.grown(2))
    table = tmp_path / "dynamicworld--ecosg.csv"
    said = say(
        "crosswalk", "learn", tmp_path / "seen.nc", "--base", tmp_path / "base.dir", "--block-km", 1, "-o", table
    )
    assert said.code == 0, said.err
    learned = tables.crosswalk_file(table)
    seen = {learned.target.codes[at] for at in np.argwhere(learned.weights[0] > 0.01)[:, 1]}
    assert {2, 13, 19, 29} <= seen


def test_a_table_is_not_applied_where_the_map_is_not(tmp_path, maps):
    table = tmp_path / "dynamicworld--corine-l3.csv"
    learn = ("crosswalk", "learn", maps[0], "--legend", "dynamicworld", "--truth", maps[1], "--block-km", 0.3)
    assert say(*learn, "-o", table).code == 0
    apply = ("crosswalk", "apply", maps[0], "--legend", "dynamicworld", "--table", table)
    said = say(*apply, "--bounds", 50, -10, 51, -9, "-o", tmp_path / "far.nc")
    assert said.code == 7 and "they do not meet" in said.err
    assert not (tmp_path / "far.nc").exists()


def test_a_map_beside_the_base_leaves_no_table(tmp_path, maps):
    covers(tmp_path / "far", LatLonGrid(360, 13700, 70000, 7, 11))
    table = tmp_path / "dynamicworld--ecosg.csv"
    said = say("crosswalk", "learn", maps[0], "--legend", "dynamicworld", "--base", tmp_path / "far.dir", "-o", table)
    assert said.code == 7
    assert "classes.tif: shares no pixel with a class with far.dir" in said.err
    assert not table.exists()


def test_the_report_for_machines_lists_every_class_the_most_changed_ground_first(tmp_path, maps):
    classes, corine = maps
    table = tmp_path / "dynamicworld--corine-l2.csv"
    said = say(
        "crosswalk", "learn", classes, "--legend", "dynamicworld", "--truth", corine, "--to", "corine-l2",
        "--block-km", 0.3, "--folds", 1, "--json", "-o", table,
    )  # fmt: skip
    report = json.loads(said.out)
    assert [one["code"] for one in report["classes"]] != sorted(one["code"] for one in report["classes"])
    moved = [one["moved"] for one in report["classes"]]
    assert moved == sorted(moved, reverse=True)
    assert sum(one["area"] for one in report["classes"]) == pytest.approx(1)
    assert report["held_out"] is None
    assert all(target["low"] <= target["posterior"] <= target["high"] for target in report["classes"][0]["targets"])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 2, "give either --truth or --base"),
        (["--truth", "{corine}", "--base", "{corine}"], 2, "give either --truth or --base"),
        (["--truth", "{corine}", "--to", "lcz"], 3, "grouping: none from corine-l3 to lcz"),
        (["--truth", "absent.tif"], 3, "absent.tif"),
        (["--truth", "{corine}", "--strength", "0"], 2, "strength: found 0.0"),
        (["--truth", "{corine}", "--block-km", "-3"], 2, "block-km: found -3.0"),
        (["--truth", "{corine}", "--truth-legend", "lucky"], 3, "legend: 'lucky' does not exist"),
        (["--truth", "{corine}", "--zone", "boreal"], 2, "'boreal' needs a crosswalk"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(tmp_path, maps, arguments, code, text):
    classes, corine = maps
    output = tmp_path / "dynamicworld--corine-l3.csv"
    given = [argument.format(corine=corine) for argument in arguments]
    said = say("crosswalk", "learn", classes, "--legend", "dynamicworld", *given, "-o", output)
    assert said.code == code, said.err
    assert text in said.err
    assert not list(tmp_path.glob("*.csv*"))


def test_a_table_that_exists_is_kept(tmp_path, maps):
    classes, corine = maps
    table = tmp_path / "dynamicworld--corine-l3.csv"
    table.write_text("mine")
    said = say("crosswalk", "learn", classes, "--legend", "dynamicworld", "--truth", corine, "-o", table)
    assert said.code == 5
    assert table.read_text() == "mine"


def test_real_polygons_of_corine_teach_a_raster_of_themselves(tmp_path):
    place = shared("landsat8_clc_lanjaron")
    table = tmp_path / "corine-l3--corine-l3.csv"
    said = say(
        "crosswalk", "learn", place / "clc2018_level3_30m.tif", "--legend", "corine-l3",
        "--truth", place / "clc2018_polygons.gpkg", "--json", "-o", table,
    )  # fmt: skip
    assert said.code == 0, said.err
    report = json.loads(said.out)
    assert report["held_out"]["learned"]["accuracy"] > 0.999
    assert not any(target["disagrees"] for one in report["classes"] for target in one["targets"])
