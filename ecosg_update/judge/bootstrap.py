"""How sure a score is: whole blocks are drawn again, as neighbouring pixels say nearly the same.

Percentile intervals of the block bootstrap: Efron 1979, doi:10.1214/aos/1176344552; blocks in place of single
observations for dependent data: Kuensch 1989, doi:10.1214/aos/1176347265.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import TableError
from ecosg_update.judge.confusion import Confusion
from ecosg_update.judge.scores import class_scores, overall_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 4_000_000
"""Counts of replicates that are held at once: 32 MB."""


@dataclass(frozen=True)
class Interval:
    """The bounds between which a score lies, nan where they cannot be told: less than two blocks, never defined."""

    low: float
    high: float


@dataclass(frozen=True)
class Bootstrap:
    """How blocks are drawn: `times` replicates, each of as many blocks as there are, with replacement.

    level: the probability that an interval covers. The same seed draws the same blocks, so that two maps are
    compared on the same replicates.
    """

    times: int = 1000
    level: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if self.times < 1 or not 0 < self.level < 1:
            raise TableError(f"bootstrap: {self.times} times at level {self.level}, expected at least 1 and 0..1")

    def interval(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (2, ...): low and high percentile over axis 0, of the replicates in which the score is defined."""
        tail = (1 - self.level) / 2
        found = np.full((2, *values.shape[1:]), np.nan)
        defined = ~np.isnan(values).all(axis=0)
        found[:, defined] = np.nanquantile(values[:, defined], [tail, 1 - tail], axis=0)
        return found


def replicates(blocks: Sequence[Confusion], how: Bootstrap) -> Iterator[NDArray[np.int64]]:
    """Confusion counts int64 (replicate, truth, said + 1) of redrawn blocks, `how.times` in all, in pieces."""
    stack = np.stack([block.counts for block in blocks])  # (block, truth, said + 1)
    flat = stack.reshape(len(stack), -1).astype(np.float64)  # exact below 2**53, and multiplied ten times as fast
    rng = np.random.default_rng(how.seed)
    step = max(1, CHUNK // max(flat.shape))
    for start in range(0, how.times, step):
        drawn = rng.multinomial(len(flat), np.full(len(flat), 1 / len(flat)), min(step, how.times - start))
        yield (drawn @ flat).astype(np.int64).reshape(len(drawn), *stack.shape[1:])


def overall_intervals(blocks: Sequence[Confusion], how: Bootstrap) -> dict[str, Interval]:
    """The interval of each score of `scores.OVERALL`."""
    found = _gathered([overall_scores(counts) for counts in _drawn(blocks, how)], how)
    return {name: Interval(*map(float, bounds)) for name, bounds in found.items()}


def class_intervals(blocks: Sequence[Confusion], how: Bootstrap) -> dict[str, tuple[Interval, ...]]:
    """The interval of each score of `scores.PER_CLASS`, one a class."""
    found = _gathered([class_scores(counts) for counts in _drawn(blocks, how)], how)
    return {name: tuple(Interval(*map(float, pair)) for pair in bounds.T) for name, bounds in found.items()}


def accuracy_gain(first: Sequence[Confusion], second: Sequence[Confusion], how: Bootstrap) -> Interval:
    """The interval of the second's overall accuracy less the first's; both hold the same blocks in the same order."""
    if [block.total for block in first] != [block.total for block in second]:
        raise TableError("bootstrap: two maps are compared on different pixels; score both on the same blocks")
    pairs = zip(_drawn(first, how), _drawn(second, how), strict=True)
    gains = [overall_scores(new)["accuracy"] - overall_scores(old)["accuracy"] for old, new in pairs]
    return Interval(*map(float, how.interval(np.concatenate(gains))))


def _drawn(blocks: Sequence[Confusion], how: Bootstrap) -> Iterator[NDArray[np.int64]]:
    """The replicates; of a single block, which has no spread, one whose scores are not defined."""
    if not blocks:
        raise TableError("bootstrap: no block was given; score at least one")
    held = [block for block in blocks if block.total]
    if len(held) < 2:
        yield np.zeros((1, *blocks[0].counts.shape), np.int64)
        return
    yield from replicates(held, how)


def _gathered(pieces: list[dict[str, NDArray[np.float64]]], how: Bootstrap) -> dict[str, NDArray[np.float64]]:
    return {name: how.interval(np.concatenate([piece[name] for piece in pieces])) for name in pieces[0]}
