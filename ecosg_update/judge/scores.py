"""What a confusion matrix says, in the figures of the field.

The convention for 0/0 is nan, never 0 or 1: a score of something that does not occur is not defined and enters no
mean. Producer's accuracy (recall) is not defined for a class without truth, user's accuracy (precision) for one that
was never said, F1 and IoU for one that has neither; overall accuracy without a pixel; kappa where chance alone agrees
fully. Means over classes leave undefined ones out, as scikit-learn's do with `zero_division=nan`.

Sources: Congalton 1991, doi:10.1016/0034-4257(91)90048-B (producer's, user's and overall accuracy); Cohen 1960,
doi:10.1177/001316446002000104 (kappa).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PER_CLASS = ("producer", "user", "f1", "iou")
OVERALL = (
    "accuracy",
    "kappa",
    *(f"{mean}_{score}" for mean in ("macro", "weighted") for score in PER_CLASS),
)
"""The names of the overall scores. macro: each class counts the same; weighted: as often as it is true (by area)."""


def class_scores(counts: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
    """Producer's and user's accuracy, F1 and IoU, float64 (..., class), nan where not defined.

    counts: (..., truth, said + 1) as `Confusion.counts`; leading axes (replicates) are kept.
    """
    true = counts.sum(axis=-1)  # (..., class)
    said = counts[..., :-1].sum(axis=-2)
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return {
        "producer": _ratio(right, true),
        "user": _ratio(right, said),
        "f1": _ratio(2 * right, true + said),
        "iou": _ratio(right, true + said - right),
    }


def overall_scores(counts: NDArray[np.integer]) -> dict[str, NDArray[np.float64]]:
    """The scores of `OVERALL`, float64 (...), nan where not defined. counts: as of `class_scores`."""
    true = counts.sum(axis=-1).astype(np.float64)  # (..., class)
    said = counts[..., :-1].sum(axis=-2).astype(np.float64)
    total = true.sum(axis=-1)
    right = np.trace(counts, axis1=-2, axis2=-1)
    accuracy = _ratio(right, total)
    chance = _ratio((true * said).sum(axis=-1), total**2)
    found = {"accuracy": accuracy, "kappa": _ratio(accuracy - chance, 1 - chance)}
    by_class = class_scores(counts)
    found |= {f"macro_{name}": _mean(values, np.ones_like(true)) for name, values in by_class.items()}
    return found | {f"weighted_{name}": _mean(values, true) for name, values in by_class.items()}


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weighted mean over the last axis of what is defined."""
    defined = ~np.isnan(values)
    return _ratio((np.where(defined, values, 0) * weights).sum(axis=-1), (weights * defined).sum(axis=-1))


def _ratio(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    """part / whole, nan for 0/0."""
    found: NDArray[np.float64] = np.full(np.broadcast(part, whole).shape, np.nan)
    np.divide(part, whole, out=found, where=whole != 0)
    return found
