"""What a network learns from: an image whose pixels, or whose whole, carry classes."""

from __future__ import annotations

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

    values: float32 (band, y, x), reflectance, 1.0 = 100 %, all bands 0 where there is no data. labels: int16
    (y, x), row of the legend, -1 where nothing is known (no data, cloud, unsurveyed): it never enters the loss.
    present: bool (class,), which classes occur anywhere in the image (labels of a patch, BigEarthNet's); None where
    that is not known.
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
