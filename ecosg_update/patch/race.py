"""The compiled draw: in each cell the covers race, and the one with the shortest wait is drawn.

A wait is an exponential number of rate 1, divided by the cover's probability. It is made of the cover's field z by
-log(Phi(z)): Phi(z) is uniform. Waits that lie close together for neighbours make draws that do.
"""

from __future__ import annotations

import math

import numpy as np

from ecosg_update.compiled import compiled

HIGH = 2.0
"""A field above this is rare (2 %): below, the wait is at least `HIGH_WAIT`, and a cover of small chance is out."""

HIGH_WAIT = 0.0230  # a little less than -log(Phi(2)) = 0.02301: what is skipped has lost


@compiled
def race(rates, given, first, across, codes, winner):  # type: ignore[no-untyped-def]
    """Fill `winner` (uint8, y, x) with the code of the shortest wait, 0 where every rate is 0.

    rates: float32 (class, y, x), probabilities up to a factor a cell. given: float32 (class, ring, x), first: int64
    (y,) and across: float32 (y, near): the fields, as `patch.field.Stencil` says. codes: uint8 (class,).
    """
    rows, cols = winner.shape
    z, best = np.empty(cols, np.float32), np.empty(cols, np.float64)
    for y in range(rows):
        best[:] = np.inf
        winner[y] = 0
        for row in range(codes.size):
            rate = rates[row, y]
            if not rate.any():
                continue
            z[:] = 0.0
            for near in range(across.shape[1]):
                weight, ring = across[y, near], given[row, first[y] + near]
                for x in range(cols):
                    z[x] += weight * ring[x]
            for x in range(cols):
                bound = best[x] * rate[x]
                if rate[x] <= 0 or (bound < HIGH_WAIT and z[x] < HIGH):
                    continue
                wait = _wait(z[x])
                if wait < bound:
                    best[x] = wait / rate[x]
                    winner[y, x] = codes[row]


@compiled
def _wait(z):  # type: ignore[no-untyped-def]
    """-log(Phi(z)), exact in both tails."""
    if z > 0:
        return -math.log1p(-0.5 * math.erfc(z * math.sqrt(0.5)))
    return -math.log(0.5 * math.erfc(-z * math.sqrt(0.5)))
