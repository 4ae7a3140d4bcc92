"""A region into the 8.4 GB map: `patch --into` beside cp, dd and `np.memmap`, in one run, as ratios.

    python benchmarks/bench_into.py [FOLDER]

Makes sparse maps of 129,600 x 64,800 cells in FOLDER (default: a temporary one, at most 2.5 GB) and removes them.
Each figure is the median of the repeats, with the least and the most. Every write ends on the disk (fsync, msync,
fdatasync); a tenth of the cells changes. Only ours checks the region, keeps the old bytes (in place), hashes the
window before and after, holds a lock and leaves the old map or the new one when it is killed.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.insertion import Source, inserted, inserted_in_place

GLOBE = LatLonGrid.globe(360)
WINDOWS = {
    "one tile, 360 x 600": LatLonGrid(360, 13212, 61524, 360, 600),
    "Ireland, 1620 x 2700": LatLonGrid(360, 12600, 60800, 1620, 2700),
    "Europe, 14400 x 27000": LatLonGrid(360, 6480, 56000, 14400, 27000),
}
REPEATS = 5


def main() -> None:
    """Print the ways in place and the ways by copy for each window."""
    for name, part in WINDOWS.items():
        with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
            _window(name, part, Path(folder))


def _window(name: str, part: LatLonGrid, folder: Path) -> None:
    globe = folder / "globe.dir"
    globe.with_suffix(".hdr").write_text(header.text(Header("Benchmark", GLOBE)))
    globe.touch()
    os.truncate(globe, GLOBE.rows * GLOBE.cols)
    regions = [_region(folder / f"region{number}.dir", part, number) for number in range(3)]
    _memmap(globe, regions[2], part)  # the blocks of the window are there, as in a dense map
    print(f"{name}: {part.rows * part.cols / 1e6:.1f} MB")
    _compare(
        part,
        {
            "patch --in-place": lambda turn: inserted_in_place(Source(regions[turn % 2]), globe),
            "np.memmap, flush": lambda turn: _memmap(globe, regions[turn % 2], part),
            "dd as one block": lambda turn: _dd(globe, regions[turn % 2]),
        },
        clean=lambda: _forget(folder),
    )
    _memmap(globe, regions[2], part)
    _compare(
        part,
        {
            "patch -o": lambda turn: inserted(Source(regions[turn % 2]), globe, folder / "ours.dir", overwrite=True),
            "cp, np.memmap, flush": lambda turn: _copied(globe, regions[turn % 2], part),
            "cp, fsync": lambda _: _copied(globe, None, part),
        },
        clean=lambda: None,
    )
    assert _same(folder, part)


def _region(path: Path, part: LatLonGrid, seed: int) -> Path:
    """A map of random covers in runs of five, and its header; another seed changes a tenth of the cells."""
    rng = np.random.default_rng(seed)
    runs = np.random.default_rng(99).integers(1, 34, part.cols // 5 + 1, np.uint8)
    runs = np.where(rng.random(runs.size) < 0.05, runs % 33 + 1, runs).astype(np.uint8)
    row = np.repeat(runs, 5)[: part.cols]
    path.with_suffix(".hdr").write_text(header.text(Header("Benchmark", part)))
    with path.open("wb") as stream:
        for shift in range(part.rows):
            stream.write(np.roll(row, shift).tobytes())
    return path


def _memmap(globe: Path, region: Path, part: LatLonGrid) -> None:
    """The usual way: no check, no journal, SIGBUS on a full disk."""
    (_, (rows, cols)), *_ = part.windows_in(GLOBE)
    whole = np.memmap(globe, np.uint8, "r+", shape=GLOBE.shape)
    whole[rows, cols] = np.fromfile(region, np.uint8).reshape(part.shape)
    whole.flush()


def _dd(globe: Path, region: Path) -> None:
    """As many bytes, one after the other, into a file of their own: what the disk can do."""
    target = globe.with_name("block")
    subprocess.run(
        ["dd", f"if={region}", f"of={target}", "bs=4M", "conv=notrunc,fdatasync", "status=none"], check=True
    )


def _copied(globe: Path, region: Path | None, part: LatLonGrid) -> None:
    target = globe.with_name("theirs.dir")
    subprocess.run(["cp", "--sparse=always", str(globe), str(target)], check=True)
    if region:
        _memmap(target, region, part)
    handle = os.open(target, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _forget(folder: Path) -> None:
    for file in folder.glob("globe.dir.undo.*"):
        file.unlink()


def _same(folder: Path, part: LatLonGrid) -> bool:
    """Whether our copy holds the region of the last turn."""
    found = direct.read(folder / "ours.dir", part).codes
    wanted = np.fromfile(folder / f"region{(REPEATS - 1) % 2}.dir", np.uint8).reshape(part.shape)
    return np.array_equal(found, wanted)


def _compare(part: LatLonGrid, ways: dict[str, Callable[[int], object]], *, clean: Callable[[], None]) -> None:
    times: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(REPEATS):
        for way, work in ways.items():
            start = time.perf_counter()
            work(turn + (way == "np.memmap, flush"))  # not what the way before has just written
            times[way].append(time.perf_counter() - start)
            clean()
    ours = statistics.median(times[next(iter(ways))])
    for way, taken in times.items():
        middle = statistics.median(taken)
        speed = part.rows * part.cols / middle / 1e6
        print(
            f"  {way:22} {1e3 * middle:9.1f} ms ({1e3 * min(taken):.1f}..{1e3 * max(taken):.1f}) {speed:7.0f} MB/s, "
            f"ours takes {ours / middle:.2f} x"
        )


if __name__ == "__main__":
    main()
