"""Windows of a `.dir`: `formats.direct` beside `np.memmap`, in one run, as ratios.

    python benchmarks/bench_direct.py [FOLDER]

Makes a map of 12,960 x 25,920 cells (336 MB) in FOLDER (default: a temporary one) and removes it. Each figure is
the median of the repeats, with the least and the most; every write ends on the disk (fsync, msync).
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ecosg_update import tables
from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap

WHOLE = LatLonGrid(72, 0, 0, 12960, 25920)
WINDOWS = {
    "a Sentinel-2 tile, 360 x 600": LatLonGrid(72, 2000, 12000, 360, 600),
    "Ireland, 1620 x 2700": LatLonGrid(72, 2000, 12000, 1620, 2700),
    "Europe, 8000 x 12000": LatLonGrid(72, 2000, 12000, 8000, 12000),
}
REPEATS = 7


def main() -> None:
    """Print one line a window for reading and one for writing."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        whole = _map(Path(folder) / "whole", WHOLE)
        for name, grid in WINDOWS.items():
            ours = lambda grid=grid: direct.read(whole, grid)  # noqa: E731
            theirs = lambda grid=grid: _memmap_read(whole, grid)  # noqa: E731
            assert np.array_equal(ours().codes, theirs().codes)
            _compare(f"read  {name}", grid.rows * grid.cols, ours, theirs)
        for name, grid in WINDOWS.items():
            cover = direct.read(whole, grid)
            ours = lambda cover=cover: direct.write(cover, Path(folder) / "ours", title="x", overwrite=True)  # noqa: E731
            theirs = lambda cover=cover: _memmap_write(cover.codes, Path(folder) / "theirs")  # noqa: E731
            _compare(f"write {name}", grid.rows * grid.cols, ours, theirs)


def _map(stem: Path, grid: LatLonGrid) -> Path:
    row = np.random.default_rng(0).integers(1, 34, grid.cols, dtype=np.uint8)
    stem.with_suffix(".hdr").write_text(header.text(Header("Benchmark", grid)))
    with stem.with_suffix(".dir").open("wb") as stream:
        for shift in range(grid.rows):
            stream.write(np.roll(row, shift).tobytes())
    return stem.with_suffix(".dir")


def _memmap_read(path: Path, grid: LatLonGrid) -> CoverMap:
    (_, (rows, cols)), *_ = grid.windows_in(WHOLE)
    codes = np.memmap(path, np.uint8, "r", shape=WHOLE.shape)[rows, cols]
    return CoverMap(np.array(codes), grid, tables.legend("ecosg"))


def _memmap_write(codes: np.ndarray, path: Path) -> None:
    """The same promise by memory map: a part, flushed, renamed."""
    part = path.with_suffix(".part")
    mapped = np.memmap(part, np.uint8, "w+", shape=codes.shape)
    mapped[:] = codes
    mapped.flush()
    part.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _compare(name: str, size: int, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    times: dict[str, list[float]] = {"ours": [], "memmap": []}
    for _ in range(REPEATS):
        for who, work in (("ours", ours), ("memmap", theirs)):
            start = time.perf_counter()
            work()
            times[who].append(time.perf_counter() - start)
    middle = {who: statistics.median(taken) for who, taken in times.items()}
    shown = [
        f"{who} {1e3 * middle[who]:8.2f} ms ({1e3 * min(taken):.2f}..{1e3 * max(taken):.2f}), "
        f"{size / middle[who] / 1e6:5.0f} MB/s"
        for who, taken in times.items()
    ]
    print(f"{name:36} {'; '.join(shown)}; memmap takes {middle['memmap'] / middle['ours']:.2f} x")


if __name__ == "__main__":
    main()
