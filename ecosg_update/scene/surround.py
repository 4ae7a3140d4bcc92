"""The mean reflectance of the ground around each pixel: its light is scattered into the line of sight.

Made once for a scene on coarse cells and interpolated to any window, so that a pixel's value never depends on
the window that is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine

from ecosg_update.errors import GridError, SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reader, Reflectance
from ecosg_update.scene.raster import pixel_metres
from ecosg_update.scene.resample import averaging, axes, weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH_M = 1000.0
"""Sen2Cor corrects for the ground within this range (its default, Louis et al., Sentinel-2 L2A ATBD, 2021)."""

CELLS = 4
"""Coarse cells to a reach: the field is smooth."""

LEAST_SHARE = 1e-6
"""Less than one valid pixel in any square: the rounding of sums."""


@dataclass(frozen=True, eq=False)
class Surround:
    """Means over valid pixels on coarse cells.

    values: float32 (band, y, x), 0 where share is 0. share: float32 (y, x), how much of the surroundings is valid.
    """

    values: NDArray[np.float32]
    share: NDArray[np.float32]
    bands: tuple[str, ...]
    grid: GeoGrid
    level: Level

    def on(self, grid: GeoGrid, band: str) -> NDArray[np.float32]:
        """The field of one band on the pixels of `grid`, bilinear, float32 (y, x), nan where nothing valid is near.

        Raises GridError for another projection, SceneError for a band that it was not made for.
        """
        if grid.crs != self.grid.crs:
            raise GridError(
                f"surroundings: made in {self.grid.crs}, asked for in {grid.crs}; make them from this scene"
            )
        if band not in self.bands:
            raise SceneError(
                f"surroundings: made for {', '.join(self.bands)}, asked for {band}; make them for it too"
            )
        down, across = (
            averaging(axis, slice(0, size)) for axis, size in zip(axes(self.grid, grid), grid.shape, strict=True)
        )
        part = (down.span, across.span)
        share = weighted(self.share[part], down, across)
        total = weighted((self.values[self.bands.index(band)] * self.share)[part], down, across)
        return np.divide(total, share, out=np.full_like(total, np.nan), where=share > LEAST_SHARE)


def surround(seen: Reflectance, *, reach_m: float = REACH_M) -> Surround:
    """The surroundings of each pixel of a scene: means over a square from -reach to +reach metres.

    A scene read at 60 m serves its 10 m windows: only the coarse mean is kept. Over a geographic grid the reach
    is met from north to south; from east to west it is shorter by the cosine of the latitude.
    """
    pixels = max(1, round(reach_m / CELLS / pixel_metres(seen.grid)))
    rows, cols = (math.ceil(size / pixels) for size in seen.grid.shape)
    grid = GeoGrid(seen.grid.crs, seen.grid.transform @ Affine.scale(pixels), (rows, cols))
    down, across = (
        averaging(axis, slice(0, size)) for axis, size in zip(axes(seen.grid, grid), grid.shape, strict=True)
    )
    reach = max(1, round(reach_m / (pixels * pixel_metres(seen.grid))))
    share = _box_mean(weighted(seen.valid, down, across), reach)
    values = np.zeros((len(seen.bands), rows, cols), np.float32)
    for number, band in enumerate(seen.values):
        total = _box_mean(weighted(np.where(seen.valid, band, 0), down, across), reach)
        np.divide(total, share, out=values[number], where=share > LEAST_SHARE)
    return Surround(values, share, seen.bands, grid, seen.level)


def whole(reader: Reader, *, reach_m: float = REACH_M) -> Surround:
    """The surroundings of a whole scene; the reader's pixels should be coarse (60 m: 120 MB a tile of nine bands)."""
    rows, cols = reader.grid.shape
    return surround(reader.read(slice(0, rows), slice(0, cols)), reach_m=reach_m)


def _box_mean(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Sums over cells within `reach` rows and columns over the cells of a full square; the outside counts as 0."""
    sums = values.astype(np.float64)
    for axis in (0, 1):
        size = sums.shape[axis]
        padded = np.concatenate([np.zeros_like(sums.take([0], axis)), np.cumsum(sums, axis=axis)], axis=axis)
        last = np.minimum(np.arange(size) + reach + 1, size)
        first = np.maximum(np.arange(size) - reach, 0)
        sums = padded.take(last, axis) - padded.take(first, axis)
    return (sums / (2 * reach + 1) ** 2).astype(np.float32)
