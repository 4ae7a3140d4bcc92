"""Surface reflectance brought back to the top of the atmosphere, for engines that were trained there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import SceneError
from ecosg_update.layers import Reflectance
from ecosg_update.scene.atmosphere import Atmosphere
from ecosg_update.scene.surround import Surround
from ecosg_update.scene.transfer import Coefficients, coefficients

if TYPE_CHECKING:
    from numpy.typing import NDArray


def toa(reflectance: Reflectance, atmosphere: Atmosphere, *, around: Surround | None = None) -> Reflectance:
    """The top-of-atmosphere reflectance (L1C) of surface reflectance (L2A); 0 where nothing was measured.

    around: the surroundings of the scene (`surround.whole`), whose light is scattered into the line of sight; without
    them, and where they are all cloud, each pixel counts as its own surroundings. Pixels are not mixed otherwise, and
    no value depends on the window. Raises SceneError for L1C input and for bands without constants (B09, B10).
    """
    if reflectance.level != "L2A":
        raise SceneError(f"top of atmosphere: found {reflectance.level} reflectance, expected L2A; use it as it is")
    values = np.empty_like(reflectance.values)
    for number, band in enumerate(reflectance.bands):
        ground = reflectance.values[number]
        nearby = ground if around is None else around.on(reflectance.grid, band)
        nearby = np.where(np.isnan(nearby), ground, nearby)
        values[number] = reflected(ground, nearby, coefficients(band, atmosphere))
    values[:, ~(reflectance.values != 0).any(axis=0)] = 0
    return replace(reflectance, values=values, level="L1C")


def reflected(ground: NDArray[np.float32], nearby: NDArray[np.float32], terms: Coefficients) -> NDArray[np.float32]:
    """What the satellite sees, float32 (y, x), as of `scene.transfer`. nearby: the mean around each pixel."""
    found: NDArray[np.float32] = np.float32(terms.direct) * ground
    found += np.float32(terms.diffuse) * nearby
    found *= np.float32(terms.gas * terms.down)
    found /= 1 - np.float32(terms.spherical_albedo) * nearby
    found += np.float32(terms.gas * terms.path)
    return found
