"""The changes that hang together: how large, where, from what to what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from ecosg_update.comparing import kernel
from ecosg_update.comparing.kernel import SIDE
from ecosg_update.comparing.pair import Pair
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOK_CELLS = 2**24
"""Cells of the box around a change (1,200 km square at 300 m) up to which each of its cells is looked at."""


@dataclass(frozen=True)
class Change:
    """Cells with two different covers that touch by a side or a corner, whatever the covers are.

    box: the smallest window that holds them. row, col: a cell of it, nearest to the mean place of all, counted on the
    globe's lattice. before, after: the most frequent pair of covers; of equals the one with the lowest codes. Of a
    change whose box exceeds `LOOK_CELLS` cell and pair are those of its longest run in a row.
    """

    cells: int
    km2: float
    box: LatLonGrid
    row: int
    col: int
    before: int
    after: int

    @property
    def lonlat(self) -> tuple[float, float]:
        """(longitude, latitude) of the centre of that cell, degrees, longitude in -180..180."""
        per_degree = self.box.per_degree
        return (self.col + 0.5) / per_degree - 180, 90 - (self.row + 0.5) / per_degree

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        lon, lat = self.lonlat
        west, south, east, north = self.box.bounds
        sides = {"west": west, "south": south, "east": east, "north": north}
        return {
            "cells": self.cells, "km2": self.km2, "lon": lon, "lat": lat, **sides,
            "from": self.before, "to": self.after,
        }  # fmt: skip


def largest(state: kernel.State, pair: Pair) -> list[Change]:
    """The largest changes of a finished state, largest area first; the maps are read again around each."""
    return [_looked_at(pair, *kept) for kept in sorted(_kept(state), key=lambda kept: (-kept[1], int(kept[2][0])))]


def _kept(state: kernel.State) -> Iterator[tuple[int, float, NDArray[np.int64]]]:
    """(cells, km2, place) of each kept change."""
    for cells, km2, place in zip(state.kept_cells, state.kept_km2, state.kept_place, strict=True):
        if cells:
            yield int(cells), float(km2), place


def _looked_at(pair: Pair, cells: int, km2: float, place: NDArray[np.int64]) -> Change:
    box = _box(pair.grid, place)
    run = LatLonGrid(
        box.per_degree,
        pair.grid.row + int(place[kernel.RUN_ROW]),
        (pair.grid.col + int(place[kernel.RUN_COL])) % box.world_cols,
        1,
        int(place[kernel.RUN_CELLS]),
    )
    if box.cells > LOOK_CELLS:
        old, new = pair.read(run)
        row, col = run.row, (run.col + run.cols // 2) % box.world_cols
    else:
        old, new = pair.read(box)
        mine = _piece(old, new, run.row - box.row, (run.col - box.col) % box.world_cols)
        row, col = _nearest_middle(mine, box)
        old, new = old[mine], new[mine]
    before, after = divmod(int(np.bincount(old.ravel().astype(np.int64) * SIDE + new.ravel()).argmax()), SIDE)
    return Change(cells, km2, box, row, col, before, after)


def _box(grid: LatLonGrid, place: NDArray[np.int64]) -> LatLonGrid:
    """The narrower of the two boxes, as seen from the map's own edge and from the middle of the globe."""
    west, east = int(place[kernel.WEST]), int(place[kernel.EAST])
    turned_west, turned_east = int(place[kernel.TURNED_WEST]), int(place[kernel.TURNED_EAST])
    if grid.cols == grid.world_cols and turned_east - turned_west < east - west:
        west, east = turned_west + grid.cols // 2, turned_east + grid.cols // 2
    top, bottom = int(place[kernel.TOP]), int(place[kernel.BOTTOM])
    return LatLonGrid(
        grid.per_degree, grid.row + top, (grid.col + west) % grid.world_cols, bottom - top + 1, east - west + 1
    )


def _piece(old: NDArray[np.uint8], new: NDArray[np.uint8], row: int, col: int) -> NDArray[np.bool_]:
    """bool (y, x): the changed cells that hang together with one of them."""
    changed = (old != new) & (old != 0) & (new != 0)
    labels, _ = ndimage.label(changed, np.ones((3, 3)))
    return np.asarray(labels == labels[row, col])


def _nearest_middle(mine: NDArray[np.bool_], box: LatLonGrid) -> tuple[int, int]:
    """(row, column) on the globe's lattice of the cell nearest to the mean place of all cells; of equals the
    first."""
    rows, cols = np.nonzero(mine)
    narrow = np.cos(np.radians(box.latitudes[rows]))
    away = (rows - rows.mean()) ** 2 + ((cols - cols.mean()) * narrow) ** 2
    at = int(away.argmin())
    return box.row + int(rows[at]), (box.col + int(cols[at])) % box.world_cols
