"""The linter's pass over the bytes beside what one would write with numpy and scipy, in one run, as ratios.

    python benchmarks/bench_check.py [FOLDER]

Makes a map of 2,160 x 129,600 cells (280 MB: two thirds sea, the rest land in patches) in FOLDER (default: a
temporary one) and removes it. Each figure is the median of the repeats, with the least and the most. The other way
holds the whole map; its two labellings bridge no straits and know no dateline.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import ndimage

from ecosg_update.check.census import census
from ecosg_update.check.geometry import Geometry

ROWS, COLS = 2160, 129_600
REPEATS = 5


def main() -> None:
    """Print one line for each way, and the ratio."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        path = Path(folder) / "map.dir"
        _codes().tofile(path)
        found = Geometry(60.0, 60.0 - ROWS / 360, -180.0, 180.0, ROWS, COLS)
        seen, counts = census(path, found, 0).counts, _whole(path)
        assert np.array_equal(seen[:34], counts[:34])
        ours, theirs = _seconds(lambda: census(path, found, 0)), _seconds(lambda: _whole(path))
    _print("ecosg-update", ours)
    _print("numpy + scipy", theirs)
    print(f"{statistics.median(theirs) / statistics.median(ours):.1f} times as fast")


def _codes() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.integers(2, 34, (ROWS // 12, COLS // 36), dtype=np.uint8)
    coarse[:, COLS // 36 // 3 :] = 1
    codes = np.kron(coarse, np.ones((12, 36), np.uint8))
    codes[rng.random(codes.shape) < 0.02] = 19
    return codes


def _whole(path: Path) -> np.ndarray:
    codes = np.fromfile(path, np.uint8).reshape(ROWS, COLS)
    for member in (codes == 1, (codes == 2) | (codes == 3)):
        labels, count = ndimage.label(member, np.ones((3, 3)))
        ndimage.sum_labels(member, labels, np.arange(count + 1))
    return np.bincount(codes.ravel(), minlength=256)


def _seconds(work: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return found


def _print(name: str, seconds: list[float]) -> None:
    rates = sorted(ROWS * COLS / 1e6 / second for second in seconds)
    print(f"{name:14} {statistics.median(rates):6.0f} MB/s ({rates[0]:.0f} to {rates[-1]:.0f})")


if __name__ == "__main__":
    main()
