"""In which pieces a cover map is written: whole rows, or whole chunks, never more cells at once than memory holds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_CELLS = 2**24
"""Cells of a block: 16 MB, a few times that in passing. What is written does not depend on it."""


def of_rows(grid: LatLonGrid) -> Iterator[LatLonGrid]:
    """The grid in blocks of whole rows."""
    return grid.blocks(max(1, BLOCK_CELLS // grid.cols), grid.cols)


def of_chunks(grid: LatLonGrid, side: int) -> Iterator[LatLonGrid]:
    """The grid in blocks of whole chunks of `side` x `side` cells, one chunk high: each is packed once, in order."""
    return grid.blocks(side, max(1, BLOCK_CELLS // side**2) * side)


def checksum(codes: NDArray[np.integer]) -> int:
    """The CRC-32 of codes (y, x), row by row: to compare what a file holds with what was written to it."""
    return zlib.crc32(np.ascontiguousarray(codes).data)
