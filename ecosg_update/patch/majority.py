"""The most probable class of a cell, with a tie rule that does not depend on the order of arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.layers import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

TIE = 1e-6
"""Probabilities that differ by no more are tied: float32 sums over a cell are not better than that."""


def majority(prediction: Prediction, base: NDArray[np.uint8] | None = None) -> NDArray[np.uint16]:
    """uint16 (y, x): the code of the most probable class, 0 where there is no evidence.

    Among tied classes the base's wins (uint8 (y, x), codes of the same legend), else the one of lowest
    `priority` in the legend.
    """
    legend = prediction.legend
    order = np.argsort(legend.priority, kind="stable")
    ranked = prediction.values[order]
    top = ranked.max(axis=0)
    first = (ranked >= top - TIE).argmax(axis=0)
    best = np.array(legend.codes, np.uint16)[order[first]]
    if base is not None:
        row = legend.rows[base]
        own = np.take_along_axis(prediction.values, np.maximum(row, 0).astype(np.intp)[np.newaxis], axis=0)[0]
        tied = (row >= 0) & (own >= top - TIE)
        best[tied] = base[tied]
    best[prediction.share == 0] = 0
    return best
