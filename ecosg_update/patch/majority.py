"""One class for each cell: the one that covers most of it, ties settled by a stated rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.patch.spread import Tile, class_map, spread

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
    _check(base, prediction.grid.shape)
    seen = (prediction.share > 0).astype(np.float32)
    return winners(prediction.values, seen, prediction.legend, base)


def winners(
    mass: NDArray[Any], total: NDArray[Any], legend: Legend, base: NDArray[np.uint8] | None = None
) -> NDArray[np.uint16]:
    """The rule of `majority` for sums (class, y, x) that add up to `total` (y, x); 0 where that is 0."""
    threshold = mass.max(axis=0) - TIE * total
    codes = np.zeros(total.shape, np.uint16)
    for row in reversed(ranks(legend)):
        codes[mass[row] >= threshold] = legend.codes[row]
    if base is not None:
        row_of = legend.rows[base].astype(np.intp)
        held = np.take_along_axis(mass, np.maximum(row_of, 0)[np.newaxis], axis=0)[0]
        tied = (row_of >= 0) & (held >= threshold)
        codes[tied] = base[tied]
    codes[total <= 0] = 0
    return codes


def ranks(legend: Legend) -> list[int]:
    """The class rows in the order in which they win a tie: lowest priority first, then lowest code."""
    return sorted(range(len(legend)), key=lambda row: (legend.priority[row], legend.codes[row]))


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
    _check(base, target.shape)
    found = np.zeros(target.shape, np.uint16)
    rule = _compiled_winners if kernel == "numba" else _plain_winners

    def settle(tile: Tile) -> None:
        part = None if base is None else base[tile.rows, tile.cols]
        found[tile.rows, tile.cols] = rule(tile.values, legend, part)

    for _ in spread(class_map(codes, grid, legend), grid, target, settle, kernel=kernel, threads=threads):
        pass
    return found


def _plain_winners(mass: NDArray[Any], legend: Legend, base: NDArray[np.uint8] | None) -> NDArray[np.uint16]:
    return winners(mass, mass.sum(axis=0), legend, base)


def _compiled_winners(mass: NDArray[Any], legend: Legend, base: NDArray[np.uint8] | None) -> NDArray[np.uint16]:
    """`winners`, compiled: one pass over each cell instead of several over each class."""
    from ecosg_update.patch.kernel import settle  # noqa: PLC0415  numba loads where it is needed

    shape = mass.shape[1:]
    preferred = np.full(shape, -1, np.int16) if base is None else legend.rows[base]
    found = np.empty(shape, np.int16)
    settle(mass, np.array(ranks(legend)), TIE, preferred, found)
    return np.array([*legend.codes, 0], np.uint16)[found]


def _check(base: NDArray[np.uint8] | None, shape: tuple[int, int]) -> None:
    if base is not None and base.shape != shape:
        raise GridError(f"majority: found a base of shape {base.shape}, expected {shape}")
