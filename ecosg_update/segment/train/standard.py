"""The normalisation that a set of samples asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample, absent, measured
from ecosg_update.segment.card import Standard

ENOUGH = 2000
"""Samples whose pixels tell the mean and the deviation of a set."""


def standard(samples: Sequence[Sample], *, logarithm: float = 0.0) -> Standard:
    """The mean and deviation of each band over the pixels that teach, of at most `ENOUGH` samples evenly chosen.

    Those are the labelled pixels; where a sample has none, all that hold data. A band that a sample lacks counts in
    the other samples alone. logarithm: see `Standard`. ModelError where a band has no such pixel.
    """
    count, mean, squares = np.zeros(1, np.int64), np.zeros(1), np.zeros(1)
    for number in evenly(len(samples), ENOUGH):
        pixels = _pixels(samples[number])  # (band, pixel)
        if logarithm:
            pixels = np.log(np.maximum(pixels, 0) + logarithm)
        if not pixels.size:
            continue
        there = ~absent(samples[number].values)
        own = there * pixels.shape[1]
        total = np.maximum(count + own, 1)
        apart = np.where(there, pixels.mean(axis=1) - mean, 0)  # Chan et al. 1979: no loss by cancellation
        squares = squares + np.where(there, pixels.var(axis=1), 0) * own + apart**2 * count * own / total
        count, mean = count + own, mean + apart * own / total
    if not count.all():
        lacking = f"band {count.argmin() + 1} of {len(count)}" if count.any() else "any band"
        raise ModelError(f"training: no labelled pixel of the samples has {lacking}; check labels and validity")
    deviation = np.sqrt(squares / count)
    means, deviations = (tuple(round(float(one), 5) for one in part) for part in (mean, deviation))
    return Standard(means, deviations, logarithm)


def evenly(total: int, most: int) -> list[int]:
    """At most `most` of the numbers from 0 to total - 1, evenly spread."""
    return [number * total // min(most, total) for number in range(min(most, total))]


def _pixels(sample: Sample) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    known = sample.labels != UNLABELLED
    if not known.any() and sample.present is not None:
        known = measured(sample.values)
    return sample.values[:, known].astype(np.float64)
