"""Put the default engine into the package, with a card that says how good it is on regions that it never saw.

    python tools/ship_engine.py DATA RUNS SCORES.json [FOLDER]

RUNS comes from tools/train_engine.py (all regions, and one run for each region without it), SCORES.json from
tools/score_real.py. The temperature is fitted on the answers of each run for the region that it never saw: at most
4,000 pixels of each. FOLDER: default ecosg_update/segment/shipped.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ecosg_update.sample import UNLABELLED, Sample, arranged
from ecosg_update.segment import checkpoint
from ecosg_update.segment.card import Card
from ecosg_update.segment.train.calibrate import answers, warmed
from tools.engine_set import TOLD
from tools.real_samples import L2, TEN, RealSample, everything
from tools.score_real import ENGINE, squared
from tools.train_engine import proof

NAME = "corine-light"
PIXELS = 4000
"""Of a region, that calibrate: no region drowns another."""
SILENT = 1000.0
"""Of a logit: more than any image moves it."""
NEVER = tuple(code for code in L2.codes if code not in TOLD)


def calibrated(card: Card, data: Path, runs: Path) -> Card:
    """The card with the temperature that all regions together ask for."""
    parts = [part for held, own in _by_region(data).items() for part in _unseen(held, own, runs)]
    found, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return warmed(card, found, labels)


def _unseen(
    held: str, own: Sequence[RealSample], runs: Path
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int16]]]:
    path = proof(runs, held)
    if path is None:
        return
    network, card = checkpoint.trained(path)
    samples = [_sample(one) for one in own]
    known = [one for one in samples if (one.labels != UNLABELLED).any()]
    if known:
        found, labels = answers(network, known, card)
        kept = np.random.default_rng(0).permutation(len(labels))[:PIXELS]
        yield found[kept], labels[kept]


def _sample(real: RealSample) -> Sample:
    given = squared(real).sample(2)
    labels = np.where(np.isin(given.labels, L2.rows[list(TOLD)]), given.labels, np.int16(UNLABELLED))
    return Sample(arranged(given.values, real.bands, TEN), labels)


def _by_region(data: Path) -> dict[str, list[RealSample]]:
    found: dict[str, list[RealSample]] = {}
    for real in everything(data):
        found.setdefault(real.region, []).append(real)
    return found


def notes(scores: dict[str, list[dict[str, Any]]], card: Card) -> str:
    """What a user must know: limits first, then the figures of each region."""
    lines = [
        "CORINE level 2 from Sentinel-2 L1C or L2A at 10 m; answers for squares of 40 m. Trained on little: "
        "EuroSAT, labelled pixels of Germany, Flanders, Slovenia and the classes that two teachers see; so it is for "
        "European lowlands in the growing season.",
        f"It never says {', '.join(map(str, NEVER))} (wetlands, mines, parks, mixed agriculture, bare ground, sea): "
        "those come from the crosswalk's context and from the original map. Permanent crops (22) were learned from "
        "red, green and blue alone, scrub (32) and industry (12) from few places: they are weak. Not for: snow, "
        "mountains, deserts, cloud.",
        "Share of right pixels, with 95 % intervals of blocks, on regions that the run which answered never saw:",
    ]
    for held, rows in scores.items():
        parts = [
            f"{row['grouping']} {_figure(row['scores']['accuracy'])}" for row in rows if row["contestant"] == ENGINE
        ]
        lines.append(f"{held}: {'; '.join(parts)}.")
    if card.reliability is not None:
        lines.append(
            f"Temperature {card.temperature:g}, fitted on those answers; expected calibration error "
            f"{card.reliability.ece:.3f} (before: {card.reliability.ece_before:.3f})."
        )
    return " ".join(lines)


def silenced(network: nn.Module, card: Card) -> None:
    """Lower the last layer's constants of the classes that nothing taught, so that no image can bring them out."""
    constants = network.get_submodule("head").get_parameter("bias")
    with torch.no_grad():
        for code in NEVER:
            constants[card.codes.index(code)] -= SILENT


def _figure(score: dict[str, float]) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}..{score['high']:.3f}]"


def main() -> None:
    """Write the pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("scores", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("ecosg_update/segment/shipped"))
    given = parser.parse_args()
    network, card = checkpoint.trained(given.runs / "all" / f"{ENGINE}.safetensors")
    silenced(network, card)
    card = calibrated(card, given.data, given.runs)
    scores = json.loads(given.scores.read_text(encoding="utf-8"))
    licences = sorted({real.licence for own in _by_region(given.data).values() for real in own})
    licence = "MIT; trained on data under: " + "; ".join([*licences, "MIT (EuroSAT)", "Apache-2.0 (Dynamic World)"])
    card = replace(card, notes=notes(scores, card), licence=licence, tells_low_plants=False)
    given.folder.mkdir(parents=True, exist_ok=True)
    print(checkpoint.save(network, card, given.folder / f"{NAME}.safetensors"))


if __name__ == "__main__":
    main()
