"""Fine pixels become cells: exact class fractions of every lat-lon cell, and the share of it that was seen.

A pixel is the quadrilateral of its four projected corners; each cell receives the part of it that it overlaps. A
pixel counts for as much as its neighbour (inside one cell their true areas differ by 1e-5), so the mass of a class is
a number of pixels, and the mass over all cells is the number of valid pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError, TableError
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.patch.resample import resampled
from ecosg_update.patch.spread import Kernel, Pixels, Probabilities, Tile, class_map, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.legend import Legend
    from ecosg_update.patch.spread import Codes

__all__ = ["Mass", "aggregate", "aggregate_codes", "resampled"]


@dataclass(frozen=True, eq=False)
class Mass:
    """Sums on the way to a Prediction: they grow in place, window after window, scene after scene.

    values: float64 (class, rows, cols), pixels of each class in each cell (a part of a pixel counts as that part).
    covered: float64 (rows, cols), valid area in units of the cell. float64, because counts of whole pixels and
    of 2**-30 parts then add without any rounding, in any order, up to eight million pixels a cell; float32 would
    stop at 16 pixels. Nine classes of a whole tile at 1/1800 degree are 0.4 GB, at 1/360 0.02 GB: cut the target
    into blocks where that is too much.
    """

    values: NDArray[np.float64]
    covered: NDArray[np.float64]
    legend: Legend
    grid: LatLonGrid

    @classmethod
    def zero(cls, legend: Legend, grid: LatLonGrid) -> Mass:
        """Nothing seen yet."""
        return cls(np.zeros((len(legend), *grid.shape)), np.zeros(grid.shape), legend, grid)

    def add(self, strip: Prediction, *, kernel: Kernel = "numba", threads: int = 2) -> None:
        """Add a Prediction on any grid, each pixel weighted by its share; TableError for another legend."""
        if strip.legend != self.legend:
            raise TableError(
                f"aggregate: found legend {strip.legend.name}, expected {self.legend.name}; cross it first"
            )
        grid = strip.grid.geo() if isinstance(strip.grid, LatLonGrid) else strip.grid
        pixels = Probabilities(np.ascontiguousarray(strip.values), np.ascontiguousarray(strip.share))
        self._add(pixels, grid, kernel, threads)

    def add_codes(self, codes: Codes, grid: GeoGrid, *, kernel: Kernel = "numba", threads: int = 2) -> None:
        """Add a class map, unsigned (y, x) of codes of the legend; 0 and codes outside the legend are no data."""
        self._add(class_map(codes, grid, self.legend), grid, kernel, threads)

    def added(self, other: Mass) -> Mass:
        """The sum of two masses of the same legend and grid; GridError or TableError where they differ."""
        if other.grid != self.grid:
            raise GridError(f"aggregate: found masses on {other.grid}, expected {self.grid}")
        if other.legend != self.legend:
            raise TableError(f"aggregate: found masses of {other.legend.name}, expected {self.legend.name}")
        return Mass(self.values + other.values, self.covered + other.covered, self.legend, self.grid)

    def _add(self, pixels: Pixels, grid: GeoGrid, kernel: Kernel, threads: int) -> None:
        for _ in spread(pixels, grid, self.grid, self._grow, kernel=kernel, threads=threads):
            pass

    def _grow(self, tile: Tile) -> None:
        """Tiles do not overlap, so that threads may grow at once."""
        self.values[:, tile.rows, tile.cols] += tile.values
        self.covered[tile.rows, tile.cols] += tile.covered

    def prediction(self, origin: str) -> Prediction:
        """The class fractions of each cell and the share of it that valid pixels cover (at most 1)."""
        total = self.values.sum(axis=0)
        seen = np.where(total > 0, total, 1.0)
        values = np.empty(self.values.shape, np.float32)
        for row, mass in enumerate(self.values):
            np.divide(mass, seen, out=values[row], casting="same_kind")
        share = np.where(total > 0, np.minimum(self.covered, 1.0), 0.0).astype(np.float32)
        return Prediction(values, share, self.legend, self.grid, origin)


def aggregate(
    strips: Iterable[Prediction],
    target: LatLonGrid,
    *,
    origin: str = "",
    kernel: Kernel = "numba",
    threads: int = 2,
) -> Prediction:
    """Class probabilities of every cell of `target` from disjoint windows of one or several scenes.

    Each pixel weighs by its share and by the part of it inside the cell; cells that no valid pixel meets have
    share 0. The strips are consumed one by one and may lie partly or wholly outside the target. `origin` defaults
    to that of the first strip. Raises GridError without any strip and TableError where legends differ.
    """
    mass = None
    for strip in strips:
        if mass is None:
            mass, origin = Mass.zero(strip.legend, target), origin or strip.origin
        mass.add(strip, kernel=kernel, threads=threads)
    if mass is None:
        raise GridError("aggregate: found no strip, expected at least one prediction; check the scene and its mask")
    return mass.prediction(origin)


def aggregate_codes(
    codes: Codes,
    grid: GeoGrid,
    legend: Legend,
    target: LatLonGrid,
    *,
    origin: str = "",
    kernel: Kernel = "numba",
    threads: int = 2,
) -> Prediction:
    """Class fractions of every cell of `target` from a class map, unsigned (y, x) of codes of `legend`.

    0 and codes that the legend lacks are no data. The map is read in place (a memory map will do) and is never
    turned into probabilities at its own resolution.
    """
    mass = Mass.zero(legend, target)
    mass.add_codes(codes, grid, kernel=kernel, threads=threads)
    return mass.prediction(origin or legend.name)
