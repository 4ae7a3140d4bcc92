"""From a cover map to the fractions of a model's cells, in the order of `pgd_cover.F90` (SURFEX 8.1)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import __version__
from ecosg_update.domain import Domain
from ecosg_update.errors import CoverageError
from ecosg_update.formats import atomic, pgdfile
from ecosg_update.formats.pixels import pixels
from ecosg_update.formats.provenance import Provenance
from ecosg_update.fractions import COVERS, TILES, Fractions
from ecosg_update.pgd.counts import counts
from ecosg_update.pgd.gaps import fill
from ecosg_update.pgd.rules import NamCover, rounded, ruled
from ecosg_update.pgd.tiles import Arrangement, tiles, vegtypes
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray


def preview(
    stem: Path | str,
    domain: Domain,
    *,
    rules: NamCover | None = None,
    arrangement: Arrangement | None = None,
    progress: Progress = silent,
) -> Fractions:
    """What PGD makes of the cover map `stem` (.dir beside .hdr) on `domain`.

    Raises FormatError for a map that PGD cannot read as a cover map of 8 bits, CoverageError where no pixel with data
    lies in the domain, ConfigError where `rules` leave nothing of a cell.
    """
    arrangement = arrangement or Arrangement()
    cover, held = averaged(counts(pixels(stem), domain, progress=progress))
    fill(cover, held, domain)
    cover /= cover.sum(axis=0)
    cover = ruled(cover, rules or NamCover()).reshape(COVERS, *domain.shape)
    return Fractions(
        domain, cover, tiles(cover, arrangement), vegtypes(cover, arrangement), held.reshape(domain.shape)
    )


def preview_file(
    stem: Path | str,
    domain: Domain,
    output: Path | str,
    *,
    rules: NamCover | None = None,
    arrangement: Arrangement | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Fractions:
    """Write what `preview` finds as NetCDF (`formats.pgdfile`) and return it.

    strict: CoverageError, and nothing written, where PGD would fill cells from their neighbours. Raises OutputError
    for all that `atomic.parts` refuses, and the errors of `preview`.
    """
    rules, arrangement = rules or NamCover(), arrangement or Arrangement()
    about = Provenance(
        title=f"Preview of PGD's fractions on {domain.name}, ecosg-update {__version__}",
        source=Path(stem).name,
        history=f"ecosg-update {__version__}",
        comment="What SURFEX 8.1 makes of the cover map, computed without SURFEX; no run starts from this file.",
    )
    settings = {"domain": repr(domain), "NAM_COVER": _keys(rules), "arrangement": _keys(arrangement)}
    with atomic.parts(Path(output), overwrite=overwrite) as (part,):
        found = preview(stem, domain, rules=rules, arrangement=arrangement, progress=progress)
        if strict and found.filled.any():
            raise CoverageError(filled_cells(found))
        pgdfile.encode(found, part, provenance=about, settings=settings)
    return found


def summary(fractions: Fractions) -> dict[str, Any]:
    """The main figures as plain values: cells, map pixels per cell, filled cells, mean of the tiles, covers."""
    pixels_per_cell = fractions.pixels
    present = (fractions.cover != 0).any(axis=(1, 2))
    return {
        "domain": fractions.domain.name,
        "cells": [fractions.domain.nx, fractions.domain.ny],
        "pixels_per_cell": {
            "min": int(pixels_per_cell.min()),
            "median": float(np.median(pixels_per_cell)),
            "max": int(pixels_per_cell.max()),
        },
        "filled": int(fractions.filled.sum()),
        "tiles": {name.lower(): float(tile.mean()) for name, tile in zip(TILES, fractions.tile, strict=True)},
        "covers": [int(code) for code in np.flatnonzero(present) + 1],
    }


def filled_cells(fractions: Fractions) -> str:
    """One line on the cells that hold no pixel of the map: how many, and where the first lies."""
    y, x = np.argwhere(fractions.filled)[0]
    lon, lat = fractions.domain.lonlat(x + 0.5, y + 0.5)
    return (
        f"domain {fractions.domain.name}: {int(fractions.filled.sum()):,} of {fractions.domain.cells:,} cells hold "
        f"no pixel of the map (the first at {float(lon):.3f} E {float(lat):.3f} N), where PGD silently takes the "
        "nearest cells; use a larger or a finer map"
    )


def covered(stem: Path | str, domain: Domain, *, progress: Progress = silent) -> NDArray[np.int64]:
    """Pixels with data in each cell, int64 (ny, nx), y from the south: PGD fills the cells of 0 from neighbours."""
    found = counts(pixels(stem), domain, progress=progress)
    return _held(found).reshape(domain.shape)


def averaged(found: NDArray[np.uint32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(fractions (33, cells), pixels with data (cells,)) of counts (cells, 34), rounded as `average2_cover.F90` does.

    Cells without a pixel are 0.
    """
    held = _held(found)
    cover = np.empty((COVERS, len(found)))
    for row, pixels_of_class in zip(cover, found[:, 1:].T, strict=True):
        row[:] = rounded(pixels_of_class / np.maximum(held, 1))
    return cover, held


def _held(found: NDArray[np.uint32]) -> NDArray[np.int64]:
    return np.asarray(found[:, 1:].sum(axis=1, dtype=np.int64))


def _keys(settings: NamCover | Arrangement) -> str:
    """The keys of a namelist in one line."""
    return ", ".join(f"{name.upper()}={value}" for name, value in asdict(settings).items())
