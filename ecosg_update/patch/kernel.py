"""The compiled way to spread pixels over cells: exact, and the same bytes for any number of threads.

A row of a lattice block is cut into *entries*: runs of pixels that lie inside one cell (weight 1) and single pixels
of which a cell holds a part. Only pixels that a cell edge crosses are split. Every function here releases the GIL
and writes to its own rows of the target, so that threads never meet and each cell sums in the order of the blocks.
numba's own threads are not used: its portable layer aborts the process when two Python threads call it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from ecosg_update.patch.overlap import SNAP, UNIT


def _compiled(function: Callable[..., Any]) -> Any:
    """The function compiled without the GIL, kept on disk where numba finds a folder that it may write to."""
    try:
        return njit(nogil=True, cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba: "no locator available", a read-only installation without a home
        return njit(nogil=True, error_model="numpy")(function)


@_compiled
def _edge_area(u1: float, v1: float, u2: float, v2: float, ku: float, kv: float) -> float:
    """The integral of max(ku - u, 0) dv along the part of an edge with v < kv."""
    if v1 > kv and v2 > kv:
        return 0.0
    if v1 > kv:
        u1, v1 = u2 + (u1 - u2) * ((kv - v2) / (v1 - v2)), kv
    elif v2 > kv:
        u2, v2 = u1 + (u2 - u1) * ((kv - v1) / (v2 - v1)), kv
    near, far = ku - u1, ku - u2
    if near >= 0 and far >= 0:
        return 0.5 * (near + far) * (v2 - v1)
    if near <= 0 and far <= 0:
        return 0.0
    part = max(near, far)
    return 0.5 * part * part / abs(near - far) * (v2 - v1)


@_compiled
def _corner_area(u0, v0, u1, v1, u2, v2, u3, v3, ku, kv):  # type: ignore[no-untyped-def]
    """The signed area of a quadrilateral with u < ku and v < kv (Green's theorem along its edges)."""
    return -(
        _edge_area(u0, v0, u1, v1, ku, kv)
        + _edge_area(u1, v1, u2, v2, ku, kv)
        + _edge_area(u2, v2, u3, v3, ku, kv)
        + _edge_area(u3, v3, u0, v0, ku, kv)
    )


@_compiled
def _cell(j, i, window):  # type: ignore[no-untyped-def]
    """The flat index of a cell within the window, -1 outside it; columns close around the globe."""
    first, end, cols, world = window
    if not first <= j < end:
        return -1
    if not 0 <= i < cols:
        i %= world
        if i >= cols:
            return -1
    return (j - first) * cols + i


@_compiled
def _mean_within(start, end):  # type: ignore[no-untyped-def]
    """The mean of a line from `start` to `end`, each of its values clipped to 0..1."""
    if min(start, end) >= 0 and max(start, end) <= 1:
        return 0.5 * (start + end)
    if max(start, end) <= 0:
        return 0.0
    if min(start, end) >= 1:
        return 1.0
    low, high = min(start, end), max(start, end)
    if high - low < 1e-9:
        return min(1.0, max(0.0, low))
    inner_low, inner_high = max(0.0, low), min(1.0, high)
    return (0.5 * (inner_high - inner_low) * (inner_high + inner_low) + (high - inner_high)) / (high - low)


@_compiled
def _put(places, weights, n, start, stop, cell, weight):  # type: ignore[no-untyped-def]
    """One entry more, unless the target lacks the cell."""
    if cell >= 0:
        places[n, 0], places[n, 1], places[n, 2], weights[n] = start, stop, cell, weight
        n += 1
    return n


@_compiled
def _put_split(places, weights, n, pixel, quad, j0, i0, rows_met, cols_met, window):  # type: ignore[no-untyped-def]
    """A pixel cut along several edges; `quad` counts from the cell (j0, i0). Its parts sum to exactly 1."""
    u0, v0, u1, v1, u2, v2, u3, v3 = quad
    total = 0.5 * ((u2 - u0) * (v3 - v1) - (v2 - v0) * (u3 - u1))
    above = 0.0
    for j in range(rows_met):
        last = j == rows_met - 1
        below = UNIT
        if not last:
            part = -_corner_area(v0, u0, v1, u1, v2, u2, v3, u3, j + 1.0, math.inf) / total
            below = max(above, min(UNIT, math.floor(part * UNIT + 0.5)))
        band, above = below - above, below
        if band == 0 or not window[0] <= j0 + j < window[1]:
            continue
        left = 0.0
        for i in range(cols_met):
            right = band
            if i < cols_met - 1:
                part = _corner_area(u0, v0, u1, v1, u2, v2, u3, v3, i + 1.0, math.inf if last else j + 1.0)
                if j > 0:
                    part -= _corner_area(u0, v0, u1, v1, u2, v2, u3, v3, i + 1.0, float(j))
                right = max(left, min(band, math.floor(part / total * UNIT + 0.5)))
            if right > left:
                n = _put(places, weights, n, pixel, pixel + 1, _cell(j0 + j, i0 + i, window), (right - left) / UNIT)
            left = right
    return n


@_compiled
def _quad(lines, step, s):  # type: ignore[no-untyped-def]
    """The corners u, v, u, v ... of a row's pixel `s`, clockwise from the north-west."""
    u_top, u_top_end, v_top, v_top_end, u_low, u_low_end, v_low, v_low_end = lines
    west, east = s / step, (s + 1) / step
    return (
        u_top + (u_top_end - u_top) * west,
        v_top + (v_top_end - v_top) * west,
        u_top + (u_top_end - u_top) * east,
        v_top + (v_top_end - v_top) * east,
        u_low + (u_low_end - u_low) * east,
        v_low + (v_low_end - v_low) * east,
        u_low + (u_low_end - u_low) * west,
        v_low + (v_low_end - v_low) * west,
    )


@_compiled
def _put_any(places, weights, n, lines, step, s, pixel0, window):  # type: ignore[no-untyped-def]
    """The pixel `s` of a row, of any size and orientation."""
    u0, v0, u1, v1, u2, v2, u3, v3 = _quad(lines, step, s)
    i0 = math.floor(min(u0, u1, u2, u3) + SNAP)
    j0 = math.floor(min(v0, v1, v2, v3) + SNAP)
    cols_met = math.ceil(max(u0, u1, u2, u3) - SNAP - i0)
    rows_met = math.ceil(max(v0, v1, v2, v3) - SNAP - j0)
    if rows_met <= 1 and cols_met <= 1:
        return _put(places, weights, n, pixel0 + s, pixel0 + s + 1, _cell(j0, i0, window), 1.0)
    quad = (u0 - i0, v0 - j0, u1 - i0, v1 - j0, u2 - i0, v2 - j0, u3 - i0, v3 - j0)
    return _put_split(places, weights, n, pixel0 + s, quad, j0, i0, max(1, rows_met), max(1, cols_met), window)


@_compiled
def _row_end(v_top, rise, v_low, fall, j, s, last):  # type: ignore[no-untyped-def]
    """The first pixel from `s` on that is not wholly in the row `j` of cells; `s` where a parallel crosses it."""
    if max(v_low + fall * s, v_low + fall * (s + 1)) > j + 1 + SNAP:
        return s
    end = last
    if fall > 0:
        end = min(end, math.floor((j + 1 + SNAP - v_low) / fall))
    if rise < 0:
        end = min(end, math.floor((j - SNAP - v_top) / rise))
    return max(end, s + 1)


@_compiled
def _fine_entries(places, weights, lines, step, first, last, pixel0, window):  # type: ignore[no-untyped-def]
    """The entries of a row of small upright pixels: only those that an edge crosses are looked at one by one.

    In the space of the pixels a meridian is the line from `top` to `low`, the places where it cuts the upper and the
    lower edge of the row. Entries are written here and not by a helper: an array that is handed on has its
    references counted, atomically, which doubled the time.
    """
    u_top, u_top_end, v_top, v_top_end, u_low, u_low_end, v_low, v_low_end = lines
    rise, fall = (v_top_end - v_top) / step, (v_low_end - v_low) / step
    top_pixels, low_pixels = step / (u_top_end - u_top), step / (u_low_end - u_low)
    i = math.floor(min(u_top + first / top_pixels, u_low + first / low_pixels) + SNAP)
    top, low = (i + 1 - u_top) * top_pixels, (i + 1 - u_low) * low_pixels
    n, s, j, row_end = 0, first, 0, first
    while s < last:
        if s >= row_end:
            j = math.floor(v_top + min(rise * s, rise * (s + 1)) + SNAP)
            row_end = _row_end(v_top, rise, v_low, fall, j, s, last)
        end = min(row_end, math.floor(min(top, low) + SNAP))
        cell = _cell(j, i, window)
        if end > s:
            places[n, 0], places[n, 1], places[n, 2], weights[n] = pixel0 + s, pixel0 + end, cell, 1.0
            n += cell >= 0
            s = end
            continue
        if max(top, low) > s + SNAP:
            if row_end > s:
                part, other = _mean_within(top - s, low - s), _cell(j, i + 1, window)
            elif min(top, low) < s + 1 - SNAP:
                n = _put_any(places, weights, n, lines, step, s, pixel0, window)
                part, cell, other = 0.0, -1, -1
            else:
                west, east = v_top + rise * s, v_top + rise * (s + 1)
                west_part = (j + 1 - west) / (v_low + fall * s - west)
                part = _mean_within(west_part, (j + 1 - east) / (v_low + fall * (s + 1) - east))
                other = _cell(j + 1, i, window)
            part = math.floor(part * UNIT + 0.5) / UNIT
            places[n, 0], places[n, 1], places[n, 2], weights[n] = pixel0 + s, pixel0 + s + 1, cell, part
            n += cell >= 0 and part > 0
            places[n, 0], places[n, 1], places[n, 2], weights[n] = pixel0 + s, pixel0 + s + 1, other, 1 - part
            n += other >= 0 and part < 1
            s += 1
        if max(top, low) <= s + SNAP:
            i += 1
            top, low = (i + 1 - u_top) * top_pixels, (i + 1 - u_low) * low_pixels
    return n


@_compiled
def _lines(u, v, a, b, top, low):  # type: ignore[no-untyped-def]
    """The ends (west, east) of a row's upper and lower edge inside the block [a, b]; top, low in 0..1."""
    return (
        u[a, b] + (u[a + 1, b] - u[a, b]) * top,
        u[a, b + 1] + (u[a + 1, b + 1] - u[a, b + 1]) * top,
        v[a, b] + (v[a + 1, b] - v[a, b]) * top,
        v[a, b + 1] + (v[a + 1, b + 1] - v[a, b + 1]) * top,
        u[a, b] + (u[a + 1, b] - u[a, b]) * low,
        u[a, b + 1] + (u[a + 1, b + 1] - u[a, b + 1]) * low,
        v[a, b] + (v[a + 1, b] - v[a, b]) * low,
        v[a, b + 1] + (v[a + 1, b + 1] - v[a, b + 1]) * low,
    )


@_compiled
def _row_entries(places, weights, lines, step, first, last, pixel0, window, fine):  # type: ignore[no-untyped-def]
    """Fill `entries` with the runs and parts of the pixels first..last (from the block's west); their number."""
    if fine:
        return _fine_entries(places, weights, lines, step, first, last, pixel0, window)
    n = 0
    for s in range(first, last):
        n = _put_any(places, weights, n, lines, step, s, pixel0, window)
    return n


@_compiled
def _areas(lines, step):  # type: ignore[no-untyped-def]
    """(area of a row's first pixel in cells, its growth from pixel to pixel): linear, for a bilinear block."""
    u0, v0, u1, v1, u2, v2, u3, v3 = _quad(lines, step, 0)
    first = 0.5 * ((u2 - u0) * (v3 - v1) - (v2 - v0) * (u3 - u1))
    u0, v0, u1, v1, u2, v2, u3, v3 = _quad(lines, step, step - 1)
    last = 0.5 * ((u2 - u0) * (v3 - v1) - (v2 - v0) * (u3 - u1))
    return first, (last - first) / max(1, step - 1)


@_compiled
def _misses(v, a, b, window):  # type: ignore[no-untyped-def]
    """Whether the block [a, b] lies above or below the window."""
    high = min(v[a, b], v[a, b + 1], v[a + 1, b], v[a + 1, b + 1])
    low = max(v[a, b], v[a, b + 1], v[a + 1, b], v[a + 1, b + 1])
    return low + SNAP < window[0] or high - SNAP > window[1]


@_compiled
def _count(line, lookup, places, weights, n, areas, pixel0, mass, covered):  # type: ignore[no-untyped-def]
    """Add the entries of a row of codes: equal neighbours are counted first and added once."""
    for k in range(n):
        cell, weight = places[k, 2], weights[k]
        code, same, valid = line[places[k, 0]], 0, 0
        for c in range(places[k, 0], places[k, 1]):
            if line[c] == code:
                same += 1
                continue
            row = lookup[code]
            if row >= 0:
                mass[row, cell] += same * weight
                valid += same
            code, same = line[c], 1
        row = lookup[code]
        if row >= 0:
            mass[row, cell] += same * weight
            valid += same
        middle = 0.5 * (places[k, 0] + places[k, 1] - 1) - pixel0
        covered[cell] += valid * weight * (areas[0] + areas[1] * middle)


@_compiled
def _sum(values, share, r, places, weights, n, areas, pixel0, mass, covered):  # type: ignore[no-untyped-def]
    """Add the probabilities of row `r`, weighted by each pixel's share."""
    for k in range(n):
        valid = 0.0
        for c in range(places[k, 0], places[k, 1]):
            valid += share[r, c]
        middle = 0.5 * (places[k, 0] + places[k, 1] - 1) - pixel0
        covered[places[k, 2]] += valid * weights[k] * (areas[0] + areas[1] * middle)
    for row in range(values.shape[0]):
        for k in range(n):
            total = 0.0
            for c in range(places[k, 0], places[k, 1]):
                total += np.float64(values[row, r, c]) * share[r, c]
            mass[row, places[k, 2]] += total * weights[k]


@_compiled
def spread_codes(codes, lookup, u, v, layout, window, mass, covered):  # type: ignore[no-untyped-def]
    """Add the pixels of a class map to the cells of the rows window[0]..window[1] of the target.

    codes: unsigned (y, x). lookup: code to class row, -1 for no data. u, v, layout = (step, row, col, capacity,
    fine): the lattice. window: (first row, end row, columns of the target, columns around the globe). mass (class,
    cell) and covered (cell,), float64 of the window's cells, are added to.
    """
    step, row0, col0, capacity, fine = layout
    places, weights = np.empty((capacity + 2, 3), np.int64), np.empty(capacity + 2)
    for a in range(u.shape[0] - 1):
        north = row0 + a * step
        for b in range(u.shape[1] - 1):
            if _misses(v, a, b, window):
                continue
            west = col0 + b * step
            first, last = max(0, -west), min(step, codes.shape[1] - west)
            for r in range(max(0, north), min(north + step, codes.shape[0])):
                lines = _lines(u, v, a, b, (r - north) / step, (r + 1 - north) / step)
                n = _row_entries(places, weights, lines, step, first, last, west, window, fine)
                if n > 0:
                    _count(codes[r], lookup, places, weights, n, _areas(lines, step), west, mass, covered)


@_compiled
def spread_values(values, share, u, v, layout, window, mass, covered):  # type: ignore[no-untyped-def]
    """Add probabilities float32 (class, y, x) of pixels whose valid part is `share`; otherwise as `spread_codes`."""
    step, row0, col0, capacity, fine = layout
    places, weights = np.empty((capacity + 2, 3), np.int64), np.empty(capacity + 2)
    for a in range(u.shape[0] - 1):
        north = row0 + a * step
        for b in range(u.shape[1] - 1):
            if _misses(v, a, b, window):
                continue
            west = col0 + b * step
            first, last = max(0, -west), min(step, share.shape[1] - west)
            for r in range(max(0, north), min(north + step, share.shape[0])):
                lines = _lines(u, v, a, b, (r - north) / step, (r + 1 - north) / step)
                n = _row_entries(places, weights, lines, step, first, last, west, window, fine)
                if n > 0:
                    _sum(values, share, r, places, weights, n, _areas(lines, step), west, mass, covered)
