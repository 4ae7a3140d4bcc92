"""From class probabilities to decided covers: the crosswalk with its context and the posterior, beside plain ways.

    python benchmarks/bench_crosswalk.py [--side 9000] [--rounds 5] [--part 90]

A domain of 5 x 5 degrees at 60 m has 9,000 x 9,000 cells. Class probabilities (CORINE level 2, three classes a
cell, in fields of 20 cells) and a base map at 300 m are made up. The whole domain is walked once, in bands of rows
as the pipeline does: time, CPU, and the peak memory of the process. On a part of it, medians of rounds: this walk;
a plain loop over cells in Python that does the same (rule R1 by counting the square around each cell, the posterior
by Bayes); and what a look-up does, the best class through a table with numpy.take, as the maps of ECOCLIMAP-SG-ML
are made, which knows neither context nor doubt. Making the input up is not counted.
"""

import argparse
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecosg_update import tables
from ecosg_update.crosswalk.apply import covers, subtypes
from ecosg_update.crosswalk.context import alternatives, context, margin_cells
from ecosg_update.crosswalk.rules import recorded
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction
from ecosg_update.patch.census import census
from ecosg_update.patch.confusion import Belief, learned, shipped
from ecosg_update.patch.decide import Policy, decided
from ecosg_update.patch.posterior import posterior
from ecosg_update.patch.resample import resampled

FINE, COARSE = 1800, 360
CLASSES, ECOSG = tables.legend("corine-l2"), tables.legend("ecosg")
CROSSWALK = tables.crosswalk("corine-l2")
COMMON = (2, 8, 13, 15, 17, 19, 20, 23, 29, 31)
ROWS = 60
POLICY = Policy()
RADIUS_KM = 10.0


def base_map(cells: LatLonGrid) -> CoverMap:
    """Covers in fields of 8 x 8 cells of 300 m, with the margin that rule R1 wants."""
    coarse = cells.at(COARSE)
    grid = coarse.grown(margin_cells(COARSE, cells.north, RADIUS_KM))
    rng = np.random.default_rng(1)
    fields = rng.choice(COMMON, size=(grid.rows // 8 + 1, grid.cols // 8 + 1)).astype(np.uint8)
    return CoverMap(fields.repeat(8, 0).repeat(8, 1)[: grid.rows, : grid.cols], grid, ECOSG)


def bands(cells: LatLonGrid) -> Iterator[Prediction]:
    """Class probabilities of bands of rows."""
    for top in range(0, cells.rows, ROWS):
        grid = LatLonGrid(FINE, cells.row + top, cells.col, min(ROWS, cells.rows - top), cells.cols)
        rng = np.random.default_rng(top)
        values = np.zeros((len(CLASSES), *grid.shape), np.float32)
        for share in (0.6, 0.3, 0.1):
            fields = rng.integers(len(CLASSES), size=(grid.rows // 20 + 1, grid.cols // 20 + 1))
            code = fields.repeat(20, 0).repeat(20, 1)[: grid.rows, : grid.cols]
            np.add.at(values, (code, *np.indices(grid.shape)), np.float32(share))
        yield Prediction(values, np.ones(grid.shape, np.float32), CLASSES, grid, "made up")


def crossed(part: Prediction, base: CoverMap) -> tuple[Prediction, CoverMap, NDArray[np.uint8]]:
    """The covers of a band with their context, the base on its cells, and which rule chose."""
    grid = part.grid
    assert isinstance(grid, LatLonGrid)
    near = base.grid.intersection(grid.at(COARSE).grown(margin_cells(COARSE, grid.north, RADIUS_KM)))
    assert near is not None
    around = base.read(near)
    original = resampled(around, grid)
    heard = context(original, around, CROSSWALK, radius_km=RADIUS_KM)
    found = covers(part, CROSSWALK, heard)
    return found, original, subtypes(part, found, CROSSWALK, heard)


def walked(part: Prediction, base: CoverMap, belief: Belief) -> NDArray[np.uint8]:
    """The decided covers of a band."""
    said, original, chosen = crossed(part, base)
    return recorded(decided(said, original, POLICY, belief), chosen).cover.codes


def looped(part: Prediction, base: CoverMap, belief: Belief) -> NDArray[np.uint8]:
    """The same, cell by cell in Python, but for the policy's bounds, which cost nothing."""
    grid = part.grid
    assert isinstance(grid, LatLonGrid)
    original = resampled(base, grid)
    priority = dict(zip(ECOSG.codes, ECOSG.priority, strict=True))
    found = np.zeros(grid.shape, np.uint8)
    half = margin_cells(COARSE, grid.north, RADIUS_KM)
    for row in range(grid.rows):
        for col in range(grid.cols):
            y = (2 * (grid.row + row) + 1) * COARSE // (2 * FINE) - base.grid.row
            x = (2 * (grid.col + col) + 1) * COARSE // (2 * FINE) - base.grid.col
            own = int(original.codes[row, col])
            square = Counter(
                base.codes[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1].ravel().tolist()
            )
            chances: Counter[int] = Counter()
            for source, share in enumerate(part.values[:, row, col].tolist()):
                if not share:
                    continue
                for target in np.flatnonzero(CROSSWALK.weights[0, source]).tolist():
                    default, weight = ECOSG.codes[target], float(CROSSWALK.weights[0, source, target])
                    landing = default
                    around = alternatives(CROSSWALK, CROSSWALK.neighbours[0][source], default)
                    best = max(around, key=lambda code: (square[code], -priority[code]))
                    if len(around) > 1 and square[best]:
                        landing = best
                    if own in alternatives(CROSSWALK, CROSSWALK.inherit[0][source], default):
                        landing = own
                    chances[landing] += share * weight
            single = Prediction(
                np.array([[[chances[code]]] for code in ECOSG.codes], np.float32), np.ones((1, 1), np.float32), ECOSG,
                LatLonGrid(FINE, grid.row + row, grid.col + col, 1, 1), "",
            )  # fmt: skip
            at = CoverMap(original.codes[row : row + 1, col : col + 1], single.grid, ECOSG)
            found[row, col] = ECOSG.codes[int(posterior(single, at, belief).values[:, 0, 0].argmax())]
    return found


def looked_up(part: Prediction) -> NDArray[np.uint8]:
    """The best class through a table."""
    table = np.array(ECOSG.codes, np.uint8)[CROSSWALK.weights[0].argmax(axis=1)]
    return np.take(table, part.values.argmax(axis=0))


def seconds(task: object) -> tuple[float, float]:
    """(wall, CPU) seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=9000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--part", type=int, default=90)
    given = parser.parse_args()
    cells = LatLonGrid(FINE, 60_000, 300_000, given.side, given.side)
    base = base_map(cells)
    prior = shipped(ECOSG)
    first = next(bands(cells))
    belief = learned(prior, census(prior, [crossed(first, base)[:2]]))
    walked(first, base, belief)  # warm up
    wall = cpu = look = 0.0
    for part in bands(cells):
        one, other = seconds(lambda part=part: walked(part, base, belief))
        wall, cpu = wall + one, cpu + other
        look += seconds(lambda part=part: looked_up(part))[0]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    size = given.side**2 / 1e6
    print(
        f"whole domain, {size:.1f} Mcells: {wall:.1f} s, {cpu:.1f} s CPU, {size / wall:.2f} Mcells/s, "
        f"peak {peak:.2f} GB"
    )
    print(
        f"numpy.take of the best class over it: {look:.1f} s, "
        f"{wall / look:.1f} times faster, without context or doubt"
    )
    small = next(bands(LatLonGrid(FINE, cells.row, cells.col, min(given.part, ROWS), given.part)))
    tasks = {
        "walk": lambda: walked(small, base, belief),
        "loop in Python": lambda: looped(small, base, belief),
        "numpy.take": lambda: looked_up(small),
    }
    taken = {name: statistics.median(seconds(task)[0] for _ in range(given.rounds)) for name, task in tasks.items()}
    count = small.share.size
    for name, time_ in taken.items():
        print(f"{name:15} {time_ / count * 1e6:10.3f} us a cell of {count}, walk x {time_ / taken['walk']:.2f}")


if __name__ == "__main__":
    main()
