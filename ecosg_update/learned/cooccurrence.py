"""Counting: which true class lies at the pixels of each class, window by window."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import CoverageError
from ecosg_update.learned import blocks
from ecosg_update.learned.counts import Counts
from ecosg_update.learned.evidence import Votes
from ecosg_update.learned.truth import Truth
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray


def counted(
    votes: Votes,
    truth: Truth,
    *,
    block_km: float = blocks.DEFAULT_BLOCK_KM,
    folds: int = 1,
    progress: Progress = silent,
) -> list[Counts]:
    """The counts of each of `folds` scattered parts of the map, whose blocks lie in one part only.

    The truth is looked up at the pixel centres of the map. A pixel of probabilities counts for every class by its
    probability and its share (expected counts). Raises CoverageError where no pixel has both a class and a truth.
    """
    found = [Counts.zero(votes.legend, truth.target) for _ in range(folds)]
    shape = blocks.block_shape(votes.grid, block_km)
    for window in blocks.windows(votes.grid, shape):
        labels = truth.on(votes.grid.window(window.rows, window.cols))
        if (labels >= 0).any():
            per_block = _tables(votes, window, labels, len(truth.target))
            fold = window.folds(folds)
            for number, part in enumerate(found):
                part.add(per_block[fold == number])
        progress("counting classes", window.rows.stop, votes.grid.shape[0])
    if not any(part.pixels.any() for part in found):
        raise CoverageError(f"{votes.name}: shares no pixel with a class with {truth.name}; give maps of one region")
    return found


def together(parts: list[Counts]) -> Counts:
    """The counts of all parts."""
    return reduce(Counts.added, parts)


def _tables(votes: Votes, window: blocks.Window, labels: NDArray[np.int16], targets: int) -> NDArray[np.float64]:
    """float64 (block, source, target): pixels of each pair in each block of a window."""
    wanted = labels >= 0
    kinds = window.place[wanted] * targets + labels[wanted]
    number = len(window.blocks)
    pairs = votes.tallied(window.rows, window.cols, wanted, kinds, number * targets)  # (source, block * target)
    return pairs.reshape(len(pairs), number, targets).transpose(1, 0, 2)
