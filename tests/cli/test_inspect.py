import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from ecosg_update.inspection.estimates import drawn
from ecosg_update.inspection.records import verdict_table
from ecosg_update.judge.stratified import Judged, Strata, estimates, sample_size
from tests.conftest import say
from tests.inspection.made import patched, truth, verdicts


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The map, its patch and an inspection of it."""
    folder = tmp_path_factory.mktemp("inspect")
    patch, file = patched(folder)
    said = say("inspect", file, "-o", folder / "out", "--sites", 120, "--by", "group,change", "--json")
    assert said.code == 0, said.err
    return folder, patch, json.loads(said.out)


def test_the_example_of_the_help_runs_after_the_demo(simulated, tmp_path, monkeypatch):
    run, _ = simulated
    (tmp_path / "demo").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    said = say("inspect", "demo/output", "-o", "inspection", "--sites", "100", "--by", "group,change")
    assert said.code == 0, said.err
    assert "100 sites of" in said.out and "inspection/inspect.html" in said.out
    with (tmp_path / "inspection" / "sites.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    file = tmp_path / "verdicts.csv"
    file.write_text("id,verdict\n" + "".join(f"{line['id']},{line['cover']}\n" for line in lines))
    score = say("score", "--verdicts", file, "--sites", "inspection", "--json")
    assert score.code == 0, score.err
    new = json.loads(score.out)["estimates"][0]
    assert (new["map"], new["overall"]["value"]) == ("new", 1)


def test_people_read_estimates_with_intervals_for_both_maps(made):
    folder, patch, document = made
    assert document["sites"] == 120
    sites = list(drawn(folder / "out").sites.values())
    file = folder / "anna.csv"
    file.write_text(verdict_table(verdicts(sites, truth(patch))))
    said = say("score", "--verdicts", file, "--sites", folder / "out", "--grouping", "ecosg,corine-l1")
    assert said.code == 0, said.err
    head, first, *_ = said.out.splitlines()
    assert head.split()[:4] == ["expert", "map", "grouping", "sites"]
    assert first.startswith("anna") and " [0." in first
    assert "new - original, overall accuracy" in said.out and "corine-l1, 5 classes: original map" in said.out
    assert "note: anna: 120 of 120 sites judged" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--verdicts", "v.csv"], 2, "--verdicts and --sites belong together"),
        (["--sites", "."], 2, "--verdicts and --sites belong together"),
        (["--verdicts", "v.csv", "--sites", ".", "--split", "val"], 2, "--split: of no use with --verdicts"),
        (["a.dir", "--verdicts", "v.csv", "--sites", "."], 2, "of no use with --verdicts"),
        (["--verdicts", "v.csv", "--sites", "."], 3, "design.json: cannot be read"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_a_code(tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    said = say("score", *arguments)
    assert (said.code, said.out) == (code, "")
    assert message in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--by", "colour"], 2, "expected some of class,group,confidence,change"),
        (["--sites", "2"], 3, "2 are too few for 5 in each of"),
        (["--sites", "5", "--standard-error", "0.1"], 2, "one of the two"),
        (["--base", "old.dir"], 2, "holds the original map itself"),
        (["--bands", "B04"], 2, "say how to read an --image"),
        (["--image", "gone.SAFE"], 3, "gone.SAFE"),
    ],
)
def test_what_cannot_be_inspected_is_one_line_and_a_code(made, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    said = say("inspect", made[0] / "map.nc", "-o", "out", *arguments)
    assert (said.code, said.out) == (code, "")
    assert message in said.err
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_run_is_named(tmp_path):
    said = say("inspect", tmp_path, "-o", tmp_path / "out")
    assert said.code == 2 and "expected the one of a run" in said.err


def test_the_page_on_inspections_names_options_that_exist():
    page = (Path(__file__).resolve().parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
    known = say("inspect", "--help").out + say("score", "--help").out
    named = set(re.findall(r"--[a-z][a-z-]+", page))
    assert named and all(option in known for option in named)


def test_the_page_on_inspections_states_sizes_and_an_interval_that_the_code_gives():
    page = (Path(__file__).resolve().parents[2] / "docs" / "inspect.md").read_text(encoding="utf-8")
    sizes = [sample_size(np.ones(1), np.array([0.8]), error) for error in (0.05, 0.03, 0.02, 0.01)]
    assert "{} sites for\n  0.05, {} for 0.03, {} for 0.02, {:,} for 0.01".format(*sizes) in page
    five = estimates(Judged.of_matrix(np.array([[5, 0], [0, 5]])), Strata(np.ones(2)), 2).user[0]
    assert f"5 of 5 right is an accuracy between {five.low:.2f} and {five.high:.0f}" in page
