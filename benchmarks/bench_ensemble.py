"""Members of smooth fields beside constant draws and noise a cell: reliability where a model looks, and speed.

    python benchmarks/bench_ensemble.py [FIGURE.png] [--domain 9000 --members 3]

The posterior is made up: five covers, in places certain, in places even. The truth is drawn from it by a rule that
none of the three shares: the map falls into irregular parcels (Voronoi cells of random points) and in each parcel one
uniform number picks, at every cell, the cover from the cumulated probabilities. So each cell's truth has the chances
of the posterior, and a mistake has the size of a parcel. Constant draws are those of ECOCLIMAP-SG-ML: one
uniform number a member for the whole map. Noise has one for each cell.

Reliability is judged on the fraction of the truth and of the members that is town, nature or water, in blocks of
several sizes. spread / error: the members' standard deviation over the error of their mean, 1 where the members are
as far apart as they should be (corrected for their number, Fortin et al. 2014, doi:10.1175/JHM-D-14-0008.1). outside:
how often the truth lies outside all members, ties drawn by lot, against 2 / (members + 1). CRPS: the fair one (Ferro
2014, doi:10.1002/qj.2270), in hundredths of the block; less is better.

--domain draws and writes the members of a domain of so many cells of 60 m a side, in bands of rows as a run does, and
nothing else. Time of the draw and of the files, without making the chances up; peak memory of the process.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree
from scipy.special import ndtr

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.patch.decide import Policy
from ecosg_update.patch.ensemble import Ensemble, drawn
from ecosg_update.patch.field import field
from ecosg_update.variants import Variants, add_members

ECOSG = tables.legend("ecosg")
COVERS = (2, 8, 17, 19, 29)
GRID = LatLonGrid.from_bounds(360, (-9.0, 52.0, -7.0, 54.0))
MEMBERS = 20
TRUTHS = 6
BLOCKS = (("a cell", 1, 1), ("2.5 km", 8, 13), ("10 km", 32, 54), ("40 km", 130, 216))
"""Rows and columns of 300 m cells (309 m x 186 m here)."""
PARCEL_KM = 5.0
"""Mean side of a parcel."""
LENGTHS_KM = (2.0, 5.0, 12.0)
TILES = (("town", (29,)), ("nature", (8, 17, 19)), ("water", (2,)))
REPEATS = 3
ROWS = 100
"""Rows of a band of a domain, as many as a run takes at 9,000 columns."""
TEN = np.array([2, 8, 13, 15, 17, 19, 20, 23, 29, 31])
"""The covers of a domain."""

Tally = tuple[float, float, float, float]
"""Variance of the members, squared error of their mean, share of truths outside, CRPS."""

Members = Callable[[Prediction, int], NDArray[np.uint8]]
"""A posterior and a seed: the members, uint8 (member, y, x)."""


def main() -> None:
    """Print reliability, then speed; or what a domain takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", nargs="?", type=Path, help="a picture of members")
    parser.add_argument("--domain", type=int, help="cells a side: members of a domain, and nothing else")
    parser.add_argument("--members", type=int, default=3, help="of the domain, with the best estimate")
    given = parser.parse_args()
    if given.domain:
        domain(given.domain, given.members)
        return
    reliability(given.figure)
    speed()


def reliability(picture: Path | None) -> None:
    """Print how far each way's members may be trusted."""
    chances = posterior(GRID)
    ways: dict[str, Members] = {"constant": constant, "noise": noise}
    ways |= {f"smooth, {length:g} km": smooth(length) for length in LENGTHS_KM}
    print(f"{MEMBERS} members, {TRUTHS} truths, parcels of {PARCEL_KM:g} km; ideal: ratio 1, outside {2 / 21:.3f}")
    for way, members in ways.items():
        for name, tallies in judged(chances, members).items():
            variance, error, outside, crps = np.mean(tallies, axis=0)
            ratio = ((1 + 1 / MEMBERS) * variance / error) ** 0.5
            line = f"spread / error {ratio:5.2f}  outside {outside:.3f}  CRPS {100 * crps:.2f}"
            print(f"{way:>14} {name:>7}: {line}", flush=True)
    if picture:
        figure(chances).save(picture, optimize=True)


def posterior(grid: LatLonGrid) -> Prediction:
    """Chances of five covers: smooth regions of doubt, with structure down to a kilometre."""
    logits = [
        2.5 * field(grid, 15.0, seed=100, cover=cover) + 2.0 * field(grid, 2.0, seed=101, cover=cover)
        for cover in COVERS
    ]
    logits[-1] -= 1.5  # towns are rarer
    chances = np.exp(np.stack(logits) - np.max(logits, axis=0))
    values = np.zeros((33, *grid.shape), np.float32)
    values[np.array(COVERS) - 1] = chances / chances.sum(axis=0)
    return Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "made up")


def picked(chances: Prediction, uniform: NDArray[np.floating]) -> NDArray[np.uint8]:
    """uint8 (y, x): the cover at which the cumulated chances pass a uniform number (a scalar or one a cell)."""
    found = np.full(chances.share.shape, COVERS[0], np.uint8)
    total = np.zeros(chances.share.shape, np.float32)
    for cover, after in pairwise(COVERS):
        total += chances.values[cover - 1]
        found[total <= uniform] = after
    return found


def truth(chances: Prediction, seed: int) -> NDArray[np.uint8]:
    """uint8 (y, x): the covers of a world whose mistakes have the size of parcels."""
    random = np.random.default_rng([seed, 1])
    km = km_of(GRID)
    side = km.reshape(-1, 2).max(axis=0)
    count = int(side.prod() / PARCEL_KM**2)
    _, parcel = cKDTree(random.random((count, 2)) * side).query(km.reshape(-1, 2))
    return picked(chances, random.random(count)[parcel].reshape(GRID.shape))


def km_of(grid: LatLonGrid) -> NDArray[np.float64]:
    """(y, x, 2): kilometres south and east of the first cell, flat: for parcels that is enough."""
    south = (grid.latitudes[0] - grid.latitudes) * 111.2
    east = (grid.longitudes - grid.longitudes[0]) * 111.2 * np.cos(np.radians(grid.latitudes.mean()))
    return np.stack(np.meshgrid(south, east, indexing="ij"), axis=-1)


def constant(chances: Prediction, seed: int) -> NDArray[np.uint8]:
    """One uniform number a member."""
    random = np.random.default_rng([seed, 2])
    return np.stack([picked(chances, random.random()) for _ in range(MEMBERS)])


def noise(chances: Prediction, seed: int) -> NDArray[np.uint8]:
    """One uniform number a cell."""
    random = np.random.default_rng([seed, 3])
    return np.stack([picked(chances, random.random(GRID.shape, np.float32)) for _ in range(MEMBERS)])


def smooth(length: float) -> Members:
    """Ours."""
    return lambda chances, seed: drawn(chances, Ensemble(MEMBERS + 1, length, seed))


def judged(chances: Prediction, members: Members) -> dict[str, list[Tally]]:
    """One tally a truth and tile, by the name of the blocks."""
    lots = np.random.default_rng(4)
    found: dict[str, list[Tally]] = {name: [] for name, _, _ in BLOCKS}
    for seed in range(TRUTHS):
        true, codes = truth(chances, seed), members(chances, seed)
        for _, covers in TILES:
            is_true, is_drawn = np.isin(true, covers), np.isin(codes, covers)
            for name, rows, cols in BLOCKS:
                pair = block_means(is_true, rows, cols), block_means(is_drawn, rows, cols)
                found[name].append(tally(*pair, lots))
    return found


def tally(true: NDArray[np.float64], drawn_: NDArray[np.float64], lots: np.random.Generator) -> Tally:
    """Means over blocks. true: (block,) fractions; drawn_: (member, block)."""
    point, tied = (values + 1e-9 * lots.random(values.shape) for values in (true, drawn_))
    order = np.arange(1 - MEMBERS, MEMBERS, 2) @ np.sort(drawn_, axis=0)  # half the sum over pairs of |a - b|
    return (
        float(drawn_.var(axis=0, ddof=1).mean()),
        float(np.square(drawn_.mean(axis=0) - true).mean()),
        float(((point < tied.min(axis=0)) | (point > tied.max(axis=0))).mean()),
        float((np.abs(drawn_ - true).mean(axis=0) - order / (MEMBERS * (MEMBERS - 1))).mean()),
    )


def block_means(values: NDArray[np.bool_], rows: int, cols: int) -> NDArray[np.float64]:
    """(..., block): the fraction of each whole block; of blocks of single cells, every seventh."""
    high, wide = values.shape[-2] // rows, values.shape[-1] // cols
    whole = values[..., : high * rows, : wide * cols].reshape(*values.shape[:-2], high, rows, wide, cols)
    return whole.mean(axis=(-3, -1)).reshape(*values.shape[:-2], -1)[..., :: 37 if rows == 1 else 1]


def figure(chances: Prediction) -> Image.Image:
    """Truth and three members of each way, in the colours of the legend: a corner of 57 km x 41 km."""
    colours = np.zeros((34, 3), np.uint8)
    colours[list(ECOSG.codes)] = ECOSG.colours
    corner = (slice(0, 185), slice(0, 220))
    best = (chances.values.argmax(axis=0) + 1).astype(np.uint8)
    lines = [[best, truth(chances, 0), truth(chances, 1)]]
    lines += [list(way(chances, 0)[:3]) for way in (constant, noise, smooth(5.0))]
    gap = np.full((8, 220 * 3 + 16, 3), 255, np.uint8)
    strips = []
    for line in lines:
        panels = [colours[codes[corner]] for codes in line]
        space = np.full((185, 8, 3), 255, np.uint8)
        strips += [np.concatenate([panels[0], space, panels[1], space, panels[2]], axis=1), gap]
    return Image.fromarray(np.concatenate(strips[:-1])).quantize(16)


def speed() -> None:
    """A window at 60 m: ours beside the same draw with filtered noise in numpy and scipy."""
    grid = LatLonGrid.from_bounds(1800, (-9.0, 52.0, -8.7, 52.3))
    for covers in (5, 33):
        values = np.zeros((33, *grid.shape), np.float32)
        values[:covers] = np.random.default_rng(1).random((covers, *grid.shape), np.float32) ** 8
        values /= values.sum(axis=0)
        chances = Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "random")
        drawn(chances, Ensemble(2))
        ours = timed(lambda chances=chances: drawn(chances, Ensemble(2)))
        plain = timed(lambda chances=chances: filtered(chances, 5.0))
        print(
            f"{grid.rows} x {grid.cols} cells, {covers} covers: ours {ours:.2f} CPU s a member "
            f"({grid.cells / ours / 1e6:.1f} Mcell/s), filtered noise {plain:.2f} s, ratio {plain / ours:.1f}"
        )


def domain(side: int, members: int) -> None:
    """Members of a large domain: draw and files, ten covers and three of them a cell."""
    wall = cpu = 0.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    drawn(band(0, ROWS, 60)[0], Ensemble(2))  # warm up
    with tempfile.TemporaryDirectory() as folder:
        variants = Variants(Path(folder) / "bench", Ensemble(members))
        parts = {path: path for path in variants.targets()}
        for path in parts:
            path.touch()
        for top in range(0, side, ROWS):
            chances, patch = band(top, min(ROWS, side - top), side)
            clock, used = time.perf_counter(), time.process_time()
            add_members(variants, parts, Policy(), chances, patch)
            wall, cpu = wall + time.perf_counter() - clock, cpu + time.process_time() - used
        written = sum(path.stat().st_size for path in parts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    size = side * side / 1e6
    print(
        f"{size:.1f} Mcells, {members} members, {written / 1e6:.0f} MB: {wall:.1f} s, {cpu:.1f} s CPU, "
        f"{size * (members - 1) / cpu:.2f} Mcells drawn a CPU s; peak {peak:.2f} GB, {before:.2f} GB before"
    )


def band(top: int, rows: int, cols: int) -> tuple[Prediction, Patch]:
    """Chances in fields of 20 cells, and the patch that they decide."""
    grid = LatLonGrid(1800, 60_000 + top, 300_000, rows, cols)
    random = np.random.default_rng(top)
    values = np.zeros((33, *grid.shape), np.float32)
    for share in (0.6, 0.3, 0.1):
        row = random.choice(TEN, size=(rows // 20 + 1, cols // 20 + 1)).repeat(20, 0).repeat(20, 1)[:rows, :cols] - 1
        np.put_along_axis(values, row[None], np.take_along_axis(values, row[None], 0) + np.float32(share), 0)
    codes = (values.argmax(axis=0) + 1).astype(np.uint8)
    ones = np.ones(grid.shape, np.float32)
    reason = np.full(grid.shape, Reason.UNCHANGED, np.uint8)
    return Prediction(values, ones, ECOSG, grid, ""), Patch(CoverMap(codes, grid, ECOSG), codes, reason, ones)


def filtered(chances: Prediction, length: float) -> NDArray[np.uint8]:
    """The obvious way: white noise through a Gaussian filter for each cover, the largest log p + Gumbel noise."""
    random = np.random.default_rng(1)
    km = 111.2 / chances.grid.per_degree
    sigma = (length / km / 2**0.5, length / km / 2**0.5 / 0.61)
    best, codes = np.full(chances.share.shape, -np.inf), np.zeros(chances.share.shape, np.uint8)
    for row in np.flatnonzero(chances.values.any(axis=(1, 2))):
        z = gaussian_filter(random.standard_normal(chances.share.shape), sigma)
        with np.errstate(divide="ignore"):
            score = np.log(chances.values[row]) - np.log(-np.log(ndtr(z / z.std())))
        codes[score > best] = ECOSG.codes[row]
        best = np.maximum(best, score)
    return codes


def timed(work: Callable[[], object]) -> float:
    """The median of the repeats, seconds of processor time of all threads: other work does not show in it."""
    found = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return statistics.median(found)


if __name__ == "__main__":
    main()
