"""Scenes for the tests of prediction: arrays behind the reader's protocol, and real top-of-atmosphere pixels."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reflectance
from tests.conftest import shared

SO2SAT_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
DYNAMICWORLD_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")


@dataclass(frozen=True)
class ArrayReader:
    """A scene held in memory."""

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    bands: tuple[str, ...] = DYNAMICWORLD_BANDS
    level: Level = "L1C"
    pixel: float = 10.0
    asked: list[tuple[slice, slice]] = field(default_factory=list)

    @property
    def grid(self) -> GeoGrid:
        transform = Affine(self.pixel, 0, 600_000, 0, -self.pixel, 5_800_000)
        return GeoGrid("EPSG:32633", transform, self.valid.shape)

    def read(self, rows: slice, cols: slice) -> Reflectance:
        self.asked.append((rows, cols))
        grid = self.grid.window(rows, cols)
        return Reflectance(self.values[:, rows, cols], self.valid[rows, cols], self.bands, grid, self.level)


def noise(shape: tuple[int, int], *, bands: tuple[str, ...] = DYNAMICWORLD_BANDS, seed: int = 0) -> ArrayReader:
    """A scene of independent uniform numbers in which every pixel is valid."""
    values = np.random.default_rng(seed).random((len(bands), *shape), dtype=np.float32)
    return ArrayReader(values, np.ones(shape, np.bool_), bands)


@lru_cache
def brandenburg(bands: tuple[str, ...] = DYNAMICWORLD_BANDS) -> NDArray[np.float32]:
    """Reflectance (band, y, x) of lakes, pines and fields in February, L1C, 768 x 1536 pixels of 10 m."""
    folder = shared("s2_l1c_brandenburg_jp2", "IMG_DATA")
    return np.stack([_band(folder / f"T33UUU_20170216T102101_{band}.jp2") for band in bands])


def _band(path) -> NDArray[np.float32]:
    with rasterio.open(path, driver="JP2OpenJPEG") as file:
        numbers = file.read(1)
        repeats = round(file.transform.a / 10)
    return (numbers.repeat(repeats, 0).repeat(repeats, 1) / 10_000).astype(np.float32)


@lru_cache
def punjab(bands: tuple[str, ...] = DYNAMICWORLD_BANDS, level: Level = "L1C") -> NDArray[np.float32]:
    """Reflectance (band, y, x) of fields and villages in June, 264 x 264 pixels of 10 m."""
    folder = next(shared("ssl4eo_s2", {"L1C": "s2c", "L2A": "s2a"}[level], "0000200").glob("20200604*"))
    return np.stack([_tif(folder / f"{band.replace('B0', 'B')}.tif") for band in bands])


def _tif(path) -> NDArray[np.float32]:
    with rasterio.open(path, driver="GTiff") as file:
        numbers = file.read(1)
    repeats = 264 // len(numbers)
    return (numbers.repeat(repeats, 0).repeat(repeats, 1) / 10_000).astype(np.float32)


def whole(values: NDArray[np.float32]) -> ArrayReader:
    """A scene of given reflectance in which every pixel is valid."""
    return ArrayReader(values, np.ones(values.shape[1:], np.bool_))
