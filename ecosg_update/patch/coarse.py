"""The compiled majority of lattice cells inside coarser ones, counted in whole numbers.

Two lattices of S and T cells a degree, divided by their greatest common factor, share a ruler: of its marks a cell
of the finer lattice is t long and one of the coarser s. Every overlap is a whole number of marks, so that there is
neither rounding nor a tolerance. Each function releases the GIL.
"""

from __future__ import annotations

import numpy as np

from ecosg_update.compiled import compiled

WINNERS = 256
"""More than a legend of uint8 codes has classes: a sum and its rank then fit one number."""


@compiled
def settle(codes, rows, cols, length, rank_of, order, found):  # type: ignore[no-untyped-def]
    """Fill `found` (uint8, coarse rows x cols) with the class of most marks of each cell, 0 where there is none.

    codes: uint8 (fine rows, fine cols). rows, cols: int64 (n, 4), for each coarse cell the fine ones that it meets,
    first and end, and how many marks of the first and of the last are inside; those between are wholly, `length`
    marks. order: uint8, the codes by rank: of equal sums the first wins. rank_of: int64 (256,), the rank of a code,
    -1 for none.
    """
    sums = np.zeros(order.size, np.int64)
    for j in range(found.shape[0]):
        top, bottom, upper, lower = rows[j]
        for i in range(found.shape[1]):
            left, right, head, tail = cols[i]
            if _alike(codes, top, bottom, left, right):
                code = codes[top, left]
                found[j, i] = code if rank_of[code] >= 0 else 0
                continue
            sums[:] = 0
            for row in range(top, bottom):
                height = upper if row == top else lower if row == bottom - 1 else length
                for col in range(left, right):
                    width = head if col == left else tail if col == right - 1 else length
                    rank = rank_of[codes[row, col]]
                    if rank >= 0:
                        sums[rank] += height * width
            found[j, i] = _winner(sums, order)


@compiled
def _alike(codes, top, bottom, left, right):  # type: ignore[no-untyped-def]
    """Whether a block holds one code only; left as soon as a row does not."""
    first = codes[top, left]
    for row in range(top, bottom):
        other = 0
        for col in range(left, right):
            other |= codes[row, col] ^ first
        if other:
            return False
    return True


@compiled
def _winner(sums, order):  # type: ignore[no-untyped-def]
    """The code of the largest sum, the first of equal ones; 0 where all are 0. Without a branch: it is vectorised."""
    best = 0
    for rank in range(sums.size):
        best = max(best, sums[rank] * WINNERS + WINNERS - 1 - rank)
    if best < WINNERS:
        return 0
    return order[WINNERS - 1 - best % WINNERS]
