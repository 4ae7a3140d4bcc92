"""What a classifier of single pixels may know of a pixel: its bands, three indices, and how its surroundings vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import uniform_filter

from ecosg_update.errors import ModelError
from ecosg_update.sample import absent, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

INDICES = {"NDVI": ("B08", "B04"), "NDWI": ("B03", "B08"), "MNDWI": ("B03", "B11")}
"""(a - b) / (a + b). Vegetation: Rouse et al. 1974, NASA SP-351; open water: McFeeters 1996,
doi:10.1080/01431169608948714, and modified: Xu 2006, doi:10.1080/01431160600589179."""

WINDOWS = (3, 5)
"""Sides of the windows whose deviation is a feature, pixels."""


def spectral(values: NDArray[np.float32], bands: Sequence[str]) -> NDArray[np.float32]:
    """float32 (feature, y, x): the bands, and the indices that they allow. B8A stands in where B08 is absent.

    values: reflectance (band, y, x). An index of 0 / 0 is 0.
    """
    known = dict(zip(bands, values, strict=True))
    if not known:
        raise ModelError("features: no band was given; name the bands of the samples")
    known.setdefault("B08", known.get("B8A", np.empty(0, np.float32)))
    pairs = [pair for pair in INDICES.values() if all(known.get(band, np.empty(0)).size for band in pair)]
    indices = [_difference(known[one], known[other]) for one, other in pairs]
    return np.stack([*values, *indices])


def textured(values: NDArray[np.float32], bands: Sequence[str]) -> NDArray[np.float32]:
    """float32 (feature, y, x): `spectral`, and deviations of brightness and of the first index in each window.

    Brightness is the mean of the bands. A window counts the pixels inside the image that hold data. What an absent
    band (NaN) would tell is NaN, which trees take for missing.
    """
    found = spectral(values, bands)
    known, there = measured(values), ~absent(values)
    brightness = (values if there.all() else values[there]).mean(axis=0)
    layers = [brightness, *found[len(values) : len(values) + 1]]
    deviations = [deviation(layer, known, side=side) for layer in layers for side in WINDOWS]
    return np.concatenate([found, np.stack(deviations)])


def deviation(layer: NDArray[np.float32], measured: NDArray[np.bool_], *, side: int) -> NDArray[np.float32]:
    """float32 (y, x): the standard deviation of the measured pixels in a window of `side` pixels around each.

    0 where the window holds no measured pixel, NaN everywhere where the layer is.
    """
    if absent(layer):
        return np.full_like(layer, np.nan)
    known = np.where(measured, layer, 0).astype(np.float64)
    number, first, second = (
        uniform_filter(part, side, mode="constant") for part in (measured.astype(np.float64), known, known**2)
    )
    number = np.maximum(number, 0.5 / side**2)  # a window without data: its sums are 0
    variance = second / number - (first / number) ** 2
    found: NDArray[np.float32] = np.sqrt(np.maximum(variance, 0)).astype(np.float32)
    return found


def _difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """(one - other) / (one + other), within -1..1; 0 for 0 / 0."""
    total = one + other
    found = np.zeros_like(one)
    np.divide(one - other, total, out=found, where=total != 0)
    return found.clip(-1, 1)
