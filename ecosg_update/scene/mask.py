"""Which pixels may vote: the scene classification, the classification mask, no data and saturation.

The scene classification (SCL) is Sen2Cor's. Sources: Sentinel-2 Level-2A Algorithm Theoretical Basis Document
(S2-PDGS-MPC-ATBD-L2A) and Products Specification Document, table of SCL values; names since baseline 04.00.
Value: votes or not, and why.

==  ====================  =====  ==================================================================
 0  no data               no     outside the swath
 1  saturated, defective  no     the value is not the ground's
 2  dark, cast shadow     yes    dark lakes and conifers are filed here; without their votes water is lost
 3  cloud shadow          no     the light is not that of the model
 4  vegetation            yes
 5  not vegetated         yes
 6  water                 yes
 7  unclassified          yes    mostly haze-free mixed ground; engines judge it better than a flag
 8  cloud, medium         no
 9  cloud, high           no
10  thin cirrus           no     shifts every band
11  snow or ice           no     hides the cover below; bright cloud is filed here and snow among clouds
==  ====================  =====  ==================================================================
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_DATA = 0
SATURATED = 65535
"""Stored values without a reflectance: `Special_Values` of MTD_MSIL2A.xml and MTD_MSIL1C.xml."""


class SceneClass(IntEnum):
    """The values of the scene classification."""

    NO_DATA = 0
    SATURATED = 1
    DARK = 2
    CLOUD_SHADOW = 3
    VEGETATION = 4
    NOT_VEGETATED = 5
    WATER = 6
    UNCLASSIFIED = 7
    CLOUD_MEDIUM = 8
    CLOUD_HIGH = 9
    CIRRUS = 10
    SNOW = 11


VOTING = (
    SceneClass.DARK,
    SceneClass.VEGETATION,
    SceneClass.NOT_VEGETATED,
    SceneClass.WATER,
    SceneClass.UNCLASSIFIED,
)

_VOTES = np.isin(np.arange(256), VOTING)


def votes(classes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """bool (y, x): the scene class of the pixel is ground that may vote; unknown values may not."""
    found: NDArray[np.bool_] = _VOTES[classes]
    return found


def measured(stored: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """bool (y, x): the stored value is a measurement, neither no data (0, nan, the file's own) nor saturated."""
    good: NDArray[np.bool_] = np.not_equal(stored, NO_DATA) & np.not_equal(stored, SATURATED)
    if stored.dtype.kind == "f":
        good &= np.isfinite(stored)
    if nodata is not None and not np.isnan(nodata):
        good &= stored != nodata
    return good
