"""How a training set stores reflectance: whole numbers of 0.0001, as Sentinel-2 itself does, two bytes each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUANTIFICATION = 10_000
OFFSET = 1_000
"""Stored = 10,000 x reflectance + 1,000: -0.0999 (dark water after correction) to 6.45 (glint) fit; 0 is no data."""

HIGHEST = np.iinfo(np.uint16).max


def stored(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """uint16 (band, y, x) of reflectance (band, y, x); pixels that are 0 in all bands stay 0, others never become 0.

    What lies outside the range is stored as its end. The error of all else is at most 0.00005.
    """
    measured = values.any(axis=0)
    numbers = np.clip(np.rint(values * np.float32(QUANTIFICATION)) + OFFSET, 1, HIGHEST)
    return np.where(measured, numbers, 0).astype(np.uint16)


def reflectance(numbers: NDArray[np.uint16]) -> NDArray[np.float32]:
    """float32 (band, y, x) of what `stored` gave; 0 in all bands where there is no data."""
    values = numbers.astype(np.float32)
    values -= np.float32(OFFSET)
    values /= np.float32(QUANTIFICATION)
    empty = numbers[0] == 0
    if empty.any():
        values[:, empty] = 0
    return values
