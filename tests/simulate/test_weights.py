"""The demo's checkpoint, tried on a landscape that its training never saw."""

import re
from pathlib import Path

import numpy as np
import pytest

from ecosg_update import simulate, tables
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.segment import predict
from ecosg_update.segment.checkpoint import load
from ecosg_update.simulate.landscape import CLASSES, landscape
from ecosg_update.simulate.product import write_safe

CHECKPOINT = Path(simulate.__file__).with_name("weights") / "demo.safetensors"
UNSEEN_SEED = 7


@pytest.fixture(scope="module")
def engine():
    return load(CHECKPOINT, on="cpu")


def test_the_card_says_that_the_training_was_simulated_and_for_what_it_is_no_use(engine):
    assert "SIMULATED" in engine.card.provenance
    assert "not for real scenes" in engine.card.notes
    assert engine.card.licence == "MIT"


def test_the_card_lists_every_class_of_its_legend_as_seen_or_never_seen(engine):
    unseen = set(tables.legend("corine-l3").codes) - set(CLASSES)
    listed = engine.card.notes.split("Never seen: ")[1].split(".")[0]
    assert {int(code) for code in listed.split(", ")} == unseen


def test_the_landscape_below_is_none_of_the_training(engine):
    first, last = re.search(r"seeds (\d+) to (\d+)", engine.card.provenance).groups()
    assert UNSEEN_SEED not in range(int(first), int(last) + 1)


def test_the_weights_are_smaller_than_three_megabytes():
    assert CHECKPOINT.stat().st_size < 3_000_000


def test_an_unseen_landscape_is_recognised(engine, tmp_path):
    land = landscape(UNSEEN_SEED, size=360)
    scene = open_scene(write_safe(land, tmp_path, seed=UNSEEN_SEED))
    codes = np.array(engine.legend.codes)
    with reader(scene, engine.card.bands, engine.card.pixel_m) as source:
        (right, valid), *rest = [_agreement(part, codes, land) for part in predict.strips(source, engine, size=360)]
    assert not rest
    assert valid > 0.8 * land.codes.size
    assert right / valid > 0.85


def _agreement(part, codes, land) -> tuple[int, int]:
    top = round((land.grid.bounds[3] - part.grid.bounds[3]) / 10)
    true = land.codes[top : top + part.grid.shape[0]]
    valid = part.share > 0
    return int((codes[part.values.argmax(axis=0)] == true)[valid].sum()), int(valid.sum())
