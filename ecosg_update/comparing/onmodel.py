"""What a model sees of the change: tiles, the land-sea mask, roughness and heights of its cells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.comparing.pair import Pair
from ecosg_update.comparing.surface import UNITS, fields
from ecosg_update.domain import Domain
from ecosg_update.domains import MARGIN_CELLS
from ecosg_update.formats import covers, direct
from ecosg_update.fractions import TILES, Fractions
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverReader
from ecosg_update.pgd.preview import preview
from ecosg_update.pgd.tiles import Arrangement
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAND = 0.5
"""A cell is land from this land fraction on, NATURE + TOWN: below it SURFEX's assimilation takes the values of the
nearest land (`assim_isban.F90` of SURFEX 8.1, LEXTRAP_NATURE); land is NATURE + TOWN in its coupling to an ocean."""

TOLD_TILES = ("SEA", "WATER", "NATURE", "TOWN")

NOISE = 1e-6
"""Fractions that differ by less are the same: PGD drops covers of this part of a cell (`XRM_COVER`)."""


@dataclass(frozen=True, eq=False)
class OnModel:
    """The cells of a domain before and after, as PGD makes them; arrays (ny, nx) have y from the south."""

    before: Fractions
    after: Fractions
    arrangement: Arrangement

    @property
    def domain(self) -> Domain:
        """The model's."""
        return self.before.domain

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """bool (ny, nx): both maps have pixels in the cell; the others are filled from neighbours and not counted."""
        return ~(self.before.filled | self.after.filled)

    @cached_property
    def tiles(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """The fractions of each tile before and after."""
        return {name: (self.before.tile[at], self.after.tile[at]) for at, name in _tiles()}

    @cached_property
    def fields(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Roughness and heights before and after, metres, nan where there is none (`surface.fields`)."""
        old, new = (fields(one.cover, self.arrangement) for one in (self.before, self.after))
        return {name: (old[name], new[name]) for name in UNITS}

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "name": self.domain.name,
            "shape": list(self.domain.shape),
            "cells": {"compared": int(self.known.sum()), "without_pixels": int((~self.known).sum())},
            "tiles": {name: self._tile(*values) for name, values in self.tiles.items()},
            "mask_flips": self.flips(),
            "fields": {name: {"unit": UNITS[name]} | self._field(*values) for name, values in self.fields.items()},
        }

    def flips(self) -> dict[str, Any]:
        """The cells that turn from land to sea or back; sea: SEA + WATER, all that is not NATURE or TOWN."""
        old, new = (one["SEA"] + one["WATER"] for one in (self._side(0), self._side(1)))
        was, is_now = (1 - sea >= LAND for sea in (old, new))
        places = np.argwhere((was != is_now) & self.known)
        middle = (places + 0.5).astype(np.float64)
        lon, lat = self.domain.lonlat(middle[:, 1], middle[:, 0])
        cells = [
            {"row": int(y), "col": int(x), "lon": float(east), "lat": float(north)}
            | {"sea_before": float(old[y, x]), "sea_after": float(new[y, x])}
            for (y, x), east, north in zip(places, np.atleast_1d(lon), np.atleast_1d(lat), strict=True)
        ]
        to_sea = sum(bool(was[y, x]) for y, x in places)
        return {
            "to_sea": to_sea,
            "to_land": len(cells) - to_sea,
            "threshold": LAND,
            "rule": f"land where NATURE + TOWN >= {LAND:g}; sea_before and sea_after are SEA + WATER",
            "cells": cells,
        }

    def _side(self, at: int) -> dict[str, NDArray[np.float64]]:
        return {name: values[at] for name, values in self.tiles.items()}

    def _tile(self, old: NDArray[np.float64], new: NDArray[np.float64]) -> dict[str, Any]:
        return _statistics(old[self.known], new[self.known])

    def _field(self, old: NDArray[np.float64], new: NDArray[np.float64]) -> dict[str, Any]:
        """Means and changes over the cells that have the thing in both; how many gain and lose it."""
        has, had = ~np.isnan(new) & self.known, ~np.isnan(old) & self.known
        both = has & had
        counts = {"cells_gained": int((has & ~had).sum()), "cells_lost": int((had & ~has).sum())}
        return _statistics(old[both], new[both]) | {"cells_compared": int(both.sum())} | counts


def on_model(
    old: covers.CoverFile, new: covers.CoverFile, pair: Pair, domain: Domain, *, progress: Progress = silent
) -> OnModel:
    """Both maps on a domain. pair: the same two on the cells that both hold around the domain.

    A `.dir` that holds the whole domain is read as PGD reads it. Where a map does not, both are cut to the cells of
    `pair`, so that a cell at the border of the smaller one has the same pixels before and after. Raises CoverageError
    where no pixel with data lies in the domain.
    """
    arrangement = Arrangement()
    whole = all(_holds(one, domain) for one in (old, new))
    found = []
    for file, reader in ((old, pair.old), (new, pair.new)):
        with _as_direct(file, reader, pair.grid, whole=whole) as path:
            found.append(preview(path, domain, arrangement=arrangement, progress=progress))
    return OnModel(found[0], found[1], arrangement)


def _holds(file: covers.CoverFile, domain: Domain) -> bool:
    return file.grid.contains(LatLonGrid.from_bounds(file.grid.per_degree, domain.box(MARGIN_CELLS)))


@contextmanager
def _as_direct(file: covers.CoverFile, reader: CoverReader, cells: LatLonGrid, *, whole: bool) -> Iterator[Path]:
    """The `.dir` of a map: its own, or that of the cells that count, written for as long as it is needed."""
    if whole and file.path.suffix not in (".nc", ".tif"):
        yield file.path
        return
    with TemporaryDirectory(prefix="ecosg-compare-") as folder:
        yield direct.write(_Window(reader, cells), Path(folder) / "cut.dir", title="cells to compare")[0]


@dataclass(frozen=True)
class _Window:
    """A part of a map: a `CoverReader`."""

    source: CoverReader
    grid: LatLonGrid

    @property
    def legend(self) -> Any:
        """The source's."""
        return self.source.legend

    def read(self, cells: LatLonGrid) -> Any:
        """As the source."""
        return self.source.read(cells)


def _tiles() -> Iterator[tuple[int, str]]:
    for name in TOLD_TILES:
        yield TILES.index(name), name


def _statistics(old: NDArray[np.float64], new: NDArray[np.float64]) -> dict[str, Any]:
    """Means, changes and how many cells changed; None where there is no cell."""
    if not old.size:
        return dict.fromkeys(("before_mean", "after_mean", "mean_abs_change", "max_abs_change")) | {
            "cells_changed": 0
        }
    change = np.abs(new - old)
    return {
        "before_mean": float(old.mean()),
        "after_mean": float(new.mean()),
        "mean_abs_change": float(change.mean()),
        "max_abs_change": float(change.max()),
        "cells_changed": int((change > NOISE).sum()),
    }
