"""A table and the data that speak of it: the posterior of a Dirichlet for each class.

Conjugacy of the Dirichlet and the multinomial, and Beta marginals: Gelman et al. 2013, Bayesian Data Analysis, 3.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ecosg_update.errors import TableError
from ecosg_update.learned.counts import Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_STRENGTH = 50.0
"""Effective pixels that the expert's table weighs as much as. Ours: fifty looks are what convinces a person."""

STRENGTHS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""Those that are tried where none is given."""

SPREAD = 2.0
"""Deviation of the logarithm of the strength from the default's, before any data."""

FLOOR = 0.02
"""The part of the prior that goes to the true classes of the region by their shares, so that the expert's 0 is no
proof: with the default strength it weighs as much as one effective pixel."""

LEVEL = 0.95
"""Probability of the credible intervals."""

MARGIN = 0.05
"""Nearer than this to a weight is the same: a table's 1 means nearly always (region of practical equivalence)."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the table should be.

    expert: float64 (source, target), rows sum to 1. strength: effective pixels that it weighs.
    """

    expert: NDArray[np.float64]
    counts: Counts
    strength: float = DEFAULT_STRENGTH

    def __post_init__(self) -> None:
        if self.expert.shape != self.counts.pixels.shape or np.abs(self.expert.sum(axis=1) - 1).max() > 1e-6:
            raise TableError(
                f"prior: found a table of {self.expert.shape}, expected {self.counts.pixels.shape} with rows of sum 1"
            )

    @cached_property
    def effective(self) -> NDArray[np.float64]:
        """Effective pixels of each class, (source,)."""
        return self.counts.effective()

    @cached_property
    def seen(self) -> NDArray[np.bool_]:
        """Which classes have data, (source,)."""
        return self.counts.rows > 0

    @cached_property
    def prior(self) -> NDArray[np.float64]:
        """Parameters of the Dirichlet without the data, (source, target): the expert's, with `FLOOR` where there are
        data to come."""
        floored = (1 - FLOOR) * self.expert + FLOOR * self.counts.background
        return self.strength * np.where(self.seen[:, None], floored, self.expert)

    @cached_property
    def alpha(self) -> NDArray[np.float64]:
        """Parameters of the Dirichlet with the data, (source, target)."""
        return self.prior + self.effective[:, None] * self.counts.shares

    @cached_property
    def log_evidence(self) -> float:
        """Logarithm of how probable the prior makes the effective counts, but for a constant that priors share."""
        before, after = self.prior[self.seen], self.alpha[self.seen]
        possible = before > 0
        cells = special.gammaln(after[possible]) - special.gammaln(before[possible])
        sums = special.gammaln(before.sum(axis=1)) - special.gammaln(after.sum(axis=1))
        return float(cells.sum() + sums.sum())

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """The posterior mean, (source, target); rows without data are the expert's own, bit for bit."""
        mean = self.alpha / self.alpha.sum(axis=1, keepdims=True)
        return np.where(self.seen[:, None], mean, self.expert)

    @cached_property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The credible interval of each weight at `LEVEL`, twice (source, target): quantiles of its Beta."""
        total = self.alpha.sum(axis=1, keepdims=True)
        free = (self.alpha > 0) & (self.alpha < total)
        one, other = np.where(free, self.alpha, 1.0), np.where(free, total - self.alpha, 1.0)
        low, high = (special.betaincinv(one, other, q) for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        return np.where(free, low, self.weights), np.where(free, high, self.weights)

    @cached_property
    def disagrees(self) -> NDArray[np.bool_]:
        """Where the interval lies further than `MARGIN` from the expert's weight, (source, target)."""
        low, high = self.interval
        return self.seen[:, None] & ((low > self.expert + MARGIN) | (high < self.expert - MARGIN))

    @cached_property
    def moved(self) -> NDArray[np.float64]:
        """The part of all pixels that a changed weight moves to or from a target, (source, target)."""
        rows = self.counts.rows
        changed = np.abs(self.weights - self.expert) * rows[:, None]
        return np.asarray(changed / max(rows.sum(), np.finfo(float).tiny), np.float64)


def posterior(expert: NDArray[np.float64], counts: Counts, strength: float | None = None) -> Posterior:
    """The posterior at a strength; None takes that of `STRENGTHS` which makes the counts likeliest.

    A map that is as the experts say makes a large strength likely, a poor one a small one (empirical Bayes, Gelman et
    al. 2013, 5.2). What few data say of it is held near `DEFAULT_STRENGTH`, within a factor of e**`SPREAD` or so.
    """
    if strength is not None:
        return Posterior(expert, counts, strength)
    choices = [Posterior(expert, counts, one) for one in STRENGTHS]
    return max(
        choices, key=lambda one: one.log_evidence - (math.log(one.strength / DEFAULT_STRENGTH) / SPREAD) ** 2 / 2
    )
