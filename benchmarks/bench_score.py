"""Scoring one global 300 m map against another (8.4 Gcell each): time beside the disk's read speed, and peak memory.

    python benchmarks/bench_score.py [FOLDER]

Makes two sparse maps in FOLDER (default: a temporary one) and removes them: 10 degrees of latitude hold classes in
patches (467 MB each, the other map differs in a tenth of the cells), the rest is a hole. Reading is timed on the
same files, one after the other in blocks of 16 MB, from the disk and from the page cache. On a part of 180 rows the
same scores are taken with numpy and scikit-learn. Each figure is the median of the repeats, with the least and the
most.
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
from sklearn.metrics import confusion_matrix

from ecosg_update import tables
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.grouping import grouping
from ecosg_update.scoring.mapped import Question, contestants, scored_maps

GLOBE = LatLonGrid.globe(360)
TOP, ROWS, PART = 360 * 35, 3600, 180
REPEATS, WHOLE_REPEATS = 5, 3
BLOCK = 2**24
PEAKS: list[float] = []
PROCESSOR: list[float] = []
TARGETS = ("corine-l1", "corine-l2", "ecosg-primary", "ecosg")


def main() -> None:
    """Print a line for each way, and the ratios."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        maps = [_sparse(folder / f"{stem}.dir", other) for stem, other in (("old", False), ("new", True))]
        cold = _turns(maps, cached=False)
        warm = _turns(maps, cached=True)
        parts = [_part(folder / f"{path.stem}_part.dir", path) for path in maps]
        ours, plain = _of_part(parts[1], parts[0]), _plain(parts[1], parts[0])
        for one, other in zip(ours, plain, strict=True):
            assert np.array_equal(one, other)
        quick = _seconds(lambda: _of_part(parts[1], parts[0]), REPEATS)
        slow = _seconds(lambda: _plain(parts[1], parts[0]), REPEATS)
    for state, (read, score) in (("from the disk", cold), ("from the page cache", warm)):
        _print(f"reading both, {state}", read, 2 * GLOBE.cells)
        _print(f"score, {state}", score, 2 * GLOBE.cells)
        print(
            f"score reads at {statistics.median(read) / statistics.median(score):.2f} of the speed of reading alone"
        )
    print(f"peak memory of score {max(PEAKS):.0f} MB; processor time {statistics.median(PROCESSOR):.1f} s")
    _print("score of the part", quick, 2 * PART * GLOBE.cols)
    _print("numpy, scikit-learn", slow, 2 * PART * GLOBE.cols)
    print(f"{statistics.median(slow) / statistics.median(quick):.1f} times as fast, the same counts")


def _codes(*, other: bool) -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(2, 34, (ROWS // 12, GLOBE.cols // 24), dtype=np.uint8)
    coarse[:, GLOBE.cols // 24 // 3 :] = 1
    codes = np.kron(coarse, np.ones((12, 24), np.uint8))
    if other:
        codes[(rng.random(codes.shape, np.float32) < 0.1) & (codes > 1)] = 19
    return codes


def _sparse(path: Path, other: bool) -> Path:
    with path.open("wb") as file:
        file.truncate(GLOBE.cells)
        file.seek(TOP * GLOBE.cols)
        _codes(other=other).tofile(file)
    path.with_suffix(".hdr").touch()
    direct.encode_header(path.with_suffix(".hdr"), GLOBE, title="bench")
    return path


def _part(path: Path, whole: Path) -> Path:
    grid = LatLonGrid(360, TOP, 0, PART, GLOBE.cols)
    np.fromfile(whole, np.uint8, grid.cells, offset=TOP * GLOBE.cols).tofile(path)
    path.with_suffix(".hdr").touch()
    direct.encode_header(path.with_suffix(".hdr"), grid, title="bench")
    return path


def _read(path: Path) -> None:
    block = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(block):
            pass


def _turns(maps: list[Path], *, cached: bool) -> tuple[list[float], list[float]]:
    """Seconds to read both maps, and to score them, in turn."""
    read, score = [], []
    for _ in range(WHOLE_REPEATS):
        for work, found in ((lambda: [_read(path) for path in maps], read), (lambda: _score(*maps[::-1]), score)):
            for path in maps:
                _read(path) if cached else _forget(path)
            found.extend(_seconds(work, 1))
    return read, score


def _forget(path: Path) -> None:
    """Drop a file from the page cache."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _score(new: Path, old: Path) -> None:
    """In a process of its own, which tells its highest memory and its processor time at last."""
    code = (
        "import sys, time; from ecosg_update.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally: print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], time.process_time(), "
        "file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "-q", "score", str(new), "--truth", str(old), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    peak, processor = done.stderr.split()[-2:]
    PEAKS.append(int(peak) / 1024)
    PROCESSOR.append(float(processor))


def _of_part(new: Path, old: Path) -> list[np.ndarray]:
    report = scored_maps(contestants([str(new)]), Question(old, groupings=TARGETS))
    return [row.confusion.counts[:, :-1] for row in report.rows if row.unit == "pixels"]


def _plain(new: Path, old: Path) -> list[np.ndarray]:
    """The obvious way: both maps whole, relabelled for each grouping, scikit-learn's confusion."""
    legend = tables.legend("ecosg")
    said, true = (np.fromfile(path, np.uint8) for path in (new, old))
    found = []
    for name in TARGETS:
        one = grouping(legend, tables.legend(name))
        lookup = np.append(np.int16(-1), one.rows)
        found.append(confusion_matrix(lookup[true], lookup[said], labels=range(len(one.target))))
    return found


def _seconds(work: Callable[[], object], repeats: int) -> list[float]:
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def _print(name: str, seconds: list[float], size: int) -> None:
    rates = sorted(size / 1e6 / second for second in seconds)
    middle = statistics.median(seconds)
    print(f"{name:34} {middle:6.1f} s, {statistics.median(rates):6.0f} MB/s ({rates[0]:.0f} to {rates[-1]:.0f})")


if __name__ == "__main__":
    main()
