"""One class for each cell: the one that covers most of it, ties settled by a stated rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.patch.spread import class_map, spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import GeoGrid, LatLonGrid
    from ecosg_update.layers import Prediction
    from ecosg_update.legend import Legend
    from ecosg_update.patch.spread import Codes, Kernel

TIE = 1e-6
"""Classes whose parts of a cell differ by less than this part of its mass are tied (float32 tells 1e-7 apart)."""


def majority(prediction: Prediction, base: NDArray[np.uint8] | None = None) -> NDArray[np.uint16]:
    """The most probable class of each cell: codes uint16 (y, x), 0 where `share` is 0.

    Of tied classes the one that `base`, codes of the same legend (y, x), holds is taken, if it is among them; else
    the one of the lowest `priority`, and of those the lowest code: never the order of an array. Raises GridError
    where `base` has another shape.
    """
    seen = (prediction.share > 0).astype(np.float32)
    return winners(prediction.values, seen, prediction.legend, base)


def winners(
    mass: NDArray[Any], total: NDArray[Any], legend: Legend, base: NDArray[np.uint8] | None = None
) -> NDArray[np.uint16]:
    """The rule of `majority` for sums (class, y, x) that add up to `total` (y, x); 0 where that is 0."""
    if base is not None and base.shape != total.shape:
        raise GridError(f"majority: found a base of shape {base.shape}, expected {total.shape}")
    threshold = mass.max(axis=0) - TIE * total
    codes = np.zeros(total.shape, np.uint16)
    for row in sorted(range(len(legend)), key=lambda row: (-legend.priority[row], -legend.codes[row])):
        codes[mass[row] >= threshold] = legend.codes[row]
    if base is not None:
        row_of = legend.rows[base].astype(np.intp)
        held = np.take_along_axis(mass, np.maximum(row_of, 0)[np.newaxis], axis=0)[0]
        tied = (row_of >= 0) & (held >= threshold)
        codes[tied] = base[tied]
    codes[total <= 0] = 0
    return codes


def majority_of_codes(
    codes: Codes,
    grid: GeoGrid,
    legend: Legend,
    target: LatLonGrid,
    *,
    base: NDArray[np.uint8] | None = None,
    kernel: Kernel = "numba",
    threads: int = 2,
) -> NDArray[np.uint16]:
    """The class that covers most of each cell of `target`, (y, x), by the rule of `majority`; 0 where none does.

    As `majority(aggregate_codes(...))`, but only a band of the sums is ever held: 34 MB a band, whatever the target.
    """
    if base is not None and base.shape != target.shape:
        raise GridError(f"majority: found a base of shape {base.shape}, expected {target.shape}")
    found = np.zeros(target.shape, np.uint16)
    for band in spread(class_map(codes, grid, legend), grid, target, kernel=kernel, threads=threads):
        part = None if base is None else base[band.rows]
        found[band.rows] = winners(band.values, band.values.sum(axis=0), legend, part)
    return found
