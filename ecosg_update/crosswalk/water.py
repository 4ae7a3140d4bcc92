"""Rule R4: water is sea, river or lake by what it is connected to and by its shape, never cell by cell.

Two steps. `as_one_water` lets the three kinds of water decide together whether a cell is water; it is local.
`kinds` then names the kind of every new water cell of a decided map. It needs the whole map, as codes of one byte.

Water is connected over sides and corners (8), as rivers run across the lattice; the sea spreads over sides only (4),
so that a dike that runs across the lattice holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.crosswalk.rules import Ruled, moved
from ecosg_update.crosswalk.shape import CORNERS, SIDES, Shapes, grown, meeting, of_pieces, pieces, ring, shapes
from ecosg_update.layers import Patch, Prediction, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEA, LAKE, RIVER = 1, 2, 3
WATER = (SEA, LAKE, RIVER)

SEA_REACH_KM = 3.0
"""How far the original's sea spreads along new water; what lies beyond is an estuary's river or a lake. Ours: ten
cells of the original, more than its coast is misplaced and less than a ria is long."""

RIVER_WIDTH_KM = 1.5
"""Mean width up to which water can be a river. Ours: the lower Danube and Volga are about a kilometre wide."""

SLENDER = 0.15
"""Area over the square of the longest extent, up to which water is long and thin. Ours: a straight channel of
1 : 6.7; a square has 0.5, a disc 0.39 (the extent is the diagonal of the bounding box)."""


@dataclass(frozen=True, eq=False)
class Waters:
    """A decided map and the original around it, in which water is judged.

    codes, base: uint8 (y, x), covers now and before. outside: bool (y, x), cells of which nothing new is known
    (beyond the target, no data): what meets them may go on there, so that its shape is not judged. cell_km: height
    and width of a cell. told: whether the evidence itself tells rivers from lakes, as CORINE level 3 does. wraps:
    whether the map goes once around the globe, so that its last column adjoins its first.
    """

    codes: NDArray[np.uint8]
    base: NDArray[np.uint8]
    outside: NDArray[np.bool_]
    cell_km: tuple[float, float]
    told: bool = False
    wraps: bool = False


def as_one_water(prediction: Prediction, base: NDArray[np.uint8]) -> Ruled:
    """The probability of all water on one cover: the original's own kind, else river or lake, the more probable.

    A cell that may be lake or river is water all the same. Sea is never made here but where the original has it:
    elsewhere it stands for a river, as an estuary beyond the reach of the sea is one.
    """
    sea, lake, river = (prediction.values[prediction.legend.index(cover)] for cover in WATER)
    likely = np.where(sea + river > lake, np.uint8(RIVER), np.uint8(LAKE))
    return moved(prediction, WATER, np.where(_water(base), base, likely), Reason.RULE_WATER)


def kinds(waters: Waters) -> NDArray[np.uint8]:
    """uint8 (y, x): the covers with the kind of each water cell settled; land stays land but for lone flips.

    - Sea: what the original's sea reaches over sides within `SEA_REACH_KM` of new water, and water that nothing but
      sea surrounds. A piece of the original's sea that new land cuts off from the rest is lake.
    - The original's lakes and rivers stay what they were.
    - Other new water wider than `RIVER_WIDTH_KM` is a lake. Narrower, it is what it adjoins of the original's inland
      water; else a river where it goes on from the sea or is `SLENDER`; else a lake. Where the evidence tells the
      kinds of water, most of its cells decide in place of all that but the width.
    - A single cell that changes sides of the coast alone goes back to the original's cover.
    """
    was = waters.base == SEA
    codes = np.where(_alone(waters, was & ~_water(waters.codes)), np.uint8(SEA), waters.codes)
    wet = _water(codes)
    if np.array_equal(wet * codes, _water(waters.base) * waters.base):
        return codes
    sea = _sea(waters, wet)
    inland = wet & ~sea
    sea |= _enclosed(waters, inland, sea, wet)
    inland &= ~sea
    codes[sea] = SEA
    codes[inland & was] = LAKE
    new = inland & ~_water(waters.base)
    if new.any():
        codes[new] = np.where(_rivers(waters, new, inland)[new], np.uint8(RIVER), np.uint8(LAKE))
    stray = _alone(waters, sea & (waters.base > RIVER))
    return np.where(stray, waters.base, codes)


def settled(patch: Patch, codes: NDArray[np.uint8], *, protected: list[int], never_new: list[int]) -> Patch:
    """The patch with the kinds of water that `kinds` found, within the policy.

    protected, never_new: covers that are not replaced and not made. Cells that kept the original for want of
    evidence keep it.
    """
    at = np.flatnonzero(codes != patch.cover.codes)
    new, base, reason = codes.ravel()[at], patch.base.ravel()[at], patch.reason.ravel()[at]
    decided = ~np.isin(reason, (Reason.KEPT_NO_DATA, Reason.KEPT_LOW_SHARE, Reason.KEPT_LOW_CONFIDENCE))
    decided &= (new == base) | ~np.isin(base, protected)
    barred = (new != base) & np.isin(new, never_new)
    cover, why = patch.cover.codes.copy(), patch.reason.copy()
    cover.ravel()[at[decided]] = np.where(barred, base, new)[decided]
    why.ravel()[at[decided]] = np.where(barred, Reason.KEPT_PROTECTED, Reason.RULE_WATER)[decided]
    return replace(patch, cover=replace(patch.cover, codes=cover), reason=why)


def _water(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether covers are water, without the eight bytes a cell that `isin` takes."""
    return (codes >= SEA) & (codes <= RIVER)


def _sea(waters: Waters, wet: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The original's sea that is still one with itself, and the new water within its reach."""
    open_water = wet & ((waters.base == SEA) | ~_water(waters.base))
    sea: NDArray[np.bool_] = wet & (waters.base == SEA)
    if (~wet & (waters.base == SEA)).any():
        sea &= ~_cut_off(waters, open_water, sea)
    if not sea.any():
        return sea
    steps = math.ceil(SEA_REACH_KM / waters.cell_km[0])
    return grown(sea, SIDES, steps=steps, within=open_water, wraps=waters.wraps) | sea


def _cut_off(waters: Waters, open_water: NDArray[np.bool_], sea: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells of pieces of the original's sea that are no longer connected to its main part.

    The main part of each sea is its largest piece; a piece that goes on outside is not cut off for all we know.
    """
    before, seas = pieces(waters.base == SEA, SIDES, wraps=waters.wraps)
    piece, count = pieces(open_water, SIDES, wraps=waters.wraps)
    pairs, counts = np.unique(before[sea] * np.int64(count + 1) + piece[sea], return_counts=True)
    of_sea, in_piece = np.divmod(pairs, count + 1)
    del before
    largest = np.zeros(seas + 1, np.int64)
    np.maximum.at(largest, of_sea, counts)
    main = np.zeros(count + 1, np.bool_)
    main[in_piece[counts == largest[of_sea]]] = True
    main |= meeting(piece, count, waters.outside, wraps=waters.wraps) > 0
    return of_pieces(~main, piece, sea)


def _enclosed(
    waters: Waters, inland: NDArray[np.bool_], sea: NDArray[np.bool_], wet: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Water that meets the sea, no land at all, and does not leave the map."""
    label, count = pieces(inland, CORNERS, wraps=waters.wraps)
    ashore = meeting(label, count, ~wet, wraps=waters.wraps) > 0
    ashore[label[ring(wet.shape, wraps=waters.wraps)]] = True
    afloat = meeting(label, count, sea, wraps=waters.wraps) > 0
    return of_pieces(afloat & ~ashore, label, inland)


def _rivers(waters: Waters, new: NDArray[np.bool_], inland: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (y, x): the connected pieces of new inland water that are rivers."""
    label, count = pieces(new, CORNERS, wraps=waters.wraps)
    found = shapes(label, count, waters.cell_km)
    said_river = np.bincount(label[new], waters.codes[new] == RIVER, count + 1) * 2 > found.cells
    narrow = found.width_km <= RIVER_WIDTH_KM
    river = said_river if waters.told else _river_by_place(waters, label, inland, found, said_river)
    return of_pieces(river & narrow, label, new)


def _river_by_place(
    waters: Waters,
    label: NDArray[np.int32],
    inland: NDArray[np.bool_],
    found: Shapes,
    said_river: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """bool (piece + 1,): whether a narrow piece of new water is a river, where the evidence cannot say."""
    count = len(found.cells) - 1
    beside = partial(meeting, label, count, wraps=waters.wraps)
    lakes, rivers = (beside(inland & (waters.base == kind)) for kind in (LAKE, RIVER))
    unknown = beside(waters.outside) > 0
    alone = np.where(unknown, said_river, found.slenderness <= SLENDER)
    alone |= beside(_water(waters.codes) & ~inland, over=SIDES) > 0
    by_place: NDArray[np.bool_] = np.where(lakes + rivers > 0, rivers > lakes, alone)
    return by_place


def _alone(waters: Waters, cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells that have no other of their kind beside them, over sides or corners, and nothing unknown either."""
    label, count = pieces(cells, CORNERS, wraps=waters.wraps)
    lone = np.bincount(label[cells], minlength=count + 1) == 1
    lone &= meeting(label, count, waters.outside, wraps=waters.wraps) == 0
    return of_pieces(lone, label, cells)
