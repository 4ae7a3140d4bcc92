"""Where the cells of a window lie in a raw map of one byte a cell, and how they come and go.

Rows are read and written by `preadv` and `pwrite` at their own place and nothing beside them, never through a
memory map, whose only answer to a full disk is SIGBUS.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ecosg_update.errors import FormatError
from ecosg_update.grid import LatLonGrid, Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def runs(part: LatLonGrid, whole: LatLonGrid) -> Iterator[tuple[int, Window]]:
    """The pieces of `part` that are contiguous in a file of `whole`: the place of the first byte, and the cells.

    A piece is a row, or all rows where they are whole rows of the file; a row that crosses the file's end in
    longitude is two. Raises CoverageError where `whole` lacks a cell, GridError on another lattice.
    """
    for (rows, cols), (to_rows, to_cols) in part.windows_in(whole):
        start = to_rows.start * whole.cols + to_cols.start
        if cols.stop - cols.start == whole.cols == part.cols:
            yield start, (rows, cols)
            continue
        for row in range(rows.start, rows.stop):
            yield start + (row - rows.start) * whole.cols, (slice(row, row + 1), cols)


def bands(part: LatLonGrid, most: int) -> Iterator[LatLonGrid]:
    """A window in bands of whole rows of at most `most` cells each, and of one row at least."""
    return part.blocks(max(1, most // part.cols), part.cols)


def load(handle: int, codes: NDArray[np.uint8], part: LatLonGrid, whole: LatLonGrid, *, start: int = 0) -> None:
    """Fill `codes` (C order, of the shape of `part`) from a file whose byte `start` is the first cell of `whole`.

    Raises FormatError where the file ends before the window does.
    """
    for place, cells in runs(part, whole):
        read_at(handle, codes[cells].data.cast("B"), start + place)


def store(handle: int, codes: NDArray[np.uint8], part: LatLonGrid, whole: LatLonGrid, *, start: int = 0) -> None:
    """Write `codes` (C order, of the shape of `part`) to their places in the file, and no byte beside them."""
    for place, cells in runs(part, whole):
        write_at(handle, codes[cells].data.cast("B"), start + place)


def write_at(handle: int, content: memoryview, place: int) -> None:
    """Write all of `content` (bytes) from `place` on: `os.pwrite` may accept less than it is given."""
    while content:
        count = os.pwrite(handle, content, place)
        content, place = content[count:], place + count


def reserve(handle: int, start: int, stop: int) -> None:
    """Take the room for the bytes `start`..`stop` now; OSError where the disk has less."""
    try:
        os.posix_fallocate(handle, start, stop - start)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise


def read_at(handle: int, target: memoryview, place: int) -> None:
    """Fill `target` (bytes) from `place` on: a read may bring less than it is asked for.

    Raises FormatError where the file ends before.
    """
    while target:
        count = os.preadv(handle, [target], place)
        if not count:
            raise FormatError(f"the file ends at byte {place:,}, it was longer when opened; read it again")
        target, place = target[count:], place + count
