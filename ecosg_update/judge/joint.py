"""How often the classes of two maps meet on the same pixels: a joint histogram, block by block, in cells and in area.

Runs of the same pair of bytes, which are the rule in land cover, are counted at once. Importing this module imports
numba, which takes a while: do it where the function is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.compiled import compiled
from ecosg_update.errors import GridError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 64
"""Pixels that are compared at once: a few vector instructions, without a branch between them."""


def joint(
    first: NDArray[np.integer],
    second: NDArray[np.uint8],
    to_first: NDArray[np.intp],
    to_second: NDArray[np.intp],
    areas: NDArray[np.float64],
    into: tuple[NDArray[np.int64], NDArray[np.float64]],
) -> None:
    """Add the pixels of two arrays to `into`, without the GIL, so that blocks are counted beside each other.

    first and second: codes (y, x) of one shape, views of larger arrays if need be; `second` of uint8, `first` of
    uint8 or uint32. to_first and to_second: intp lookups, code to row, 256 long for uint8: each code that occurs
    has a row of 0 or above, also that of no data. areas: float64 (y,), the area of a pixel of each row. into:
    int64 (row of first, row of second), pixels, and float64 of the same shape, their area in the unit of `areas`.
    Raises GridError where shapes do not agree.
    """
    counts, area = into
    if first.shape != second.shape or first.ndim != 2 or areas.shape != first.shape[:1] or counts.shape != area.shape:
        raise GridError(
            f"joint histogram: found {first.shape}, {second.shape}, areas {areas.shape} and counts {counts.shape}, "
            f"{area.shape}; bring both maps to one grid, with an area for each row"
        )
    if (
        min(to_first.min(), to_second.min()) < 0
        or to_first.max() >= len(counts)
        or to_second.max() >= counts.shape[1]
    ):
        raise GridError(f"joint histogram: a lookup leaves the {counts.shape} counts; give each code a row of them")
    _add(first, second, to_first, to_second, areas, counts, area)


def empty(rows: int, columns: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and areas of nothing yet, to be given to `joint`."""
    return np.zeros((rows, columns), np.int64), np.zeros((rows, columns))


@compiled
def _add(  # type: ignore[no-untyped-def]
    first: Any, second: Any, to_first: Any, to_second: Any, areas: Any, counts: Any, area: Any
):
    """Unsigned places: numba then looks for no negative index, and the comparisons become vector instructions."""
    one_cell, side = np.uint64(1), np.uint64(SIDE)
    cols = np.uint64(first.shape[1])
    for r in range(first.shape[0]):
        one, other, weight = first[r], second[r], areas[r]
        at = np.uint64(0)
        while at < cols:
            start, a, b = at, one[at], other[at]
            while at + side <= cols:
                differ = False
                for k in range(SIDE):
                    differ |= (one[at + np.uint64(k)] != a) | (other[at + np.uint64(k)] != b)
                if differ:
                    break
                at += side
            end = min(cols, at + side)
            while True:  # the run, then what is left of the piece that ended it
                while at < end and one[at] == a and other[at] == b:
                    at += one_cell
                cells = np.int64(at - start)
                i, j = to_first[a], to_second[b]
                counts[i, j] += cells
                area[i, j] += cells * weight
                if at >= end:
                    break
                start, a, b = at, one[at], other[at]
