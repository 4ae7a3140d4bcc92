"""One pass over two maps, by blocks of rows, in memory that only a row's length sets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.comparing import changes
from ecosg_update.comparing.changes import Change
from ecosg_update.comparing.pair import Pair
from ecosg_update.comparing.transitions import Transitions
from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.area import cell_km2
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_CELLS = 2**22
"""Of a block of one map. What is found does not depend on it."""

BLOCK_ROWS = 512
"""At most: each row of a block has counters of its own (5 kB)."""

AHEAD = 3
"""Blocks that are read and counted while the caller works on one."""

THREADS = 2


@dataclass(frozen=True, eq=False)
class Scan:
    """What a pass has seen.

    largest: the largest changes, largest first. changes: how many there are in all. seen: uint8 (2, places), the old
    and the new covers of the places that were asked for.
    """

    grid: LatLonGrid
    transitions: Transitions
    largest: list[Change]
    changes: int
    seen: NDArray[np.uint8]


def scanned(
    pair: Pair, *, largest: int = 20, places: NDArray[np.int64] | None = None, progress: Progress = silent
) -> Scan:
    """Compare two maps, cell by cell. places: row * columns + column of cells of `pair.grid`, in any order."""
    from ecosg_update.comparing import kernel  # noqa: PLC0415  numba loads where it is needed

    grid, areas = pair.grid, cell_km2(pair.grid)
    asked = np.zeros(0, np.int64) if places is None else places
    seen = np.zeros((2, asked.size), np.uint8)
    cells, km2 = np.zeros(kernel.SIDE**2, np.int64), np.zeros(kernel.SIDE**2)
    state = kernel.state(grid.cols, largest, wraps=grid.cols == grid.world_cols)
    for block in _blocks(pair, asked, seen):
        top = block.cells.row - grid.row
        area = areas[top : top + block.cells.rows]
        kernel.add(cells, km2, block.counts, area)
        kernel.label(state, block.runs, block.ends, grid.cols, area)
        progress("rows compared", top + block.cells.rows, grid.rows)
    kernel.finish(state)
    square = (kernel.SIDE, kernel.SIDE)
    found = Transitions(cells.reshape(square), km2.reshape(square), tables.legend("ecosg"))
    return Scan(grid, found, changes.largest(state, pair), int(state.numbers[3]), seen)


@dataclass(frozen=True, eq=False)
class _Block:
    """What some rows hold: counts of `kernel.tally`, runs and ends of `kernel.runs`."""

    cells: LatLonGrid
    counts: NDArray[np.int32]
    runs: NDArray[np.int32]
    ends: NDArray[np.int64]


def _blocks(pair: Pair, asked: NDArray[np.int64], seen: NDArray[np.uint8]) -> Iterator[_Block]:
    """The blocks from the north, the next ones read and counted by other threads meanwhile."""
    grid = pair.grid
    height = max(1, min(BLOCK_ROWS, BLOCK_CELLS // grid.cols))
    waiting = grid.blocks(height, grid.cols)
    with ThreadPoolExecutor(THREADS) as pool:
        ahead = deque(pool.submit(_block, pair, cells, asked, seen) for cells in islice(waiting, AHEAD))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(_block, pair, cells, asked, seen) for cells in islice(waiting, 1))
        finally:
            pool.shutdown(cancel_futures=True)


def _block(pair: Pair, cells: LatLonGrid, asked: NDArray[np.int64], seen: NDArray[np.uint8]) -> _Block:
    """Read and count some rows, and note in `seen` the covers of the places that were `asked` for."""
    from ecosg_update.comparing import kernel  # noqa: PLC0415

    old, new = pair.read(cells)
    start = (cells.row - pair.grid.row) * cells.cols
    inside = np.flatnonzero((asked >= start) & (asked < start + cells.cells))
    seen[:, inside] = old.ravel()[asked[inside] - start], new.ravel()[asked[inside] - start]
    words = kernel.words(old), kernel.words(new)
    counts = np.zeros((cells.rows, kernel.SIDE**2), np.int32)
    changed, ends = np.zeros((2, cells.rows), np.int64)
    kernel.tally(*words, cells.cols, counts, changed)
    runs = np.empty((int(changed.sum()), 2), np.int32)
    kernel.runs(*words, cells.cols, changed, runs, ends)
    return _Block(cells, counts, runs[: ends[-1]], ends)
