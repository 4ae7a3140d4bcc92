"""Rule R5: which local climate zone a town is, by an LCZ prediction, else by sealing and building height."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.rules import Ruled, moved
from ecosg_update.errors import GridError, TableError
from ecosg_update.layers import Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOWNS = tuple(range(24, 34))
"""Covers of LCZ 1 to 10: LCZ n is cover 23 + n."""

LCZ_LEGEND = "lcz"

LEAST_TOWN = 0.1
"""An LCZ prediction with less than this on all built zones does not see the town and cannot say which it is. Ours."""

SPARSE_FRC, OPEN_FRC, COMPACT_FRC = 0.20, 0.45, 0.75
"""Sealed fraction from which a town is sparse, open, compact: 0.20 is the threshold of w2w (FRC_URB); 0.45 and 0.75
are midpoints of w2w's column for LCZ 9, 4-6 and 1-3 (crosswalk evidence R5 and table 2.1)."""

MID_M, HIGH_M = 10.0, 25.0
"""Building height from which a zone is mid-rise and high-rise, metres (w2w: LCZ 3 and 6 end at 10, 2 and 5 at 25)."""

SPARSE, OPEN, COMPACT, UNKNOWN = 0, 1, 2, 3
LOW, MID, HIGH = 0, 1, 2

BY_FORM = np.array([[32, 28, 27], [29, 28, 27], [26, 25, 24]], np.uint8)
"""The cover of each density (sparse, open, compact) and height (low, mid, high); tall and sparse is open."""

OWN_FORM = {
    int(cover): (density, height) for density in (OPEN, COMPACT) for height, cover in enumerate(BY_FORM[density])
} | {32: (SPARSE, LOW)}
"""Density and height that a cover itself stands for. Covers 30, 31 and 33 are of other kinds: sheds, halls, works."""

WITHOUT_HEIGHT = {SPARSE: 32, OPEN: 29, COMPACT: 25}
"""Where no height is known: what the crosswalk gives to CORINE 112 and 111."""


def towns_of_zones(prediction: Prediction, lcz: Prediction) -> Ruled:
    """A town's probability in the proportions of the LCZ 1 to 10 that were predicted there; the town's own sum stays.

    lcz: probabilities of the legend lcz on the same cells. Raises TableError for another legend and GridError for
    another grid.
    """
    zones = _zones(prediction, lcz)
    seen = zones.sum(axis=0)
    rows = [prediction.legend.index(cover) for cover in TOWNS]
    town = prediction.values[rows].sum(axis=0)
    told = (seen >= LEAST_TOWN) & (town > 0)
    shares = zones / np.where(told, seen, np.float32(1)) * town
    touched = told & (np.abs(shares - prediction.values[rows]).max(axis=0) > 1e-6)
    values = prediction.values.copy()
    values[rows] = np.where(touched, shares, prediction.values[rows])
    return Ruled(replace(prediction, values=values), touched, Reason.RULE_TOWNS)


def towns_of_best_zone(prediction: Prediction, lcz: Prediction) -> Ruled:
    """A town's whole probability on the most probable LCZ 1 to 10, so that it stays as probable as the town was.

    The proportions of `towns_of_zones` are what ensembles draw from; a decision by the single best cover would with
    them let crops of 0.4 win over a town of 0.6 that is of three zones. Arguments and errors as there.
    """
    zones = _zones(prediction, lcz)
    best = (zones.argmax(axis=0) + TOWNS[0]).astype(np.uint8)
    return moved(prediction, TOWNS, np.where(zones.sum(axis=0) >= LEAST_TOWN, best, np.uint8(0)), Reason.RULE_TOWNS)


def towns_of_form(
    prediction: Prediction, sealed: NDArray[np.float32] | None, height: NDArray[np.float32] | None
) -> Ruled:
    """A town's density by its sealed fraction and its height by its buildings, each where it is known.

    sealed: float32 (y, x), 0..1, not a number where unknown. height: float32 (y, x), mean height of the buildings
    in metres, not a number where there is none. What is not known is taken from the cover itself. Below
    `SPARSE_FRC` sealing does not speak: the raster may be older than the town.
    """
    shape = prediction.grid.shape
    density = np.full(shape, UNKNOWN) if sealed is None else _classed(sealed, (SPARSE_FRC, OPEN_FRC, COMPACT_FRC))
    tall = np.full(shape, UNKNOWN) if height is None else _classed(height, (0.0, MID_M, HIGH_M))
    touched = np.zeros(shape, np.bool_)
    for cover, (own_density, own_height) in OWN_FORM.items():
        dense = np.where(density == UNKNOWN, own_density, density)
        formed = BY_FORM[dense, np.where(tall == UNKNOWN, own_height, tall)]
        guess = (tall == UNKNOWN) & (dense != own_density)
        formed[guess] = np.array([WITHOUT_HEIGHT[one] for one in (SPARSE, OPEN, COMPACT)], np.uint8)[dense[guess]]
        ruled = moved(prediction, (cover,), formed, Reason.RULE_TOWNS)
        prediction, touched = ruled.prediction, touched | ruled.touched
    return Ruled(prediction, touched, Reason.RULE_TOWNS)


def _classed(values: NDArray[np.float32], edges: tuple[float, float, float]) -> NDArray[np.int64]:
    """0, 1, 2 by the edge that is reached; `UNKNOWN` below the first and where there is no value."""
    reached = np.digitize(np.nan_to_num(values, nan=-1.0), np.array(edges, np.float32)) - 1
    return np.where(reached < 0, UNKNOWN, reached)


def _zones(prediction: Prediction, lcz: Prediction) -> NDArray[np.float32]:
    """float32 (10, y, x): the probabilities of LCZ 1 to 10."""
    if lcz.legend.name != LCZ_LEGEND:
        raise TableError(f"towns: found a prediction in {lcz.legend.name}, expected lcz; use --engine so2sat-lcz")
    if lcz.grid != prediction.grid:
        raise GridError(f"towns: the LCZ prediction lies on {lcz.grid}, expected {prediction.grid}")
    zones: NDArray[np.float32] = lcz.values[[lcz.legend.index(zone) for zone in range(1, 11)]]
    return zones
