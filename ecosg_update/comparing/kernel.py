"""The compiled passes over two maps: how often each pair of covers meets, and the changes that hang together.

`label` is a union-find over the runs of changed cells of two rows. Its memory is that of a row, not of the map: a
change that no kept run belongs to is closed, weighed against the largest ones and forgotten. All stands in one file
because the cache on disk watches the file of the called function only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ecosg_update.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 34
"""Covers 1 to 33, and 0 for no data."""

WORD = 8
"""Cells that are compared at once: at sea all are one pair of covers, and are counted in one step."""

TABLES = 4
"""Counters that neighbouring cells take turns on: one that is bumped twice in a row waits for itself."""

FIRST, TOP, BOTTOM, WEST, EAST, TURNED_WEST, TURNED_EAST, RUN_ROW, RUN_COL, RUN_CELLS = range(10)
"""Columns of `State.place`: the first cell (row * columns + column); the outermost rows and columns, both inside; the
columns again, counted from the opposite meridian; the longest run of cells in a row."""

PLACES = 10

FRESH, ROWS = 4096, 8
"""Closed changes are forgotten after so many new labels, or rows like the last one: few enough to stay in the
processor's cache, enough to be worth the look at all that is open."""


def words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """uint64 (row, word): covers, uint8 (row, column), `WORD` at once; the last word of a row is filled up with 0."""
    rows, cols = codes.shape
    if cols % WORD == 0 and codes.flags.c_contiguous:
        return codes.view(np.uint64)
    padded = np.zeros((rows, -(-cols // WORD) * WORD), np.uint8)
    padded[:, :cols] = codes
    return padded.view(np.uint64)


@compiled
def tally(old, new, cols, counts, changed):  # type: ignore[no-untyped-def]
    """Count the pairs of two blocks of 0 to 33, as `words`, row by row.

    counts: int32 (row, SIDE * SIDE), 0 to begin with, cells by old * SIDE + new. changed: int64 (row,), cells with
    two different covers.
    """
    turns = np.zeros((TABLES, SIDE * SIDE), np.int32)
    for r in range(old.shape[0]):
        _count(old[r], new[r], cols, counts[r], turns)
        total = 0
        for before in range(1, SIDE):
            for after in range(1, SIDE):
                if before != after:
                    total += counts[r, before * SIDE + after]
        changed[r] = total


@compiled
def _count(old_words, new_words, cols, found, turns):  # type: ignore[no-untyped-def]
    """Count the pairs of a row into `found`, int32 (SIDE * SIDE,)."""
    old, new = old_words.view(np.uint8), new_words.view(np.uint8)
    turns[:] = 0
    side, at, words = np.uint64(SIDE), 0, cols // WORD
    while at < words:
        before, after = old_words[at], new_words[at]
        start = at
        if before == (before >> np.uint64(8) | before << np.uint64(56)) and after == (
            after >> np.uint64(8) | after << np.uint64(56)
        ):  # a word that turns into itself is one cover
            at += 1
            while at < words and old_words[at] == before and new_words[at] == after:
                at += 1
            found[np.uint64(old[start * WORD]) * side + np.uint64(new[start * WORD])] += (at - start) * WORD
            continue
        at += 1
        for k in range(WORD):
            shift = np.uint64(8 * k)
            pair = (before >> shift & np.uint64(255)) * side + (after >> shift & np.uint64(255))
            turns[np.uint64(k % TABLES), pair] += 1
    for c in range(words * WORD, cols):
        found[np.uint64(old[c]) * side + np.uint64(new[c])] += 1
    for pair in range(SIDE * SIDE):
        found[pair] += turns[0, pair] + turns[1, pair] + turns[2, pair] + turns[3, pair]


@compiled
def runs(old, new, cols, changed, found, ends):  # type: ignore[no-untyped-def]
    """Find the runs of changed cells of two blocks, as `words`.

    changed: int64 (row,), as `tally` counts. found: int32 (at least all changed cells, (start, stop)), one row after
    the other; ends: int64 (row,), where in it each row's runs end.
    """
    count = 0
    for r in range(old.shape[0]):
        if changed[r]:
            count = _runs_of_row(old[r], new[r], cols, found, count)
        ends[r] = count


@compiled
def _runs_of_row(old_words, new_words, cols, found, count):  # type: ignore[no-untyped-def]
    """Add the runs of a row behind the `count` that there are, and return how many there are then."""
    old, new, c = old_words.view(np.uint8), new_words.view(np.uint8), 0
    while c < cols:
        if old[c] == new[c] or old[c] == 0 or new[c] == 0:
            c += 1
            while c % WORD == 0 and c + WORD <= cols and old_words[c // WORD] == new_words[c // WORD]:
                c += WORD
            continue
        found[count, 0] = c
        while c < cols and old[c] != new[c] and old[c] != 0 and new[c] != 0:
            c += 1
        found[count, 1] = c
        count += 1
    return count


@compiled
def add(cells, km2, counts, areas):  # type: ignore[no-untyped-def]
    """Add the counts of a block's rows, one after the other so that sums do not depend on blocks.

    cells: int64 (SIDE * SIDE,); km2: float64 of the same shape; areas: float64 (row,), km2 of a cell.
    """
    for r in range(counts.shape[0]):
        for pair in range(counts.shape[1]):
            if counts[r, pair]:
                cells[pair] += counts[r, pair]
                km2[pair] += counts[r, pair] * areas[r]


class State(NamedTuple):
    """The state of `label` between blocks of rows.

    starts, stops, labels: int32 (2, runs), of the newest row and the one above in turn; sizes: int64 (2,), how many.
    parent, cells: int64 (labels,), km2: float64 (labels,), place: int64 (labels, PLACES): the open changes. numbers:
    int64, (newest of the two rows, labels in use, rows done, changes closed, labels at which to tidy up). kept_place,
    kept_cells, kept_km2: the largest closed ones; floor: float64 (1,), the smallest of these. wraps: the last column
    is the first one's neighbour.
    """

    starts: Any
    stops: Any
    labels: Any
    sizes: Any
    parent: Any
    cells: Any
    km2: Any
    place: Any
    numbers: Any
    kept_place: Any
    kept_cells: Any
    kept_km2: Any
    floor: Any
    wraps: bool


def state(cols: int, largest: int, *, wraps: bool) -> State:
    """Before the first row of a map of `cols` columns of which the `largest` changes are wanted."""
    runs = cols // 2 + 1
    starts, stops, labels = np.zeros((3, 2, runs), np.int32)
    parent, cells = np.zeros((2, 4 * runs), np.int64)
    return State(
        starts=starts,
        stops=stops,
        labels=labels,
        sizes=np.zeros(2, np.int64),
        parent=parent,
        cells=cells,
        km2=np.zeros(4 * runs),
        place=np.zeros((4 * runs, PLACES), np.int64),
        numbers=np.array([0, 0, 0, 0, FRESH]),
        kept_place=np.zeros((largest, PLACES), np.int64),
        kept_cells=np.zeros(largest, np.int64),
        kept_km2=np.zeros(largest),
        floor=np.zeros(1),
        wraps=wraps,
    )


@compiled
def _root(parent, label):  # type: ignore[no-untyped-def]
    while parent[label] != label:
        parent[label] = parent[parent[label]]
        label = parent[label]
    return label


@compiled
def _join(state, one, other):  # type: ignore[no-untyped-def]
    """Make two labels one change; the lower label stays."""
    a, b = _root(state.parent, one), _root(state.parent, other)
    if a == b:
        return
    keep, gone = min(a, b), max(a, b)
    state.parent[gone] = keep
    state.cells[keep] += state.cells[gone]
    state.km2[keep] += state.km2[gone]
    place = state.place
    level = place[gone, RUN_CELLS] == place[keep, RUN_CELLS]
    before = place[gone, RUN_ROW] < place[keep, RUN_ROW] or (
        place[gone, RUN_ROW] == place[keep, RUN_ROW] and place[gone, RUN_COL] < place[keep, RUN_COL]
    )
    if place[gone, RUN_CELLS] > place[keep, RUN_CELLS] or (level and before):
        for column in (RUN_ROW, RUN_COL, RUN_CELLS):
            place[keep, column] = place[gone, column]
    for column in (FIRST, TOP, WEST, TURNED_WEST):
        place[keep, column] = min(place[keep, column], place[gone, column])
    for column in (BOTTOM, EAST, TURNED_EAST):
        place[keep, column] = max(place[keep, column], place[gone, column])


@compiled
def _begin(state, ring, runs, row, cols, area):  # type: ignore[no-untyped-def]
    """Make each run of a row, int32 (run, (start, stop)), a new change."""
    half, place = cols // 2, state.place
    starts, stops, labels = state.starts[ring], state.stops[ring], state.labels[ring]
    parent, cells, km2 = state.parent, state.cells, state.km2
    used = state.numbers[1]
    for j in range(runs.shape[0]):
        start, stop = np.int64(runs[j, 0]), np.int64(runs[j, 1])
        starts[j], stops[j], labels[j] = start, stop, used
        parent[used], cells[used], km2[used] = used, stop - start, (stop - start) * area
        place[used, FIRST], place[used, TOP], place[used, BOTTOM] = row * cols + start, row, row
        place[used, WEST], place[used, EAST] = start, stop - 1
        if start < half < stop:
            place[used, TURNED_WEST], place[used, TURNED_EAST] = 0, cols - 1
        else:
            turn = half - cols if start < half else half
            place[used, TURNED_WEST], place[used, TURNED_EAST] = start - turn, stop - 1 - turn
        place[used, RUN_ROW], place[used, RUN_COL], place[used, RUN_CELLS] = row, start, stop - start
        used += 1
    state.sizes[ring] = runs.shape[0]
    state.numbers[1] = used


@compiled
def _meet(state, here, there, cols):  # type: ignore[no-untyped-def]
    """Join the runs of one row with those of the other (or of its own, around the globe) that touch, corners too."""
    low, count = 0, state.sizes[there]
    for j in range(state.sizes[here]):
        start, stop = state.starts[here, j], state.stops[here, j]
        while low < count and state.stops[there, low] < start:
            low += 1
        i = low
        while i < count and state.starts[there, i] <= stop:
            _join(state, state.labels[here, j], state.labels[there, i])
            i += 1
        if state.wraps and count:
            if start == 0 and state.stops[there, count - 1] == cols:
                _join(state, state.labels[here, j], state.labels[there, count - 1])
            if stop == cols and state.starts[there, 0] == 0:
                _join(state, state.labels[here, j], state.labels[there, 0])


@compiled
def _keep(state, label):  # type: ignore[no-untyped-def]
    """Put a closed change in the place of the smallest kept one, if it is larger; of equals the first one stays."""
    state.numbers[3] += 1
    if not state.kept_km2.size or state.km2[label] < state.floor[0]:
        return
    least = 0
    for at in range(1, state.kept_km2.size):
        smaller = state.kept_km2[at] < state.kept_km2[least]
        later = state.kept_km2[at] == state.kept_km2[least]
        if smaller or (later and state.kept_place[at, FIRST] > state.kept_place[least, FIRST]):
            least = at
    larger = state.km2[label] > state.kept_km2[least]
    earlier = state.km2[label] == state.kept_km2[least] and state.place[label, FIRST] < state.kept_place[least, FIRST]
    if larger or earlier:
        state.kept_place[least] = state.place[label]
        state.kept_cells[least], state.kept_km2[least] = state.cells[label], state.km2[label]
        state.floor[0] = state.kept_km2.min()


@compiled
def _closed(state):  # type: ignore[no-untyped-def]
    """Weigh and forget the changes that no kept run belongs to, and number the others anew."""
    used, kept = state.numbers[1], 0
    fresh = np.full(used, -1, np.int64)
    for ring in range(2):
        for j in range(state.sizes[ring]):
            fresh[_root(state.parent, state.labels[ring, j])] = 0
    for label in range(used):
        if state.parent[label] != label:
            continue
        if fresh[label] < 0:
            _keep(state, label)
            continue
        fresh[label] = kept
        state.cells[kept], state.km2[kept] = state.cells[label], state.km2[label]
        state.place[kept] = state.place[label]
        kept += 1
    for ring in range(2):
        for j in range(state.sizes[ring]):
            state.labels[ring, j] = fresh[_root(state.parent, state.labels[ring, j])]
    for label in range(kept):
        state.parent[label] = label
    state.numbers[1] = kept


@compiled
def label(state, found, ends, cols, areas):  # type: ignore[no-untyped-def]
    """Add the `runs` of a block of rows to the changes. areas: float64 (row,), km2 of a cell."""
    first = 0
    for r in range(ends.size):
        ring = 1 - state.numbers[0]
        state.numbers[0] = ring
        state.sizes[ring] = 0
        if ends[r] > first:
            if state.numbers[1] + ends[r] - first > min(state.numbers[4], state.parent.size):
                _closed(state)
                state.numbers[4] = state.numbers[1] + max(FRESH, ROWS * (ends[r] - first))
            _begin(state, ring, found[first : ends[r]], state.numbers[2], cols, areas[r])
            _meet(state, ring, 1 - ring, cols)
            if state.wraps:
                _meet(state, ring, ring, cols)
        first = ends[r]
        state.numbers[2] += 1


@compiled
def finish(state):  # type: ignore[no-untyped-def]
    """Weigh what is left after the last row."""
    state.sizes[:] = 0
    _closed(state)
