"""The normalisation that a set of samples asks for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Standard

ENOUGH = 2000
"""Samples whose pixels tell the mean and the deviation of a set."""


def standard(samples: Sequence[Sample]) -> Standard:
    """The mean and deviation of each band over the pixels that teach, of at most `ENOUGH` samples evenly chosen.

    Those are the labelled pixels; where a sample has none, all that hold data. ModelError where there are none.
    """
    count, mean, squares = 0, np.zeros(1), np.zeros(1)
    for number in evenly(len(samples), ENOUGH):
        pixels = _pixels(samples[number])  # (band, pixel)
        if not pixels.size:
            continue
        own, here = pixels.shape[1], pixels.mean(axis=1)
        apart = here - mean  # Chan et al. 1979: sums of squares of parts, without loss by cancellation
        squares = squares + pixels.var(axis=1) * own + apart**2 * count * own / (count + own)
        count, mean = count + own, mean + apart * own / (count + own)
    if not count:
        raise ModelError("training: no pixel of the samples has a label; check labels and validity")
    deviation = np.sqrt(squares / count)
    return Standard(tuple(round(float(m), 5) for m in mean), tuple(round(float(d), 5) for d in deviation))


def evenly(total: int, most: int) -> list[int]:
    """At most `most` of the numbers from 0 to total - 1, evenly spread."""
    return [number * total // min(most, total) for number in range(min(most, total))]


def _pixels(sample: Sample) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    known = sample.labels != UNLABELLED
    if not known.any() and sample.present is not None:
        known = (sample.values != 0).any(axis=0)
    return sample.values[:, known].astype(np.float64)
