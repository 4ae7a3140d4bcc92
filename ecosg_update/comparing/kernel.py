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
    int64, (newest of the two rows, labels in use, rows done, changes closed). kept_place, kept_cells, kept_km2: the
    largest closed ones. wraps: the last column is the first one's neighbour.
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
        numbers=np.zeros(4, np.int64),
        kept_place=np.zeros((largest, PLACES), np.int64),
        kept_cells=np.zeros(largest, np.int64),
        kept_km2=np.zeros(largest),
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
    here, there = state.place[keep], state.place[gone]
    longer = there[RUN_CELLS] > here[RUN_CELLS]
    level = there[RUN_CELLS] == here[RUN_CELLS]
    before = there[RUN_ROW] < here[RUN_ROW] or (there[RUN_ROW] == here[RUN_ROW] and there[RUN_COL] < here[RUN_COL])
    if longer or (level and before):
        here[RUN_ROW], here[RUN_COL], here[RUN_CELLS] = there[RUN_ROW], there[RUN_COL], there[RUN_CELLS]
    for column in (FIRST, TOP, WEST, TURNED_WEST):
        here[column] = min(here[column], there[column])
    for column in (BOTTOM, EAST, TURNED_EAST):
        here[column] = max(here[column], there[column])


@compiled
def _runs(state, ring, old_words, new_words, cols, row, area):  # type: ignore[no-untyped-def]
    """Cut a row into runs of changed cells, each a new change."""
    old, new = old_words.view(np.uint8), new_words.view(np.uint8)
    half = cols // 2
    count, used, c = 0, state.numbers[1], 0
    while c < cols:
        if old[c] == new[c] or old[c] == 0 or new[c] == 0:
            c += 1
            while c % WORD == 0 and c + WORD <= cols and old_words[c // WORD] == new_words[c // WORD]:
                c += WORD
            continue
        start = c
        while c < cols and old[c] != new[c] and old[c] != 0 and new[c] != 0:
            c += 1
        state.starts[ring, count], state.stops[ring, count], state.labels[ring, count] = start, c, used
        state.parent[used], state.cells[used], state.km2[used] = used, c - start, (c - start) * area
        place = state.place[used]
        place[FIRST], place[TOP], place[BOTTOM] = row * cols + start, row, row
        place[WEST], place[EAST] = start, c - 1
        place[TURNED_WEST], place[TURNED_EAST] = (start - half) % cols, (c - 1 - half) % cols
        if start < half < c:
            place[TURNED_WEST], place[TURNED_EAST] = 0, cols - 1
        place[RUN_ROW], place[RUN_COL], place[RUN_CELLS] = row, start, c - start
        count, used = count + 1, used + 1
    state.sizes[ring] = count
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
    if not state.kept_km2.size:
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
def label(state, old, new, cols, changed, areas):  # type: ignore[no-untyped-def]
    """Add a block of rows, as `words`, to the changes. changed: cells of each row; areas: km2 of a cell."""
    for r in range(old.shape[0]):
        ring = 1 - state.numbers[0]
        state.numbers[0] = ring
        state.sizes[ring] = 0
        if changed[r]:
            if state.numbers[1] + cols // 2 + 1 > state.parent.size:
                _closed(state)
            _runs(state, ring, old[r], new[r], cols, state.numbers[2], areas[r])
            _meet(state, ring, 1 - ring, cols)
            if state.wraps:
                _meet(state, ring, ring, cols)
        state.numbers[2] += 1


@compiled
def finish(state):  # type: ignore[no-untyped-def]
    """Weigh what is left after the last row."""
    state.sizes[:] = 0
    _closed(state)
