"""One pass over a map's bytes, in blocks of rows: what is there, where the odd ones stand, which waters are alone."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.check.blocks import blocks
from ecosg_update.check.geometry import Geometry
from ecosg_update.domain import RADIUS
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.check import kernel

COVERS = range(1, 34)
SEA, WATERS, SNOW = 1, (2, 3), 6

PLACES = 8
"""Of illegal bytes, and clusters of each kind, that are told one by one."""

SEA_REACH = 0.01
"""Degrees (1.1 km, 4 cells of 300 m): a strait or a river mouth narrower than this is lost in a map, so sea on
both sides of so little land is one sea. Without it every lagoon of a real coast would be sea inland."""

SEA_REACH_CELLS = 20
"""At most: each adds a row to what `label` compares."""

SMALL_SEA_KM2 = 5000.0
"""Closed seas up to this are suspicious: the smallest real one whose outlet a map can lose, Marmara, has 11,000."""

TILES_PER_DEGREE = 10
"""Of the coarse raster in which snow is looked for around a cell: tiles of 11 km."""


@dataclass(frozen=True)
class Clusters:
    """Clusters of like cells that are found: how many, their cells, and the first ones' (row, column, cells)."""

    count: int = 0
    cells: int = 0
    first: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Census:
    """What a pass has seen.

    counts: int64 (256,), how many of each byte. first: its first (row, column), for the bytes that occur. illegal:
    the first (row, column, byte) outside 1..33 and nodata. lakes: inland water that touches nothing but sea; seas:
    small ones without a way out. snow: int32 (tile row, tile column) from 90 N 180 W, cells of permanent snow.
    """

    counts: NDArray[np.int64]
    first: dict[int, tuple[int, int]]
    illegal: tuple[tuple[int, int, int], ...] = ()
    lakes: Clusters = Clusters()
    seas: Clusters = Clusters()
    snow: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    seconds: float = 0.0


def census(
    path: Path,
    found: Geometry,
    nodata: float,
    *,
    tiles: bool = False,
    waters: bool = True,
    progress: Progress = silent,
) -> Census:
    """Scan the whole rows that a `.dir` has, two threads at once, in memory that only a row's length sets.

    nodata: the byte that means none, any other number for no byte. tiles: count snow by tiles too; waters: look for
    lakes in the sea and seas inland. Raises FormatError where the file ends or fails while it is read.
    """
    from ecosg_update.check import kernel  # noqa: PLC0415  numba loads where it is needed

    started = time.perf_counter()
    legal = _bytes(COVERS)
    data = legal.copy()
    if nodata in range(256):
        legal[int(nodata)], data[int(nodata)] = True, False
    counted = _tally(found, tiles=tiles)
    searches = [_lakes(found), _seas(found, data)] if waters else []
    areas = _areas(found)
    with ThreadPoolExecutor(2) as pool:
        for top, block in blocks(path, found):
            area = areas[top : top + len(block)]
            work = [pool.submit(kernel.tally, counted, block, top, legal, SNOW if tiles else -1)]
            work += [pool.submit(kernel.label, state, search, block, area) for state, search in searches]
            for task in work:
                task.result()
            progress("bytes", top + len(block), found.rows)
    lakes, seas = (_clusters(found, *search) for search in searches) if searches else (Clusters(), Clusters())
    return Census(
        counted.counts,
        {code: divmod(int(counted.first[code]), found.cols) for code in range(256) if counted.first[code] >= 0},
        tuple((*divmod(int(at) // 256, found.cols), int(at) % 256) for at in counted.odd if at >= 0),
        lakes,
        seas,
        counted.tiles,
        time.perf_counter() - started,
    )


def reach(found: Geometry) -> int:
    """How many cells apart sea is still one sea."""
    return max(1, min(SEA_REACH_CELLS, round(SEA_REACH / found.high)))


def _tally(found: Geometry, *, tiles: bool) -> kernel.Tally:
    from ecosg_update.check import kernel  # noqa: PLC0415

    shape = (180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE) if tiles else (1, 1)
    rows, cols = tile_places(found) if tiles else (np.zeros(0, np.intp), np.zeros(0, np.intp))
    counts, first = np.zeros(256, np.int64), np.full(256, -1, np.int64)
    return kernel.Tally(counts, first, np.full(PLACES, -1, np.int64), np.zeros(shape, np.int32), rows, cols)


def _lakes(found: Geometry) -> tuple[kernel.State, kernel.Search]:
    """Inland water that touches nothing but sea, of any size."""
    from ecosg_update.check import kernel  # noqa: PLC0415

    inland = _bytes(WATERS)
    walls = _bytes((SEA, *WATERS))
    return _state(found.cols, 1), kernel.Search(inland, inland, walls, True, found.is_global, 1, math.inf)


def _seas(found: Geometry, data: NDArray[np.bool_]) -> tuple[kernel.State, kernel.Search]:
    """Small sea within land; where no data meets it, nobody knows what is beyond."""
    from ecosg_update.check import kernel  # noqa: PLC0415

    sea, near = _bytes((SEA,)) & data, reach(found)
    search = kernel.Search(sea | ~data, sea, data, False, found.is_global, near, SMALL_SEA_KM2)
    return _state(found.cols, near), search


def _state(cols: int, near: int) -> kernel.State:
    from ecosg_update.check import kernel  # noqa: PLC0415

    runs = cols // 2 + 1
    starts, stops, labels = np.zeros((3, near + 1, runs), np.int32)
    parent, cells, first, opened = np.zeros((4, (near + 4) * runs), np.int64)
    return kernel.State(
        starts=starts,
        stops=stops,
        labels=labels,
        sizes=np.zeros(near + 1, np.int64),
        parent=parent,
        cells=cells,
        first=first,
        open=opened,
        area=np.zeros(parent.size),
        above=np.zeros(cols, np.uint8),
        numbers=np.zeros(5, np.int64),
        found=np.zeros((PLACES, 2), np.int64),
    )


def _clusters(found: Geometry, state: kernel.State, search: kernel.Search) -> Clusters:
    from ecosg_update.check import kernel  # noqa: PLC0415

    kernel.finish(state, search.largest)
    count, cells = int(state.numbers[3]), int(state.numbers[4])
    first = [(*divmod(int(at), found.cols), int(size)) for at, size in state.found[:count]]
    return Clusters(count, cells, tuple(first))


def tile_places(found: Geometry) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The tile row of each row and the tile column of each column."""
    down = (90 - found.north + (np.arange(found.rows) + 0.5) * found.high) * TILES_PER_DEGREE
    across = (found.west + 180 + (np.arange(found.cols) + 0.5) * found.wide) * TILES_PER_DEGREE
    rows = np.clip(np.floor(down), 0, 180 * TILES_PER_DEGREE - 1).astype(np.intp)
    return rows, np.floor(across).astype(np.intp) % (360 * TILES_PER_DEGREE)


def _areas(found: Geometry) -> NDArray[np.float64]:
    """Of a cell of each row, km2, on SURFEX's sphere."""
    lat = np.radians(found.north - (np.arange(found.rows) + 0.5) * found.high)
    side = np.radians(1) * RADIUS / 1000
    return np.asarray(side**2 * found.high * found.wide * np.maximum(np.cos(lat), 0))


def _bytes(codes: Iterable[int]) -> NDArray[np.bool_]:
    member = np.zeros(256, np.bool_)
    member[list(codes)] = True
    return member
