"""Class probabilities through a crosswalk: the legend changes, the grid and the sum do not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ecosg_update.crosswalk.context import alternatives
from ecosg_update.errors import GridError, TableError
from ecosg_update.layers import Context, Crosswalk, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Route(NamedTuple):
    """Where probability goes: the covers the base may keep, the covers the neighbours may offer, the default."""

    own: tuple[int, ...]
    around: tuple[int, ...]
    default: int


def covers(prediction: Prediction, crosswalk: Crosswalk, context: Context) -> Prediction:
    """The probabilities of the target legend, with sub-types by rule R1.

    The probability that the table gives to a cover goes, within the covers that the row's rules allow, to the
    original's own cover; else to the majority sub-type around the cell; else to the table's choice. What a
    source class says about the group is never altered, and the sum over classes is conserved.
    Raises TableError for another legend and GridError for another grid than the context's.
    """
    if prediction.legend != crosswalk.source:
        raise TableError(
            f"crosswalk: found a prediction in {prediction.legend.name}, expected {crosswalk.source.name}"
        )
    if prediction.grid != context.grid:
        raise GridError("crosswalk: prediction and context lie on different grids; aggregate to the context's grid")
    values = np.zeros((len(crosswalk.target), *context.grid.shape), np.float32)
    columns = np.arange(values[0].size)
    flat = values.reshape(len(values), -1)
    row_of = crosswalk.target.rows
    for route, shares in _routes(crosswalk, context.zone).items():
        probability = np.tensordot(shares, prediction.values, axes=1).ravel()
        flat[row_of[_landing(route, context)].ravel(), columns] += probability
    return Prediction(values, prediction.share, crosswalk.target, context.grid, prediction.origin)


def classes(prediction: Prediction, crosswalk: Crosswalk, *, zone: int = 0) -> Prediction:
    """The probabilities of the target legend by the table alone, without a context: for legends other than covers.

    Rules of sub-types are not looked at; on any grid. Raises TableError for another legend.
    """
    if prediction.legend != crosswalk.source:
        raise TableError(
            f"crosswalk: found a prediction in {prediction.legend.name}, expected {crosswalk.source.name}"
        )
    values = np.tensordot(crosswalk.weights[zone].T, prediction.values, axes=1)
    return Prediction(values, prediction.share, crosswalk.target, prediction.grid, prediction.origin)


def subtypes(prediction: Prediction, found: Prediction, crosswalk: Crosswalk, context: Context) -> NDArray[np.uint8]:
    """uint8 (y, x): the `Reason` of R1 or R2 where it chose the most probable cover, 0 elsewhere.

    found: what `covers` made of the prediction in this context. A rule chose where the table alone would have put
    another cover first: R1 where that cover is now the base's own, R2 where it is the majority's.
    """
    alone = classes(prediction, crosswalk, zone=context.zone).values.argmax(axis=0)
    best = found.values.argmax(axis=0)
    cover = np.array(found.legend.codes, np.uint8)[best]
    rule = np.where(cover == context.base, np.uint8(Reason.RULE_SUBTYPE), np.uint8(Reason.RULE_NEIGHBOURS))
    return np.where((best != alone) & (found.share > 0), rule, np.uint8(0))


def _routes(crosswalk: Crosswalk, zone: int) -> dict[_Route, NDArray[np.float32]]:
    """For each route, float32 (source,): the share of each source class that takes it."""
    routes: dict[_Route, NDArray[np.float32]] = defaultdict(lambda: np.zeros(len(crosswalk.source), np.float32))
    weights = crosswalk.weights[zone]
    for source, target in zip(*np.nonzero(weights), strict=True):
        default = crosswalk.target.codes[target]
        own = alternatives(crosswalk, crosswalk.inherit[zone][source], default)
        around = alternatives(crosswalk, crosswalk.neighbours[zone][source], default)
        routes[_Route(own, around, default)][source] += weights[source, target]
    return routes


def _landing(route: _Route, context: Context) -> NDArray[np.uint8]:
    """uint8 (y, x): the cover that the probability of a route lands on in each cell."""
    landing = np.full(context.base.shape, route.default, np.uint8)
    around = context.majority.get(route.around)
    if around is not None:
        np.copyto(landing, around, where=around > 0)
    np.copyto(landing, context.base, where=np.isin(context.base, route.own))
    return landing
