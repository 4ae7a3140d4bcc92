"""Comparing two maps beside reading them, and beside what one would write with numpy and scikit-learn.

    python benchmarks/bench_compare.py [FOLDER]

Makes in FOLDER (default: a temporary one) two maps of 20,000 x 20,000 cells (0.4 GB each: patches, a fiftieth of the
cells changed one by one), and two of the globe at 300 m (8.4 GB each, sparse: 1.0 GB on the disk; bands of patches
between nothing), and removes them. Each figure is the median of the repeats, with the least and the most; reading is
`preadv` of 16 MB at a time, one file after the other. Before each pass over files the system is asked to forget what
it has cached of them. Seconds of the processor, all threads together, stand beside those of the clock: they change
less where others use the machine. The other ways hold a part of 20 million cells in memory and give the matrix only,
no areas and no connected changes.
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

from ecosg_update.comparing.pair import opened, paired
from ecosg_update.comparing.scan import scanned
from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.tables import legend

DENSE = LatLonGrid(360, 12_000, 40_000, 20_000, 20_000)
PART = LatLonGrid(360, 12_000, 40_000, 1_000, 20_000)
GLOBE = LatLonGrid.globe(360)
STRIPES, STRIPE_ROWS = 16, 240
REPEATS, GLOBE_REPEATS = 5, 3
CHUNK = 2**24

Spent = tuple[float, float]
"""Seconds of the clock and of the processor."""


def main() -> None:
    """Print the part, the dense region and the globe."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        old, new = (folder / "old.dir", folder / "new.dir")
        _write_dense(old, new)
        _part(old, new)
        _files("20,000 x 20,000, dense", old, new, REPEATS)
        _write_globe(old, new)
        _files("globe at 300 m, sparse", old, new, GLOBE_REPEATS)


def _part(old: Path, new: Path) -> None:
    """Ours and the other ways on the same cells, in memory, one after the other in each repeat."""
    before, after = opened(old, new).read(PART)
    covers = [CoverMap(codes, PART, legend("ecosg")) for codes in (before, after)]
    found = scanned(paired(*covers)).transitions.cells
    assert np.array_equal(found, _bincount(before, after)) and np.array_equal(found, _histogram(before, after))
    assert np.array_equal(found, _unique(before, after)) and np.array_equal(found, _sklearn(before, after))
    ways: dict[str, Callable[[], object]] = {
        "ecosg-update": lambda: scanned(paired(*covers)),
        "numpy.bincount": lambda: _bincount(before, after),
        "numpy.unique": lambda: _unique(before, after),
        "numpy.histogram2d": lambda: _histogram(before, after),
        "sklearn.confusion_matrix": lambda: _sklearn(before, after),
    }
    seconds: dict[str, list[Spent]] = {way: [] for way in ways}
    for _ in range(REPEATS):
        for way, work in ways.items():
            seconds[way].append(_spent(work))
    ours = _median(seconds["ecosg-update"])
    for way, taken in seconds.items():
        _print(f"1,000 x 20,000: {way}", taken, PART.cells / 1e6, "Mcell/s")
        clock, processor = (theirs / own for theirs, own in zip(_median(taken), ours, strict=True))
        print(f"{'':44} {clock:8.2f} times our time, {processor:.2f} times our processor time")


def _files(what: str, old: Path, new: Path, repeats: int) -> None:
    """Reading and comparing two files in turn; the comparison in a process of its own, for its memory."""
    reading, comparing, memory = [], [], []
    for _ in range(repeats):
        _forget(old, new)
        reading.append(_spent(lambda: [_read(path) for path in (old, new)]))
        _forget(old, new)
        said = subprocess.run(
            [sys.executable, __file__, "--one", old, new], check=True, capture_output=True, text=True
        )
        clock, processor, peak = map(float, said.stdout.split())
        comparing.append((clock, processor))
        memory.append(peak)
    size = 2 * old.stat().st_size / 1e6
    _print(f"{what}: reading", reading, size, "MB/s")
    _print(f"{what}: comparing", comparing, size, "MB/s")
    ratio = _median(reading)[0] / _median(comparing)[0]
    print(f"{'':44} {ratio:8.2f} of the reading speed, at most {max(memory):.0f} MB of memory", flush=True)


def _one(old: Path, new: Path) -> None:
    """Compare once and print seconds and the peak of memory in MB; compiled code is loaded before."""
    small = LatLonGrid(360, 12_000, 40_000, 8, 8)
    ones = CoverMap(np.ones(small.shape, np.uint8), small, legend("ecosg"))
    scanned(paired(ones, ones))
    spent = _spent(lambda: scanned(opened(old, new)))
    status = Path("/proc/self/status").read_text()
    print(*spent, next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1e3)


def _patches(rows: int, cols: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Covers in patches of 6 cells, and the same with a fiftieth of the cells changed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(1, 34, (rows // 6 + 1, cols // 6 + 1), dtype=np.uint8)
    old = np.kron(coarse, np.ones((6, 6), np.uint8))[:rows, :cols]
    at = rng.random(old.shape, dtype=np.float32) < 0.02
    return old, np.where(at, rng.integers(1, 34, old.shape, dtype=np.uint8), old)


def _write_dense(old: Path, new: Path) -> None:
    before, after = _patches(*DENSE.shape, 0)
    for path, codes in ((old, before), (new, after)):
        codes.tofile(path)
        path.with_suffix(".hdr").write_text(header.text(Header("a benchmark", DENSE)))


def _write_globe(old: Path, new: Path) -> None:
    for path in (old, new):
        path.unlink()
        path.touch()
        os.truncate(path, GLOBE.cells)
        path.with_suffix(".hdr").write_text(header.text(Header("a benchmark", GLOBE)))
    for stripe, codes in enumerate([_patches(STRIPE_ROWS, GLOBE.cols, 1)] * STRIPES):
        for path, band in zip((old, new), codes, strict=True):
            with path.open("r+b") as file:
                file.seek(stripe * (GLOBE.rows // STRIPES) * GLOBE.cols)
                file.write(np.ascontiguousarray(band).data)


def _forget(*paths: Path) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


def _read(path: Path) -> None:
    buffer = np.empty(CHUNK, np.uint8)
    handle = os.open(path, os.O_RDONLY)
    place = 0
    while count := os.preadv(handle, [buffer.data], place):
        place += count
    os.close(handle)


def _bincount(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    pairs = old.ravel().astype(np.int64) * 34 + new.ravel()
    return np.bincount(pairs, minlength=34 * 34).reshape(34, 34)


def _unique(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    found = np.zeros((34, 34), np.int64)
    pairs, counts = np.unique(old.astype(np.int16) * 256 + new, return_counts=True)
    found[pairs // 256, pairs % 256] = counts
    return found


def _histogram(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    return np.histogram2d(old.ravel(), new.ravel(), bins=(np.arange(35), np.arange(35)))[0].astype(np.int64)


def _sklearn(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    return confusion_matrix(old.ravel(), new.ravel(), labels=np.arange(34))


def _spent(work: Callable[[], object]) -> Spent:
    started = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started[0], time.process_time() - started[1]


def _median(spent: list[Spent]) -> Spent:
    clock, processor = (statistics.median(column) for column in zip(*spent, strict=True))
    return clock, processor


def _print(name: str, spent: list[Spent], amount: float, unit: str) -> None:
    rates = sorted(amount / clock for clock, _ in spent)
    clock, processor = _median(spent)
    figures = f"{clock:8.2f} s {amount / clock:7.0f} {unit} ({rates[0]:.0f} to {rates[-1]:.0f})"
    print(f"{name:44} {figures}, processor {processor:.2f} s", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        _one(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
