"""Rule R7: a smallest patch. New specks join the neighbour that their own evidence finds most probable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.shape import SIDES, pieces
from ecosg_update.errors import GridError
from ecosg_update.layers import Patch, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROUNDS = 3
"""Specks among specks are settled from the outside in, so many times; what is left then keeps the original."""

_STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))


def margin_rows(cells: int) -> int:
    """Rows around a part of a map that `sieved` must see to find there what it finds in the whole map."""
    return 0 if cells < 2 else (ROUNDS + 1) * (cells + 1)


def sieved(patch: Patch, prediction: Prediction, cells: int, *, never_new: tuple[int, ...] = ()) -> Patch:
    """The patch without new patches of less than `cells` cells, connected over sides.

    A patch is new if every cell of it is changed: what the original has is never sieved. It takes the cover of that
    neighbour, among those that are not specks themselves, whose probability summed over the patch is largest; where
    none has any, each cell keeps the original. Ties go to the lowest priority of the legend. never_new: covers that
    a patch does not take. Raises GridError where the prediction lies on other cells.
    """
    if prediction.grid != patch.cover.grid:
        raise GridError("sieve: prediction and patch lie on different grids; crop the prediction to the patch")
    if cells < 2 or not patch.changed.any():
        return patch
    label, count = _specks(patch, cells)
    if not count:
        return patch
    found = patch.cover.codes.copy()
    for _ in range(ROUNDS):
        choice = _choices(_border(found, label, never_new, wraps=_wraps(patch)), label, count, prediction)
        done = choice[label] > 0
        if not done.any():
            break
        found[done] = choice[label][done]
        label = np.where(done, 0, label)
    found = np.where(label > 0, patch.base, found)
    other = found != patch.cover.codes
    confidence = np.where(other, _probability(prediction, found), patch.confidence)
    reason = np.where(other, np.uint8(Reason.RULE_PATCH_SIZE), patch.reason)
    return replace(patch, cover=replace(patch.cover, codes=found), reason=reason, confidence=confidence)


def _specks(patch: Patch, cells: int) -> tuple[NDArray[np.int32], int]:
    """Labels int32 (y, x) of the new patches of less than `cells` cells, 0 elsewhere, and how many there are."""
    codes, changed = patch.cover.codes, patch.changed
    specks = np.zeros(codes.shape, np.int32)
    total = 0
    for cover in np.unique(codes[changed]):
        label, count = pieces(codes == cover, SIDES, wraps=_wraps(patch))
        size = np.bincount(label.ravel(), minlength=count + 1)
        new = np.bincount(label[changed], minlength=count + 1)
        small = (size < cells) & (new == size)
        small[0] = False
        number = np.where(small, np.cumsum(small) + total, 0).astype(np.int32)
        specks += number[label]
        total += int(small.sum())
    return specks, total


@dataclass(frozen=True, eq=False)
class _Border:
    """speck, cover: int64 (n,), each speck and each cover that adjoins it, once."""

    speck: NDArray[np.int64]
    cover: NDArray[np.int64]


def _choices(border: _Border, label: NDArray[np.int32], count: int, prediction: Prediction) -> NDArray[np.uint8]:
    """uint8 (count + 1,): the cover that each speck takes, 0 for one that has no settled neighbour of its liking."""
    inside = np.flatnonzero(label)
    of = label.ravel()[inside]
    legend = prediction.legend
    flat = prediction.values.reshape(len(legend), -1)
    best = np.zeros(count + 1)
    choice = np.zeros(count + 1, np.uint8)
    for row in sorted(range(len(legend)), key=lambda row: (legend.priority[row], legend.codes[row])):
        beside = border.speck[border.cover == legend.codes[row]]
        if not beside.size:
            continue
        score = np.bincount(of, flat[row, inside], count + 1)[beside]
        more = score > best[beside]
        best[beside[more]], choice[beside[more]] = score[more], legend.codes[row]
    return choice


def _border(codes: NDArray[np.uint8], label: NDArray[np.int32], barred: tuple[int, ...], *, wraps: bool) -> _Border:
    """The settled covers beside each speck, over sides."""
    rows, cols = np.nonzero(label)
    pairs = []
    for down, across in _STEPS:
        to_row, to_col = rows + down, cols + across
        if wraps:
            to_col %= codes.shape[1]
        inside = (to_row >= 0) & (to_row < codes.shape[0]) & (to_col >= 0) & (to_col < codes.shape[1])
        near = to_row[inside], to_col[inside]
        speck, cover = label[rows[inside], cols[inside]], codes[near]
        fit = (label[near] == 0) & (cover > 0) & ~np.isin(cover, barred)
        pairs.append(speck[fit].astype(np.int64) * 256 + cover[fit])
    found = np.unique(np.concatenate(pairs))
    return _Border(found // 256, found % 256)


def _wraps(patch: Patch) -> bool:
    """Whether the map goes once around the globe."""
    grid = patch.cover.grid
    return grid.cols == grid.world_cols


def _probability(prediction: Prediction, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (y, x): what the prediction gives to each cell's code, 0 for no code."""
    row = prediction.legend.rows[codes].astype(np.intp)
    held = np.take_along_axis(prediction.values, np.maximum(row, 0)[np.newaxis], axis=0)[0]
    return np.where(row >= 0, held, np.float32(0))
