"""`train`: the configuration alone is enough, results on stdout, failures on one line."""

import json

import pytest

from tests.conftest import say
from tests.learning.made import CONFIG, write_set


@pytest.fixture
def folder(tmp_path):
    write_set(tmp_path / "set")
    (tmp_path / "training.toml").write_text(CONFIG.replace("steps = 30", "steps = 2"))
    return tmp_path


def test_a_configuration_is_trained_and_then_known_as_finished(folder):
    said = say("train", folder / "training.toml")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("net: Classes never seen") and lines[-1] == str(folder / "run" / "net.safetensors")
    again = say("train", "run", folder / "training.toml")
    assert again.code == 0 and again.out.startswith("net: finished before. ")


def test_json_holds_the_figures(folder):
    (row,) = json.loads(say("train", folder / "training.toml", "--json").out)
    assert row["name"] == "net" and row["finished_before"] is False
    assert 0 <= row["ece"] <= 1 and row["temperature"] > 0


def test_options_may_stand_before_the_configuration(folder):
    assert say("train", folder / "training.toml").code == 0
    said = say("train", "--overwrite", folder / "training.toml")
    assert said.code == 0 and "finished before" not in said.out


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        (("width = 4", "depth = 4"), 4, "its arguments are: width"),
        (("small_unet", "biggest_unet"), 4, "available are"),
        (('folder = "set"', 'folder = "none"'), 3, "is no training set"),
        (("crop = 16", "crop = 160"), 4, "smaller than the crop"),
        (("rate = 1e-2", "rate = 'fast'"), 2, "step.0.recipe.rate"),
    ],
)
def test_each_failure_is_one_line_and_its_code(folder, change, code, text):
    path = folder / "training.toml"
    path.write_text(path.read_text().replace(*change))
    said = say("train", path)
    assert said.code == code and text in said.err and said.out == ""
    errors = [line for line in said.err.splitlines() if "error:" in line]
    assert len(errors) == 1 and "Traceback" not in said.err
    assert not (folder / "run" / "net.safetensors").exists()


def test_help_names_both_ways():
    assert "Example: ecosg-update train training.toml" in say("train", "--help").out
    assert "prepare" in say("train", "--help").out
    assert "CONFIG" in say("train", "run", "--help").out and "CONFIG" in say("train", "prepare", "--help").out
