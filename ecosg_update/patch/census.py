"""The cells of a region from which the errors of its base are estimated: a sample, small whatever the region."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction
from ecosg_update.patch.confusion import ALIKE, Confusion
from ecosg_update.patch.posterior import sharpened

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_CELLS = 200_000
"""Cells that a sample holds at most, or one row of the region in each strip: 16 MB of families."""

STRIPS = 4
"""Pieces of a sample: rows that touch, since an engine reads windows; several, since a region is not alike."""

SEEN = 0.5
"""Least share of a cell that is seen, for it to say anything about the base."""

ORIGINAL = 360
"""Cells a degree of ECOCLIMAP-SG: finer cells repeat it, and count as parts of one."""


@dataclass(frozen=True, eq=False)
class Census:
    """Cells of a region in which something was seen and the base has a cover.

    evidence: for each family of the base, float32 (true family, cell): what the image says of the cells where the
    base shows that family. cells: float64 (class,), how many of the base's cells hold each class. Both are counted
    in independent cells of the original: `weight` each.
    """

    evidence: tuple[NDArray[np.float32], ...]
    cells: NDArray[np.float64]
    weight: float

    def pairs(self, rates: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected cells of each pair, float64 (true family, base's family), under rates of the same shape."""
        found = np.zeros(rates.shape)
        for base, evidence in enumerate(self.evidence):
            truth = evidence * rates[:, base].astype(np.float32)[:, np.newaxis]
            found[:, base] = (truth / truth.sum(axis=0)).sum(axis=1, dtype=np.float64)
        return found * self.weight


def strips(cells: LatLonGrid) -> Iterator[LatLonGrid]:
    """The rows of a region that are sampled: all of a small one, `STRIPS` even pieces of a large one."""
    height = max(1, SAMPLE_CELLS // (STRIPS * cells.cols))
    if height * STRIPS >= cells.rows:
        yield cells
        return
    for number in range(STRIPS):
        top = (2 * number + 1) * cells.rows // (2 * STRIPS) - height // 2
        yield LatLonGrid(cells.per_degree, cells.row + top, cells.col, height, cells.cols)


def census(confusion: Confusion, pieces: Iterable[tuple[Prediction, CoverMap]]) -> Census:
    """The sample of pieces of a region, each the covers that the image says and the base on the same cells."""
    legend, count, weight = confusion.legend, len(confusion.families), 1.0
    parts: list[list[NDArray[np.float32]]] = [[] for _ in range(count)]
    cells = np.zeros(len(legend))
    for prediction, base in pieces:
        weight = min(1.0, (ORIGINAL / base.grid.per_degree) ** 2) / ALIKE
        row = legend.rows[base.codes]
        cells += np.bincount(row[row >= 0], minlength=len(legend))
        said = (prediction.share >= SEEN) & (row >= 0)
        evidence = _by_family(confusion, sharpened(prediction.values[:, said]))
        shown = confusion.family_of[row[said]]
        for family, part in enumerate(parts):
            part.append(evidence[:, shown == family])
    joined = tuple(np.concatenate(part, axis=1) if part else np.zeros((count, 0), np.float32) for part in parts)
    return Census(joined, cells * weight, weight)


def _by_family(confusion: Confusion, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """float32 (family, cell): the sums over each family of values (class, cell)."""
    member = np.equal.outer(np.arange(len(confusion.families)), confusion.family_of)
    return member.astype(np.float32) @ values
