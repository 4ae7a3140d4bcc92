"""One pass over a map's bytes, in blocks of rows: what is there, where the odd ones stand, which waters are alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.check.geometry import Geometry
from ecosg_update.domain import RADIUS
from ecosg_update.errors import FormatError
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVERS = range(1, 34)
SEA, WATERS, SNOW = 1, (2, 3), 6

BLOCK_BYTES = 16_000_000
"""Read and scanned at a time; two blocks are held."""

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
    legal = np.zeros(256, np.bool_)
    legal[COVERS] = True
    unknown = ~legal
    if nodata in range(256):
        legal[int(nodata)] = unknown[int(nodata)] = True
    counts, first = np.zeros(256, np.int64), np.full(256, -1, np.int64)
    places = np.full(PLACES, -1, np.int64)
    shape = (180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE) if tiles else (1, 1)
    snow = np.zeros(shape, np.int32)
    tile_rows, tile_cols = _tiles(found) if tiles else (np.zeros(found.rows, np.intp), np.zeros(found.cols, np.intp))
    areas = _areas(found)
    lakes = _Labels(found.cols, 1, member=_bytes(WATERS), core=_bytes(WATERS), wall=_bytes((SEA, *WATERS)))
    seas = _Labels(found.cols, reach(found), member=unknown | _bytes((SEA,)), core=_bytes((SEA,)) & ~unknown)
    searches = [(lakes, np.inf), (seas, SMALL_SEA_KM2)] if waters else []
    with ThreadPoolExecutor(2) as pool:
        for top, block in _blocks(path, found):
            part = slice(top, top + len(block))
            work = [
                pool.submit(
                    kernel.tally, block, top, legal, SNOW if tiles else -1, counts, first, places, snow,
                    tile_rows[part], tile_cols,
                )
            ]  # fmt: skip
            work += [
                pool.submit(search.add, block, areas[part], found.is_global, largest) for search, largest in searches
            ]
            for task in work:
                task.result()
            progress("bytes", top + len(block), found.rows)
    return Census(
        counts,
        {code: divmod(int(first[code]), found.cols) for code in range(256) if first[code] >= 0},
        tuple((*divmod(int(at) // 256, found.cols), int(at) % 256) for at in places if at >= 0),
        lakes.found(np.inf),
        seas.found(SMALL_SEA_KM2),
        snow,
        time.perf_counter() - started,
    )


def reach(found: Geometry) -> int:
    """How many cells apart sea is still one sea."""
    return max(1, min(SEA_REACH_CELLS, round(SEA_REACH / found.high)))


class _Labels:
    """A search for clusters: the compiled state and what it looks for."""

    def __init__(self, cols: int, reach: int, **bytes_: NDArray[np.bool_]) -> None:
        from ecosg_update.check.kernel import Clusters as State  # noqa: PLC0415

        runs = cols // 2 + 1
        ring, room = (reach + 1, runs), (reach + 4) * runs
        self.cols, self.reach, self.bytes = cols, reach, bytes_
        self.state = State(
            *(np.zeros(ring, np.int32) for _ in range(3)),
            np.zeros(reach + 1, np.int64),
            *(np.zeros(room, np.int64) for _ in range(4)),
            np.zeros(room),
            np.zeros(cols, np.uint8),
            np.zeros(5, np.int64),
            np.zeros((PLACES, 2), np.int64),
            np.zeros(PLACES),
        )

    def add(self, block: NDArray[np.uint8], areas: NDArray[np.float64], wraps: bool, largest: float) -> None:
        from ecosg_update.check import kernel  # noqa: PLC0415

        wall = self.bytes.get("wall")
        looks = wall is not None
        everything = np.ones(256, np.bool_)
        kernel.label(
            self.state, block, areas, self.bytes["member"], self.bytes["core"], everything if wall is None else wall,
            looks, wraps, self.reach, largest,
        )  # fmt: skip

    def found(self, largest: float) -> Clusters:
        from ecosg_update.check import kernel  # noqa: PLC0415

        kernel.finish(self.state, largest)
        count, cells = int(self.state.numbers[3]), int(self.state.numbers[4])
        first = [(*divmod(int(at), self.cols), int(size)) for at, size in self.state.found[:count]]
        return Clusters(count, cells, tuple(first))


def _blocks(path: Path, found: Geometry) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(first row, whole rows) in turn; the next block is read while the caller works on one."""
    height = max(1, BLOCK_BYTES // found.cols)
    rows = min(found.rows, path.stat().st_size // found.cols)
    buffers = [np.empty((min(height, rows), found.cols), np.uint8) for _ in range(2)]
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as reader:
        tops = range(0, rows, height)
        ahead: Any = None
        for number, top in enumerate(tops):
            ready = ahead.result() if ahead else _load(file.fileno(), buffers[0][: min(height, rows)], 0)
            if number + 1 < len(tops):
                following = tops[number + 1]
                target = buffers[(number + 1) % 2][: min(height, rows - following)]
                ahead = reader.submit(_load, file.fileno(), target, following * found.cols)
            yield top, ready


def _load(handle: int, target: NDArray[np.uint8], offset: int) -> NDArray[np.uint8]:
    """`target` filled from the file; a read may bring less than it is asked for."""
    left = memoryview(target).cast("B")
    while left:
        count = os.preadv(handle, [left], offset)
        if not count:
            raise FormatError(f"the file ends at byte {offset:,}, it was longer when opened; read it again")
        left, offset = left[count:], offset + count
    return target


def _tiles(found: Geometry) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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


def _bytes(codes: tuple[int, ...]) -> NDArray[np.bool_]:
    member = np.zeros(256, np.bool_)
    member[list(codes)] = True
    return member
