"""Rule R8: heath, grass and bog look alike from above; a map of peat or wetland tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.rules import HALF, Ruled, moved
from ecosg_update.layers import Context, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHRUBS, GRASSES, FLOODED_GRASS, FLOODED = 15, (16, 17, 18), 23, (22, 23)


def wetlands(prediction: Prediction, context: Context, share: NDArray[np.float32]) -> Ruled:
    """Heath on peat is flooded grassland (row 322 of the crosswalk), and so is grass where the original is flooded.

    share: float32 (y, x), the part of each cell that the mask covers. Grass on drained peat stays grass: pasture on
    a cutaway bog is no bog. Off the mask nothing moves, for a map of peat lacks the marshes.
    """
    wet = share >= HALF
    heath = moved(prediction, (SHRUBS,), np.where(wet, np.uint8(FLOODED_GRASS), np.uint8(0)), Reason.RULE_WETLANDS)
    bog = wet & np.isin(context.base, FLOODED)
    sedge = moved(
        heath.prediction, GRASSES, np.where(bog, np.uint8(FLOODED_GRASS), np.uint8(0)), Reason.RULE_WETLANDS
    )
    return Ruled(sedge.prediction, heath.touched | sedge.touched, Reason.RULE_WETLANDS)
