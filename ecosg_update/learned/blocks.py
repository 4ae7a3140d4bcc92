"""A map in square blocks of the ground: what is counted as one look, and what is held out together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError
from ecosg_update.grid import GeoGrid
from ecosg_update.scene.raster import METRES_PER_DEGREE

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_BLOCK_KM = 3.0
"""Side of a block. Ours: several times the 500 m of CORINE's smallest square area of 25 ha, and small enough for
dozens of blocks in a Sentinel-2 scene."""

MOST_SIDE = 2048
"""Pixels a side of a block at most: 20 km at 10 m."""

WINDOW_SIDE = 1024
"""Pixels a side of what is read together, at least a block."""

MOST_BLOCKS = 64
"""Blocks a side of what is read together, at most."""


@dataclass(frozen=True, eq=False)
class Window:
    """Whole blocks that are read together.

    place: intp (y, x), the number of each pixel's block. blocks: intp (block, 2), row and column of each block on the
    whole map.
    """

    rows: slice
    cols: slice
    place: NDArray[np.intp]
    blocks: NDArray[np.intp]

    def folds(self, number: int) -> NDArray[np.intp]:
        """Which of `number` parts each block belongs to: scattered, the same in every run."""
        row, col = self.blocks.T
        return np.asarray(((row * 73856093) ^ (col * 19349663)) % number, np.intp)


def block_shape(grid: GeoGrid, block_km: float) -> tuple[int, int]:
    """Rows and columns of a block of `block_km` in the middle of a map; ConfigError where it cannot be."""
    if not 0 < block_km < math.inf:
        raise ConfigError(f"block-km: found {block_km}, expected more than 0")
    width, height = grid.pixel
    if grid.is_geographic:
        _, south, _, north = grid.bounds
        width *= METRES_PER_DEGREE * max(math.cos(math.radians((south + north) / 2)), 1e-2)
        height *= METRES_PER_DEGREE
    shape = tuple(max(1, round(block_km * 1000 / side)) for side in (height, width))
    if max(shape) > MOST_SIDE:
        raise ConfigError(f"block-km: {block_km} are {max(shape)} pixels, expected at most {MOST_SIDE}; give less")
    return shape[0], shape[1]


def windows(grid: GeoGrid, shape: tuple[int, int]) -> Iterator[Window]:
    """The map in windows of whole blocks of `shape`, from the north-west; those at the far edges may be cut."""
    height, width = (side * int(np.clip(WINDOW_SIDE // side, 1, MOST_BLOCKS)) for side in shape)
    for top in range(0, grid.shape[0], height):
        for left in range(0, grid.shape[1], width):
            bottom, right = min(top + height, grid.shape[0]), min(left + width, grid.shape[1])
            yield _window(slice(top, bottom), slice(left, right), shape)


def _window(rows: slice, cols: slice, shape: tuple[int, int]) -> Window:
    row, col = np.arange(rows.start, rows.stop) // shape[0], np.arange(cols.start, cols.stop) // shape[1]
    across = int(col[-1] - col[0]) + 1
    place = (row - row[0])[:, None] * across + (col - col[0])
    blocks = np.stack(np.meshgrid(np.unique(row), np.unique(col), indexing="ij"), axis=-1).reshape(-1, 2)
    return Window(rows, cols, place.astype(np.intp), blocks.astype(np.intp))
