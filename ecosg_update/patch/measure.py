"""Numbers of a raster on lat-lon cells: their mean, each pixel by the part of it inside the cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.patch.aggregate import Mass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import GeoGrid, LatLonGrid, Window

    _Parts = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.bool_]]]
    """From numbers to parts of the whole (0..1) and which of them count."""

ROWS = 1024
"""Rows of the raster that are read together."""

_PART = Legend(
    name="part",
    codes=(1, 2),
    names=("inside", "outside"),
    colours=((255, 255, 255), (0, 0, 0)),
    group=("inside", "outside"),
    priority=(1, 2),
)
"""A number between 0 and 1 is the probability of the first of two classes: its mean is then a class fraction."""


class Numbers(Protocol):
    """A raster that is read by window: float32 (y, x), not a number where it has no data."""

    @property
    def grid(self) -> GeoGrid: ...  # noqa: D102

    def read(self, rows: slice, cols: slice) -> NDArray[np.float32]: ...  # noqa: D102


def mean(raster: Numbers, cells: LatLonGrid, *, full: float) -> NDArray[np.float32]:
    """float32 (y, x): the mean over the pixels that have a number, as parts of `full`; not a number without any.

    Numbers below 0 count as 0 and those above `full` as `full`.
    """

    def parts(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return np.clip(np.nan_to_num(numbers) / np.float32(full), 0, 1), np.isfinite(numbers)

    return _mean(raster, cells, parts)


def mean_of_positive(raster: Numbers, cells: LatLonGrid, *, full: float) -> NDArray[np.float32]:
    """As `mean`, over the pixels above 0 only: the height of buildings, not of the ground between them."""

    def parts(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        above = np.nan_to_num(numbers) > 0
        return np.clip(np.nan_to_num(numbers) / np.float32(full), 0, 1), above

    return _mean(raster, cells, parts)


def share_of_mask(raster: Numbers, cells: LatLonGrid) -> NDArray[np.float32]:
    """float32 (y, x): the part of each cell's pixels that are above 0; no data is no part of a mask, so 0."""

    def parts(numbers: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        return (np.nan_to_num(numbers) > 0).astype(np.float32), np.ones(numbers.shape, np.bool_)

    return np.nan_to_num(_mean(raster, cells, parts))


def bands(window: Window | None, height: int = ROWS) -> Iterator[Window]:
    """A window of a raster in pieces of at most `height` rows; nothing for None."""
    if window is None:
        return
    rows, cols = window
    for top in range(rows.start, rows.stop, height):
        yield slice(top, min(top + height, rows.stop)), cols


def _mean(raster: Numbers, cells: LatLonGrid, parts: _Parts) -> NDArray[np.float32]:
    mass = Mass.zero(_PART, cells)
    for rows, cols in bands(raster.grid.covering(cells, margin=1)):
        part, valid = parts(raster.read(rows, cols))
        values = np.where(valid, np.stack([part, 1 - part]), np.float32(0))
        grid = raster.grid.window(rows, cols)
        mass.add(Prediction(values, valid.astype(np.float32), _PART, grid, "raster"))
    found = mass.prediction("raster")
    return np.where(found.share > 0, found.values[0], np.float32(np.nan))
