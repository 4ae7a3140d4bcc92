"""`params check` and `params fill`: what they print, and with which code they end."""

import json

import numpy as np
import pytest

from ecosg_update.domain import Domain
from ecosg_update.domains import layouts
from tests.conftest import say
from tests.parameters.made import GRID, changed, covers, pixels, write_cover, write_tree


@pytest.fixture
def made(tmp_path):
    old = covers()
    write_tree(tmp_path / "sg", old, decades=["0105"])
    write_cover(tmp_path / "old", old)
    return tmp_path / "sg", write_cover(tmp_path / "new", changed(old))


def test_check_fill_check(made, tmp_path):
    folder, cover = made
    said = say("params", "check", "--cover", cover, "--params", folder)
    assert said.code == 6 and "PGD aborts" in said.out and said.err == ""
    said = say("params", "fill", "--cover", cover, "--params", folder, "-o", tmp_path / "out")
    assert said.code == 0 and said.out.splitlines()[-1] == str(tmp_path / "out")
    assert "pixels changed" in said.out.splitlines()[0]
    said = say("params", "check", "--cover", cover, "--params", tmp_path / "out")
    assert said.code == 0 and said.out == f"4 files are in step with {cover}\n"


def test_json_is_what_the_api_found(made, tmp_path):
    folder, cover = made
    found = json.loads(say("params", "check", "--cover", cover, "--params", folder, "--json").out)
    assert found["absent"]["LAI"] == [21] and len(found["files"]) == 4
    lai = found["files"][0]
    assert lai["parameter"] == "lai" and lai["decade"] == "0105" and lai["covers"]["21"]["pixels"] == 0
    assert {fault["rule"] for fault in found["faults"]} == {"type-absent", "type-missing", "left-over"}
    said = say("params", "fill", "--cover", cover, "--params", folder, "-o", tmp_path / "out", "--json")
    assert json.loads(said.out) == json.loads((tmp_path / "out" / "manifest.json").read_text())


def test_a_domain_is_taken_from_a_file(made, tmp_path):
    folder, cover = made
    degrees = Domain("small", 6, 5, 0.01, 0.006, GRID.west + 0.05, GRID.south + 0.03, None)
    file = tmp_path / "small.json"
    file.write_text(layouts.pysurfex_text(degrees))
    found = json.loads(say("params", "check", "--cover", cover, "--params", folder, "--domain", file, "--json").out)
    inside = degrees.index(GRID.longitudes[None], GRID.latitudes[:, None]) >= 0
    cells = sum(entry["cells"] for entry in found["files"][1]["covers"].values())
    assert 0 < cells <= inside.sum() < GRID.rows * GRID.cols
    said = say("params", "check", "--cover", cover, "--params", folder, "--domain", file, "--bounds", -8, 52, -7, 53)
    assert said.code == 2


@pytest.mark.parametrize("kind", ["info", "fill"])
def test_info_describes_a_typed_map(made, kind, tmp_path):
    folder, cover = made
    if kind == "fill":
        say("params", "fill", "--cover", cover, "--params", folder, "-o", tmp_path / "out")
        folder = tmp_path / "out"
    path = folder / "LAI_SAT" / "LAI_SAT_0105_c.dir"
    found = json.loads(say("info", path, "--json").out)
    assert found["kind"].startswith("typed map") and found["packing"] == "packed"
    types = pixels(path) // 100
    grass = next(value for value in found["values"] if value.startswith("17 "))
    assert f"{np.count_nonzero(types == 17):,} pixels" in grass
    assert found["values"][-1] == f"no data: {np.count_nonzero(types == 0):,}"


def test_bad_input_is_one_line_and_writes_nothing(made, tmp_path):
    folder, cover = made
    out = tmp_path / "out"
    bad = {
        ("--cover", tmp_path / "absent.dir", "--params", folder): (3, "does not exist"),
        ("--cover", cover, "--params", tmp_path / "absent"): (3, "is no folder"),
        ("--cover", cover, "--params", tmp_path / "sg" / "HT" / "none"): (3, "is no folder"),
        ("--cover", folder / "HT" / "new_ht_c.dir", "--params", folder): (3, "a cover map has 8 bits"),
        ("--cover", cover, "--params", folder, "--radius-km", -1): (2, "neighbours within"),
        ("--cover", cover, "--params", folder, "--base", tmp_path / "absent.dir"): (3, "does not exist"),
    }
    for arguments, (code, message) in bad.items():
        for command in (["check"], ["fill", "-o", out]):
            said = say("params", *command, *arguments)
            assert (said.code, message in said.err) == (code, True), said
            assert len(said.err.strip().splitlines()) == 1 and said.out == ""
    assert not list(tmp_path.glob("out*"))


def test_check_takes_parameter_files_as_well(made):
    path = made[0] / "LAI_SAT" / "LAI_SAT_0105_c.dir"
    said = say("check", path, "--json")
    assert said.code == 0 and json.loads(said.out)["faults"] == []
    body = bytearray(path.read_bytes())
    rows = pixels(path)
    place = body.index(int(rows[rows > 0][0]).to_bytes(2, "little"), 4 * GRID.rows)
    body[place : place + 2] = (3401).to_bytes(2, "little")
    path.write_bytes(body)
    said = say("check", path)
    assert said.code == 6 and "[typed-type]" in said.out and "outside its arrays" in said.out
