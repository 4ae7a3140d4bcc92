"""How a training set stores reflectance: whole numbers of 0.0001, as Sentinel-2 itself does, two bytes each.

0 in all bands of a pixel is no data; 0 in all pixels of a band, where another band has data, says that the band is
absent. No measured value is stored as 0, so no third meaning is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.sample import absent, measured

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTIFICATION = 10_000
OFFSET = 1_000
"""Stored = 10,000 x reflectance + 1,000: -0.0999 (dark water after correction) to 6.45 (glint) fit; 0 is none."""

HIGHEST = np.iinfo(np.uint16).max


def stored(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """uint16 (band, y, x) of reflectance (band, y, x): 0 where there is no data and in absent bands (NaN), else not.

    What lies outside the range is stored as its end. The error of all else is at most 0.00005.
    """
    held = measured(values) & ~absent(values)[:, None, None]
    numbers = np.clip(np.rint(values * np.float32(QUANTIFICATION)) + OFFSET, 1, HIGHEST)
    return np.where(held, numbers, 0).astype(np.uint16)


def reflectance(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """float32 (band, y, x) of what `stored` gave; 0 in all bands where there is no data, NaN in absent bands.

    An image without any data comes back as 0 in all bands.
    """
    there = numbers.any(axis=(1, 2))
    values = numbers.astype(np.float32)
    values -= np.float32(OFFSET)
    values /= np.float32(QUANTIFICATION)
    empty = numbers[there.argmax()] == 0  # a band that is there tells of all
    if empty.any():
        values[:, empty] = 0
    if there.any():
        values[~there] = np.nan
    return values
