"""Do probabilities mean something? Reliability bins that add up over blocks, and the expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 15
"""Guo et al. 2017, "On calibration of modern neural networks", arXiv:1706.04599."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """Pixels by the probability of the class that was said; bin i is [i, i + 1) / bins, the last one holds 1 too.

    count: int64 (bin,), pixels. right: int64 (bin,), those whose class is true. confidence: float64 (bin,), the sum
    of the probabilities.
    """

    count: NDArray[np.int64]
    right: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.count.shape == self.right.shape == self.confidence.shape or self.count.ndim != 1:
            raise TableError("reliability: bins of unequal number; take count, right and confidence of one call")

    @classmethod
    def empty(cls, bins: int = BINS) -> Reliability:
        """No pixel yet."""
        return cls(np.zeros(bins, np.int64), np.zeros(bins, np.int64), np.zeros(bins))

    def __add__(self, other: Reliability) -> Reliability:
        if len(self.count) != len(other.count):
            raise TableError(f"reliability: {len(self.count)} and {len(other.count)} bins do not add up")
        return Reliability(self.count + other.count, self.right + other.right, self.confidence + other.confidence)

    @property
    def error(self) -> float:
        """The expected calibration error 0..1: |confidence - accuracy| averaged over pixels; nan without a pixel.

        Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602.
        """
        total = self.count.sum()
        return float(np.abs(self.confidence - self.right).sum() / total) if total else float("nan")

    def bins(self) -> list[dict[str, float]]:
        """The bins that hold pixels: low, high, count, accuracy and mean confidence."""
        edges = np.linspace(0, 1, len(self.count) + 1)
        return [
            {
                "low": float(edges[at]),
                "high": float(edges[at + 1]),
                "count": int(self.count[at]),
                "accuracy": float(self.right[at] / self.count[at]),
                "confidence": float(self.confidence[at] / self.count[at]),
            }
            for at in np.flatnonzero(self.count)
        ]


def reliability(
    truth: NDArray[np.int16], said: NDArray[np.int16], confidence: NDArray[np.float32], *, bins: int = BINS
) -> Reliability:
    """The reliability of classes (rows of a legend, -1 for none) and of their probabilities, all of one shape.

    Pixels without truth or without a class are left out. Raises GridError where the shapes differ, TableError for
    probabilities outside 0..1 (a rounding of float32 sums apart).
    """
    if not truth.shape == said.shape == confidence.shape:
        raise GridError(
            f"reliability: found shapes {truth.shape}, {said.shape}, {confidence.shape}; bring all to one grid"
        )
    known = (truth >= 0) & (said >= 0)
    sure = confidence[known].astype(np.float64)
    if sure.size and not -1e-4 <= sure.min() <= sure.max() <= 1 + 1e-4:
        raise TableError(f"reliability: confidence from {sure.min()} to {sure.max()}, expected 0..1")
    place = np.clip((sure * bins).astype(np.intp), 0, bins - 1)
    right = (truth[known] == said[known]).astype(np.float64)
    return Reliability(
        np.bincount(place, minlength=bins).astype(np.int64),
        np.bincount(place, right, minlength=bins).astype(np.int64),
        np.bincount(place, sure, minlength=bins).astype(np.float64),
    )
