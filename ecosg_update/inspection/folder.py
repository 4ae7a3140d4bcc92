"""An inspection as a folder: sites, strata, what was asked for and the page, complete or absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import __version__
from ecosg_update.config import SceneSection
from ecosg_update.errors import ConfigError
from ecosg_update.formats import atomic
from ecosg_update.formats.folder import made
from ecosg_update.inspection.chips import chips
from ecosg_update.inspection.draw import Site, Survey, drawn, surveyed
from ecosg_update.inspection.page import page
from ecosg_update.inspection.records import DESIGN, PAGE, SITES, STRATA, Stratum, site_table, stratum_table
from ecosg_update.inspection.source import Source
from ecosg_update.inspection.strata import Stratification, stratification
from ecosg_update.judge.stratified import allocation, sample_size
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.evidence.image import Picture

DEFAULT_SITES, DEFAULT_LEAST, DEFAULT_BY = 300, 5, ("class", "change")


@dataclass(frozen=True)
class Design:
    """How sites are drawn.

    sites: how many; or standard_error: what the overall accuracy shall have, if it is `expected` in every stratum.
    by: `strata.BY`. least: of each stratum, or all its cells. left_out: as of `strata.stratification`. radius_km: how
    far the pictures reach to each side.
    """

    sites: int | None = DEFAULT_SITES
    standard_error: float | None = None
    expected: float = 0.8
    by: tuple[str, ...] = DEFAULT_BY
    least: int = DEFAULT_LEAST
    left_out: tuple[str, ...] = ()
    seed: int = 0
    radius_km: float = 1.5

    def __post_init__(self) -> None:
        if (self.sites is None) == (self.standard_error is None):
            raise ConfigError("inspection: give the number of sites or a standard error, one of the two")
        if (
            (1 if self.sites is None else self.sites) < 1
            or self.least < 1
            or self.seed < 0
            or not 0 < self.radius_km <= 50
        ):
            raise ConfigError(
                f"inspection: {self.sites} sites, {self.least} of each stratum, seed {self.seed}, radius "
                f"{self.radius_km} km; expected at least 1, 1, 0 and above 0 to 50"
            )
        if not 0 < self.expected < 1 or not 0 < (self.standard_error or 0.5) < 1:
            raise ConfigError("inspection: the expected accuracy and its standard error lie between 0 and 1")


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was drawn. strata: those that have cells. notes: what a reader must know."""

    sites: tuple[Site, ...]
    strata: tuple[Stratum, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "sites": len(self.sites),
            "strata": [asdict(one) for one in self.strata],
            "files": [str(file) for file in self.files],
            "notes": list(self.notes),
        }


def inspection(
    source: Source,
    folder: Path,
    design: Design,
    *,
    image: SceneSection | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Inspection:
    """Draw sites from a map and write `folder`: sites.csv, strata.csv, design.json and inspect.html.

    image: the satellite product that is shown, None for the one that the run saw, if it is still there. Raises
    ConfigError for strata that the source cannot tell apart, TableError where there are fewer sites than the strata
    need, SceneError for an image that cannot be read, and all that `atomic.parts` refuses.
    """
    strata = stratification(source, design.by, design.left_out)
    files = tuple(folder / name for name in (SITES, STRATA, DESIGN, PAGE))
    with made(folder), atomic.parts(*files, overwrite=overwrite) as parts:
        survey = surveyed(source, strata, progress=progress)
        counts = _counts(survey, design)
        sites = drawn(source, strata, survey, counts, design.seed, progress=progress)
        with _pictures(source, image) as (picture, notes):
            images = []
            for number, site in enumerate(sites, start=1):
                images.append(chips(source, site, design.radius_km, picture))
                progress("cutting pictures", number, len(sites))
        unseen = sum(one.photo is None for one in images)
        if picture is not None and unseen:
            notes = (*notes, f"{unseen} of {len(sites)} sites lie outside the image")
        rows = _strata(strata, survey, counts)
        title = f"Inspection of {source.path.name}"
        texts = (
            site_table(sites),
            stratum_table(rows),
            json.dumps(_document(source, design, survey, notes), indent=2) + "\n",
            page(sites, images, source.legend, title=title, notes=notes),
        )
        for part, text in zip(parts, texts, strict=True):
            part.write_text(text, encoding="utf-8")
    return Inspection(sites, rows, files, notes)


def _counts(survey: Survey, design: Design) -> NDArray[np.int64]:
    """How many sites each stratum gets."""
    held = survey.cells > 0
    total = design.sites
    if design.standard_error is not None:
        expected = np.full(int(held.sum()), design.expected)
        wanted = sample_size(survey.km2[held], expected, design.standard_error, cells=int(survey.cells.sum()))
        total = max(wanted, int(np.minimum(survey.cells, design.least).sum()))
    assert total is not None
    counts = np.zeros(len(survey.cells), np.int64)
    counts[held] = allocation(survey.cells[held], total, design.least)
    return counts


def _strata(strata: Stratification, survey: Survey, counts: NDArray[np.int64]) -> tuple[Stratum, ...]:
    return tuple(
        Stratum(strata.names[at], int(survey.cells[at]), float(survey.km2[at]), int(counts[at]))
        for at in np.flatnonzero(survey.cells)
    )


def _document(source: Source, design: Design, survey: Survey, notes: tuple[str, ...]) -> dict[str, Any]:
    """What was asked for, and the area that each map gives each class; the same in every repeat."""
    mapped = {name: km2 for name, km2 in survey.mapped.items() if km2.any()}
    return {
        "tool": f"ecosg-update {__version__}",
        "map": str(source.path),
        "legend": source.legend.name,
        "original": "base" in source.knows,
        "design": asdict(design),
        "cells": int(survey.cells.sum()),
        "km2": float(survey.km2.sum()),
        "mapped_km2": {
            name: {str(code): float(km2[code]) for code in source.legend.codes if km2[code]}
            for name, km2 in mapped.items()
        },
        "notes": list(notes),
    }


@contextmanager
def _pictures(source: Source, image: SceneSection | None) -> Iterator[tuple[Picture | None, tuple[str, ...]]]:
    """What draws a place of the scene, None without a scene, and what is to be said of it."""
    from ecosg_update.evidence.image import BANDS, pictures  # noqa: PLC0415
    from ecosg_update.scene.discover import open_scene  # noqa: PLC0415

    section = image or source.scene
    if section is None:
        yield None, ("no image: the maps alone are shown; give one with --image",)
        return
    if image is None and not section.path.exists():
        yield None, (f"no image: {section.path}, which the run saw, is no longer there; give it with --image",)
        return
    scene = open_scene(
        section.path,
        bands=section.bands,
        level=section.level,
        quantification=section.quantification,
        offset=section.offset,
    )
    lacking = [band for band in BANDS if band not in scene.bands]
    if lacking:
        yield None, (f"no image: {scene.product} has no {', '.join(lacking)}",)
        return
    with pictures(scene, source.grid) as picture:
        yield picture, (f"image: {scene.product}", *scene.assumed)
