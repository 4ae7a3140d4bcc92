"""Majority of a whole Sentinel-2 tile on lat-lon cells: `patch.majority` beside GDAL's `mode`, in one run, as ratios.

    python benchmarks/bench_aggregate.py

The map is made up: 33 classes, patches of 40 pixels with ragged edges and many of 7 pixels, a hard case for both.
Wall and processor time are medians of the repeats, taken in turn; the wrong cells are counted on 2048 x 2048 pixels
against 8 x 8 points a pixel, in cells that lie wholly inside; a cell is decisive where the winner leads by 2 %.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import Resampling, reproject

from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection
from ecosg_update.legend import Legend
from ecosg_update.patch.aggregate import aggregate_codes
from ecosg_update.patch.majority import majority, majority_of_codes

CLASSES = 33
LEGEND = Legend(
    "made up",
    tuple(range(1, CLASSES + 1)),
    tuple(f"class {code}" for code in range(1, CLASSES + 1)),
    ((0, 0, 0),) * CLASSES,
    ("",) * CLASSES,
    tuple(range(CLASSES)),
)
TILE = GeoGrid("EPSG:32629", Affine(10, 0, 499980, 0, -10, 5900040), (10980, 10980))
PER_DEGREE = (360, 1800)
REPEATS = 7
SIDE = 8


def main() -> None:
    """Print the times, their ratio and the wrong cells for each cell size."""
    codes = patches(TILE.shape)
    print(f"GDAL {rasterio.__gdal_version__}, {TILE.shape[0]} x {TILE.shape[1]} pixels, two threads each")
    for per_degree in PER_DEGREE:
        target = LatLonGrid.from_bounds(per_degree, TILE.lonlat_bounds())
        ours, theirs = timed(
            lambda target=target: majority_of_codes(codes, TILE, LEGEND, target, threads=2),
            lambda target=target: gdal_mode(codes, TILE, target),
        )
        for name, found in (("ours", ours), ("GDAL", theirs)):
            wall, processor = medians(found)
            speed = codes.size / wall / 1e6
            print(f"1/{per_degree}: {name} {wall:.3f} s ({speed:.0f} Mpx/s), CPU {processor:.3f} s")
        wall, processor = medians([(b[0] / a[0], b[1] / a[1]) for a, b in zip(ours, theirs, strict=True)])
        print(f"1/{per_degree}: GDAL over ours: wall {wall:.2f}, processor {processor:.2f}")
    for per_degree in PER_DEGREE:
        print_errors(per_degree)


def patches(shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Classes 1..33 in patches of 40 pixels with ragged edges, 30 % of it in patches of 7."""
    rng = np.random.default_rng(0)
    rows, cols = np.indices(shape, np.int32, sparse=True)
    coarse = rng.integers(1, CLASSES + 1, (shape[0] // 40 + 2, shape[1] // 40 + 2), np.uint8)
    ragged_rows, ragged_cols = rng.integers(0, 5, shape[0])[:, None], rng.integers(0, 5, shape[1])[None]
    codes = coarse[(rows + ragged_cols) // 40, (cols + ragged_rows) // 40]
    small = rng.integers(1, CLASSES + 1, (shape[0] // 7 + 1, shape[1] // 7 + 1), np.uint8)
    small[rng.random(small.shape) > 0.3] = 0
    fine = small[rows // 7, cols // 7]
    return np.where(fine > 0, fine, codes)


def gdal_mode(codes: NDArray[np.uint8], grid: GeoGrid, target: LatLonGrid) -> NDArray[np.uint8]:
    """What a user would call instead."""
    found = np.zeros(target.shape, np.uint8)
    reproject(
        codes, found, src_transform=grid.transform, src_crs=grid.crs, dst_transform=target.transform,
        dst_crs=GEOGRAPHIC, src_nodata=0, dst_nodata=0, resampling=Resampling.mode, num_threads=2,
        warp_mem_limit=2048,
    )  # fmt: skip
    return found


def timed(*calls: Callable[[], object]) -> list[list[tuple[float, float]]]:
    """(wall, processor) seconds of each repeat of each call, in turn, after one round that is not counted."""
    found: list[list[tuple[float, float]]] = [[] for _ in calls]
    for repeat in range(REPEATS + 1):
        for times, call in zip(found, calls, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            call()
            if repeat:
                times.append((time.perf_counter() - wall, time.process_time() - processor))
    return found


def medians(pairs: list[tuple[float, float]]) -> tuple[float, float]:
    """The median of each column."""
    first, second = zip(*pairs, strict=True)
    return statistics.median(first), statistics.median(second)


def print_errors(per_degree: int) -> None:
    """Count the wrong cells of both on a part of the tile."""
    grid = TILE.window(slice(0, 2048), slice(0, 2048))
    codes = patches(grid.shape)
    target = LatLonGrid.from_bounds(per_degree, grid.lonlat_bounds())
    truth = sub_pixel_counts(codes, grid, target)
    share = aggregate_codes(codes, grid, LEGEND, target).share
    full = share > 0.9999
    ranked = np.sort(truth, axis=0)
    decisive = full & (ranked[-1] - ranked[-2] > 0.02 * truth.sum(axis=0))
    best = np.array(LEGEND.codes)[truth.argmax(axis=0)]
    found = {"ours": majority(aggregate_codes(codes, grid, LEGEND, target)), "GDAL": gdal_mode(codes, grid, target)}
    for name, cells in found.items():
        wrong = cells != best
        print(
            f"1/{per_degree}: {name} wrong {wrong[full].mean():.2%} of {full.sum()} cells, "
            f"{(wrong & decisive).sum() / full.sum():.2%} decisive"
        )


def sub_pixel_counts(codes: NDArray[np.uint8], grid: GeoGrid, target: LatLonGrid) -> NDArray[np.int64]:
    """(class, y, x): how many of 8 x 8 points a pixel lie in each cell, every point projected."""
    counts = np.zeros(CLASSES * target.rows * target.cols, np.int64)
    at = (np.arange(grid.shape[1] * SIDE) + 0.5) / SIDE
    for row in range(grid.shape[0]):
        for part in range(SIDE):
            x, y = grid.transform @ (at, np.full(at.size, row + (part + 0.5) / SIDE))
            lon, lat = projection(grid.crs, GEOGRAPHIC).transform(x, y)
            cell_row = np.floor((target.north - lat) * target.per_degree).astype(int)
            cell_col = np.floor((lon - target.west) * target.per_degree).astype(int)
            inside = (cell_row >= 0) & (cell_row < target.rows) & (cell_col >= 0) & (cell_col < target.cols)
            place = (codes[row].repeat(SIDE).astype(int) - 1) * target.rows * target.cols
            place += cell_row * target.cols + cell_col
            np.add.at(counts, place[inside], 1)
    return counts.reshape(CLASSES, *target.shape)


if __name__ == "__main__":
    main()
