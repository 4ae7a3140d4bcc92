"""Rule R3: which crops, by a crop-type map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecosg_update.crosswalk.rules import Ruled, moved
from ecosg_update.layers import Prediction, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CROPS = (19, 20, 21)
"""Winter C3, summer C3 and C4 crops."""


def crops(prediction: Prediction, grown: NDArray[np.uint8]) -> Ruled:
    """The probability of crops goes to the kind that a crop-type map shows; how probable crops are stays.

    grown: uint8 (y, x), the crop cover on most of the cell's mapped cropland, 0 where none is mapped.
    """
    return moved(prediction, CROPS, grown, Reason.RULE_CROPS)
