"""McNemar's test: do two classifications of the same pixels differ by more than chance?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError, TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT_BELOW = 25
"""Discordant pixels below which the binomial is summed (Fleiss, Levin & Paik 2003, section 13.1)."""


@dataclass(frozen=True)
class McNemar:
    """Pixels that only the first, or only the second, has right; they add up over blocks.

    Pixels are taken for independent, which neighbours are not: p is too small for dense maps. Read it beside the
    block bootstrap's interval of the gain (`bootstrap.accuracy_gain`), which is honest about that.
    Source: McNemar 1947, doi:10.1007/BF02295996; Foody 2004, doi:10.14358/PERS.70.5.627 (thematic maps).
    """

    only_first: int = 0
    only_second: int = 0

    def __post_init__(self) -> None:
        if min(self.only_first, self.only_second) < 0:
            raise TableError(f"McNemar: counts {self.only_first} and {self.only_second}, expected at least 0")

    def __add__(self, other: McNemar) -> McNemar:
        return McNemar(self.only_first + other.only_first, self.only_second + other.only_second)

    @property
    def statistic(self) -> float:
        """Chi squared of one degree of freedom, with Edwards' correction for continuity; 0 where none differ."""
        discordant = self.only_first + self.only_second
        beyond = max(0, abs(self.only_first - self.only_second) - 1)
        return float(beyond * beyond / discordant) if discordant else 0.0

    @property
    def p(self) -> float:
        """The probability of so large a difference, or a larger, by chance: exact where few pixels differ."""
        discordant = self.only_first + self.only_second
        if discordant >= EXACT_BELOW:
            return math.erfc(math.sqrt(self.statistic / 2))
        fewer = min(self.only_first, self.only_second)
        tail = sum(math.comb(discordant, count) for count in range(fewer + 1))
        return min(1.0, 2.0 * tail / 2.0**discordant)


def mcnemar(truth: NDArray[np.int16], first: NDArray[np.int16], second: NDArray[np.int16]) -> McNemar:
    """The discordant pixels of two classifications, rows of one legend, -1 for no class; truth -1 is left out.

    Raises GridError where the shapes differ.
    """
    if not truth.shape == first.shape == second.shape:
        raise GridError(f"McNemar: found shapes {truth.shape}, {first.shape}, {second.shape}; bring all to one grid")
    known = truth >= 0
    one, other = (first == truth) & known, (second == truth) & known
    return McNemar(int(np.count_nonzero(one & ~other)), int(np.count_nonzero(other & ~one)))
