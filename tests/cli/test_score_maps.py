import csv
import json

import numpy as np
import pytest

from ecosg_update.grid import LatLonGrid
from tests.conftest import say
from tests.scoring.maps import cover, random_codes, raster

GRID = LatLonGrid(360, 9000, 70000, 20, 31)


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A truth and two maps, the second of them right in most cells."""
    folder = tmp_path_factory.mktemp("maps")
    truth = random_codes(GRID.shape, 0, hole=0)
    better = np.where(np.random.default_rng(1).random(GRID.shape) < 0.8, truth, 19).astype(np.uint8)
    return [
        cover(folder / f"{name}.dir", codes, GRID)
        for name, codes in (("truth", truth), ("old", random_codes(GRID.shape, 2)), ("new", better))
    ]


def test_people_read_every_score_of_a_map_beside_its_grouping_and_interval(maps):
    truth, old, new = maps
    said = say("score", old, new, "--truth", truth, "--bootstrap", 20)
    assert said.code == 0, said.err
    head, *lines = said.out.splitlines()
    assert head.split()[:2] == ["grouping", "pixels"] and "calibration" not in head
    assert sum(line.startswith("corine-l1, 5 classes  ") for line in lines) == 4 + 1  # by pixel, by area; the pair
    assert "ecosg-primary, 9 classes: new, class by class" in said.out
    assert "new - old" in said.out and "McNemar" in said.out
    assert "note: pixels: the truth's" in said.out


def test_a_folder_holds_the_document_the_figures_and_the_confusions(maps, tmp_path):
    truth, old, new = maps
    arguments = ("score", old, new, "--truth", truth, "--bootstrap", 20, "--grouping", "corine-l2,ecosg")
    said = say(*arguments, "--json", "-o", tmp_path / "out")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert json.loads((tmp_path / "out" / "score.json").read_text()) == found
    assert found["truth"] == str(truth) and found["maps"] == {"old": str(old), "new": str(new)}
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"score.json", "scores.csv"} | {
        f"confusion_{legend}_{name}.csv" for legend in ("corine-l2", "ecosg") for name in ("old", "new")
    }
    (row,) = [
        row
        for row in found["rows"]
        if (row["contestant"], row["grouping"], row["unit"]) == ("new", "corine-l2, 15 classes", "pixels")
    ]
    with (tmp_path / "out" / "confusion_corine-l2_new.csv").open() as file:
        lines = list(csv.reader(file))
    assert [[int(count) for count in line[2:]] for line in lines[1:]] == row["confusion"]
    with (tmp_path / "out" / "scores.csv").open() as file:
        accuracy = [
            float(line["value"])
            for line in csv.DictReader(file)
            if (line["score"], line["map"], line["grouping"], line["unit"])
            == ("accuracy", "new", "corine-l2, 15 classes", "pixels")
        ]
    assert accuracy == [pytest.approx(row["scores"]["accuracy"]["value"], rel=1e-5)]
    again = say(*arguments, "-o", tmp_path / "out")
    assert again.code == 5 and "exists already" in again.err
    assert say(*arguments, "-o", tmp_path / "out", "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "neither is given"),
        (["--truth", "t.dir", "--data", "set"], 2, "both are given"),
        (["--truth", "t.dir", "--split", "val"], 2, "--split: of no use with --truth"),
        (["--data", "set", "--on", "maps", "--block-km", "3"], 2, "--on, --block-km: of no use with --data"),
        (["--truth", "t.dir"], 2, "no map was given"),
        (["absent.dir", "--truth", "t.dir"], 3, "absent.hdr: does not exist"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_a_code(arguments, code, message):
    said = say("score", *arguments)
    assert said.code == code
    assert message in said.err
    assert said.out == ""


def test_a_grouping_of_the_users_own_tables_is_scored(maps, tmp_path):
    truth, _, new = maps
    (tmp_path / "own" / "legends").mkdir(parents=True)
    (tmp_path / "own" / "groupings").mkdir()
    header = "code,name,colour,group,priority,source\n"
    (tmp_path / "own" / "legends" / "wet.csv").write_text(
        f"{header}1,wet,#0000ff,wet,1,here\n2,dry,#00ff00,dry,2,here\n", encoding="utf-8"
    )
    lines = [f"{code},{'wet' if code < 4 else 'dry'},here" for code in range(1, 34)]
    (tmp_path / "own" / "groupings" / "ecosg--wet.csv").write_text("\n".join(["code,group,reference", *lines, ""]))
    said = say("score", new, "--truth", truth, "--tables", tmp_path / "own", "--json", "--bootstrap", 5)
    assert said.code == 0, said.err
    assert "wet, 2 classes" in {row["grouping"] for row in json.loads(said.out)["rows"]}


def test_legends_that_no_table_joins_are_told(tmp_path):
    made = raster(tmp_path / "zones.tif", np.full(GRID.shape, 17, np.uint8), GRID.geo())
    said = say("score", f"{made}:lcz", "--truth", made, "--truth-legend", "lucas")
    assert said.code == 2 and "no grouping joins lcz, lucas; write the tables" in said.err
