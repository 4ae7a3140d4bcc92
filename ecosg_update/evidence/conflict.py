"""Where an engine and the scene classification contradict each other about water, neither is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import GridError
from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.scene.mask import SceneClass

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETTLED = (SceneClass.VEGETATION, SceneClass.NOT_VEGETATED, SceneClass.WATER)
"""Scene classes that say whether a pixel is water; dark and unclassified pixels do not."""


def agreed(prediction: Prediction, kinds: NDArray[np.uint8]) -> Prediction:
    """The prediction without the pixels whose most probable class is water and the scene's is land, or the reverse.

    kinds: uint8 (y, x), the scene classification (SCL) on the prediction's pixels, 0 where there is none. Such
    pixels get share 0: an engine takes the shadow of a cloud that SCL missed for a lake, and on the wrong product
    level a lake for a wood, so that the cell keeps its base unless the rest of it is seen. Raises GridError for
    another shape.
    """
    if kinds.shape != prediction.share.shape:
        raise GridError(f"scene classes: found shape {kinds.shape}, expected {prediction.share.shape}")
    water = np.isin(prediction.values.argmax(axis=0), water_rows(prediction.legend))
    against = np.isin(kinds, SETTLED) & (water != (kinds == SceneClass.WATER))
    share = np.where(against, np.float32(0), prediction.share)
    values = np.where(share > 0, prediction.values, np.float32(0))
    return Prediction(values, share, prediction.legend, prediction.grid, prediction.origin)


def water_rows(legend: Legend) -> list[int]:
    """The array rows of the classes that the crosswalk takes to sea, lake or river."""
    crosswalk = tables.crosswalk(legend.name)
    wet = np.isin(crosswalk.target.columns["tile"], ("SEA", "WATER"))
    share: NDArray[np.float32] = crosswalk.weights[0][:, wet].sum(axis=1)
    return [int(row) for row in np.flatnonzero(share > 0.5)]
