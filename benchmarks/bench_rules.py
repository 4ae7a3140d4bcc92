"""The rules of context R3 to R8 on a domain of 5 x 5 degrees at 60 m, beside plain ways.

    python benchmarks/bench_rules.py [--side 9000] [--part 900] [--rounds 3] [--rule R7]

9,000 x 9,000 cells with made-up evidence: three covers a cell, in fields of 20 cells; new water as lakes and as
channels on a coast; specks of one to three cells. Each rule runs in a process of its own, so that its peak memory is
its own: the whole domain once, in bands of rows as the pipeline does, but for the kinds of water (R4), which need the
whole map. Making the input up is not counted, and neither is reading the rasters of the rules, which
`bench_aggregate.py` measures. CPU seconds are those of all threads: other work on the machine shows in them less
than in the clock.

Beside it, on a part of the domain, medians of rounds: the step that R3, R5, R6 and R8 share, cell by cell in Python;
R4 and R7 with scipy.ndimage and one mask of the map for each piece, as it is commonly written, whose time grows with
the square of the map; and GDAL's sieve over the whole domain, which merges patches by size and knows no
probabilities.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import rasterio.features
from numpy.typing import NDArray
from scipy import ndimage

from ecosg_update import tables
from ecosg_update.crosswalk import crops, snow, towns, water, wetlands
from ecosg_update.crosswalk.rules import HALF, Rule
from ecosg_update.crosswalk.shape import CORNERS, SIDES
from ecosg_update.crosswalk.sieve import margin_rows, sieved
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Context, CoverMap, Patch, Prediction, Reason

ECOSG, LCZ = tables.legend("ecosg"), tables.legend("lcz")
COMMON = np.array([2, 3, 6, 8, 13, 15, 17, 19, 20, 21, 23, 28, 29, 31], np.uint8)
SHARES = (0.6, 0.3, 0.1)
KM = (0.0618, 0.0381)
"""Height and width of a cell of 1/1800 degree at 52 N."""
ROWS = 100
SPECK = 4
"""Patches of fewer cells go."""
CELL_RULES = ("R3", "R4 as one", "R5 form", "R5 zones", "R6", "R8")
ALL = (*CELL_RULES, "R4 kinds", "R7")

Codes = NDArray[np.uint8]


def fields(random: np.random.Generator, shape: tuple[int, int], choice: NDArray[np.generic]) -> NDArray[np.generic]:
    """Values in fields of 20 x 20 cells."""
    found = random.choice(choice, size=(shape[0] // 20 + 1, shape[1] // 20 + 1))
    return found.repeat(20, 0).repeat(20, 1)[: shape[0], : shape[1]]


def evidence(grid: LatLonGrid, seed: int) -> Prediction:
    """Three covers a cell."""
    random = np.random.default_rng(seed)
    values = np.zeros((len(ECOSG), *grid.shape), np.float32)
    for share in SHARES:
        row = ECOSG.rows[fields(random, grid.shape, COMMON)].astype(np.intp)[np.newaxis]
        np.put_along_axis(values, row, np.take_along_axis(values, row, 0) + np.float32(share), 0)
    return Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "made up")


def cell_rule(name: str, grid: LatLonGrid, seed: int) -> Rule:
    """A rule that judges each cell by itself, with rasters already on the cells."""
    random = np.random.default_rng([seed, 1])
    base = fields(random, grid.shape, COMMON).astype(np.uint8)
    part = fields(random, grid.shape, np.linspace(0, 1, 21)).astype(np.float32)
    near = Context(zone=0, base=base, majority={}, grid=grid)
    if name == "R3":
        return partial(crops.crops, grown=fields(random, grid.shape, np.array([0, 19, 20, 21])).astype(np.uint8))
    if name == "R4 as one":
        return partial(water.as_one_water, base=base)
    if name == "R5 form":
        return partial(towns.towns_of_form, sealed=part, height=part * np.float32(40))
    if name == "R5 zones":
        return partial(towns.towns_of_best_zone, lcz=zones(grid, random))
    if name == "R6":
        return partial(snow.snow, context=near, lasting=part > HALF)
    return partial(wetlands.wetlands, context=near, share=part)


def zones(grid: LatLonGrid, random: np.random.Generator) -> Prediction:
    """One local climate zone a field."""
    values = np.zeros((len(LCZ), *grid.shape), np.float32)
    row = fields(random, grid.shape, np.arange(len(LCZ))).astype(np.intp)[np.newaxis]
    np.put_along_axis(values, row, np.float32(1), 0)
    return Prediction(values, np.ones(grid.shape, np.float32), LCZ, grid, "made up")


def coast(side: int) -> tuple[Codes, Codes]:
    """Covers now and before: a sea in the west with bays, new lakes, new channels, and ships."""
    random = np.random.default_rng(7)
    base = np.full((side, side), 17, np.uint8)
    shore = side // 5 + np.cumsum(random.integers(-2, 3, side))
    base[np.arange(side) < np.maximum(shore, 1)[:, np.newaxis]] = water.SEA
    now = base.copy()
    for row, col in random.integers(0, side, (side * side // 20_000, 2)):
        size = int(random.integers(3, 30))
        now[row : row + size, col : col + size] = water.LAKE
    for start in random.integers(0, side, side // 60):
        drift = np.clip(start + np.cumsum(random.integers(-1, 2, side // 2)), 0, side - 3)
        for wide in range(3):
            now[drift + wide, side // 4 + np.arange(side // 2)] = water.RIVER
    now[random.integers(0, side, side), random.integers(0, side, side)] = 29
    return now, base


def speckled(grid: LatLonGrid, seed: int) -> tuple[Patch, Prediction]:
    """A patch with specks of one to three cells in 2 % of its cells, and its probabilities."""
    prediction = evidence(grid, seed)
    random = np.random.default_rng([seed, 2])
    base = fields(random, grid.shape, COMMON).astype(np.uint8)
    codes = base.copy()
    rows, cols = (random.integers(0, side, grid.cells // 100) for side in grid.shape)
    codes[rows, cols] = codes[rows, np.minimum(cols + 1, grid.cols - 1)] = 29
    reason = np.where(codes == base, Reason.UNCHANGED, Reason.CHANGED).astype(np.uint8)
    return Patch(CoverMap(codes, grid, ECOSG), base, reason, np.ones(grid.shape, np.float32)), prediction


def bands(side: int, margin: int = 0) -> Iterator[LatLonGrid]:
    """The domain in bands of rows, each with a margin."""
    for top in range(0, side, ROWS):
        first, last = max(0, top - margin), min(side, top + ROWS + margin)
        yield LatLonGrid(1800, 60_000 + first, 300_000, last - first, side)


def seconds(task: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


def peak() -> float:
    """GB that the process had at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def whole(name: str, side: int) -> str:
    """Time and memory of a rule over the domain."""
    wall = cpu = 0.0
    before = 0.0
    for seed, (task, held) in enumerate(tasks(name, side)):
        before = held if seed == 0 else before
        one, other = seconds(task)
        wall, cpu = wall + one, cpu + other
    size = side * side / 1e6
    return (
        f"{name:10} {wall:7.1f} s {cpu:7.1f} s CPU {size / cpu:7.1f} Mcells a CPU s, peak {peak():.2f} GB, "
        f"{peak() - before:.2f} GB above the input"
    )


def tasks(name: str, side: int) -> Iterator[tuple[Callable[[], object], float]]:
    """The calls that make up a rule over the domain, and the peak memory before each, GB."""
    if name == "R4 kinds":
        now, base = coast(side)
        waters = water.Waters(now, base, np.zeros(now.shape, np.bool_), KM)
        yield partial(water.kinds, waters), peak()
        return
    if name == "R7":
        for seed, grid in enumerate(bands(side, margin_rows(SPECK))):
            patch, prediction = speckled(grid, seed)
            yield partial(sieved, patch, prediction, SPECK), peak()
        return
    for seed, grid in enumerate(bands(side)):
        prediction, rule = evidence(grid, seed), cell_rule(name, grid, seed)
        yield partial(rule, prediction), peak()


def looped(prediction: Prediction, origins: tuple[int, ...], destination: Codes) -> NDArray[np.float32]:
    """Probability moved cell by cell: the step that R3, R5, R6 and R8 share."""
    values = prediction.values.copy()
    rows = [ECOSG.index(cover) for cover in origins]
    for y, x in np.ndindex(*destination.shape):
        if cover := int(destination[y, x]):
            total = sum(float(values[row, y, x]) for row in rows)
            for row in rows:
                values[row, y, x] = 0
            values[ECOSG.index(cover), y, x] += total
    return values


def labelled(now: Codes, base: Codes) -> Codes:
    """Kinds of water with a mask a piece: what touches the sea is sea, however far it goes; no coast is mended."""
    found = now.copy()
    label, count = ndimage.label((now <= water.RIVER) & (base > water.RIVER), CORNERS)
    sea = ndimage.binary_dilation(base == water.SEA, SIDES)
    for piece in range(1, count + 1):
        mask = label == piece
        rows, cols = np.nonzero(mask)
        extent = np.hypot(np.ptp(rows) + 1, np.ptp(cols) + 1)
        slender = rows.size / extent**2 <= water.SLENDER
        found[mask] = water.SEA if (mask & sea).any() else water.RIVER if slender else water.LAKE
    return found


def majority_sieved(codes: Codes) -> Codes:
    """Small patches to the most frequent neighbour, a mask a patch."""
    found = codes.copy()
    for cover in np.unique(codes):
        label, count = ndimage.label(codes == cover, SIDES)
        for piece in np.flatnonzero(np.bincount(label.ravel(), minlength=count + 1) < SPECK)[1:]:
            mask = label == piece
            beside = codes[ndimage.binary_dilation(mask, SIDES) & ~mask]
            found[mask] = np.bincount(beside).argmax()
    return found


def beside(name: str, part: int, rounds: int) -> str:
    """A rule and its plain way on a part of the domain."""
    grid = LatLonGrid(1800, 60_000, 300_000, part, part)
    ours: Callable[[], object]
    plain: Callable[[], object]
    if name == "R4 kinds":
        now, base = coast(part)
        outside = np.zeros(now.shape, np.bool_)
        ours, plain = partial(water.kinds, water.Waters(now, base, outside, KM)), partial(labelled, now, base)
    elif name == "R7":
        patch, prediction = speckled(grid, 0)
        ours, plain = partial(sieved, patch, prediction, SPECK), partial(majority_sieved, patch.cover.codes)
    else:
        prediction = evidence(grid, 0)
        grown = fields(np.random.default_rng(1), grid.shape, np.array([0, 19, 20, 21])).astype(np.uint8)
        ours, plain = partial(crops.crops, prediction, grown), partial(looped, prediction, crops.CROPS, grown)
        assert np.allclose(crops.crops(prediction, grown).prediction.values, plain(), atol=1e-6)
    ours()
    one, other = (statistics.median(seconds(task)[1] for _ in range(rounds)) for task in (ours, plain))
    return f"{name:10} {part} x {part}: {one * 1e3:.1f} ms, plainly {other * 1e3:.0f} ms, {other / one:.1f} times"


def gdal(side: int) -> str:
    """GDAL's sieve over the domain."""
    codes = np.concatenate([speckled(grid, seed)[0].cover.codes for seed, grid in enumerate(bands(side))])
    wall, cpu = seconds(lambda: rasterio.features.sieve(codes, SPECK, connectivity=4))
    return f"GDAL sieve {wall:7.1f} s {cpu:7.1f} s CPU"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=9000)
    parser.add_argument("--part", type=int, default=900)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rule", choices=(*ALL, "sieve"), help="only this one, over the whole domain")
    given = parser.parse_args()
    if given.rule:
        print(gdal(given.side) if given.rule == "sieve" else whole(given.rule, given.side))
        return
    for name in (*ALL, "sieve"):
        again = [sys.executable, __file__, "--side", str(given.side), "--rule", name]
        subprocess.run(again, check=True)
    for name, times in (("R3", 1), ("R4 kinds", 1), ("R4 kinds", 3), ("R7", 1)):
        print(beside(name, times * given.part, given.rounds), flush=True)


if __name__ == "__main__":
    main()
