"""The compiled ways to count the classes of pixels in the cells of a model grid.

A pixel's place is separable: x is a number of its row times a number of its column plus a number of its row, and so
is y. `count_each` works out the cell of each pixel. `count_runs` is for pixels much smaller than cells: along a
stretch of columns in which both column numbers only rise or only fall, two pixels of one row in one cell have every
pixel between them in that cell (rounding never turns an order round), so that the cell is worked out at a few pixels
a run, and the bytes between are counted without looking at their places. All operations are those of `Domain.index`,
in its order, so that no pixel falls into another cell than there.
"""

from __future__ import annotations

import math

import numpy as np

from ecosg_update.compiled import compiled

CHUNK = 16
"""Bytes that are compared at once: equal ones are counted in one step."""

WEST, EAST, SOUTH, NORTH = -1, -2, -3, -4
"""Where a pixel is that is in no cell of the band."""


@compiled
def _cell(line, col_x, col_y, grid):  # type: ignore[no-untyped-def]
    """The cell of a pixel, counted from the band's first row of cells, or the side on which it is outside."""
    row_x, shift_x, row_y, shift_y = line
    x0, dx, half_x, nx, y0, dy, half_y, first, last = grid
    x = (row_x * col_x + shift_x - x0) / dx + half_x
    if not x >= 0:
        return WEST
    if x >= nx:
        return EAST
    y = (row_y * col_y + shift_y - y0) / dy + half_y
    if not y >= first:
        return SOUTH
    if y >= last:
        return NORTH
    return (math.floor(y) - np.int64(first)) * np.int64(nx) + math.floor(x)


@compiled
def _cells(line, cols, grid, found):  # type: ignore[no-untyped-def]
    """Fill `found`, int32 (x,), with the cell of each pixel of a row, negative outside; the loop has no branch."""
    row_x, shift_x, row_y, shift_y = line
    x0, dx, half_x, nx, y0, dy, half_y, first, last = grid
    low, wide = np.int32(first), np.int32(nx)
    for i in range(len(found)):
        x = (row_x * cols[0, i] + shift_x - x0) / dx + half_x
        y = (row_y * cols[1, i] + shift_y - y0) / dy + half_y
        inside = (x >= 0) & (x < nx) & (y >= first) & (y < last)
        found[i] = (np.int32(y) - low) * wide + np.int32(x) if inside else np.int32(WEST)


@compiled
def _run(line, cols, start, stop, cell, guess, grid):  # type: ignore[no-untyped-def]
    """(the first pixel after `start` that is not in its cell, that pixel's cell); `stop` where there is none."""
    low, high, step, after, bracketed = start, stop, max(1, guess - 2), WEST, False
    while high - low > 1:
        probe = min(low + step, high - 1)
        here = _cell(line, cols[0, probe], cols[1, probe], grid)
        if here == cell:
            step = 1 if low == start else 2 * step
            low = probe
        else:
            high, after, bracketed = probe, here, True
        if bracketed:
            step = max(1, (high - low) // 2)
    return high, after


@compiled
def _tally(codes, start, stop, lookup, counts):  # type: ignore[no-untyped-def]
    """Add the bytes of a run to the counts of its cell."""
    i = start
    while i + CHUNK <= stop:
        code, differs = codes[i], np.uint8(0)
        for k in range(CHUNK):
            differs |= codes[i + k] ^ code
        if differs == 0:
            counts[lookup[code]] += np.uint32(CHUNK)
        else:
            for k in range(CHUNK):
                counts[lookup[codes[i + k]]] += np.uint32(1)
        i += CHUNK
    for k in range(i, stop):
        counts[lookup[codes[k]]] += np.uint32(1)


@compiled
def count_each(codes, skipped, lines, cols, grid, lookup, counts):  # type: ignore[no-untyped-def]
    """Add a block of pixels to the counts of a band of cells.

    codes: uint8 (y, x), whose first `skipped` columns are left out. lines: float64 (y, 4), the numbers (row_x,
    shift_x, row_y, shift_y) of each row. cols: float64 (2, x), the numbers of each column for x and y. grid: (x0, dx,
    nx / 2, nx, y0, dy, ny / 2, first, last), as in `Domain.position`; first and last bound the band's rows of cells.
    lookup: int64 (256,), byte to column of `counts`. counts: uint32 (cell, column), added to.
    """
    cells = np.empty(cols.shape[1], np.int32)
    for r in range(codes.shape[0]):
        _cells((lines[r, 0], lines[r, 1], lines[r, 2], lines[r, 3]), cols, grid, cells)
        row = codes[r, skipped:]
        for i in range(len(cells)):
            if cells[i] >= 0:
                counts[cells[i], lookup[row[i]]] += np.uint32(1)


@compiled
def count_runs(codes, skipped, lines, cols, grid, lookup, counts, stretches):  # type: ignore[no-untyped-def]
    """The same as `count_each`, faster where many pixels of a row lie in a cell.

    stretches: int64 (n,), the columns at which one of `cols` may turn, the first and the end.
    """
    for r in range(codes.shape[0]):
        line = (lines[r, 0], lines[r, 1], lines[r, 2], lines[r, 3])
        row, guess = codes[r, skipped:], 2
        for part in range(len(stretches) - 1):
            start, stop = stretches[part], stretches[part + 1]
            cell = _cell(line, cols[0, start], cols[1, start], grid)
            while start < stop:
                end, after = _run(line, cols, start, stop, cell, guess, grid)
                if cell >= 0:
                    _tally(row, start, end, lookup, counts[cell])
                    guess = end - start
                start, cell = end, after
