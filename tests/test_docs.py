"""The pages of docs/: their configurations are read by the tool, their small job runs from data to score."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from ecosg_update.comparing.changes import LOOK_CELLS
from ecosg_update.comparing.comparison import LARGEST
from ecosg_update.comparing.onmodel import LAND, NOISE
from ecosg_update.comparing.surface import REFERENCE
from ecosg_update.comparing.written import NAMES
from ecosg_update.config import PatchSection, checked
from ecosg_update.learning import config as learning
from ecosg_update.patch.census import SAMPLE_CELLS
from ecosg_update.patch.confusion import STRENGTH
from ecosg_update.patch.decide import Mode
from ecosg_update.patch.posterior import LOOKS
from ecosg_update.training import config as training
from tests.conftest import say, shared

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "training.md").read_text(encoding="utf-8")
SMALL_SET, SMALL_TRAINING, REAL_SET, REAL_TRAINING, CLOUD_TRAINING = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    ("text", "load"),
    [
        (SMALL_SET, training.load),
        (REAL_SET, training.load),
        (SMALL_TRAINING, learning.load),
        (REAL_TRAINING, learning.load),
        (CLOUD_TRAINING, learning.load),
    ],
)
def test_each_configuration_of_the_page_is_valid(text, load, tmp_path):
    (tmp_path / "page.toml").write_text(text)
    assert load(tmp_path / "page.toml")


def test_the_small_job_runs_from_real_corine_to_a_score(tmp_path, monkeypatch):
    data = shared("landsat8_clc_lanjaron")
    monkeypatch.chdir(tmp_path)
    Path("set.toml").write_text(SMALL_SET.replace("DATA", str(data)))
    Path("training.toml").write_text(SMALL_TRAINING)
    lines = [line for line in PAGE.splitlines() if line.startswith("ecosg-update ")]
    assert [line.split()[1] for line in lines] == ["train", "train", "score"]
    for line in lines:
        said = say(*line.split()[1:])
        assert said.code == 0, f"{line}\n{said.err}"
    assert "corine-l2" in said.out and "forest" in said.out


def test_the_page_on_patching_states_the_defaults_and_the_terms_of_the_code():
    page = (DOCS / "patching.md").read_text(encoding="utf-8")
    (stated,) = (tomllib.loads(text)["patch"] for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    assert checked(PatchSection, stated, "page") == PatchSection()
    assert all(f"| `{mode}`" in page for mode in get_args(Mode))
    assert f"q(c)^{LOOKS:g} " in page and f"prior of {STRENGTH:g} independent" in page and f"{SAMPLE_CELLS:,}" in page


def test_the_commands_of_the_page_on_files_run_and_its_list_of_products_is_whole(simulated, tmp_path, monkeypatch):
    page = (DOCS / "files.md").read_text(encoding="utf-8")
    (tmp_path / "demo").symlink_to(simulated[0])
    monkeypatch.chdir(tmp_path)
    lines = [line.split() for line in page.splitlines() if line.startswith("    ecosg-update ")]
    assert [line[1] for line in lines] == ["look", "look", "look", "export"]
    for line in lines:
        said = say(*line[1:])
        assert said.code == 0, said.err
    made = {path.name.replace("simulated_demo", "STEM") for path in (simulated[0] / "output").iterdir()}
    assert made <= set(re.findall(r"`(STEM[^`]*)`", page))


def test_the_page_on_comparing_states_the_names_and_the_numbers_of_the_code():
    page = (DOCS / "compare.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in page for name in NAMES)
    assert f"({LARGEST})" in page.replace("`--largest`, ", "") and f"at least {LAND:g}" in page
    assert f"{LOOK_CELLS / 1e6:.1f} million" in page and f"= {REFERENCE:g} m" in page and "1e-6" in page
    assert NOISE == 1e-6
