"""What a network learns from: an image whose pixels, or whose whole, carry classes.

Reflectance of an image is 0 in all bands of a pixel where there is no data, and NaN in all pixels of a band where the
image lacks the band. 0 in some bands of a pixel is dark ground, NaN in some pixels of a band is a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNLABELLED = -1
"""The label of a pixel of which nothing is known."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A labelled image.

    values: float32 (band, y, x), reflectance, 1.0 = 100 %, all bands 0 where there is no data; a band that is NaN
    everywhere is absent, one band at least is not. labels: int16 (y, x), row of the legend, -1 where nothing is known
    (no data, cloud, unsurveyed): it never enters the loss. present: bool (class,), which classes occur anywhere in
    the image (labels of a patch, BigEarthNet's); None where that is not known.
    """

    values: NDArray[np.float32]
    labels: NDArray[np.int16]
    present: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.values.dtype != np.float32 or self.labels.dtype != np.int16:
            raise ModelError(
                f"sample: found {self.values.dtype} and {self.labels.dtype}, expected float32 values and int16 labels"
            )
        if self.values.ndim != 3 or self.values.shape[1:] != self.labels.shape:
            raise ModelError(f"sample: values {self.values.shape} and labels {self.labels.shape} are not one image")
        if self.present is not None and (self.present.dtype != np.bool_ or self.present.ndim != 1):
            raise ModelError(f"sample: present is {self.present.dtype} {self.present.shape}, expected bool (class,)")
        unknown = np.isnan(self.values)
        gone = unknown.all(axis=(1, 2))
        if (unknown.any(axis=(1, 2)) != gone).any() or gone.all():
            raise ModelError(
                "sample: found NaN in some pixels of a band, or in all bands; make an absent band NaN everywhere and "
                "pixels without data 0 in all bands"
            )


def absent(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """bool (..., band): which bands of images (..., band, y, x) are absent, as their first pixel tells."""
    found: NDArray[np.bool_] = np.isnan(values[..., 0, 0])
    return found


def measured(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """bool (..., y, x): where an image (..., band, y, x) holds data, whichever bands it has."""
    return np.asarray((np.abs(values) > 0).any(axis=-3))  # NaN is not


def arranged(values: NDArray[np.float32], given: Sequence[str], wanted: Sequence[str]) -> NDArray[np.float32]:
    """float32 (wanted band, y, x) of values (given band, y, x), by name: NaN in the bands that are not given."""
    if tuple(given) == tuple(wanted):
        return values
    found = np.full((len(wanted), *values.shape[1:]), np.nan, np.float32)
    for row, band in enumerate(wanted):
        if band in given:
            found[row] = values[list(given).index(band)]
    return found
