"""Rule R6: permanent snow only where the original has it nearby or a glacier mask does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.rules import Ruled, moved
from ecosg_update.layers import Context, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

SNOW, ROCK = 6, 5

SNOW_RADIUS_KM = 1.0
"""How far from the original's snow new snow may lie. Ours; the evidence asks for "within N km", and a cover of
300 m misplaces the rim of a glacier by a cell or two."""


def snow(prediction: Prediction, context: Context, lasting: NDArray[np.bool_]) -> Ruled:
    """Snow elsewhere hides the ground and says nothing of it: its probability goes to the original's own cover.

    lasting: bool (y, x), where permanent snow can be. Where the original has no cover either, bare rock.
    """
    hidden = np.where(context.base > 0, context.base, np.uint8(ROCK))
    return moved(prediction, (SNOW,), np.where(lasting, np.uint8(0), hidden), Reason.RULE_SNOW)
