"""The cover of a cell as a posterior: what the image says, weighed with what the base says and how far it errs.

Let c be the true cover of a cell, b the cover that the base shows, s the share of the cell that was seen, and
q(c) the probability that the engine, the crosswalk and rule R1 give, from the seen part. Assumed is:

1. Given c, image and base are independent: an engine never sees the base, and the base is older than the image.
2. q is the engine's posterior under the frequencies of its training, and these are the region's: no correction
   for another mix of covers is made.
3. ECOCLIMAP-SG gives a cell one pure cover, and q is a mean over the cell. The cell is worth `LOOKS` independent
   looks at that cover, so that what the image says of c is proportional to q(c) ** LOOKS: a cell that is 60 % wood
   for certain is wood with more than 60 %.
4. Within a family of covers the base has spoken already (rule R1 gives probability to the base's own sub-type), and
   is not heard twice: over the seen part it speaks by P(family of b | family of c). Where R1 inherits across
   families (towns, water), its voice is counted up to twice there.
5. What was not seen is as the base says, with its errors.

Over the seen part, Bayes' rule then gives

    p(c | seen) = q(c)**LOOKS P(family b | family c) / sum over c of the same

over the unseen part p(c | b) = P(b | c) P(c) / sum, and for the cell, as a point in it lies in the seen part with
probability s,

    p(c) = s p(c | seen) + (1 - s) p(c | b).

Without evidence (s = 0) that is the base and its doubt; a certain engine over a whole cell is itself; under a base
that says nothing (equal rates) the best cover is the engine's. A patch decided by fixed rates and patched again is
unchanged where P(c|c) P(d'|d) >= P(c|d) P(d'|c) for every other base d': its own cover is the best argument for a
cover, as in the shipped table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.layers import CoverMap, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.patch.confusion import Belief

LOOKS = 4.0
"""Independent looks at a fully seen cell. Ours: on simulated landscapes three to eight serve alike, and fewer looks
forgive more of an engine's errors (docs/patching.md)."""


def posterior(prediction: Prediction, base: CoverMap, belief: Belief) -> Prediction:
    """The posterior of each cell: float32 (class, y, x), sums to 1 wherever the base or the image says anything.

    prediction: covers on the base's grid and legend. Its `share` here is 1 where anything is known, else 0. Cells
    without a cover in the base are as the image says.
    """
    row = base.legend.rows[base.codes]
    held = row >= 0
    seen = _normal(sharpened(prediction.values) * _rows(belief.rates.T, 1.0, row))
    mixed = np.where(held, prediction.share, prediction.share > 0).astype(np.float32)
    values = mixed * seen + (1 - mixed) * _rows(belief.of_base, 0.0, row)
    known = (held | (prediction.share > 0)).astype(np.float32)
    return Prediction(values.astype(np.float32), known, prediction.legend, prediction.grid, prediction.origin)


def sharpened(values: NDArray[np.float32], looks: float = LOOKS) -> NDArray[np.float32]:
    """q ** looks of probabilities (class, ...), scaled so that the best is 1; 0 stays 0, and so do cells of 0."""
    best = values.max(axis=0, initial=0.0)
    return np.asarray((values / np.where(best > 0, best, 1)) ** np.float32(looks), np.float32)


def entropy(prediction: Prediction) -> NDArray[np.float32]:
    """The entropy of each cell, float32 (y, x), bits: 0 for certain, log2 of all classes where nothing is known."""
    found = np.full(prediction.grid.shape, np.log2(len(prediction.legend)), np.float32)
    known = prediction.share > 0
    values = prediction.values[:, known]
    bits = -(values * np.log2(np.where(values > 0, values, 1))).sum(axis=0)
    found[known] = np.maximum(bits, 0)
    return found


def likeliest_other(prediction: Prediction, held: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The most probable cover but the one that each cell holds, uint8 (y, x); 0 where no other is possible.

    Of equals the first in the legend's order.
    """
    values = prediction.values.copy()
    row = prediction.legend.rows[held].astype(np.intp)
    inside = np.take_along_axis(values, np.maximum(row, 0)[np.newaxis], axis=0)
    np.put_along_axis(values, np.maximum(row, 0)[np.newaxis], np.where(row >= 0, -1, inside), axis=0)
    best = values.argmax(axis=0)
    codes = np.array(prediction.legend.codes, np.uint8)[best]
    return np.where(values.max(axis=0) > 0, codes, np.uint8(0))


def _rows(table: NDArray[np.float64], otherwise: float, row: NDArray[np.int16]) -> NDArray[np.float32]:
    """float32 (class, y, x): the row of a table (base's class, class) for each cell; a constant where it is -1."""
    whole = np.vstack([table, np.full((1, table.shape[1]), otherwise)])
    return whole.T.astype(np.float32)[:, row]


def _normal(values: NDArray[Any]) -> NDArray[Any]:
    """Values (class, y, x) as parts of their sum, 0 where that is 0."""
    total = values.sum(axis=0)
    return np.asarray(values / np.where(total > 0, total, 1))
