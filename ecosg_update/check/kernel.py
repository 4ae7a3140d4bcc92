"""The compiled passes over a map's bytes: what they count, and clusters of like cells in one pass by rows.

`label` is a union-find over the runs of a few rows. Its memory is that of a row, not of the map: a cluster that no
kept run belongs to is closed, judged and forgotten. Every function releases the GIL, so that different passes over
the same block run beside each other. All stands in one file because the cache on disk watches the file of the called
function only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ecosg_update.compiled import compiled


@compiled
def _run_end(row, start):  # type: ignore[no-untyped-def]
    """One past the last cell that holds the same byte as the cell `start` and those between."""
    code, at, end = row[start], start + 1, row.size
    while at + 8 <= end:  # eight comparisons without a branch between them: long runs are the rule at sea
        differ = (
            (row[at] ^ code)
            | (row[at + 1] ^ code)
            | (row[at + 2] ^ code)
            | (row[at + 3] ^ code)
            | (row[at + 4] ^ code)
            | (row[at + 5] ^ code)
            | (row[at + 6] ^ code)
            | (row[at + 7] ^ code)
        )
        if differ:
            break
        at += 8
    while at < end and row[at] == code:
        at += 1
    return at


class Tally(NamedTuple):
    """What `tally` adds to.

    counts and first, int64 (256,): how many of each byte, and the first's place, row * columns + column, -1 for
    none. odd, int64: 256 * place + byte of the first illegal bytes, -1 where free. tiles, int32 (2-D): cells of one
    byte by tile_rows, of each row, and tile_cols, of each column.
    """

    counts: Any
    first: Any
    odd: Any
    tiles: Any
    tile_rows: Any
    tile_cols: Any


@compiled
def tally(state, block, top, legal, marked):  # type: ignore[no-untyped-def]
    """Count a block of rows, uint8 (row, column), whose first is row `top`, and note where illegal bytes stand.

    legal: bool (256,). marked: the byte that is counted by tiles, -1 for none.
    """
    cols = block.shape[1]
    for r in range(block.shape[0]):
        row, place = block[r], (top + r) * cols
        c = 0
        while c < cols:
            code, stop = row[c], _run_end(row, c)
            if state.counts[code] == 0:
                state.first[code] = place + c
            state.counts[code] += stop - c
            if code == marked:
                for at in range(c, stop):
                    state.tiles[state.tile_rows[top + r], state.tile_cols[at]] += 1
            if not legal[code]:
                at = c
                for k in range(state.odd.size):
                    if state.odd[k] < 0 and at < stop:
                        state.odd[k] = (place + at) * 256 + code
                        at += 1
            c = stop


class Search(NamedTuple):
    """What `label` looks for.

    Cells whose byte is a `member` (bool (256,)) and that lie within `reach` rows and columns of one another are one
    cluster. Of these the `core` bytes count as cells, the others open the cluster; where `looks`, it is open too if
    it touches a byte that is no `wall`. Closed clusters up to `largest` km2 are found. wraps: the last column is the
    first one's neighbour.
    """

    member: Any
    core: Any
    wall: Any
    looks: bool
    wraps: bool
    reach: int
    largest: float


class State(NamedTuple):
    """The state of `label` between blocks of rows.

    starts, stops, labels: int32 (reach + 1, runs), a ring of the last rows' runs; sizes: how many of each row.
    parent, cells, first, open, int64, and area, float64 (labels,): the clusters. above: the last row's bytes.
    numbers: (newest row of the ring, labels in use, rows done, clusters found, their cells). found: (cluster, (first
    place, cells)).
    """

    starts: Any
    stops: Any
    labels: Any
    sizes: Any
    parent: Any
    cells: Any
    first: Any
    open: Any
    area: Any
    above: Any
    numbers: Any
    found: Any


@compiled
def _root(parent, label):  # type: ignore[no-untyped-def]
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@compiled
def _join(state, one, other):  # type: ignore[no-untyped-def]
    """Make two labels one cluster; the lower label stays."""
    a, b = _root(state.parent, one), _root(state.parent, other)
    if a == b:
        return
    keep, gone = min(a, b), max(a, b)
    state.parent[gone] = keep
    state.cells[keep] += state.cells[gone]
    state.area[keep] += state.area[gone]
    state.open[keep] |= state.open[gone]
    state.first[keep] = min(state.first[keep], state.first[gone])


@compiled
def _meet(state, here, there, cols, search):  # type: ignore[no-untyped-def]
    """Join the runs of ring row `here` with those of `there` that lie within `reach` columns."""
    starts, stops, reach, wraps = state.starts, state.stops, search.reach, search.wraps
    low, count = 0, state.sizes[there]
    for j in range(state.sizes[here]):
        start, stop = starts[here, j], stops[here, j]
        while low < count and stops[there, low] <= start - reach:
            low += 1
        i = low
        while i < count and starts[there, i] < stop + reach:
            _join(state, state.labels[here, j], state.labels[there, i])
            i += 1
        if wraps and start < reach:
            i = count - 1
            while i >= 0 and stops[there, i] > start - reach + cols:
                _join(state, state.labels[here, j], state.labels[there, i])
                i -= 1
        if wraps and stop > cols - reach:
            i = 0
            while i < count and starts[there, i] < stop + reach - cols:
                _join(state, state.labels[here, j], state.labels[there, i])
                i += 1


@compiled
def _runs(state, ring, row, place, search, cell_area):  # type: ignore[no-untyped-def]
    """Cut a row into runs of member bytes, each a new cluster; clusters at the map's sides are open."""
    member, core, cols = search.member, search.core, row.size
    count, used, c = 0, state.numbers[1], 0
    while c < cols:
        if not member[row[c]]:
            c = _run_end(row, c)
            continue
        start, inner, odd = c, 0, 0
        while c < cols and member[row[c]]:
            stop = _run_end(row, c)
            if core[row[c]]:
                inner += stop - c
            else:
                odd = 1
            c = stop
        if not search.wraps and (start == 0 or c == cols):
            odd = 1
        state.starts[ring, count], state.stops[ring, count], state.labels[ring, count] = start, c, used
        state.parent[used], state.cells[used], state.area[used] = used, inner, inner * cell_area
        state.open[used], state.first[used] = odd, place + start
        count, used = count + 1, used + 1
    state.sizes[ring] = count
    state.numbers[1] = used


@compiled
def _exposed(state, ring, row, search):  # type: ignore[no-untyped-def]
    """Open the clusters whose runs of a ring row touch a byte of `row` that is no wall and no member."""
    cols = row.size
    for j in range(state.sizes[ring]):
        start, stop = state.starts[ring, j] - 1, state.stops[ring, j] + 1
        if not search.wraps:
            start, stop = max(0, start), min(cols, stop)
        for c in range(start, stop):
            if not search.wall[row[c % cols]]:
                state.open[_root(state.parent, state.labels[ring, j])] = 1
                break


@compiled
def _closed(state, largest):  # type: ignore[no-untyped-def]
    """Judge and forget the clusters that no kept run belongs to, and number the others anew."""
    used, kept = state.numbers[1], 0
    fresh = np.full(used, -1, np.int64)
    for ring in range(state.sizes.size):
        for j in range(state.sizes[ring]):
            fresh[_root(state.parent, state.labels[ring, j])] = 0
    for label in range(used):
        if state.parent[label] != label:
            continue
        if fresh[label] == 0:
            fresh[label] = kept
            state.cells[kept], state.area[kept] = state.cells[label], state.area[label]
            state.open[kept], state.first[kept] = state.open[label], state.first[label]
            kept += 1
        elif not state.open[label] and state.area[label] <= largest and state.cells[label] > 0:
            at = state.numbers[3]
            if at < state.found.shape[0]:
                state.found[at, 0], state.found[at, 1] = state.first[label], state.cells[label]
            state.numbers[3] += 1
            state.numbers[4] += state.cells[label]
    for ring in range(state.sizes.size):
        for j in range(state.sizes[ring]):
            state.labels[ring, j] = fresh[_root(state.parent, state.labels[ring, j])]
    for label in range(kept):
        state.parent[label] = label
    state.numbers[1] = kept


@compiled
def label(state, search, block, areas):  # type: ignore[no-untyped-def]
    """Add a block of rows to the clusters. areas: float64 (row,), km2 of a cell."""
    cols = block.shape[1]
    for r in range(block.shape[0]):
        if state.numbers[1] + cols // 2 + 1 > state.parent.size:
            _closed(state, search.largest)
        row, older = block[r], state.numbers[0]
        ring = (older + 1) % state.sizes.size
        _runs(state, ring, row, state.numbers[2] * cols, search, areas[r])
        for back in range(search.reach + 1):
            _meet(state, ring, (ring - back) % state.sizes.size, cols, search)
        if search.looks:
            _exposed(state, ring, row, search)
            if state.numbers[2] > 0:
                _exposed(state, ring, block[r - 1] if r else state.above, search)
                _exposed(state, older, row, search)
        if state.numbers[2] == 0:
            _open(state, ring)
        state.numbers[0] = ring
        state.numbers[2] += 1
    for c in range(cols):
        state.above[c] = block[-1, c]


@compiled
def _open(state, ring):  # type: ignore[no-untyped-def]
    """Open the clusters of a ring row: the map ends there, and what lies beyond is unknown."""
    for j in range(state.sizes[ring]):
        state.open[_root(state.parent, state.labels[ring, j])] = 1


@compiled
def finish(state, largest):  # type: ignore[no-untyped-def]
    """Judge what is left after the last row."""
    _open(state, state.numbers[0])
    state.sizes[:] = 0
    _closed(state, largest)
