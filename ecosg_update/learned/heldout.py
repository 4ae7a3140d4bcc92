"""Is the learned table better than the expert's? Each is asked about blocks that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.learned import blocks
from ecosg_update.learned.cooccurrence import together
from ecosg_update.learned.counts import Counts
from ecosg_update.learned.evidence import Votes
from ecosg_update.learned.posterior import FLOOR, posterior
from ecosg_update.learned.truth import Truth
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = 2**16
"""Pixels that are asked about together: 23 MB for 44 classes."""

LEAST = 1e-6
"""Probability that a table is taken to give at least, so that one surprise is not an infinite loss."""


@dataclass(frozen=True)
class Score:
    """How well a table foretells: the part of the pixels whose most probable class is true, and the mean of
    -log(probability of the true class), natural logarithm."""

    accuracy: float
    log_loss: float


@dataclass(frozen=True)
class HeldOut:
    """The scores on held-out blocks.

    expert: the table as it is, mixed with `posterior.FLOOR` of the region's shares, or its zeros would cost without
    end. shares: the region's shares whatever the class. pixels: how many were asked about. folds: in how many parts.
    """

    learned: Score
    expert: Score
    shares: Score
    pixels: float
    folds: int


def held_out(
    votes: Votes,
    truth: Truth,
    parts: list[Counts],
    expert: NDArray[np.float64],
    *,
    strength: float | None = None,
    block_km: float = blocks.DEFAULT_BLOCK_KM,
    progress: Progress = silent,
) -> HeldOut | None:
    """The scores over all parts of the map, each judged by what the others taught.

    parts: what `cooccurrence.counted` found of the same maps and blocks. strength: as `posterior.posterior`.
    None for less than two parts with data.
    """
    if sum(bool(part.pixels.any()) for part in parts) < 2:
        return None
    tables = np.stack([_tables(parts, fold, expert, strength) for fold in range(len(parts))])
    right, loss, total = np.zeros(tables.shape[1]), np.zeros(tables.shape[1]), 0.0
    for window in blocks.windows(votes.grid, blocks.block_shape(votes.grid, block_km)):
        labels = truth.on(votes.grid.window(window.rows, window.cols))
        wanted = labels >= 0
        if wanted.any():
            fold = window.folds(len(parts))[window.place[wanted]]
            seen = votes.probabilities(window.rows, window.cols, wanted)
            for start in range(0, fold.size, PIXELS):
                piece = slice(start, start + PIXELS)
                weight = _scored(tables, seen[:, piece], labels[wanted][piece], fold[piece], right, loss)
                total += weight
        progress("asking held-out blocks", window.rows.stop, votes.grid.shape[0])
    learned, alone, shares = (Score(float(r), float(x)) for r, x in zip(right / total, loss / total, strict=True))
    return HeldOut(learned, alone, shares, total, len(parts))


def _tables(
    parts: list[Counts], fold: int, expert: NDArray[np.float64], strength: float | None
) -> NDArray[np.float64]:
    """The learned table, the expert's and the shares alone, (3, source, target), from all parts but one."""
    others = together([Counts.zero(parts[0].source, parts[0].target), *parts[:fold], *parts[fold + 1 :]])
    floored = (1 - FLOOR) * expert + FLOOR * others.background
    return np.stack(
        [posterior(expert, others, strength).weights, floored, np.tile(others.background, (len(expert), 1))]
    )


def _scored(
    tables: NDArray[np.float64],
    seen: NDArray[np.float32],
    labels: NDArray[np.int16],
    fold: NDArray[np.intp],
    right: NDArray[np.float64],
    loss: NDArray[np.float64],
) -> float:
    """Add the right pixels and the loss of each table, and return the weight of the pixels."""
    weight = seen.sum(axis=0, dtype=np.float64)
    for part in np.unique(fold[weight > 0]):
        here = (fold == part) & (weight > 0)
        share, true = weight[here], labels[here]
        votes = seen[:, here] / share
        for at, table in enumerate(tables[part]):
            chances = votes.T @ table  # (pixel, target)
            right[at] += share[chances.argmax(axis=1) == true].sum()
            loss[at] -= (share * np.log(np.maximum(chances[np.arange(true.size), true], LEAST))).sum()
    return float(weight.sum())
