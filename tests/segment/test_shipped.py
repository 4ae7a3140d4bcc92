"""The engine that comes with the package, on real scenes that its training never saw."""

import numpy as np
import pytest
import rasterio

from ecosg_update.scene import atmosphere, surround
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.scene.toa import toa
from ecosg_update.segment.engines import design
from ecosg_update.segment.weights import SHIPPED, shipped
from tests.conftest import shared
from tests.segment.scenes import punjab

LAKE = slice(300, 450), slice(700, 850)
"""Lough Derg on the 60 m grid of tile 29UNU."""
TRAINED = (11, 12, 21, 22, 23, 31, 32, 51)


@pytest.fixture(scope="module")
def engine():
    return shipped(on="cpu")


def codes(engine, values) -> np.ndarray:
    """The code of every pixel."""
    return np.array(engine.card.codes)[engine(np.ascontiguousarray(values)).argmax(axis=0)]


@pytest.fixture(scope="module")
def ireland(engine):
    """Reflectance of the lake and its shores at 10 m, by level, and the scene classification at 60 m."""
    scene = open_scene(next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE")))
    bands, stand_ins = engine.card.bands, {"B08": "B8A"}
    window = [slice(6 * side.start, 6 * side.stop) for side in LAKE]
    with reader(scene, bands, 10.0, resample=True, stand_ins=stand_ins) as fine:
        surface = fine.read(*window)
    with reader(scene, bands, 60.0, resample=True, stand_ins=stand_ins) as coarse:
        around = surround.whole(coarse)
    air, _ = atmosphere.over(scene)
    with rasterio.open(next(scene_file for scene_file in _files() if "SCL_60m" in scene_file.name)) as file:
        classification = file.read(1)[LAKE]
    return {"L2A": surface.values, "L1C": toa(surface, air, around=around).values}, classification


def _files():
    return sorted(shared("safe_l2a_29UNU_N0400").rglob("*.jp2"))


def test_it_is_small_and_its_card_says_what_it_eats_and_cannot_say(engine):
    card = engine.card
    assert SHIPPED.stat().st_size + SHIPPED.with_suffix(".json").stat().st_size < 8e6
    assert (card.level, card.pixel_m, card.legend, card.seamless) == ("any", 10.0, "corine-l2", True)
    assert (card.halo, card.stride) == (design(card.engine).halo, design(card.engine).stride)
    never = [code for code in card.codes if code not in TRAINED]
    assert all(str(code) in card.notes for code in never) and "interval" in card.notes
    assert card.reliability is not None and card.reliability.ece < 0.1


def test_it_never_says_what_nothing_taught_it(engine):
    rng = np.random.default_rng(0)
    scale = rng.choice([0.01, 0.1, 0.5], (10, 12, 12)).repeat(16, 1).repeat(16, 2)
    values = rng.exponential(scale).astype(np.float32)
    assert set(np.unique(codes(engine, values))) <= set(TRAINED)
    never = [row for row, code in enumerate(engine.card.codes) if code not in TRAINED]
    assert engine(values)[never].max() < 1e-6


def test_it_does_without_any_band_but_red_green_and_blue(engine):
    values = np.full((len(engine.card.bands), 40, 40), np.nan, np.float32)
    for band, level in {"B02": 0.06, "B03": 0.05, "B04": 0.03}.items():
        values[engine.card.bands.index(band)] = level
    assert np.isfinite(engine(values)).all()


@pytest.mark.parametrize("level", ["L2A", "L1C"])
def test_dark_lakes_of_october_are_water_on_both_levels(engine, ireland, level):
    """The tests' L1C is the L2A product seen through the air that its own maps tell: no L1C product is at hand."""
    values, classification = ireland
    lake, plants = classification == 6, classification == 4
    water = (codes(engine, values[level]) == 51).reshape(150, 6, 150, 6).mean(axis=(1, 3))
    assert lake.sum() > 1000 and water[lake].mean() > 0.95
    assert plants.sum() > 1000 and water[plants].mean() < 0.08


def test_one_overpass_gets_the_same_classes_on_both_levels(engine):
    bands = engine.card.bands
    above, below = (codes(engine, punjab(bands, level)) for level in ("L1C", "L2A"))
    assert (above == below).mean() > 0.95
    assert ((above // 10) == (below // 10)).mean() > 0.95
