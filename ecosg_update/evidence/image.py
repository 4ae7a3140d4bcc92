"""The true-colour picture of a scene over lat-lon cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import GEOGRAPHIC, LatLonGrid, projection
from ecosg_update.layers import Reflectance
from ecosg_update.scene.read import reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.scene.product import Scene
    from ecosg_update.scene.read import SceneReader

PIXEL_M = 60.0
"""Pixel size that is read, metres: quick to decode from any product."""

FINE_M = 10.0
"""Pixel size of pictures in which a person is to recognise things, metres: the finest that Sentinel-2 has."""

BANDS = ("B04", "B03", "B02")

GAMMA = 0.7
"""Brightens the dark parts of the picture, as screens do for photographs."""

Picture = Callable[[tuple[int, int], LatLonGrid], "NDArray[np.uint8]"]
"""(width, height) and cells to a picture of them."""


def true_colour(scene: Scene, size: tuple[int, int], cells: LatLonGrid) -> NDArray[np.uint8]:
    """uint8 (y, x, 3): the scene over `cells` at (width, height), white where nothing was measured."""
    with reader(scene, BANDS, PIXEL_M, resample=True) as pixels:
        seen = _over(pixels, cells)
    return _blank(size) if seen is None else _sampled(seen, size, cells, _limits(seen.values, _ground(seen)))


@contextmanager
def pictures(scene: Scene, cells: LatLonGrid, pixel_m: float = FINE_M) -> Iterator[Picture]:
    """Pictures of places within `cells`, of fine pixels and all brightened alike, otherwise as `true_colour`."""
    with reader(scene, BANDS, PIXEL_M, resample=True) as coarse:
        seen = _over(coarse, cells)
    limits = (0.0, 1.0) if seen is None else _limits(seen.values, _ground(seen))
    with reader(scene, BANDS, pixel_m, resample=True) as pixels:

        def picture(size: tuple[int, int], place: LatLonGrid) -> NDArray[np.uint8]:
            found = _over(pixels, place)
            return _blank(size) if found is None else _sampled(found, size, place, limits)

        yield picture


def _over(pixels: SceneReader, cells: LatLonGrid) -> Reflectance | None:
    """The pixels of a window, None where they do not meet."""
    window = pixels.grid.covering(cells)
    return None if window is None else pixels.read(*window)


def _blank(size: tuple[int, int]) -> NDArray[np.uint8]:
    width, height = size
    return np.full((height, width, 3), 255, np.uint8)


def _ground(seen: Reflectance) -> NDArray[np.bool_]:
    """What is no cloud; all that was measured where everything is."""
    return seen.valid if seen.valid.any() else (seen.values != 0).any(axis=0)


def _sampled(
    seen: Reflectance, size: tuple[int, int], cells: LatLonGrid, limits: tuple[float, float]
) -> NDArray[np.uint8]:
    """The nearest pixel to each point of a picture as uint8 (y, x, 3), white where there is none.

    Reflectance is stretched between `limits` and brightened in the dark parts.
    """
    width, height = size
    lon, lat = np.meshgrid(
        cells.west + (np.arange(width) + 0.5) * (cells.east - cells.west) / width,
        cells.north - (np.arange(height) + 0.5) * (cells.north - cells.south) / height,
    )
    measured = (seen.values != 0).any(axis=0)
    scaled = _brightened(seen.values, limits)
    x, y = projection(GEOGRAPHIC, seen.grid.crs).transform(lon, lat)
    cols, rows = ~seen.grid.transform @ (x, y)
    down, across = seen.grid.shape
    inside = (rows >= 0) & (rows < down) & (cols >= 0) & (cols < across)
    at = np.where(inside, rows, 0).astype(int), np.where(inside, cols, 0).astype(int)
    pixels = scaled[:, *at].transpose(1, 2, 0)
    pixels[~(inside & measured[at])] = 255
    return pixels


def stretched(values: NDArray[np.float32], ground: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """uint8 (band, y, x): the ground (y, x) from its 1st to its 99th percentile, brightened in the dark parts."""
    return _brightened(values, _limits(values, ground))


def _limits(values: NDArray[np.float32], ground: NDArray[np.bool_]) -> tuple[float, float]:
    if not ground.any():
        return 0.0, 1.0
    low, high = np.percentile(values[:, ground], (1, 99))
    return float(low), float(high)


def _brightened(values: NDArray[np.float32], limits: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = limits
    found: NDArray[np.uint8] = (np.clip((values - low) / max(high - low, 1e-6), 0, 1) ** GAMMA * 255).astype(np.uint8)
    return found
