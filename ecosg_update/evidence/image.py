"""The true-colour picture of a scene over lat-lon cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import GEOGRAPHIC, LatLonGrid, projection
from ecosg_update.layers import Reflectance
from ecosg_update.scene.read import reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.scene.product import Scene

PIXEL_M = 60.0
"""Pixel size that is read, metres: quick to decode from any product."""

BANDS = ("B04", "B03", "B02")

GAMMA = 0.7
"""Brightens the dark parts of the picture, as screens do for photographs."""


def true_colour(scene: Scene, size: tuple[int, int], cells: LatLonGrid) -> NDArray[np.uint8]:
    """uint8 (y, x, 3): the scene over `cells` at (width, height), white where nothing was measured."""
    width, height = size
    with reader(scene, BANDS, PIXEL_M, resample=True) as pixels:
        window = pixels.grid.covering(cells)
        if window is None:
            return np.full((height, width, 3), 255, np.uint8)
        seen = pixels.read(*window)
    lon, lat = np.meshgrid(
        cells.west + (np.arange(width) + 0.5) * (cells.east - cells.west) / width,
        cells.north - (np.arange(height) + 0.5) * (cells.north - cells.south) / height,
    )
    return _sampled(seen, lon, lat)


def _sampled(seen: Reflectance, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The nearest pixel to each point as uint8 (y, x, 3), white where there is none."""
    measured = (seen.values != 0).any(axis=0)
    scaled = stretched(seen.values, seen.valid if seen.valid.any() else measured)
    x, y = projection(GEOGRAPHIC, seen.grid.crs).transform(lon, lat)
    cols, rows = ~seen.grid.transform @ (x, y)
    height, width = seen.grid.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    at = np.where(inside, rows, 0).astype(int), np.where(inside, cols, 0).astype(int)
    pixels = scaled[:, *at].transpose(1, 2, 0)
    pixels[~(inside & measured[at])] = 255
    return pixels


def stretched(values: NDArray[np.float32], ground: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """uint8 (band, y, x): the ground (y, x) from its 1st to its 99th percentile, brightened in the dark parts."""
    low, high = np.percentile(values[:, ground], (1, 99)) if ground.any() else (0.0, 1.0)
    return (np.clip((values - low) / max(high - low, 1e-6), 0, 1) ** GAMMA * 255).astype(np.uint8)
