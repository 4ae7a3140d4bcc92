"""Pixels drawn from samples that stream past: as many of each class, each with the same chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

Features = Callable[["NDArray[np.float32]", Sequence[str]], "NDArray[np.float32]"]
"""Of reflectance (band, y, x) and the names of its bands: float32 (feature, y, x)."""


def drawn_pixels(
    samples: Iterable[Sample], bands: Sequence[str], features: Features, *, most: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Features float32 (pixel, feature) and labels int16 (pixel,) of at most `most` pixels a class.

    Memory: what is kept and one sample. Each pixel draws a random key, the smallest keys of a class are kept.
    """
    rng = np.random.default_rng(seed)
    kept: dict[int, tuple[NDArray[np.float64], NDArray[np.float32]]] = {}
    for sample in samples:
        known = sample.labels >= 0
        if not known.any():
            continue
        pixels = features(sample.values, bands)[:, known].T  # (pixel, feature)
        labels, keys = sample.labels[known], rng.random(np.count_nonzero(known))
        for label in np.unique(labels).tolist():
            own = labels == label
            kept[label] = _smallest(kept.get(label), (keys[own], pixels[own]), most)
    if not kept:
        return np.zeros((0, 0), np.float32), np.zeros(0, np.int16)
    order = sorted(kept)
    labels = np.concatenate([np.full(len(kept[label][0]), label, np.int16) for label in order])
    return np.concatenate([kept[label][1] for label in order]), labels


Keyed = tuple["NDArray[np.float64]", "NDArray[np.float32]"]


def _smallest(before: Keyed | None, new: Keyed, most: int) -> Keyed:
    keys, pixels = new
    if before is not None:
        keys, pixels = np.concatenate([before[0], keys]), np.concatenate([before[1], pixels])
    if len(keys) <= most:
        return keys, pixels
    least = np.argpartition(keys, most)[:most]
    return keys[least], pixels[least]
