"""A cover map on another lat-lon lattice: finer by repeating cells, coarser by exact majority."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.patch.majority import majority_of_codes, winners

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 256
"""Rows of the coarser map that are counted together."""


def resampled(cover: CoverMap, target: LatLonGrid | int) -> CoverMap:
    """The map on the cells of `target`; a number of cells a degree stands for the same area, snapped outward.

    Finer: each cell takes the cover of the cell that holds its centre. Coarser: the cover of most of the area that
    has one; ties go to the lowest `priority`. Cells that the map does not reach are 0. Whole ratios are counted in
    integers, other ratios are split exactly.
    """
    grid = target if isinstance(target, LatLonGrid) else cover.grid.at(target)
    if grid.per_degree >= cover.grid.per_degree:
        return CoverMap(_repeated(cover, grid), grid, cover.legend)
    if cover.grid.per_degree % grid.per_degree == 0:
        return CoverMap(_counted(cover, grid), grid, cover.legend)
    codes = majority_of_codes(cover.codes, cover.grid.geo(), cover.legend, grid)
    return CoverMap(codes.astype(np.uint8), grid, cover.legend)


def _repeated(cover: CoverMap, grid: LatLonGrid) -> NDArray[np.uint8]:
    """The cover at each cell's centre, found in integers."""
    source = cover.grid
    rows = (2 * (grid.row + np.arange(grid.rows)) + 1) * source.per_degree // (2 * grid.per_degree) - source.row
    cols = (2 * (grid.col + np.arange(grid.cols)) + 1) * source.per_degree // (2 * grid.per_degree) - source.col
    cols %= source.world_cols
    held = ((rows >= 0) & (rows < source.rows))[:, None] & (cols < source.cols)
    picked = cover.codes[rows.clip(0, source.rows - 1)[:, None], cols.clip(0, source.cols - 1)]
    return np.where(held, picked, 0).astype(np.uint8)


def _counted(cover: CoverMap, grid: LatLonGrid) -> NDArray[np.uint8]:
    """The majority of the cells inside each coarser one, counted in integers."""
    source, ratio = cover.grid, cover.grid.per_degree // grid.per_degree
    cols = ((source.col + np.arange(source.cols)) // ratio - grid.col) % grid.world_cols
    rows = (source.row + np.arange(source.rows)) // ratio - grid.row
    class_rows = cover.legend.rows[cover.codes]
    codes = np.zeros(grid.shape, np.uint8)
    for top in range(0, grid.rows, ROWS):
        height = min(ROWS, grid.rows - top)
        near = (rows >= top) & (rows < top + height)
        held = (class_rows[near] >= 0) & (cols < grid.cols)
        cell = (rows[near] - top)[:, None] * grid.cols + cols
        size = height * grid.cols
        place = class_rows[near][held].astype(np.intp) * size + cell[held]
        counts = np.bincount(place, minlength=len(cover.legend) * size).reshape(-1, height, grid.cols)
        codes[top : top + height] = winners(counts, counts.sum(axis=0), cover.legend)
    return codes
