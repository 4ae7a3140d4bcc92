"""Scenes over real CORINE, and the proof of docs/proof-simulated.md in small: a network beats a forest by context."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from ecosg_update.errors import TableError
from ecosg_update.grid import GeoGrid
from ecosg_update.learning import config as learning
from ecosg_update.training import config as training
from tests.conftest import say, shared
from tools import simulated_corine
from tools.simulated_corine import ARRANGEMENTS, BANDS, PATTERNS, PLACES, Arrangement, Canvas

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "proof-simulated.md").read_text(encoding="utf-8")
SET, TRAINING = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
TOWN = {"muenster": replace(PLACES["muenster"], bounds=(399_700, 5_748_640, 409_700, 5_756_640))}
"""Half of Muenster and the land west of it: 500 x 400 pixels."""


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_gives_each_material_its_share(pattern):
    canvas = Canvas(np.random.default_rng(1), (301, 407))
    part = PATTERNS[pattern](canvas, 7, 0.3)
    assert part.shape == (301, 407)
    assert (part >= 0).all() and (part <= 1).all()
    assert (part < 0.3).mean() == pytest.approx(0.3, abs=0.03)
    assert (part < 0.65).mean() == pytest.approx(0.65, abs=0.04)


def test_rows_repeat_at_their_period_and_at_no_other():
    canvas = Canvas(np.random.default_rng(0), (60, 300))
    canvas.across = np.broadcast_to(np.arange(300, dtype=np.float32), (60, 300))
    stripes = (PATTERNS["rows"](canvas, 6, 0.5) < 0.5)[0]
    assert (stripes[6:] == stripes[:-6]).all()
    assert (stripes[3:] != stripes[:-3]).all()


def test_no_data_stays_no_data_and_the_seed_settles_the_rest():
    codes = np.full((50, 70), 211, np.int16)
    codes[10:20, 5:9] = 0
    one, again, other = (simulated_corine.reflectance(codes, seed=seed) for seed in (3, 3, 4))
    assert one.shape == (len(BANDS), 50, 70) and one.dtype == np.float32
    assert (one[:, 10:20, 5:9] == 0).all() and (one[:, codes > 0] > 0).all()
    np.testing.assert_array_equal(one, again)
    assert (one != other)[:, codes > 0].mean() > 0.99


def test_a_class_shows_all_its_materials_and_no_other():
    names = list(simulated_corine.spectra())
    codes = np.repeat(np.array([[211], [231], [523]], np.int16), 40, axis=0).repeat(150, axis=1)
    canvas = Canvas(np.random.default_rng(2), codes.shape)
    material = simulated_corine.materials(canvas, codes, names)
    found = {code: {names[number] for number in np.unique(material[codes == code])} for code in (211, 231, 523)}
    assert found == {code: set(ARRANGEMENTS[code].shares) for code in found}


@pytest.mark.parametrize("code", sorted(set(ARRANGEMENTS) - {312}))
def test_materials_alone_do_not_tell_a_class_at_level_2(code):
    """Conifers alone have a material of their own."""
    others = set().union(*(made.shares for other, made in ARRANGEMENTS.items() if other // 10 != code // 10))
    assert sum(share for name, share in ARRANGEMENTS[code].shares.items() if name in others) >= 0.4


def test_a_class_without_an_arrangement_and_shares_that_do_not_add_up_are_refused():
    with pytest.raises(TableError, match="class 335 has none"):
        simulated_corine.reflectance(np.full((9, 9), 335, np.int16), seed=0)
    with pytest.raises(TableError, match="shares of sum 1"):
        Arrangement("rows", 4, {"lake": 0.5})


@pytest.mark.parametrize("name", PLACES)
def test_each_class_of_a_place_has_an_arrangement(name):
    folder = shared("clc5_2018_muenster").parent
    grid = PLACES[name].grid()
    rows, cols = (size // 5 for size in grid.shape)
    coarse = GeoGrid(grid.crs, grid.transform @ Affine.scale(5), (rows, cols))
    held = set(np.unique(simulated_corine.codes_at(PLACES[name], coarse, folder)).tolist()) - {0}
    assert len(held) >= 15
    assert held <= set(ARRANGEMENTS)


@pytest.mark.parametrize(("text", "load"), [(SET, training.load), (TRAINING, learning.load)])
def test_the_configurations_of_the_page_are_valid(text, load, tmp_path):
    (tmp_path / "page.toml").write_text(text)
    assert load(tmp_path / "page.toml")


def smaller(text, **numbers):
    """A configuration with other numbers, each of which it has."""
    for name, number in numbers.items():
        assert re.search(rf"\b{name} = [\d.]+", text), name
        text = re.sub(rf"\b{name} = [\d.]+", f"{name} = {number}", text)
    return text


def test_a_network_beats_the_forest_on_blocks_that_neither_saw(tmp_path, monkeypatch):
    """The page's own files over one town, where the gain in accuracy holds in 95 % of redrawn sets of blocks."""
    folder = shared("clc5_2018_muenster").parent
    monkeypatch.chdir(tmp_path)
    simulated_corine.main(folder, tmp_path, TOWN)
    with rasterio.open("muenster.tif") as scene:
        assert scene.count == len(BANDS) and scene.res == (20, 20)
    _, two = re.findall(r"\[\[source\]\].*?\n\n", SET, re.DOTALL)
    assert "guadeloupe" in two
    small = smaller(SET.replace(two, ""), tile=32, side_km=2, margin_km=0.1, train=0.7, val=0.0)
    Path("set.toml").write_text(small.replace("DATA", str(folder)))
    Path("training.toml").write_text(smaller(TRAINING, steps=700, crop=32))
    for line in ("train prepare set.toml -o set", "train training.toml"):
        said = say(*line.split())
        assert said.code == 0, f"{line}\n{said.err}"
    said = say("score", "run/network.safetensors", "--data", "set", "--bootstrap", "200", "--json")
    assert said.code == 0, said.err
    report = json.loads(said.out)
    rows = {row["contestant"]: row for row in report["rows"] if row["part"]["kind"] == "all"}
    overlap = {name: row["scores"]["macro_iou"]["value"] for name, row in rows.items()}
    assert overlap["network"] > overlap["forest"] + 0.04 > overlap["majority"] + 0.3, overlap
    lost = {(pair["first"], pair["second"]): pair["gain"]["high"] for pair in report["pairs"]}
    assert lost["network", "forest"] < -0.02 and lost["network", "majority"] < -0.3, lost

    assert rows["network"]["blocks"] >= 5
