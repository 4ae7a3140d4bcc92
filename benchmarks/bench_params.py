"""Typed files and the nearest cells of a type: ours beside numpy, plain Python and scipy, in one run, as ratios.

    python benchmarks/bench_params.py [FOLDER]

Makes a packed map of 1,800 x 21,600 cells (78 MB unpacked) in FOLDER (default: a temporary one) and removes it: 30 %
of it is land, in patches of 8 x 8 cells. The covers and values are made up. Each figure is the median of the repeats,
with the least and the most; MB/s count unpacked bytes. The file is in the page cache for all.
"""

import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from ecosg_update.formats import typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.nearest import EARTH_KM, Search, nearest

WHOLE = LatLonGrid(60, 1500, 0, 1800, 21600)
WINDOW = LatLonGrid(60, 2200, 10_000, 66, 108)
REPEATS = 7
PLAIN_ROWS = 40
"""Rows for plain Python, which is too slow for all."""


def main() -> None:
    """Print one line a comparison."""
    pixels = _pixels()
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        path, _ = typed.write(pixels, WHOLE, Path(folder) / "map", title="Made up")
        source = typed.opened(path)
        ours = lambda: typed.read(source)  # noqa: E731
        theirs = lambda: _numpy_read(path, WHOLE.rows)  # noqa: E731
        assert np.array_equal(ours(), theirs())
        _compare("decode, whole map", pixels.nbytes, ours, "numpy", theirs)
        top = LatLonGrid(60, 1500, 0, PLAIN_ROWS, 21600)
        ours = lambda: typed.read(source, top)  # noqa: E731
        theirs = lambda: _python_read(path, WHOLE.rows, PLAIN_ROWS)  # noqa: E731
        assert ours().tolist() == theirs()
        _compare(f"decode, {PLAIN_ROWS} rows", pixels[:PLAIN_ROWS].nbytes, ours, "Python", theirs)
        ours = lambda: typed.packed(pixels)  # noqa: E731
        theirs = lambda: _numpy_packed(pixels)  # noqa: E731
        assert all(np.array_equal(one, other) for one, other in zip(ours(), theirs(), strict=True))
        _compare("encode, whole map", pixels.nbytes, ours, "numpy", theirs)
        ours = lambda: typed.read(source, WINDOW)  # noqa: E731
        theirs = lambda: typed.read(source)  # noqa: E731
        size = WINDOW.rows * WINDOW.cols * 2
        _compare("a window of 66 x 108", size, ours, "the whole map", theirs)
    _nearest(pixels)


def _pixels() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.choice([0, 7, 8, 13, 17, 19, 15], (225, 2700), p=[0.7, 0.02, 0.05, 0.05, 0.08, 0.08, 0.02])
    land = np.kron(coarse, np.ones((8, 8), int))
    return np.where(land > 0, land * 100 + 1 + np.arange(21600) % 60, 0).astype(np.uint16)


def _nearest(pixels: np.ndarray) -> None:
    """The three nearest cells of cover 8 for every eighth cell of cover 17 in a window, within 50 km."""
    window = LatLonGrid(60, 2200, 10_000, 300, 600)
    types = (pixels[700:1000, 10_000:10_600] // 100).astype(np.uint8)
    rows, cols = (places[::8] for places in np.nonzero(types == 17))
    wanted = np.full(rows.size, 8, np.uint8)

    def ours() -> np.ndarray:
        return nearest(types, window, (rows, cols), wanted, Search(3, 50)).km

    def theirs() -> np.ndarray:
        tree = cKDTree(_unit_vectors(window, *np.nonzero(types == 8)))
        chords, _ = tree.query(_unit_vectors(window, rows, cols), k=3, distance_upper_bound=50 / EARTH_KM)
        return 2 * EARTH_KM * np.arcsin(chords / 2, where=np.isfinite(chords), out=chords)

    np.testing.assert_allclose(ours(), theirs(), rtol=1e-6)
    _compare(f"3 nearest of {rows.size:,} cells", rows.size, ours, "cKDTree", theirs)


def _unit_vectors(grid: LatLonGrid, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    lat, lon = np.radians(grid.latitudes[rows]), np.radians(grid.longitudes[cols])
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _numpy_read(path: Path, rows: int) -> np.ndarray:
    words = np.fromfile(path, "<u2", offset=4 * rows)
    pixels = np.repeat(np.where(words < 4000, words, 0), np.where(words < 4000, 1, words.astype(np.int64) - 4000))
    pixels[pixels % 100 == 0] = 0
    return pixels.reshape(rows, -1)


def _python_read(path: Path, rows: int, some: int) -> list[list[int]]:
    content = path.read_bytes()
    counts, at, table = struct.unpack_from(f"<{rows}i", content), 4 * rows, []
    for count in counts[:some]:
        row: list[int] = []
        for word in struct.unpack_from(f"<{count}H", content, at):
            if word >= 4000:
                row += [0] * (word - 4000)
            else:
                row.append(0 if word % 100 == 0 else word)
        table.append(row)
        at += 2 * count
    return table


def _numpy_packed(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows here are shorter than the longest run, so that none is split."""
    flat, cols = pixels.ravel(), pixels.shape[1]
    empty = flat == 0
    starts = empty.copy()
    starts[1:] &= ~empty[:-1]
    starts[::cols] = empty[::cols]
    keep = ~empty | starts
    words = flat[keep].astype(np.int64)
    places = np.flatnonzero(keep)
    lengths = np.diff(np.append(places, flat.size))
    words[words == 0] = 4000 + lengths[words == 0]
    counts = np.add.reduceat(keep, np.arange(0, flat.size, cols), dtype=np.int32)
    return counts, words.astype(np.uint16)


def _compare(name: str, size: int, ours: Callable[[], object], other: str, theirs: Callable[[], object]) -> None:
    times: dict[str, list[float]] = {"ours": [], other: []}
    for _ in range(REPEATS):
        for who, work in (("ours", ours), (other, theirs)):
            start = time.perf_counter()
            work()
            times[who].append(time.perf_counter() - start)
    middle = {who: statistics.median(taken) for who, taken in times.items()}
    shown = [
        f"{who} {1e3 * middle[who]:8.2f} ms ({1e3 * min(taken):.2f}..{1e3 * max(taken):.2f}), "
        f"{size / middle[who] / 1e6:7.1f} M/s"
        for who, taken in times.items()
    ]
    print(f"{name:24} {'; '.join(shown)}; {other} takes {middle[other] / middle['ours']:.1f} x")


if __name__ == "__main__":
    main()
