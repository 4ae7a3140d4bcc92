"""Two cover maps on the cells that both hold."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ecosg_update import tables
from ecosg_update.errors import CoverageError, GridError, TableError
from ecosg_update.formats import covers
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.layers import CoverReader
from ecosg_update.patch.resample import Resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Pair:
    """An old and a new map, read on the same cells. locked: readers of which only one may be busy at a time."""

    old: CoverReader
    new: CoverReader
    grid: LatLonGrid
    locked: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def read(self, cells: LatLonGrid) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The covers of a window, uint8 (y, x), 0 = no data; threads may call it at once."""
        with self._lock if self.locked else nullcontext():
            return self.old.read(cells).codes, self.new.read(cells).codes


def opened(old: Path, new: Path, bounds: Bounds | None = None) -> Pair:
    """Two files on the cells that both hold, within `bounds`.

    Where one lattice is a multiple of the other, the finer one: the coarser map's cells are repeated, so that no
    cover is made up and no small change is lost in a majority. Raises FormatError for what is no cover map,
    TableError for one of another legend, GridError for lattices that do not nest, CoverageError where no cell is in
    both maps and the bounds.
    """
    found = covers.opened(old), covers.opened(new)
    for one in found:
        if one.legend != tables.legend("ecosg"):
            raise TableError(f"{one.path}: holds classes of {one.legend.name}, expected ecosg's; cross it over first")
    return paired(*found, bounds, locked=any(one.path.suffix == ".nc" for one in found))


def paired(old: CoverReader, new: CoverReader, bounds: Bounds | None = None, *, locked: bool = False) -> Pair:
    """Two readers as `opened` pairs two files."""
    fine = max(old.grid.per_degree, new.grid.per_degree)
    coarse = min(old.grid.per_degree, new.grid.per_degree)
    if fine % coarse:
        raise GridError(
            f"compare: {old.grid.per_degree} cells a degree meet {new.grid.per_degree}, expected a multiple; bring "
            f"one map to the other's lattice first: ecosg-update export --per-degree {fine}"
        )
    grids = [one.grid.at(fine) for one in (old, new)]
    if bounds is not None:
        grids.append(LatLonGrid.from_bounds(fine, bounds))
    shared: LatLonGrid | None = grids[0]
    for grid in grids[1:]:
        shared = shared.intersection(grid) if shared else None
    if shared is None:
        within = f" within {grids[2]}" if bounds is not None else ""
        raise CoverageError(f"compare: {old.grid} and {new.grid} share no cell{within}; give two maps of one region")
    first, second = (one if one.grid.per_degree == fine else Resampled(one, one.grid.at(fine)) for one in (old, new))
    return Pair(first, second, shared, locked)
