"""The sky over a simulated landscape: clouds, their shadows, the edge of the swath, and the scene classification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.simulate.noise import fractal, ranks
from ecosg_update.simulate.surface import BANDS, materials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.simulate.landscape import Landscape

SUN_ZENITH, SUN_AZIMUTH = 31.2, 155.0
"""Degrees; mid June near local noon at 53 N (declination 23.3)."""

CLOUD_BASE = 1200.0
"""Metres above ground: fair-weather cumulus."""

CLOUDY = 0.05
"""The part of the scene that clouds cover."""

CLOUD = np.array([0.62, 0.60, 0.58, 0.57, 0.58, 0.60, 0.61, 0.61, 0.61, 0.80, 0.36, 0.27], np.float32)
"""Reflectance of a thick cloud in the order of BANDS. Chosen: near the median of pixels of SCL 9 in a 60 m L2A
scene of western Ireland (October 2022), a little greyer in the visible and brighter in the short-wave infrared."""

SHADE = 0.55
"""The light that a thick cloud takes from its shadow."""

WEDGE = 0.22
"""The swath ends across the south-east corner: the part of each side that lacks data."""

NO_DATA, SHADOW, VEGETATION, BARE, MEDIUM_CLOUD, HIGH_CLOUD, CIRRUS = 0, 3, 4, 5, 8, 9, 10
"""Values of the scene classification (Sentinel-2 Products Specification Document, L2A)."""


@dataclass(frozen=True, eq=False)
class Sky:
    """cloud, shadow: float32 (y, x), 0..1, how much of each. valid: bool (y, x), inside the swath."""

    cloud: NDArray[np.float32]
    shadow: NDArray[np.float32]
    valid: NDArray[np.bool_]


def sky(shape: tuple[int, int], *, seed: int, pixel: float = 10.0) -> Sky:
    """Clouds over about `CLOUDY` of the scene, their shadows away from the sun, and a corner without data."""
    rng = np.random.default_rng((seed, 1))
    reach = CLOUD_BASE * np.tan(np.radians(SUN_ZENITH)) / pixel
    away = np.radians(SUN_AZIMUTH + 180)
    down, right = round(-reach * np.cos(away)), round(reach * np.sin(away))
    # Clouds outside the scene cast shadows into it: the field is larger by the length of a shadow.
    wide = (shape[0] + abs(down), shape[1] + abs(right))
    rank = ranks(fractal(rng, wide, wavelength=max(shape) / 9, slope=2.4), np.ones(wide, np.bool_))
    density = np.clip((rank - (1 - CLOUDY)) / (0.6 * CLOUDY), 0, 1).astype(np.float32)
    row, col = max(0, down), max(0, right)
    cloud = density[row : row + shape[0], col : col + shape[1]]
    shadow = density[row - down : row - down + shape[0], col - right : col - right + shape[1]]
    shadow = np.clip(shadow - cloud, 0, 1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    valid = (shape[0] - y) / shape[0] + (shape[1] - x) / shape[1] > WEDGE
    return Sky(cloud, shadow, valid)


def clear_sky(shape: tuple[int, int]) -> Sky:
    """No cloud, no shadow, the whole scene inside the swath."""
    empty = np.zeros(shape, np.float32)
    return Sky(empty, empty, np.ones(shape, np.bool_))


def seen_through(values: NDArray[np.float32], above: Sky) -> NDArray[np.float32]:
    """Reflectance (band, y, x) of `BANDS` as the satellite sees it: darker in shadow, white under cloud."""
    lit = values * (1 - SHADE * above.shadow)
    return np.asarray(lit + above.cloud * (CLOUD[:, None, None] - lit), np.float32)


def classified(land: Landscape, values: NDArray[np.float32], above: Sky) -> NDArray[np.uint8]:
    """The scene classification, uint8 (y, x), that an L2A processor would give at best.

    Land is vegetation or bare by its NDVI, water by the landscape; then shadow, cloud and no data over it.
    values: reflectance (band, y, x) of `BANDS` before the sky.
    """
    made_of = materials()
    scl = made_of.scl[made_of.rows(land.codes)]
    red, infrared = values[BANDS.index("B04")], values[BANDS.index("B08")]
    green = (infrared - red) > 0.4 * (infrared + red)
    scl = np.where((scl == VEGETATION) | (scl == BARE), np.where(green, VEGETATION, BARE), scl)
    scl[above.shadow > 0.15] = SHADOW
    scl[above.cloud > 0.02] = CIRRUS
    scl[above.cloud > 0.10] = MEDIUM_CLOUD
    scl[above.cloud > 0.60] = HIGH_CLOUD
    scl[~above.valid] = NO_DATA
    return scl.astype(np.uint8)
