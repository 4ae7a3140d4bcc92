"""Commands say what they did on stdout, and what went wrong in one line."""

import json

import pytest

from ecosg_update.demo import CHECKPOINT
from ecosg_update.formats import direct, netcdf
from ecosg_update.layers import Reason
from tests.conftest import say, shared


def test_tables_lists_and_prints():
    said = say("tables")
    assert said.code == 0 and "corine-l3--ecosg" in said.out and "33 classes" in said.out
    rows = json.loads(say("tables", "ecosg", "--json").out)
    assert len(rows) == 33 and rows[0]["name"] == "sea and oceans"
    printed = say("tables", "corine-l3--ecosg").out.splitlines()
    assert printed[0].split()[:4] == ["source", "zone", "target", "weight"] and len(printed) > 45
    assert say("tables", "../legends/ecosg").code == 3


def test_info_describes_every_product_of_a_run(simulated):
    folder, _ = simulated
    scene = next((folder / "input").glob("*.SAFE"))
    kinds = {
        scene: "Sentinel-2 L2A",
        folder / "input" / "simulated_base.dir": "cover map for SURFEX",
        folder / "output" / "simulated_demo.hdr": "cover map for SURFEX",
        folder / "output" / "simulated_demo.nc": "cover map, NetCDF",
        folder / "output" / "simulated_demo.tif": "raster of classes",
    }
    for path, kind in kinds.items():
        said = say("info", path, "--json")
        assert said.code == 0, said.err
        assert json.loads(said.out)["kind"] == kind
    assert "05.09" in say("info", scene).out


def test_info_reads_the_card_of_a_checkpoint():
    from ecosg_update.demo import CHECKPOINT  # noqa: PLC0415

    found = json.loads(say("info", CHECKPOINT, "--json").out)
    assert found["kind"] == "checkpoint" and len(found["sha256"]) == 64


def test_info_of_nothing_is_one_line():
    said = say("info", "absent.nc")
    assert said.code == 3 and said.err.startswith("ecosg-update: error: absent.nc: nothing is there")


def test_a_dry_run_opens_everything_and_writes_nothing(simulated, tmp_path):
    folder, _ = simulated
    before = sorted(path.name for path in (folder / "output").iterdir())
    said = say("run", folder / "demo.toml", "--dry-run", "--json", "--output", tmp_path / "out")
    plan = json.loads(said.out)
    assert said.code == 0 and plan["target"] == "37 x 60 cells, 360 a degree"
    assert len(plan["would write"]) == len(before) and plan["exist already"] == []
    assert not (tmp_path / "out").exists()


def test_a_run_at_sixty_metres_refines_the_same_land(simulated, tmp_path):
    folder, _ = simulated
    config = (folder / "demo.toml").read_text().replace("per_degree = 360", "per_degree = 1800")
    (folder / "fine.toml").write_text(config)
    said = say("run", folder / "fine.toml", "--output", tmp_path, "--json")
    assert said.code == 0, said.err
    fine = netcdf.read(tmp_path / "simulated_demo.nc")
    coarse = direct.read(folder / "output" / "simulated_demo.dir")
    assert fine.cover.grid == coarse.grid.at(1800)
    centres = fine.cover.codes[2::5, 2::5]
    assert (centres == coarse.codes).mean() > 0.8
    assert (fine.reason == Reason.CHANGED).any()


def test_predict_map_and_patch_make_the_map_of_the_run(simulated, tmp_path):
    from ecosg_update.demo import CHECKPOINT  # noqa: PLC0415

    folder, _ = simulated
    base = folder / "input" / "simulated_base.dir"
    scene = next((folder / "input").glob("*.SAFE"))
    grid = direct.info(base).grid
    assert (
        say("predict", scene, "--checkpoint", CHECKPOINT, "--bounds", *grid.bounds, "-o", tmp_path / "p.nc").code == 0
    )
    assert say("map", tmp_path / "p.nc", "--base", base, "-o", tmp_path / "c.nc").code == 0
    said = say("patch", tmp_path / "c.nc", "--base", base, "-o", tmp_path / "patched.dir")
    assert said.code == 0, said.err
    run = folder / "output" / "simulated_demo.dir"
    assert (tmp_path / "patched.dir").read_bytes() == run.read_bytes()
    again = say("patch", tmp_path / "c.nc", "--base", base, "-o", tmp_path / "patched.dir")
    assert again.code == 5 and "exists already" in again.err


def test_an_engine_is_named_once(simulated, tmp_path):
    folder, _ = simulated
    scene = next((folder / "input").glob("*.SAFE"))
    twice = ("--engine", "dynamicworld", "--checkpoint", CHECKPOINT)
    said = say("predict", scene, *twice, "-o", tmp_path / "p.nc")
    assert said.code == 2 and "either name or checkpoint" in said.err
    said = say("predict", scene, "--weights", tmp_path, "-o", tmp_path / "p.nc")
    assert said.code == 2 and "weights are for dynamicworld and so2sat-lcz" in said.err


@pytest.mark.parametrize("spelling", ["corine-l3", "corine-l33"])
def test_a_corine_raster_maps_without_a_network(tmp_path, spelling):
    labels = shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif")
    base = shared("ecosg_like", "lanjaron_300m.dir")
    said = say(
        "map", labels, "--legend", spelling, "--base", base, "--zone", "mediterranean", "-o", tmp_path / "c.nc"
    )
    if spelling == "corine-l33":
        assert said.code == 3 and "corine-l3" in said.err
        return
    assert say("patch", tmp_path / "c.nc", "--base", base, "-o", tmp_path / "l.dir").code == 0
    kept = direct.read(tmp_path / "l.dir").codes == direct.read(base).codes
    assert 0.95 < kept.mean() < 1


def test_the_log_goes_to_stderr_and_to_a_file_and_is_silent_when_asked(simulated, tmp_path):
    folder, _ = simulated
    log = tmp_path / "run.log"
    said = say("--log-file", log, "run", folder / "demo.toml", "--output", tmp_path / "one")
    assert said.code == 0 and "target: 37 x 60 cells" in said.err
    assert "target: 37 x 60 cells" in log.read_text() and "INFO 20" in log.read_text()
    quiet = say("--quiet", "run", folder / "demo.toml", "--output", tmp_path / "two")
    assert quiet.code == 0 and quiet.err == ""
    one, two = (tmp_path / name / "simulated_demo.nc" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
