"""How often each sample is drawn, so that rare classes are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.training.entry import SPLITS, Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray


def weights(
    index: Sequence[Entry], codes: tuple[int, ...], trust: Sequence[float], *, power: float
) -> NDArray[np.float64]:
    """float64 (sample,), mean 1 in each split: the mean over a sample's content of frequency ** -power, times trust.

    The content is the shares of its labelled pixels, or, where none is labelled, the classes that are present in
    equal shares; the frequency that of the same content over the split. power 0 gives all the same weight, 1 makes
    each class equally frequent among what is drawn, as far as samples of several classes allow.
    """
    content = _content(index, codes)
    found = np.asarray(trust, np.float64).copy()
    for split in SPLITS:
        rows = np.array([line.split == split for line in index], np.bool_)
        if not rows.any():
            continue
        part = content[rows]
        frequency = part.mean(axis=0)
        rarity = np.where(frequency > 0, np.maximum(frequency, 1e-12) ** -power, 0.0)
        found[rows] *= part @ rarity
        total = found[rows].sum()
        found[rows] = found[rows] * (rows.sum() / total) if total > 0 else 1.0
    return found


def _content(index: Sequence[Entry], codes: tuple[int, ...]) -> NDArray[np.float64]:
    """float64 (sample, class), rows sum to 1."""
    content = np.zeros((len(index), len(codes)))
    for row, line in enumerate(index):
        if any(line.counts):
            content[row] = line.counts
        elif line.present:
            content[row] = np.isin(codes, line.present)
        else:
            content[row] = 1
    return np.asarray(content / content.sum(axis=1, keepdims=True), np.float64)
