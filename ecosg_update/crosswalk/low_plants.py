"""Rule R9: where the evidence cannot tell grass from crops, the original does.

Ours. From above pasture is a field like others, and an engine that was taught in few places takes one for the other
in the next: of what `corine-light` calls arable land in regions that it never saw, 41 % is arable and 32 % pasture
(docs/default-engine.md). That low plants grow there it knows well.
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
    """Grass, crops and flooded grass: the form "low plants" of Stewart and Oke 2012."""
    return tuple(sorted(legend.members("form", "low plants")))


def low_plants(prediction: Prediction, context: Context, around: NDArray[np.uint8]) -> Ruled:
    """The probability of all low plants goes to those of the original's cell, else to the most frequent around.

    around: uint8 (y, x), the most frequent of `covers` around each cell, 0 for none: there nothing moves.
    """
    plants = covers(prediction.legend)
    own = np.where(np.isin(context.base, plants), context.base, around)
    return moved(prediction, plants, own, Reason.RULE_LOW_PLANTS)
