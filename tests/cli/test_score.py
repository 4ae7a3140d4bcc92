import json

import numpy as np
import pytest

from ecosg_update.legend import Legend
from ecosg_update.sample import Sample
from ecosg_update.training.writer import Layout, writing
from tests.conftest import say, shared
from tests.scoring.made import BANDS, L1, checkpoint, line, prepared, sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("score") / "set")


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("score") / "mixed", levels=("L1C", "L2A"), noise=0.2)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return checkpoint(tmp_path_factory.mktemp("score") / "net.safetensors")


def rows(said):
    """The scores by (contestant, grouping, kind of part, value of part)."""
    assert said.code == 0, said.err
    found = json.loads(said.out)
    return {
        (row["contestant"], row["grouping"], row["part"]["kind"], row["part"]["value"]): row for row in found["rows"]
    }


def test_a_checkpoint_and_the_baselines_stand_in_one_table(folder, weights):
    said = say("score", weights, "--data", folder, "--grouping", "corine-l1,corine-l3", "--bootstrap", 50, "--json")
    found = rows(said)
    for grouping in ("corine-l1, 5 classes", "corine-l3, 44 classes"):
        pixels = {found[name, grouping, "all", ""]["pixels"] for name in ("net", "majority", "forest")}
        assert len(pixels) == 1
        accuracy = {
            name: found[name, grouping, "all", ""]["scores"]["accuracy"]["value"] for name in ("majority", "forest")
        }
        assert accuracy["forest"] > 0.95
        assert accuracy["majority"] < 0.5


def test_people_read_every_score_beside_its_grouping_and_interval(folder):
    said = say("score", "--data", folder, "--grouping", "corine-l1", "--baseline", "forest", "--bootstrap", 50)
    assert said.code == 0, said.err
    head, line, *_ = said.out.splitlines()
    assert head.split()[:2] == ["grouping", "pixels"]
    assert line.startswith("corine-l1, 5 classes")
    assert "forest" in line
    assert ".." in line
    assert "Wetlands" not in said.out


def test_each_level_has_a_row_and_they_add_up(mixed):
    found = rows(say("score", "--data", mixed, "--baseline", "forest", "--bootstrap", 50, "--json"))
    own = "corine-l3, 44 classes"
    parts = [found["forest", own, "level", level]["pixels"] for level in ("L1C", "L2A")]
    assert sum(parts) == found["forest", own, "all", ""]["pixels"]


def test_people_read_how_good_water_and_vegetation_are_on_each_level(mixed):
    arguments = (
        "score",
        "--data",
        mixed,
        "--grouping",
        "corine-l1,water-vegetation",
        "--baseline",
        "forest,majority",
    )
    said = say(*arguments, "--bootstrap", 20)
    found = rows(say(*arguments, "--bootstrap", 20, "--json"))
    for level in ("L1C", "L2A"):
        water = found["forest", "water-vegetation, 3 classes", "level", level]["classes"][2]
        assert water["name"] == "Water" and water["true"] > 0
        _, table = said.out.split(f"\nwater-vegetation, 3 classes: forest on {level}, class by class\n")
        head, *lines = table.split("\n\n")[0].splitlines()
        assert head.split() == ["class", "true", "said", "producer", "user", "f1", "iou"]
        row = next(line for line in lines if line.startswith("3 Water"))
        assert row.split()[2:4] == [str(water["true"]), str(water["said"])]
        assert f"{water['iou']['value']:.3f} [" in row


def test_an_engine_of_both_levels_is_scored_on_samples_that_lack_a_band(tmp_path):
    with writing(tmp_path / "set", Layout(L1, BANDS, "mixed", 10.0)) as writer:
        for number in range(8):
            values = sample(number).values.copy()
            values[3] = np.nan if number % 2 else values[3]
            labels = (sample(number).labels >= 0).astype(np.int16)
            made = line(
                f"s{number}", "train" if number < 2 else "test", f"b{number}", ("L1C", "L2A")[number // 2 % 2]
            )
            writer.add(Sample(values, labels), made)
        writer.finish(np.ones(8), {})
    able = checkpoint(tmp_path / "able.safetensors", L1, level="any", optional=("B05",))
    mute = checkpoint(tmp_path / "mute.safetensors", L1, level="any")
    said = say("score", able, mute, "--data", tmp_path / "set", "--baseline", "forest", "--bootstrap", 10, "--json")
    found = rows(said)
    for name, silent in (("able", 0), ("mute", 3 * 12 * 14), ("forest", 0)):
        row = found[name, "corine-l1, 5 classes", "all", ""]
        assert row["pixels"] == 6 * 12 * 14 and sum(counts[-1] for counts in row["confusion"]) == silent
    notes = json.loads(said.out)["notes"]
    assert "mute said nothing of 3 samples, which count as not right" in notes
    assert not any(note.startswith(("able said", "forest said")) for note in notes)


def test_dynamic_world_goes_through_its_grouping_on_both_levels(mixed):
    published = shared("weights_dynamicworld", "forward", "variables")
    arguments = ("--data", mixed, "--baseline", "dynamicworld", "--weights", published, "--bootstrap", 20)
    said = say("score", *arguments, "--grouping", "corine-l1", "--json")
    assert 0 <= rows(said)["dynamicworld", "corine-l1, 5 classes", "all", ""]["scores"]["accuracy"]["value"] <= 1
    assert "nominal atmosphere" in json.loads(said.out)["notes"][0]
    refused = say("score", *arguments)
    assert refused.code == 3
    assert "none from dynamicworld to corine-l3" in refused.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--baseline", ""], 2, "nothing to score"),
        (["--baseline", "oracle"], 2, "oracle does not exist"),
        (["--grouping", "corine-l9"], 3, "'corine-l9' does not exist"),
        (["--split", "val"], 4, "no pixel has a label"),
        (["absent.safetensors"], 4, "absent.json"),
    ],
)
def test_what_cannot_be_scored_is_one_line_and_a_code(folder, arguments, code, message):
    said = say("score", "--data", folder, "--bootstrap", 10, *arguments)
    assert said.code == code
    assert message in said.err
    assert said.out == ""


def test_a_users_own_classes_are_scored_in_their_own_legend(tmp_path):
    mine = Legend("mine", (7, 3), ("dark", "light"), ((0, 0, 0), (9, 9, 9)), ("x", "y"), (1, 2))
    folder, network = tmp_path / "set", tmp_path / "net.safetensors"
    labels = np.tile(np.array([0, 1], np.int16), (4, 8))
    values = np.where(labels, 0.4, 0.1).astype(np.float32) + np.zeros((len(BANDS), 1, 1), np.float32)
    with writing(folder, Layout(mine, BANDS, "L1C", 10.0)) as writer:
        for name, split in (("a", "train"), ("b", "test"), ("c", "test")):
            writer.add(Sample(values, labels), line(name, split, name))
        writer.finish(np.ones(3), {})
    arguments = ("--data", folder, "--baseline", "forest", "--bootstrap", 10, "--json")
    found = rows(say("score", checkpoint(network, mine), *arguments))
    assert found["forest", "mine, 2 classes", "all", ""]["scores"]["accuracy"]["value"] == 1
    assert found["net", "mine, 2 classes", "all", ""]["pixels"] == 128


def test_a_folder_that_is_no_set_is_named(tmp_path):
    said = say("score", "--data", tmp_path, "--bootstrap", 10)
    assert said.code == 3
    assert "is no training set" in said.err
