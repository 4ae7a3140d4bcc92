"""Train the small network of the demo on simulated landscapes and write it with its card.

    python tools/make_demo_checkpoint.py [FOLDER]

FOLDER: default ecosg_update/simulate/weights. Landscapes are written as SAFE products and read back by the
scene reader, so that the network sees what a user's scene goes through. Takes some minutes on one CPU thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from ecosg_update import tables
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.segment.card import Card
from ecosg_update.segment.checkpoint import save
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.engines import build, design
from ecosg_update.segment.train import Extras, Recipe, Step, standard, train
from ecosg_update.simulate.landscape import CLASSES, SIZE, landscape
from ecosg_update.simulate.product import write_safe

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
LEGEND = "corine-l3"
ENGINE = "small_unet"
TRAINING_SEEDS = range(100, 106)
SIDE = 720
"""Pixels along each side of a training landscape; the test landscapes have the size of the demo."""
TEST_SEEDS = (200,)
"""A landscape that training never sees; the demo's own seed is none of them either."""

RECIPE = Recipe(steps=1200, batch=6, crop=64)
LEVELS = {"level 3 (17 classes that occur)": 1, "level 2": 10, "level 1": 100}


def sample(seed: int, *, size: int) -> Sample:
    """A simulated overpass over the landscape of a seed, read back from its SAFE, with the true classes."""
    land = landscape(seed, size=size)
    with TemporaryDirectory() as folder:
        scene = open_scene(write_safe(land, Path(folder), seed=seed))
        with reader(scene, BANDS, 10) as source:
            rows, cols = source.grid.shape
            seen = source.read(slice(0, rows), slice(0, cols))
    labels = tables.legend(LEGEND).rows[land.codes]
    return Sample(seen.values, np.where(seen.valid, labels, UNLABELLED).astype(np.int16))


def accuracies(engine: Engine, tests: Sequence[Sample]) -> dict[str, float]:
    """The share of valid pixels whose class is right, at each level of CORINE."""
    codes = np.array(engine.legend.codes)
    right = dict.fromkeys(LEVELS, 0)
    total = 0
    for test in tests:
        known = test.labels != UNLABELLED
        found, true = codes[engine(test.values).argmax(axis=0)[known]], codes[test.labels[known]]
        total += int(known.sum())
        for name, divisor in LEVELS.items():
            right[name] += int((found // divisor == true // divisor).sum())
    return {name: number / total for name, number in right.items()}


def untrained_card(samples: Sequence[Sample]) -> Card:
    """The card before anything is measured."""
    plan = design(ENGINE)
    unseen = sorted(set(tables.legend(LEGEND).codes) - set(CLASSES))
    return Card(
        engine=ENGINE, bands=BANDS, level="L2A", pixel_m=10.0, normalisation=standard(samples),
        legend=LEGEND, codes=tables.legend(LEGEND).codes, halo=plan.halo, stride=plan.stride, seamless=plan.seamless,
        provenance=(
            f"Trained on SIMULATED Sentinel-2 L2A scenes only: landscapes with seeds {TRAINING_SEEDS.start} to "
            f"{TRAINING_SEEDS.stop - 1} of ecosg_update.simulate, {RECIPE.steps} steps of {RECIPE.batch} crops of "
            f"{RECIPE.crop} x {RECIPE.crop} pixels, seed {RECIPE.seed}, by tools/make_demo_checkpoint.py"
        ),
        licence="MIT",
        notes=(
            "SIMULATED training: for the demo, not for real scenes. "
            f"Classes in training: {', '.join(map(str, CLASSES))}. Never seen: {', '.join(map(str, unseen))}."
        ),
    )  # fmt: skip


def main(folder: Path) -> None:
    """Train, measure, write."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    samples = [sample(seed, size=SIDE) for seed in TRAINING_SEEDS]
    _say(f"{len(samples)} landscapes in {time.perf_counter() - started:.0f} s")
    card = untrained_card(samples)
    torch.manual_seed(RECIPE.seed)
    network = build(card.engine, len(card.bands), len(card.codes))
    started = time.perf_counter()
    trained = train(network, samples, card, recipe=RECIPE, extras=Extras(report=_progress))
    _say(f"trained in {time.perf_counter() - started:.0f} s, loss {np.mean(trained.losses[-50:]):.3f}")
    engine = Engine(trained.network, card, tables.legend(LEGEND), torch.device("cpu"))
    measured = accuracies(engine, [sample(seed, size=SIZE) for seed in TEST_SEEDS])
    figures = "; ".join(f"{name} {value:.3f}" for name, value in measured.items())
    seeds = ", ".join(map(str, TEST_SEEDS))
    notes = f"{card.notes} Share of right valid pixels on an unseen simulated landscape (seed {seeds}): {figures}."
    folder.mkdir(parents=True, exist_ok=True)
    save(trained.network, replace(card, notes=notes), folder / "demo.safetensors")
    _say(notes)


def _progress(step: Step) -> None:
    if step.number % 100 == 0:
        _say(f"step {step.number}: loss {step.loss:.3f}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("ecosg_update/simulate/weights"))
