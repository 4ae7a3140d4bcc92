"""How good a network is on samples that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment import losses
from ecosg_update.segment.card import Card
from ecosg_update.segment.engine import normalised
from ecosg_update.segment.gpu import repeatable
from ecosg_update.segment.train.batches import check
from ecosg_update.segment.train.recipe import Recipe
from ecosg_update.segment.train.standard import evenly

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 512
"""Pixels of a side that go through the network at once."""


def figures(network: nn.Module, samples: Sequence[Sample], card: Card, recipe: Recipe) -> dict[str, float]:
    """The loss, and how often the network is right, on at most `recipe.watch.samples` of the samples, evenly chosen.

    Of labelled pixels: loss (cross-entropy), accuracy, miou (mean over the classes that occur or are predicted).
    Where the recipe's objective is only what whole samples have: loss (binary cross-entropy), accuracy, f1 (the mean
    over the classes that occur). Empty where no sample knows. The network is in its mode again afterwards.
    """
    chosen = [samples[number] for number in evenly(len(samples), recipe.watch.samples)]
    for one in chosen:
        check(one, card)
    with evaluated(network):
        if recipe.objective.of_pixels or not recipe.objective.present:
            return _of_pixels(network, chosen, card)
        return _of_samples(network, chosen, card, recipe)


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """A block in which a network does not learn."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode(), repeatable():
            yield
    finally:
        network.train(training)


def tiles(sample: Sample) -> Iterator[Sample]:
    """A sample in parts of nearly equal sides of at most `SIDE` pixels."""
    height, width = sample.labels.shape
    for rows in _parts(height):
        for cols in _parts(width):
            yield Sample(np.ascontiguousarray(sample.values[:, rows, cols]), sample.labels[rows, cols])


def logits(network: nn.Module, sample: Sample, card: Card) -> Tensor:
    """float32 (class, y, x) on the network's device."""
    values = torch.from_numpy(np.ascontiguousarray(sample.values)).to(next(network.parameters()).device)
    found: Tensor = network(normalised(values[None], card))[0]
    return found.float()


def _of_pixels(network: nn.Module, samples: Sequence[Sample], card: Card) -> dict[str, float]:
    count = len(card.codes)
    confusion, loss = np.zeros((count, count), np.int64), 0.0
    for tile in (tile for sample in samples for tile in tiles(sample)):
        known = tile.labels != UNLABELLED
        if not known.any():
            continue
        found = logits(network, tile, card)
        labels = torch.from_numpy(tile.labels).long().to(found.device)
        loss += losses.cross_entropy(found[None], labels[None]).item() * int(known.sum())
        best: NDArray[np.int64] = found.argmax(dim=0).cpu().numpy()
        pairs = tile.labels[known].astype(np.int64) * count + best[known]
        confusion += np.bincount(pairs, minlength=count**2).reshape(count, count)
    total = int(confusion.sum())
    if not total:
        return {}
    right = np.diag(confusion)
    return {"loss": loss / total, "accuracy": float(right.sum() / total), "miou": _mean(right, _union(confusion))}


def _of_samples(network: nn.Module, samples: Sequence[Sample], card: Card, recipe: Recipe) -> dict[str, float]:
    rows = []
    for sample in samples:
        if sample.present is not None:
            log_yes, log_no = losses.pooled(logits(network, sample, card)[None], recipe.objective.pooling)
            rows.append((sample.present, log_yes[0].cpu().numpy(), log_no[0].cpu().numpy()))
    if not rows:
        return {}
    truth, yes, no = (np.stack(part) for part in zip(*rows, strict=True))  # (sample, class)
    found = yes > no
    both, either = (truth & found).sum(axis=0), (truth.sum(axis=0) + found.sum(axis=0)) / 2
    return {
        "loss": float(-np.where(truth, yes, no).mean()),
        "accuracy": float((truth == found).mean()),
        "f1": _mean(both, np.where(truth.any(axis=0), either, 0)),
    }


def _union(confusion: NDArray[np.int64]) -> NDArray[np.int64]:
    union: NDArray[np.int64] = confusion.sum(axis=0) + confusion.sum(axis=1) - np.diag(confusion)
    return union


def _mean(part: NDArray[np.int64], whole: NDArray[np.int64]) -> float:
    """The mean share over the classes of which there is a whole."""
    occurs = whole > 0
    return float((part[occurs] / whole[occurs]).mean())


def _parts(size: int) -> list[slice]:
    edges = np.linspace(0, size, -(-size // SIDE) + 1).round().astype(int).tolist()
    return [slice(start, stop) for start, stop in pairwise(edges)]
