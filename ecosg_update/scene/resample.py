"""From the pixels of a raster to those of another grid in the same projection, axis by axis.

Rows and columns are independent because both grids are north-up: each target pixel is a weighted sum of a few
source rows times a few source columns. Positions come from the two grids' own transforms, so bands that are
shifted against each other meet where they lie on the ground, and a pixel's weights never depend on the window
that is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.grid import GeoGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAME = 1e-3
"""Pixels: grids that differ by less are the same grid (1 cm at 10 m)."""

FULL = 1 - 1e-5
"""Weights of float32 that sum to more than this sum to 1."""


@dataclass(frozen=True, eq=False)
class Axis:
    """How the pixels of a target axis lie on a source axis, in source pixels: pixel i spans start + i * step."""

    start: float
    step: float
    size: int

    @property
    def is_same(self) -> bool:
        """Whether every target pixel is a source pixel."""
        return abs(self.step - 1) * self.size < SAME and abs(self.start - round(self.start)) < SAME

    @property
    def is_coarser(self) -> bool:
        """Whether target pixels are larger than source pixels."""
        return self.step > 1 + SAME


@dataclass(frozen=True, eq=False)
class Taps:
    """The source pixels of each target pixel: index int (n, k), weight float32 (n, k).

    A weight outside the source is 0, so that a row sums to the share of the pixel that the source covers.
    """

    index: NDArray[np.intp]
    weight: NDArray[np.float32]

    @property
    def span(self) -> slice:
        """The source pixels from the first to the last."""
        return slice(int(self.index.min()), int(self.index.max()) + 1)

    @property
    def is_full(self) -> bool:
        """Whether the source covers every target pixel."""
        return bool((self.weight.sum(axis=1) > 1 - (1 - FULL) / 4).all())

    @property
    def is_copy(self) -> bool:
        """Whether the target pixels are the source pixels of `span`, one by one."""
        return self.index.shape[1] == 1 and bool((np.diff(self.index[:, 0]) == 1).all() and (self.weight == 1).all())


def axes(source: GeoGrid, target: GeoGrid) -> tuple[Axis, Axis]:
    """The rows and the columns of `target` on those of `source`."""
    columns, rows = source.transform, target.transform
    return (
        Axis((rows.f - columns.f) / columns.e, rows.e / columns.e, source.shape[0]),
        Axis((rows.c - columns.c) / columns.a, rows.a / columns.a, source.shape[1]),
    )


def averaging(axis: Axis, wanted: slice) -> Taps:
    """Bilinear where the target is finer, the area's mean where it is coarser, a copy where it is the same."""
    if axis.is_same:
        return nearest(axis, wanted)
    return _area(axis, wanted) if axis.is_coarser else _bilinear(axis, wanted)


def nearest(axis: Axis, wanted: slice) -> Taps:
    """The one source pixel that holds the centre of each target pixel."""
    centre = axis.start + (np.arange(wanted.start, wanted.stop) + 0.5) * axis.step
    index = np.floor(centre + 1e-9).astype(np.intp)[:, None]
    return _inside(index, np.ones(index.shape), axis.size)


def _bilinear(axis: Axis, wanted: slice) -> Taps:
    centre = axis.start + (np.arange(wanted.start, wanted.stop) + 0.5) * axis.step - 0.5
    low = np.floor(centre).astype(np.intp)
    part = centre - low
    # Beyond the centre of the outermost pixel there is no second one: the outermost stands alone.
    index = np.clip(np.stack([low, low + 1], axis=1), 0, axis.size - 1)
    outside = (centre < -0.5 - SAME) | (centre > axis.size - 0.5 + SAME)
    weight = np.stack([1 - part, part], axis=1)
    weight[outside] = 0
    return Taps(index, weight.astype(np.float32))


def _area(axis: Axis, wanted: slice) -> Taps:
    left = axis.start + np.arange(wanted.start, wanted.stop) * axis.step
    left = np.where(np.abs(left - np.round(left)) < SAME, np.round(left), left)
    first = np.floor(left).astype(np.intp)
    index = first[:, None] + np.arange(math.ceil(axis.step) + 1)
    overlap = np.minimum(index + 1, left[:, None] + axis.step) - np.maximum(index, left[:, None])
    return _inside(index, np.clip(overlap, 0, 1) / axis.step, axis.size)


def _inside(index: NDArray[np.intp], weight: NDArray[Any], size: int) -> Taps:
    outside = (index < 0) | (index >= size)
    return Taps(np.clip(index, 0, size - 1), np.where(outside, 0, weight).astype(np.float32))


def weighted(values: NDArray[Any], rows: Taps, cols: Taps) -> NDArray[np.float32]:
    """Sums of `values` (y, x), which starts at `rows.span.start`, `cols.span.start`: float32 (target y, x)."""
    if rows.is_copy and cols.is_copy:
        return values.astype(np.float32)
    index, weight = rows.index - rows.span.start, rows.weight
    across = sum(values[index[:, tap]] * weight[:, tap, None] for tap in range(index.shape[1]))
    index, weight = cols.index - cols.span.start, cols.weight
    total = sum(across[:, index[:, tap]] * weight[:, tap] for tap in range(index.shape[1]))
    return np.asarray(total, np.float32)
