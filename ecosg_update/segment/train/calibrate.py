"""Probabilities that mean something: one temperature for all logits, fitted on samples that were held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import nn

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Card, Reliability
from ecosg_update.segment.train.standard import evenly
from ecosg_update.segment.train.validate import evaluated, logits, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
"""Of the confidence, as Guo et al. 2017 (arXiv 1706.04599)."""
PIXELS = 200_000
"""Labelled pixels that are looked at, drawn evenly from all samples."""
SAMPLES = 500
HOTTEST = 20.0
"""The temperature is sought between this and its inverse."""


def calibrated(network: nn.Module, samples: Sequence[Sample], card: Card, *, seed: int = 0) -> Card:
    """The card with the temperature that makes held-out labels likeliest, and how reliable the network then is.

    ModelError where no pixel of the samples has a label.
    """
    found, labels = answers(network, samples, card, seed=seed)
    return warmed(card, found, labels)


def warmed(card: Card, found: NDArray[np.floating], labels: NDArray[np.integer]) -> Card:
    """The card with the temperature and the reliability of logits (pixel, class) against labels (pixel,)."""
    heat = temperature(found, labels)
    before, after = reliability(found, labels), reliability(found / heat, labels)
    return replace(card, temperature=round(heat, 4), reliability=replace(after, ece_before=before.ece))


def temperature(answers: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """What logits (pixel, class) are divided by so that labels (pixel,) get the lowest cross-entropy."""
    wide = answers.astype(np.float64)
    edge = np.log(HOTTEST)

    def cost(heat: float) -> float:
        chances = log_softmax(wide / np.exp(heat), axis=1)
        return float(-np.take_along_axis(chances, labels[:, None].astype(np.int64), axis=1).mean())

    found = minimize_scalar(cost, bounds=(-edge, edge), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def reliability(answers: NDArray[np.floating], labels: NDArray[np.integer]) -> Reliability:
    """The reliability of logits (pixel, class) against labels (pixel,), in `BINS` bins, left edges excluded."""
    chances = np.exp(log_softmax(answers.astype(np.float64), axis=1))
    confidence, right = chances.max(axis=1), chances.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    pixels = np.bincount(place, minlength=BINS)
    sure = np.bincount(place, weights=confidence, minlength=BINS) / np.maximum(pixels, 1)
    share = np.bincount(place, weights=right, minlength=BINS) / np.maximum(pixels, 1)
    error = float((np.abs(sure - share) * pixels).sum() / max(1, pixels.sum()))
    return Reliability(
        round(error, 5),
        round(error, 5),
        tuple(pixels.tolist()),
        tuple(round(float(value), 4) for value in sure),
        tuple(round(float(value), 4) for value in share),
    )


def answers(
    network: nn.Module, samples: Sequence[Sample], card: Card, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Logits (pixel, class) and labels (pixel,) of at most about `PIXELS` labelled pixels; ModelError for none."""
    rng, chosen = np.random.default_rng(seed), evenly(len(samples), SAMPLES)
    quota = -(-PIXELS // max(1, len(chosen)))
    logits_, labels = [], []
    with evaluated(network):
        for number in chosen:
            found, known = _known(network, samples[number], card)
            kept = rng.permutation(len(known))[:quota]
            logits_.append(found[kept])
            labels.append(known[kept])
    if not sum(map(len, labels)):
        raise ModelError("calibration: no pixel of the held-out samples has a label; name another split")
    return np.concatenate(logits_), np.concatenate(labels)


def _known(network: nn.Module, sample: Sample, card: Card) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    answers, labels = [np.zeros((0, len(card.codes)), np.float32)], [np.zeros(0, np.int16)]
    for tile in tiles(sample):
        known = tile.labels != UNLABELLED
        if known.any():
            found = logits(network, tile, card)[:, torch.from_numpy(known)]  # (class, pixel)
            answers.append(found.T.cpu().numpy())
            labels.append(tile.labels[known])
    return np.concatenate(answers), np.concatenate(labels)
