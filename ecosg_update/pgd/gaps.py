"""Cells without a pixel: PGD fills them from the nearest cells that have some (`interpol_npts.F90`, SURFEX 8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ecosg_update.errors import CoverageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.domain import Domain

NEIGHBOURS = 3
"""Cells that a gap is filled from (`INPTS`)."""

CANDIDATES = 16
"""Neighbours that are looked at first: more than lie at one distance on a small lattice."""

BLOCK = 2**16
"""Cells that are filled together: their candidates take 50 MB."""

CLOSE = 1e-9
"""Distances that differ by this part may be a tie of PGD's sums: all of them are looked at."""


def fill(cover: NDArray[np.float64], pixels: NDArray[np.integer], domain: Domain) -> None:
    """Fill the cells of `cover`, float64 (class, cells), that have no pixel, in place.

    Each takes the mean of the 3 nearest cells with pixels (of all where there are fewer), weight 1 / distance between
    centres in the units of the grid; of cells at one distance, those that come last (north-east). The whole domain is
    searched, as with NHALO=0. Raises CoverageError where no cell has a pixel: there PGD aborts.
    """
    empty, known = np.flatnonzero(pixels == 0), np.flatnonzero(pixels)
    if not known.size:
        raise CoverageError(
            f"domain {domain.name}: no pixel of the map with data lies in its {domain.cells:,} cells, where PGD "
            "aborts; use a map that covers it, or check the longitudes of the header"
        )
    if not empty.size:
        return
    x, y = centres(domain)
    tree = cKDTree(np.column_stack([x[known], y[known]]))
    for start in range(0, empty.size, BLOCK):
        cells = empty[start : start + BLOCK]
        near, distance = _nearest(x, y, tree, known, cells)
        weight = 1 / distance
        filled = sum(cover[:, near[:, rank]] * weight[:, rank] for rank in range(near.shape[1]))
        cover[:, cells] = filled / weight.sum(axis=1)


def centres(domain: Domain) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(x, y) of the cells (cells,), as PGD counts them: metres from a cell before the first, or degrees."""
    across, up = np.arange(domain.nx), np.arange(domain.ny)
    if domain.projection is not None:
        x, y = (across + 1) * domain.dx, (up + 1) * domain.dy
    else:
        wide, high = domain.nx * domain.dx, domain.ny * domain.dy
        x = domain.loncen - wide / 2 + wide * (across + 0.5) / domain.nx
        y = domain.latcen - high / 2 + high * (up + 0.5) / domain.ny
    return np.tile(x, domain.ny), np.repeat(y, domain.nx)


def _nearest(
    x: NDArray[np.float64], y: NDArray[np.float64], tree: cKDTree, known: NDArray[np.intp], empty: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The cells that each empty cell is filled from, nearest first, and their distances: (empty, 3) both."""
    wanted = min(NEIGHBOURS, known.size)
    near = np.empty((empty.size, wanted), np.intp)
    squared = np.empty((empty.size, wanted))
    left, looked_at = np.arange(empty.size), min(CANDIDATES, known.size)
    while left.size:
        cells = empty[left]
        far, at = tree.query(np.column_stack([x[cells], y[cells]]), k=np.arange(1, looked_at + 1))
        found = known[at]
        square = (x[found] - x[cells, None]) ** 2 + (y[found] - y[cells, None]) ** 2
        order = np.lexsort((-found, square), axis=1)[:, :wanted]
        near[left], squared[left] = np.take_along_axis(found, order, 1), np.take_along_axis(square, order, 1)
        complete = (far[:, -1] > far[:, wanted - 1] * (1 + CLOSE)) | (looked_at == known.size)
        left, looked_at = left[~complete], min(4 * looked_at, known.size)
    return near, np.sqrt(squared)
