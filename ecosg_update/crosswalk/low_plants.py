"""Rule R9: where the evidence cannot tell grass from crops, the original does.

Ours. From above pasture is a field like others, and an engine takes one for the other in places that it does not
know: of what `corine-light` calls arable land in regions that it never saw, 41 % is arable and 32 % pasture, and of
what Dynamic World calls crops there 61 % and 37 % (docs/default-engine.md). That low plants grow they know well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.rules import Ruled, moved
from ecosg_update.layers import Context, Prediction, Reason
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray


def covers(legend: Legend) -> tuple[int, ...]:
    """Grass and crops of every kind."""
    return tuple(sorted([*legend.members("group", "grassland"), *legend.members("group", "crops")]))


def low_plants(prediction: Prediction, context: Context, around: NDArray[np.uint8]) -> Ruled:
    """The probability of grass and crops goes to those of the original's cell, else to the most frequent around.

    Flooded grass of the original is such grass, too; where the evidence itself says flooded grass, that stays.
    around: uint8 (y, x), the most frequent of `covers` around each cell, 0 for none: there nothing moves.
    """
    legend = prediction.legend
    held = np.isin(context.base, legend.members("form", "low plants"))
    return moved(prediction, covers(legend), np.where(held, context.base, around), Reason.RULE_LOW_PLANTS)
