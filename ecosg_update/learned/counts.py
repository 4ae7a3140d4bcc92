"""How often each class meets each true class, and how many independent looks that amounts to.

Neighbouring pixels say nearly the same, so pixels are summed by square blocks and the spread between the blocks tells
how much they say. Only running sums over the blocks are kept, so memory does not grow with the map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import TableError
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

FULL_CORRELATION_FREEDOM = 1.0
"""Degrees of freedom that the guess "all pixels of a block say the same" counts for beside the spread that is found.
Ours: the spread between two or three blocks may be small by chance, that between thirty is not."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Sums over blocks b of the table n[b, source, target], all float64; `row` is n summed over the targets.

    pixels: sum of n, (source, target). squares: sum of n * n, (source, target). crossed: sum of n * row, (source,
    target). row_squares: sum of row * row, (source,). blocks: how many have the class, (source,).
    """

    source: Legend
    target: Legend
    pixels: NDArray[np.float64]
    squares: NDArray[np.float64]
    crossed: NDArray[np.float64]
    row_squares: NDArray[np.float64]
    blocks: NDArray[np.float64]

    @classmethod
    def zero(cls, source: Legend, target: Legend) -> Counts:
        """Nothing seen yet."""
        shape = len(source), len(target)
        rows = len(source)
        return cls(source, target, np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(rows), np.zeros(rows))

    def add(self, blocks: NDArray[np.float64]) -> None:
        """Add the tables (block, source, target) of whole blocks, or that of one (source, target), in pixels."""
        each = blocks.reshape(-1, *self.pixels.shape)
        rows = each.sum(axis=2)
        self.pixels[...] += each.sum(axis=0)
        self.squares[...] += (each**2).sum(axis=0)
        self.crossed[...] += (each * rows[..., None]).sum(axis=0)
        self.row_squares[...] += (rows**2).sum(axis=0)
        self.blocks[...] += (rows > 0).sum(axis=0)

    def added(self, other: Counts) -> Counts:
        """The sums over the blocks of both, which share none; TableError for other legends."""
        if (self.source, self.target) != (other.source, other.target):
            raise TableError(
                f"counts: found {other.source.name} to {other.target.name}, expected "
                f"{self.source.name} to {self.target.name}; count both with the same legends"
            )
        return Counts(
            self.source,
            self.target,
            self.pixels + other.pixels,
            self.squares + other.squares,
            self.crossed + other.crossed,
            self.row_squares + other.row_squares,
            self.blocks + other.blocks,
        )

    @property
    def rows(self) -> NDArray[np.float64]:
        """Pixels of each class of the source, (source,)."""
        total: NDArray[np.float64] = self.pixels.sum(axis=1)
        return total

    @property
    def shares(self) -> NDArray[np.float64]:
        """What the pixels of each class truly are, (source, target), rows sum to 1; 0 for a class never seen."""
        return self.pixels / _positive(self.rows)[:, None]

    @property
    def background(self) -> NDArray[np.float64]:
        """The share of each true class in all that was seen, (target,); 0 where nothing was."""
        total = self.pixels.sum(axis=0)
        return np.asarray(total / _positive(total.sum()), np.float64)

    def effective(self) -> NDArray[np.float64]:
        """The number of independent pixels that would tell the shares of each class as well, (source,).

        The variance of a share estimated from blocks of unequal size is that of a ratio, the sum over blocks of
        (n - share * row)**2 / rows**2 (Cochran 1977, Sampling Techniques, 6.4 and 9A.4); summed over the targets and
        compared with the multinomial's it gives a design effect (Kish 1965; Rao and Scott 1981,
        doi:10.1080/01621459.1981.10477633). It is moderated towards that of fully alike pixels in each block by
        `FULL_CORRELATION_FREEDOM`. Never more than the pixels; a class that has been one thing in all of its blocks
        counts one pixel a block, as it shows no spread to judge by.
        """
        rows, blocks, shares = _positive(self.rows), self.blocks, self.shares
        spread = (self.squares - 2 * shares * self.crossed + shares**2 * self.row_squares[:, None]).sum(axis=1)
        freedom = np.maximum(blocks - 1, 0)
        found = np.maximum(spread, 0) / rows**2 * blocks / np.maximum(freedom, 1)
        multinomial = (shares * (1 - shares)).sum(axis=1)
        alike = self.row_squares / rows**2
        variance = (FULL_CORRELATION_FREEDOM * multinomial * alike + freedom * found) / (
            FULL_CORRELATION_FREEDOM + freedom
        )
        mixed = multinomial > 1e-9
        number = np.where(mixed, multinomial / _positive(variance), 1 / _positive(alike))
        return np.where(self.rows > 0, np.minimum(number, self.rows), 0.0)


def _positive(values: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    """The values, 1 in place of 0: for divisions whose result is 0 anyway or not used."""
    return np.where(np.asarray(values) > 0, values, 1.0)
