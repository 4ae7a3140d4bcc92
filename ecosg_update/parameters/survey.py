"""How far parameter files are out of step with a cover, file by file and cover by cover."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.formats import typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.band import Band, Step, Target, bands, each, height, of, step
from ecosg_update.parameters.files import ParameterFile
from ecosg_update.parameters.nearest import Search
from ecosg_update.parameters.parameter import gardens
from ecosg_update.parameters.threads import threads
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

BIN_KM = 0.05
"""Distances are counted in bins of this width: a median is exact to half of it."""

SIZE = typed.COVERS + 1


@dataclass(frozen=True, eq=False)
class Survey:
    """What one file holds for the cells of the domain; arrays are int64 (34,), by cover.

    cells: cells of each cover. changed: those of them that must be followed. present: pixels of each type inside the
    domain. missing: changed cells whose cover needs a value and whose pixel is of another type. far: those with no
    pixel of their type within the radius. furthest: float64, km, of the others. bins: int64 (34, n), the distances
    of the others. left: changed cells that need no value and have a pixel of another type.
    """

    file: ParameterFile
    cells: NDArray[np.int64]
    changed: NDArray[np.int64]
    present: NDArray[np.int64]
    missing: NDArray[np.int64]
    far: NDArray[np.int64]
    furthest: NDArray[np.float64]
    bins: NDArray[np.int64]
    left: NDArray[np.int64]

    @classmethod
    def empty(cls, file: ParameterFile, search: Search) -> Survey:
        """Nothing counted yet."""
        zeros = [np.zeros(SIZE, np.int64) for _ in range(6)]
        cells, changed, present, missing, far, left = zeros
        bins = np.zeros((SIZE, int(search.radius_km / BIN_KM) + 2), np.int64)
        return cls(file, cells, changed, present, missing, far, np.zeros(SIZE), bins, left)

    @property
    def needed(self) -> list[int]:
        """The covers of the domain, those in its towns' gardens included, that need a value of this parameter."""
        held = {int(cover) for cover in np.flatnonzero(self.cells)}
        planted = {cover for town in held for cover in gardens().get(town, ())}
        return sorted((held | planted) & set(self.file.parameter.defaults))

    @property
    def absent(self) -> list[int]:
        """The needed covers of which the domain has no pixel: PGD aborts."""
        return [cover for cover in self.needed if not self.present[cover]]

    def median_km(self, cover: int) -> float | None:
        """The median distance of the missing cells from the nearest pixel of their type; None where none is near."""
        counts = self.bins[cover]
        if not counts.any():
            return None
        middle = int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))
        return min((middle + 0.5) * BIN_KM, float(self.furthest[cover]))

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; covers that are neither needed nor missing are left out."""
        covers = {
            str(cover): {
                "cells": int(self.cells[cover]),
                "changed": int(self.changed[cover]),
                "pixels": int(self.present[cover]),
                "missing": int(self.missing[cover]),
                "beyond_radius": int(self.far[cover]),
                "median_km": None if (km := self.median_km(cover)) is None else round(km, 3),
                "furthest_km": None if km is None else round(float(self.furthest[cover]), 3),
            }
            for cover in self.needed
        }
        return {
            "file": self.file.name,
            "parameter": self.file.parameter.name,
            "decade": self.file.decade or None,
            "left_over": int(self.left.sum()),
            "absent": self.absent,
            "covers": covers,
        }


def survey(
    files: Sequence[ParameterFile],
    target_on: Callable[[LatLonGrid], Target | None],
    search: Search,
    *,
    jobs: int = 2,
    progress: Progress = silent,
) -> list[Survey]:
    """What each file holds for the cells of the target, which is given on the lattice of a grid, None where it ends.

    Memory is that of a band of rows with its surroundings, whatever the size of the files.
    """
    tallies = {file.name: Survey.empty(file, search) for file in files}
    grids = dict.fromkeys(file.source.grid for file in files)
    targets = [(grid, target) for grid in grids if (target := target_on(grid)) is not None]
    total = sum(-(-target.cells.rows // height(target.cells)) for _, target in targets)
    done = 0
    with threads(jobs) as pool:
        for grid, target in targets:
            group = [file for file in files if file.source.grid == grid]
            for band in bands(target):
                _survey_band(group, band, search, tallies, pool)
                done += 1
                progress("comparing parameters with the cover", done, total)
    return list(tallies.values())


def _survey_band(
    files: Iterable[ParameterFile],
    band: Band,
    search: Search,
    tallies: dict[str, Survey],
    pool: ThreadPoolExecutor,
) -> None:
    """Count one band of every file."""
    if not band.inside.any():
        return
    cells, changed = _by_cover(band.covers[band.inside]), _by_cover(band.covers[band.chosen])

    def one(file: ParameterFile, known: Step | None) -> Step:
        found = step(file, band, search, known)
        tally = tallies[file.name]
        tally.cells[:] += cells
        tally.changed[:] += changed
        _count(found, band, tally)
        return found

    each(files, one, pool)


def _count(found: Step, band: Band, tally: Survey) -> None:
    tally.present[:] += _by_cover(of(found.pixels)[band.inside])
    tally.left[:] += _by_cover(band.covers[found.left])
    if found.nearest is None:
        return
    wanted, km = band.covers[found.missing], found.nearest.km[:, 0]
    near = found.nearest.any
    tally.missing[:] += _by_cover(wanted)
    tally.far[:] += _by_cover(wanted[~near])
    np.maximum.at(tally.furthest, wanted[near], km[near])
    np.add.at(tally.bins, (wanted[near], (km[near] / BIN_KM).astype(np.intp)), 1)


def _by_cover(covers: NDArray[np.uint8]) -> NDArray[np.intp]:
    return np.bincount(covers.ravel(), minlength=SIZE)
