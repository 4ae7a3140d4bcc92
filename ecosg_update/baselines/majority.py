"""The majority class: what is right most often without looking."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.legend import Legend
from ecosg_update.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Shares:
    """The shares of the classes in the training data, said of every pixel. shares: float32 (class,), sum 1."""

    shares: NDArray[np.float32]
    legend: Legend

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities float32 (class, y, x), the same everywhere, of reflectance float32 (band, y, x)."""
        shape = (len(self.shares), *values.shape[1:])
        return np.broadcast_to(self.shares[:, None, None], shape).copy()


def shares(samples: Iterable[Sample], legend: Legend) -> Shares:
    """The shares of the classes among the labelled pixels; ModelError where no pixel has a label."""
    counts = np.zeros(len(legend), np.int64)
    for sample in samples:
        counts += np.bincount(sample.labels[sample.labels >= 0], minlength=len(legend))
    if not counts.any():
        raise ModelError("majority: no pixel of the training samples has a label; check the split and its labels")
    return Shares((counts / counts.sum()).astype(np.float32), legend)
