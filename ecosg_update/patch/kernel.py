"""The compiled way to spread pixels over cells: exact, and the same bytes for any number of threads.

The pixels of a lattice block are cut into *entries*, and only those that a cell edge crosses are looked at one by
one. An entry is a row of two buffers: places (first pixel, end pixel, cell, other cell, kind, raster row) and weights
(two numbers). Kind 0 is a run of pixels that lie wholly in the cell, and then the parts, both weights, of the end
pixel in the cell and in the other one. Kind 1 is a run that a parallel crosses from side to side: the part of pixel c
in the cell is the first weight plus c times the second, the rest is in the other cell.

Every function releases the GIL and adds to sums of its own, so that threads never meet and each cell sums in the
order of the blocks. numba's own threads are not used: its portable layer aborts the process when two Python threads
call it at once. All stands in one file because the cache on disk watches the file of the called function only.
"""

from __future__ import annotations

import math

import numpy as np

from ecosg_update.compiled import compiled
from ecosg_update.patch.overlap import SNAP, UNIT


@compiled
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


@compiled
def _corner_area(u0, v0, u1, v1, u2, v2, u3, v3, ku, kv):  # type: ignore[no-untyped-def]
    """The signed area of a quadrilateral with u < ku and v < kv (Green's theorem along its edges)."""
    return -(
        _edge_area(u0, v0, u1, v1, ku, kv)
        + _edge_area(u1, v1, u2, v2, ku, kv)
        + _edge_area(u2, v2, u3, v3, ku, kv)
        + _edge_area(u3, v3, u0, v0, ku, kv)
    )


@compiled
def _cell(j, i, window):  # type: ignore[no-untyped-def]
    """The flat index of a cell within the window; one past the last outside it."""
    row, row_end, col, col_end = window
    if row <= j < row_end and col <= i < col_end:
        return (j - row) * (col_end - col) + i - col
    return (row_end - row) * (col_end - col)


@compiled
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


@compiled
def _put_pair(places, weights, n, pixel, cell, other, part, rest):  # type: ignore[no-untyped-def]
    """The entry of a single pixel, of which two cells hold parts."""
    places[n, 0], places[n, 1], places[n, 2], places[n, 3], places[n, 4] = pixel, pixel, cell, other, 0
    weights[n, 0], weights[n, 1] = part, rest
    return n + 1


@compiled
def _put_split(places, weights, n, pixel, quad, j0, i0, rows_met, cols_met, window):  # type: ignore[no-untyped-def]
    """Entries for a pixel cut along edges; `quad` counts from the cell (j0, i0). Its parts sum to exactly 1."""
    u0, v0, u1, v1, u2, v2, u3, v3 = quad
    total = 0.5 * ((u2 - u0) * (v3 - v1) - (v2 - v0) * (u3 - u1))
    above, outside = 0.0, (window[1] - window[0]) * (window[3] - window[2])
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
            cell = _cell(j0 + j, i0 + i, window)
            if right > left and cell < outside:
                n = _put_pair(places, weights, n, pixel, cell, cell, (right - left) / UNIT, 0.0)
            left = right
    return n


@compiled
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


@compiled
def _put_any(places, weights, n, lines, step, s, pixel0, window):  # type: ignore[no-untyped-def]
    """The pixel `s` of a row, of any size and orientation."""
    u0, v0, u1, v1, u2, v2, u3, v3 = _quad(lines, step, s)
    i0 = math.floor(min(u0, u1, u2, u3) + SNAP)
    j0 = math.floor(min(v0, v1, v2, v3) + SNAP)
    cols_met = math.ceil(max(u0, u1, u2, u3) - SNAP - i0)
    rows_met = math.ceil(max(v0, v1, v2, v3) - SNAP - j0)
    quad = (u0 - i0, v0 - j0, u1 - i0, v1 - j0, u2 - i0, v2 - j0, u3 - i0, v3 - j0)
    return _put_split(places, weights, n, pixel0 + s, quad, j0, i0, max(1, rows_met), max(1, cols_met), window)


@compiled
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


@compiled
def _crossing(top, low, west, east):  # type: ignore[no-untyped-def]
    """Parts of a pixel that a meridian (top to low) and a parallel (west to east) cut: (north-west, north, west)."""
    x = (top + (low - top) * west) / (1.0 - (low - top) * (east - west))
    y = west + (east - west) * x
    above = math.floor(0.5 * (west + east) * UNIT + 0.5) / UNIT
    left = math.floor(0.5 * (top + low) * UNIT + 0.5) / UNIT
    corner = math.floor(0.5 * (top * y + x * west) * UNIT + 0.5) / UNIT
    return max(min(corner, above, left), above + left - 1.0), above, left


@compiled
def _slope_end(v_top, rise, v_low, fall, edge, s, far):  # type: ignore[no-untyped-def]
    """The end of the pixels from `s` on that a parallel, v = edge, crosses from side to side."""
    if v_top + rise * s > edge or v_low + fall * s < edge:
        return s
    if rise > 0:
        far = min(far, math.floor((edge - v_top) / rise))
    if fall < 0:
        far = min(far, math.floor((edge - v_low) / fall))
    return far


@compiled
def _put_odd(places, weights, n, lines, step, s, cell_of, crossed, pixel0, window):  # type: ignore[no-untyped-def]
    """Entries for a pixel that a parallel crosses, at a corner of cells or at the end of its run."""
    (j, i), (top, low) = cell_of, crossed
    _, v0, _, v1, _, v2, _, v3 = _quad(lines, step, s)
    west, east = (j + 1 - v0) / (v3 - v0), (j + 1 - v1) / (v2 - v1)
    cell, other = _cell(j, i, window), _cell(j + 1, i, window)
    if min(top, low) >= s + 1 - SNAP:
        part = math.floor(_mean_within(west, east) * UNIT + 0.5) / UNIT
        return _put_pair(places, weights, n, pixel0 + s, cell, other, part, 1.0 - part)
    if min(top, low) < s or max(top, low) > s + 1 or min(west, east) < 0 or max(west, east) > 1:
        return _put_any(places, weights, n, lines, step, s, pixel0, window)
    corner, north, left = _crossing(top - s, low - s, west, east)
    n = _put_pair(places, weights, n, pixel0 + s, cell, _cell(j, i + 1, window), corner, north - corner)
    south = _cell(j + 1, i + 1, window)
    return _put_pair(places, weights, n, pixel0 + s, other, south, left - corner, 1.0 - north - left + corner)


@compiled
def _fine_entries(places, weights, n, lines, step, first, last, pixel0, window):  # type: ignore[no-untyped-def]
    """The entries of a row of small upright pixels: only those that an edge crosses are looked at one by one.

    In the space of the pixels a meridian is the line from `top` to `low`, the places where it cuts the upper and the
    lower edge of the row, and a parallel falls or rises from pixel to pixel.
    """
    u_top, u_top_end, v_top, v_top_end, u_low, u_low_end, v_low, v_low_end = lines
    rise, fall = (v_top_end - v_top) / step, (v_low_end - v_low) / step
    top_pixels, low_pixels = step / (u_top_end - u_top), step / (u_low_end - u_low)
    i = math.floor(min(u_top + first / top_pixels, u_low + first / low_pixels) + SNAP)
    top, low = (i + 1 - u_top) * top_pixels, (i + 1 - u_low) * low_pixels
    s, j, row_end = first, 0, first
    outside = (window[1] - window[0]) * (window[3] - window[2])
    while s < last:
        if s >= row_end:
            j = math.floor(v_top + min(rise * s, rise * (s + 1)) + SNAP)
            row_end = _row_end(v_top, rise, v_low, fall, j, s, last)
        meridian = math.floor(min(top, low) + SNAP)
        if row_end > s:
            stop = max(s, min(row_end, meridian))
            cell, part, rest = _cell(j, i, window), 0.0, 0.0
            start, other = (stop if cell == outside else s), outside
            s = stop
            if s < row_end:
                west, east = top - s, low - s
                part = (
                    0.5 * (west + east) if min(west, east) >= 0 and max(west, east) <= 1 else _mean_within(west, east)
                )
                part, other = math.floor(part * UNIT + 0.5) / UNIT, _cell(j, i + 1, window)
                rest = 1.0 - part
                s += 1
            places[n, 0], places[n, 1], places[n, 2], places[n, 3] = pixel0 + start, pixel0 + stop, cell, other
            weights[n, 0], weights[n, 1], places[n, 4] = part, rest, 0
            n += 1
        else:
            stop = _slope_end(v_top, rise, v_low, fall, j + 1, s, min(last, meridian))
            if stop > s:
                above = (j + 1 - v_top) / (v_low - v_top)
                slope = ((j + 1 - v_top_end) / (v_low_end - v_top_end) - above) / step
                cell, other = _cell(j, i, window), _cell(j + 1, i, window)
                places[n, 0], places[n, 1], places[n, 2], places[n, 3] = pixel0 + s, pixel0 + stop, cell, other
                weights[n, 0], weights[n, 1], places[n, 4] = above + (0.5 - pixel0) * slope, slope, 1
                n += 1
                s = stop
            else:
                n = _put_odd(places, weights, n, lines, step, s, (j, i), (top, low), pixel0, window)
                s += 1
        if max(top, low) <= s + SNAP:
            i += 1
            top, low = (i + 1 - u_top) * top_pixels, (i + 1 - u_low) * low_pixels
    return n


@compiled
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


@compiled
def _row_entries(places, weights, n, lines, step, first, last, pixel0, window, fine):  # type: ignore[no-untyped-def]
    """Add the entries of the pixels first..last of a row (from the block's west); the number of entries."""
    if fine:
        first, last = _clipped(lines, step, first, last, window)
        return _fine_entries(places, weights, n, lines, step, first, last, pixel0, window)
    for s in range(first, last):
        n = _put_any(places, weights, n, lines, step, s, pixel0, window)
    return n


@compiled
def _areas(u, v, a, b, step, north, west):  # type: ignore[no-untyped-def]
    """(area of the raster's pixel (0, 0) in cells if the block held it, growth from row to row and along a row)."""
    u_along, u_down = u[a, b + 1] - u[a, b], u[a + 1, b] - u[a, b]
    v_along, v_down = v[a, b + 1] - v[a, b], v[a + 1, b] - v[a, b]
    u_twist = u[a + 1, b + 1] - u[a + 1, b] - u_along
    v_twist = v[a + 1, b + 1] - v[a + 1, b] - v_along
    row_growth = (u_twist * v_down - v_twist * u_down) / step**3
    col_growth = (u_along * v_twist - v_along * u_twist) / step**3
    first = (u_along * v_down - v_along * u_down) / step**2
    return first + row_growth * (0.5 - north) + col_growth * (0.5 - west), row_growth, col_growth


@compiled
def _misses(v0, v1, v2, v3, window):  # type: ignore[no-untyped-def]
    """Whether a quadrilateral lies above or below the window."""
    return max(v0, v1, v2, v3) <= window[0] or min(v0, v1, v2, v3) >= window[1]


@compiled
def _turns(u0, u1, u2, u3, window, world):  # type: ignore[no-untyped-def]
    """The turns around the globe, first and end, after which the window meets a quadrilateral."""
    west, east = min(u0, u1, u2, u3), max(u0, u1, u2, u3)
    return math.floor((west - window[3]) / world) + 1, math.ceil((east - window[2]) / world)


@compiled
def _clipped(lines, step, first, last, window):  # type: ignore[no-untyped-def]
    """The pixels of a row, of those from `first` to `last`, that may lie in the window's columns."""
    west = min(window[2] - lines[0], window[2] - lines[4])
    east = max(window[3] - lines[0], window[3] - lines[4])
    narrow, wide = min(lines[1] - lines[0], lines[5] - lines[4]), max(lines[1] - lines[0], lines[5] - lines[4])
    start = west * step / (wide if west > 0 else narrow)
    end = east * step / (narrow if east > 0 else wide)
    return max(first, math.floor(start) - 1), min(last, math.ceil(end) + 1)


@compiled
def _sloped(part, growth, pixel):  # type: ignore[no-untyped-def]
    """The part of a pixel that lies above a parallel which crosses a run."""
    return min(1.0, max(0.0, math.floor((part + growth * np.int64(pixel)) * UNIT + 0.5) / UNIT))


@compiled
def _count(codes, lookup, places, weights, n, areas, mass, covered):  # type: ignore[no-untyped-def]
    """Add entries of a class map; areas: that of pixel (0, 0) in cells, its growth down and along the rows."""
    no_data = np.uint64(mass.shape[1] - 1)
    for k in range(n):
        start, stop, cell, other, r = places[k, 0], places[k, 1], places[k, 2], places[k, 3], places[k, 5]
        part, rest = weights[k, 0], weights[k, 1]
        area, growth = areas[0] + areas[1] * np.int64(r), areas[2]
        seen = beyond = 0.0
        if places[k, 4] == 1:
            for c in range(start, stop):
                row, above = lookup[codes[r, c]], _sloped(part, rest, c)
                mass[cell, row] += above
                mass[other, row] += 1.0 - above
                if row < no_data:
                    here = area + growth * np.int64(c)
                    seen += above * here
                    beyond += (1.0 - above) * here
        else:
            valid = 0
            for c in range(start, stop):
                row = lookup[codes[r, c]]
                mass[cell, row] += 1.0
                valid += row < no_data
            seen = valid * (area + growth * (0.5 * (np.int64(start) + np.int64(stop) - 1)))
            if part + rest > 0:
                row = lookup[codes[r, stop]]
                mass[cell, row] += part
                mass[other, row] += rest
                if row < no_data:
                    here = area + growth * np.int64(stop)
                    seen += part * here
                    beyond = rest * here
        covered[cell] += seen
        covered[other] += beyond


@compiled
def _sum(values, share, places, weights, n, areas, mass, covered):  # type: ignore[no-untyped-def]
    """Add entries of probabilities, weighted by each pixel's share; otherwise as `_count`."""
    for k in range(n):
        start, stop, cell, other, r = places[k, 0], places[k, 1], places[k, 2], places[k, 3], places[k, 5]
        part, rest, sloped = weights[k, 0], weights[k, 1], places[k, 4] == 1
        area, growth = areas[0] + areas[1] * np.int64(r), areas[2]
        for c in range(start, stop):
            above = _sloped(part, rest, c) if sloped else 1.0
            here = share[r, c] * (area + growth * np.int64(c))
            covered[cell] += above * here
            covered[other] += (1.0 - above) * here
        if not sloped and part + rest > 0:
            here = share[r, stop] * (area + growth * np.int64(stop))
            covered[cell] += part * here
            covered[other] += rest * here
    for row in range(values.shape[0]):
        for k in range(n):
            start, stop, cell, other, r = places[k, 0], places[k, 1], places[k, 2], places[k, 3], places[k, 5]
            part, rest = weights[k, 0], weights[k, 1]
            total = beyond = 0.0
            if places[k, 4] == 1:
                for c in range(start, stop):
                    here, above = np.float64(values[row, r, c]) * share[r, c], _sloped(part, rest, c)
                    total += above * here
                    beyond += (1.0 - above) * here
            else:
                for c in range(start, stop):
                    total += np.float64(values[row, r, c]) * share[r, c]
                if part + rest > 0:
                    here = np.float64(values[row, r, stop]) * share[r, stop]
                    total += part * here
                    beyond = rest * here
            mass[cell, row] += total
            mass[other, row] += beyond


@compiled
def _block_entries(places, weights, u, v, block, layout, shape, window):  # type: ignore[no-untyped-def]
    """Fill the entries of the pixels of one block of the lattice; their number."""
    (a, b), (step, row0, col0, _, fine, world) = block, layout
    north, west = row0 + a * step, col0 + b * step
    first, last = max(0, -west), min(step, shape[1] - west)
    turn, turn_end = _turns(u[a, b], u[a, b + 1], u[a + 1, b], u[a + 1, b + 1], window, world)
    n = 0
    for turns in range(turn, turn_end):
        turned = (window[0], window[1], window[2] + turns * world, window[3] + turns * world)
        for r in range(max(0, north), min(north + step, shape[0])):
            lines = _lines(u, v, a, b, (r - north) / step, (r + 1 - north) / step)
            if not _misses(lines[2], lines[3], lines[6], lines[7], window):
                before = n
                n = _row_entries(places, weights, n, lines, step, first, last, west, turned, fine)
                for k in range(before, n):
                    places[k, 5] = r
    return n


@compiled
def spread_codes(codes, lookup, u, v, spans, layout, window, mass, covered):  # type: ignore[no-untyped-def]
    """Add the pixels of a class map to the cells of a window of the target.

    codes: unsigned (y, x). lookup: uint64, code to class row, one past the last for no data. u, v, spans (the
    lowest and highest v of each row of blocks) and layout (step, row, col, capacity, fine, columns around the globe):
    the lattice. window: (first row, end row, first column, end column). mass (cell, class) and covered (cell,),
    float64, are added to; their last cell and class take what lies outside the window and what is no data.
    """
    step, row0, col0, capacity, _, _ = layout
    places, weights = np.empty((capacity, 6), np.uint64), np.empty((capacity, 2))
    for a in range(u.shape[0] - 1):
        if spans[a, 1] <= window[0] or spans[a, 0] >= window[1]:
            continue
        for b in range(u.shape[1] - 1):
            if not _misses(v[a, b], v[a, b + 1], v[a + 1, b], v[a + 1, b + 1], window):
                n = _block_entries(places, weights, u, v, (a, b), layout, codes.shape, window)
                areas = _areas(u, v, a, b, step, row0 + a * step, col0 + b * step)
                _count(codes, lookup, places, weights, n, areas, mass, covered)


@compiled
def spread_values(values, share, u, v, spans, layout, window, mass, covered):  # type: ignore[no-untyped-def]
    """Add probabilities float32 (class, y, x) of pixels whose valid part is `share`; otherwise as `spread_codes`."""
    step, row0, col0, capacity, _, _ = layout
    places, weights = np.empty((capacity, 6), np.uint64), np.empty((capacity, 2))
    for a in range(u.shape[0] - 1):
        if spans[a, 1] <= window[0] or spans[a, 0] >= window[1]:
            continue
        for b in range(u.shape[1] - 1):
            if not _misses(v[a, b], v[a, b + 1], v[a + 1, b], v[a + 1, b + 1], window):
                n = _block_entries(places, weights, u, v, (a, b), layout, share.shape, window)
                areas = _areas(u, v, a, b, step, row0 + a * step, col0 + b * step)
                _sum(values, share, places, weights, n, areas, mass, covered)


@compiled
def settle(mass, order, tie, base, found):  # type: ignore[no-untyped-def]
    """Fill `found` (y, x) with the winning class row of each cell of mass (class, y, x), -1 for an empty one.

    order: class rows by rank, for ties within `tie` of the cell's mass; base (y, x): the row to prefer, -1 for none.
    """
    for j in range(found.shape[0]):
        for i in range(found.shape[1]):
            best, second, total, winner = 0.0, 0.0, 0.0, -1
            for row in range(mass.shape[0]):
                part = mass[row, j, i]
                total += part
                if part > best:
                    best, second, winner = part, best, row
                elif part > second:
                    second = part
            if second >= best - tie * total > 0:
                for row in order[::-1]:
                    if mass[row, j, i] >= best - tie * total:
                        winner = row
                if base[j, i] >= 0 and mass[base[j, i], j, i] >= best - tie * total:
                    winner = base[j, i]
            found[j, i] = winner
