import json
import subprocess
import sys

import pytest

from ecosg_update import cli
from tests.conftest import say, shared
from tests.training.made import LANDSAT, adds_up

TOML = """
[samples]
bands = {bands}
pixel_m = 30
level = "L2A"
tile = 32

[labels]
level = 1

[[source]]
kind = "scene"
path = "{scene}"
labels = "{labels}"
bands = {bands}
level = "L2A"
quantification = {quantification}
offset = {offset}

[select]
border_m = 30

[split]
side_km = 3
margin_km = 0.1
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration, and the command at the top of the command line for as long as a test lasts."""
    monkeypatch.setattr(cli, "COMMANDS", (*cli.COMMANDS, "train_prepare"))
    names = {key: shared("landsat8_clc_lanjaron", name) for key, name in (
        ("scene", "landsat8_6band.tif"), ("labels", "clc2018_polygons.gpkg"))}  # fmt: skip
    path = tmp_path / "set.toml"
    given = {key: LANDSAT[key] for key in ("quantification", "offset")}
    path.write_text(TOML.format(bands=json.dumps(LANDSAT["bands"]), **names, **given))
    return path


def test_the_command_says_what_was_kept_and_dropped(config, tmp_path):
    said = say("train_prepare", config, "-o", tmp_path / "set")
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("train ") and lines[-1] == str(tmp_path / "set")
    assert any(line.split()[:1] == ["border"] for line in lines)
    assert (tmp_path / "set" / "manifest.json").is_file()


def test_machines_read_the_same_counts(config, tmp_path):
    said = say("train_prepare", config, "-o", tmp_path / "set", "--json")
    document = json.loads(said.out)
    adds_up(document["counts"])
    assert document["splits"]["train"]["samples"] > 0


@pytest.mark.parametrize(
    ("old", "new", "message", "code"),
    [
        ("level = 1\n", "level = 4\n", "labels.level: Input should be 1, 2 or 3, found 4", 2),
        ("level = 1\n", "", "labels: give either level, or legend and grouping", 2),
        ('kind = "scene"', 'kind = "picture"', "source.0: Input tag 'picture' found", 2),
        ('"B02", ', '"B02", "B99", ', "samples.bands: band 'B99': not a band of Sentinel-2", 2),
        ("border_m = 30", "border = 30", "select.border: Extra inputs are not permitted", 2),
        ("margin_km = 0.1", "margin_km = 3", "blocks of 3 km with a margin of 3 km leave nothing", 2),
        ("margin_km = 0.1", 'kind = "countries"', 'test_countries goes with kind = "countries"', 2),
        (".gpkg", ".tif", "is no file; check the path", 3),
        ("landsat8_6band", "landsat9", "landsat9", 3),
    ],
)
def test_a_wrong_configuration_is_one_line(config, tmp_path, old, new, message, code):
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))
    said = say("train_prepare", config, "-o", tmp_path / "set")
    assert (said.code, len(said.err.strip().splitlines())) == (code, 1)
    assert message in said.err
    assert not (tmp_path / "set").exists()


def test_help_is_instant_and_ends_with_an_example():
    program = (
        "import sys; from click.testing import CliRunner; from ecosg_update.cli.train_prepare import command; "
        "print(CliRunner().invoke(command, ['--help']).output); "
        "print(sorted({'torch', 'numpy', 'pyogrio', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "Example: ecosg-update train prepare set.toml -o set" in done.stdout
    assert done.stdout.strip().endswith("[]")
