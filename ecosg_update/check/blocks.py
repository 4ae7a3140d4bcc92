"""The rows of a `.dir`, a few megabytes at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.check.geometry import Geometry
from ecosg_update.errors import FormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BYTES = 16_000_000
"""Read at a time; two blocks are held."""


def blocks(path: Path, found: Geometry) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(first row, whole rows) in turn, from the north; the next block is read while the caller works on one.

    A block's array is used again for the next but one. Raises FormatError where the file shrinks meanwhile.
    """
    rows = whole_rows(path, found)
    height = max(1, BLOCK_BYTES // found.cols)
    buffers = [np.empty((min(height, rows), found.cols), np.uint8) for _ in range(2)]
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as reader:

        def load(number: int) -> Future[NDArray[np.uint8]]:
            top = number * height
            target = buffers[number % 2][: min(height, rows - top)]
            return reader.submit(_filled, file.fileno(), target, top * found.cols)

        ahead = load(0) if rows else None
        for number, top in enumerate(range(0, rows, height)):
            ready = ahead.result() if ahead else None
            ahead = load(number + 1) if top + height < rows else None
            if ready is not None:
                yield top, ready


def whole_rows(path: Path, found: Geometry) -> int:
    """How many of the header's rows the file holds from end to end."""
    return min(found.rows, path.stat().st_size // found.cols)


def rows_at(path: Path, found: Geometry, top: int, count: int) -> NDArray[np.uint8]:
    """`count` rows from `top` on; FormatError where the file lacks them."""
    with path.open("rb", buffering=0) as file:
        return _filled(file.fileno(), np.empty((count, found.cols), np.uint8), top * found.cols)


def _filled(handle: int, target: NDArray[np.uint8], offset: int) -> NDArray[np.uint8]:
    """`target` from the file; a read may bring less than it is asked for."""
    left = target.data.cast("B")
    while left:
        count = os.preadv(handle, [left], offset)
        if not count:
            raise FormatError(f"the file ends at byte {offset:,}, it was longer when opened; read it again")
        left, offset = left[count:], offset + count
    return target
