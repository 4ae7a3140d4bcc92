"""A random forest on pixels: what a careful user would have without a network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from ecosg_update.baselines.drawn import Features, drawn_pixels
from ecosg_update.baselines.features import textured
from ecosg_update.errors import ModelError
from ecosg_update.legend import Legend
from ecosg_update.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREES = 200
PIXELS = 3000
"""Of each class that a forest is grown from, at most."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Grown trees: reflectance in, probabilities out."""

    trees: RandomForestClassifier
    features: Features
    bands: tuple[str, ...]
    legend: Legend

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities float32 (class, y, x), sum 1, of reflectance float32 (band, y, x)."""
        if len(values) != len(self.bands):
            raise ModelError(f"forest: found {len(values)} bands, expected {', '.join(self.bands)}")
        layers = self.features(values, self.bands)  # (feature, y, x)
        found = np.zeros((len(self.legend), *values.shape[1:]), np.float32)
        votes = self.trees.predict_proba(layers.reshape(len(layers), -1).T)  # (pixel, class that it knows)
        found[self.trees.classes_] = votes.T.reshape(-1, *values.shape[1:])
        return found


def grown(
    samples: Iterable[Sample],
    bands: Sequence[str],
    legend: Legend,
    *,
    features: Features = textured,
    trees: int = TREES,
    pixels: int = PIXELS,
    seed: int = 0,
    threads: int = 1,
) -> Forest:
    """A random forest (Breiman 2001, doi:10.1023/A:1010933404324) of the labelled pixels of the samples.

    pixels: at most so many of each class are drawn. One seed gives one forest, whatever `threads` is.
    Raises ModelError where no pixel has a label.
    """
    known, labels = drawn_pixels(samples, bands, features, most=pixels, seed=seed)
    if not labels.size:
        raise ModelError("forest: no pixel of the training samples has a label; check the split and its labels")
    classifier = RandomForestClassifier(trees, random_state=seed, n_jobs=threads)
    return Forest(classifier.fit(known, labels), features, tuple(bands), legend)
