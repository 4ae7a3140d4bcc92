"""How a scene is cut into overlapping windows, and how much each window says about each of its pixels.

The lattice hangs on the scene's north-west corner, whatever part of the scene is asked for: the same pixel always
lies in the same windows. Along each axis at most two windows overlap. Of an overlap, the `halo` pixels nearest to a
window's edge count nothing for that window, and in between the weight passes linearly to its neighbour:

    window A   ──1──────────┐╲  halo
    window B          halo  ╲└──────────1──
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError, ModelError
from ecosg_update.grid import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Span:
    """Pixels start..stop of one axis. head, tail: halo and ramp at each end, (0, 0) at the border of the scene."""

    start: int
    stop: int
    head: tuple[int, int] = (0, 0)
    tail: tuple[int, int] = (0, 0)

    @property
    def pixels(self) -> slice:
        """The pixels that are read."""
        return slice(self.start, self.stop)

    @property
    def core(self) -> slice:
        """The pixels that the span says something about: all but the halo."""
        return slice(self.start + self.head[0], self.stop - self.tail[0])

    def weights(self, part: slice) -> NDArray[np.float32]:
        """float32 (pixels of `part`,), above 0 up to 1; `part` lies in `core`."""
        centres = np.arange(part.start, part.stop) + 0.5
        weights = np.ones(len(centres))
        if self.head[1]:
            weights = np.minimum(weights, (centres - self.core.start) / self.head[1])
        if self.tail[1]:
            weights = np.minimum(weights, (self.core.stop - centres) / self.tail[1])
        return weights.astype(np.float32)


@dataclass(frozen=True)
class Lattice:
    """The windows (rows x cols) that say something about `asked`, rows and columns of the scene."""

    rows: tuple[Span, ...]
    cols: tuple[Span, ...]
    asked: Window

    @property
    def windows(self) -> int:
        """How many windows there are."""
        return len(self.rows) * len(self.cols)

    def strips(self) -> Iterator[tuple[Span, int]]:
        """Each row of windows, with the row of the scene that is the first unfinished one after it."""
        for row, following in pairwise(self.rows):
            yield row, max(self.asked[0].start, min(following.core.start, self.asked[0].stop))
        yield self.rows[-1], self.asked[0].stop


def lattice(
    shape: tuple[int, int], *, size: int, overlap: int, halo: int, stride: int = 1, window: Window | None = None
) -> Lattice:
    """The windows of `size` pixels for a scene of `shape` (rows, cols), or for a `window` of it.

    The last window of an axis ends with the scene and may be shorter. Raises ModelError for a size or an overlap
    that the halo or the stride does not allow, GridError for a window outside the scene.
    """
    if size % stride or overlap % stride or size < stride:
        raise ModelError(f"windows: size {size} and overlap {overlap} must be multiples of the engine's {stride}")
    if not 2 * halo <= overlap <= size // 2:
        raise ModelError(
            f"windows: overlap is {overlap}, expected two halos ({2 * halo}) to half a window ({size // 2})"
        )
    asked = _inside(window, shape)
    rows, cols = (
        tuple(span for span in _spans(length, size, overlap, halo) if _meets(span.core, part))
        for length, part in zip(shape, asked, strict=True)
    )
    return Lattice(rows, cols, asked)


def _spans(length: int, size: int, overlap: int, halo: int) -> Iterator[Span]:
    ends = (halo, overlap - 2 * halo)
    start = 0
    while start + size < length:
        yield Span(start, start + size, ends if start else (0, 0), ends)
        start += size - overlap
    yield Span(start, length, ends if start else (0, 0))


def _inside(window: Window | None, shape: tuple[int, int]) -> Window:
    rows, cols = window or (slice(0, shape[0]), slice(0, shape[1]))
    for part, length in zip((rows, cols), shape, strict=True):
        if part.step not in (None, 1) or not 0 <= part.start < part.stop <= length:
            raise GridError(f"window: {part.start}..{part.stop} is empty or leaves the scene's 0..{length}")
    return rows, cols


def _meets(one: slice, other: slice) -> bool:
    return bool(one.start < other.stop and other.start < one.stop)
