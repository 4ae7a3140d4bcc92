"""The embedded default: simulated, called so, and it mends what an image can show."""

import json

import numpy as np

from ecosg_update.domains import domain
from ecosg_update.formats import direct, netcdf
from ecosg_update.judge.calibration import reliability
from tests.conftest import say
from tests.oracle_surfex import surfex


def test_the_demo_mends_most_of_what_an_image_shows(simulated):
    folder, _ = simulated
    truth = direct.read(folder / "input" / "simulated_truth.dir").codes
    base = direct.read(folder / "input" / "simulated_base.dir").codes
    found = direct.read(folder / "output" / "simulated_demo.dir").codes
    wrong = base != truth
    assert wrong.sum() > 100
    assert (found != truth).sum() < 0.7 * wrong.sum()
    assert ((found == truth) & wrong).sum() > 10 * ((found != truth) & ~wrong).sum()


def test_the_probabilities_of_the_demo_mean_what_they_say(simulated):
    folder, _ = simulated
    truth = direct.read(folder / "input" / "simulated_truth.dir").codes
    patch = netcdf.read(folder / "output" / "simulated_demo.nc")
    found = reliability(truth.astype(np.int16), patch.cover.codes.astype(np.int16), patch.confidence, bins=5)
    assert found.error < 0.03
    doubtful = patch.confidence < 0.7
    assert (patch.cover.codes != truth)[doubtful].mean() > 5 * (patch.cover.codes != truth)[~doubtful].mean()


def test_the_demo_says_that_it_is_simulated_wherever_it_appears(simulated):
    folder, said = simulated
    assert "SIMULATED" in said.out
    assert "SIMULATED" in (folder / "output" / "simulated_demo.hdr").read_text()
    manifest = json.loads((folder / "output" / "simulated_demo_manifest.json").read_text())
    assert "imulated" in manifest["engine"]["provenance"] + manifest["engine"]["notes"]


def test_the_demo_prints_the_files_that_exist(simulated):
    folder, said = simulated
    printed = [line.strip() for line in said.out.splitlines() if line.startswith(f"  {folder}")]
    assert len(printed) == 10
    assert {str(path) for path in (folder / "output").iterdir()} == set(printed)


def test_an_independent_reader_finds_the_same_map(simulated):
    folder, _ = simulated
    path = folder / "output" / "simulated_demo.dir"
    seen = surfex(path.with_suffix(".hdr"))
    assert np.array_equal(seen.covers(path), direct.read(path).codes)


def test_cloud_keeps_the_base(simulated):
    folder, _ = simulated
    manifest = json.loads((folder / "output" / "simulated_demo_manifest.json").read_text())
    assert manifest["changes"]["reasons"]["kept-low-share"] > 0


def test_the_model_domain_of_the_demo_lies_within_its_map(simulated):
    folder, _ = simulated
    grid = direct.info(folder / "input" / "simulated_base.dir").grid
    west, south, east, north = domain(str(folder / "input" / "simulated_domain.toml")).box()
    assert grid.west < west < east < grid.east and grid.south < south < north < grid.north


def test_the_parameters_of_the_demo_fit_its_old_map_and_are_filled_for_the_new_one(simulated, tmp_path):
    folder, _ = simulated
    given = folder / "input" / "simulated_tree"
    base, new = folder / "input" / "simulated_base.dir", folder / "output" / "simulated_demo.dir"
    before = json.loads(say("params", "check", "--cover", base, "--params", given, "--json").out)
    assert {fault["rule"] for fault in before["faults"]} <= {"type-absent"}  # of towns' gardens
    said = say("params", "fill", "--cover", new, "--base", base, "--params", given, "-o", tmp_path / "filled")
    assert said.code == 0 and "SIMULATED" in (tmp_path / "filled" / "HT" / "new_ht_c.hdr").read_text()
    after = json.loads(say("params", "check", "--cover", new, "--params", tmp_path / "filled", "--json").out)
    assert {fault["rule"] for fault in after["faults"]} <= {"type-absent"}
