"""What the rules of context share: probability moves between covers, and a cell remembers which rule moved it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.layers import Patch, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALF = 0.5
"""A mask holds in a cell if it covers at least so much of it."""


@dataclass(frozen=True, eq=False)
class Ruled:
    """What a rule made of a prediction. touched: bool (y, x), the cells whose probabilities it changed."""

    prediction: Prediction
    touched: NDArray[np.bool_]
    reason: Reason


Rule = Callable[[Prediction], Ruled]
"""A rule with everything but the prediction given."""


def moved(prediction: Prediction, origins: Sequence[int], destination: NDArray[np.uint8], reason: Reason) -> Ruled:
    """The probability of the covers `origins` goes, in each cell, to one cover; the sum over covers is conserved.

    destination: uint8 (y, x), the cover that receives, 0 where nothing moves. Applied twice, it moves nothing the
    second time. Raises GridError for a destination of another shape.
    """
    if destination.shape != prediction.grid.shape:
        raise GridError(f"rule: found cells of shape {destination.shape}, expected {prediction.grid.shape}")
    legend = prediction.legend
    rows = np.array([legend.index(cover) for cover in origins])
    held_by = prediction.values[rows]
    mass, holders = held_by.sum(axis=0), (held_by > 0).sum(axis=0)
    cells = np.flatnonzero((destination > 0) & (holders > 0))
    flat = prediction.values.reshape(len(legend), -1)
    to = legend.rows[destination.ravel()[cells]].astype(np.intp)
    total, held = mass.ravel()[cells], flat[to, cells]
    inside = np.isin(to, rows)
    moving = holders.ravel()[cells] > (inside & (held > 0))
    cells, to, total, held = cells[moving], to[moving], total[moving], np.where(inside, 0, held)[moving]
    touched = np.zeros(prediction.grid.shape, np.bool_)
    if not cells.size:
        return Ruled(prediction, touched, reason)
    values = prediction.values.copy()
    flat = values.reshape(len(legend), -1)
    flat[rows[:, np.newaxis], cells] = 0
    flat[to, cells] = held + total
    touched.ravel()[cells] = True
    return Ruled(replace(prediction, values=values), touched, reason)


def applied(
    prediction: Prediction, rules: Iterable[Rule], before: NDArray[np.uint8] | None = None
) -> tuple[Prediction, NDArray[np.uint8]]:
    """The prediction after the rules in turn, and which of them chose the most probable cover.

    The second is uint8 (y, x): the `Reason` of the last rule that changed the cell's most probable cover, 0 where
    none did. before: the same of rules that spoke already.
    """
    chosen = np.zeros(prediction.grid.shape, np.uint8) if before is None else before.copy()
    for rule in rules:
        ruled = rule(prediction)
        old, new = (one.values[:, ruled.touched].argmax(axis=0) for one in (prediction, ruled.prediction))
        where = np.flatnonzero(ruled.touched)[old != new]
        chosen.ravel()[where] = ruled.reason
        prediction = ruled.prediction
    return prediction, chosen


def recorded(patch: Patch, chosen: NDArray[np.uint8]) -> Patch:
    """The patch with the rule as the reason of each cell whose best cover a rule chose.

    chosen: what `applied` found. A cell that the policy kept for want of evidence or by protection keeps that reason.
    """
    by_rule = (chosen > 0) & np.isin(patch.reason, (Reason.CHANGED, Reason.UNCHANGED))
    if not by_rule.any():
        return patch
    return replace(patch, reason=np.where(by_rule, chosen, patch.reason))


def notes(patch: Patch) -> tuple[str, ...]:
    """How many cells each rule decided, one line a rule: for the manifest."""
    counts = np.bincount(patch.reason.ravel(), minlength=256)
    rules = [reason for reason in Reason if reason.name.startswith("RULE_") and counts[reason]]
    return tuple(
        f"rule R{reason - 40} ({reason.label.removeprefix('rule-')}): {counts[reason]} cells" for reason in rules
    )
