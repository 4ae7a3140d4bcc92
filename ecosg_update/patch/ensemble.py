"""Members: covers drawn from the posterior of every cell, smooth in space, reproducible by seed.

Each cover c has a Gaussian field of its own (`patch.field`), whose value z turns into a wait E_c = -log(Phi(z)),
exponential of rate 1. The cover with the smallest E_c / p_c is drawn. E_c / p_c is exponential of rate p_c, and of
independent exponential numbers the one of rate p_c is the smallest with probability p_c / sum(p): the draw is exact
for any posterior, treats all covers alike and needs no order of the classes. One field for all, cut at the cumulated
probabilities, would be exact too, but covers that stand side by side in the list would then replace one another and
those at its ends never would.

The same draw by Gumbel noise: -log(E_c) is Gumbel, and the largest log(p_c) - log(E_c) wins.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.errors import ConfigError, GridError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Patch, Prediction
from ecosg_update.patch.decide import Policy, members
from ecosg_update.patch.field import (
    COVARIANCE,
    NEAR,
    PERIMETER_KM,
    SPACING,
    Stencil,
    check_length,
    rings,
    stencil,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_CORRELATION_KM = 5.0
"""Two cells of a 2.5 km model: what is wrong in one is often wrong in the next, and seldom in the one after."""

MOST = 100
"""Members are numbered by two digits."""

FIELD_VALUES = 50_000_000
"""What the rings of all covers may take at once (float32): 200 MB."""

WORTH_A_THREAD = 100_000
"""Cells of a window; of fewer, a second thread costs more than it gives."""


@dataclass(frozen=True)
class Ensemble:
    """Which members are wanted: member 0 is the best estimate, the others are drawn.

    correlation_km: the length L of the fields' covariance. seed: 0..2**63 - 1; another one is another ensemble.
    Member 3 is the same whether 4 or 40 are made.
    """

    members: int
    correlation_km: float = DEFAULT_CORRELATION_KM
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.members <= MOST:
            raise ConfigError(f"members: found {self.members}, expected 1 to {MOST}; member 0 is the best estimate")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed: found {self.seed}, expected 0 to 2**63 - 1")
        check_length(self.correlation_km)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a manifest."""
        return {
            "members": self.members,
            "seed": self.seed,
            "correlation_km": self.correlation_km,
            "covariance": COVARIANCE,
            "member 0": "the best estimate",
        }


def posterior(prediction: Prediction, patch: Patch, policy: Policy) -> Prediction:
    """What the members of a patch are drawn from: the prediction it was decided by, within the bounds of its policy.

    The part of a cell that was not seen stays what the base has: p = share * prediction + (1 - share) * base. What
    the policy forbids stays the base too: a protected cell as a whole, and the chance of a cover that may not appear.
    A cell of a base without data is drawn where the patch filled it, from what the prediction allows, and has share 0
    elsewhere. Raises GridError where prediction and patch differ in grid.
    """
    if prediction.grid != patch.cover.grid:
        raise GridError("ensemble: prediction and patch lie on different grids; cut both to the same cells")
    legend = prediction.legend
    values = prediction.values * prediction.share
    barred = [legend.index(code) for code in members(legend, policy.never_new, "never_new")]
    values[barred] = 0.0
    values[:, np.isin(patch.base, members(legend, policy.protect, "protect"))] = 0.0
    total = values.sum(axis=0)
    row, (ys, xs) = legend.rows[patch.base], np.nonzero(patch.base)
    values[row[ys, xs], ys, xs] += np.maximum(1.0 - total[ys, xs], 0.0)
    hole = (patch.base == 0) & (patch.cover.codes == 0)
    values[:, hole] = 0.0
    total = values.sum(axis=0)
    values /= np.where(total > 0, total, 1.0)
    return Prediction(values, (total > 0).astype(np.float32), legend, patch.cover.grid, prediction.origin)


def drawn(chances: Prediction, ensemble: Ensemble, *, threads: int = 2) -> NDArray[np.uint8]:
    """The members 1, 2, ... of a window: covers, uint8 (member, y, x), 0 where `chances` has share 0.

    A cell has the same cover in every window that holds it. Member 0 is not drawn: it is the patch. Raises
    ConfigError where the correlation length is less than a cell.
    """
    cells = _cells(chances)
    codes = np.zeros((ensemble.members - 1, *cells.shape), np.uint8)
    mass = chances.values.sum(axis=(1, 2), dtype=np.float64)
    order = np.argsort(-mass, kind="stable")[: np.count_nonzero(mass)]  # the likely first: the others lose sooner
    if not order.size:
        return codes
    height = _height(cells, order.size, ensemble.correlation_km)
    for top in range(0, cells.rows, height):
        rows = slice(top, min(top + height, cells.rows))
        part = LatLonGrid(cells.per_degree, cells.row + top, cells.col, rows.stop - top, cells.cols)
        hears, rates = stencil(part, ensemble.correlation_km), chances.values[order, rows]
        for member in range(1, ensemble.members):
            covers = [chances.legend.codes[row] for row in order]
            given = np.stack([rings(hears, seed=ensemble.seed, member=member, cover=cover) for cover in covers])
            _raced(rates, given, hears, np.array(covers, np.uint8), codes[member - 1, rows], threads)
    return codes


def _raced(
    rates: NDArray[np.float32],
    given: NDArray[np.float32],
    hears: Stencil,
    covers: NDArray[np.uint8],
    winner: NDArray[np.uint8],
    threads: int,
) -> None:
    """Fill `winner` (uint8, y, x) by `patch.race.race`, each thread some rows."""
    from ecosg_update.patch.race import race  # noqa: PLC0415  numba loads where it is needed

    def work(part: slice) -> None:
        race(rates[:, part], given, hears.first[part], hears.across[part], covers, winner[part])

    parts = threads if winner.size >= WORTH_A_THREAD else 1
    edges = [len(winner) * number // parts for number in range(parts + 1)]
    with ThreadPoolExecutor(parts) as pool:
        list(pool.map(work, map(slice, edges, edges[1:])))


def _height(cells: LatLonGrid, covers: int, correlation_km: float) -> int:
    """Rows whose rings fit into `FIELD_VALUES`."""
    most = FIELD_VALUES // (covers * cells.cols) - NEAR
    return max(1, int(most * SPACING * correlation_km / (PERIMETER_KM / 360 / cells.per_degree)))


def _cells(prediction: Prediction) -> LatLonGrid:
    if not isinstance(prediction.grid, LatLonGrid):
        raise GridError(
            "ensemble: the posterior lies on projected pixels, expected lat-lon cells; aggregate it first"
        )
    return prediction.grid
