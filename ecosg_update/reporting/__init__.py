"""The report of a run: one page for people, `report.html`, and the same as a document, `report.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update import __version__
from ecosg_update.comparing.comparison import Comparison
from ecosg_update.domain import Domain
from ecosg_update.formats import atomic
from ecosg_update.formats.folder import made
from ecosg_update.judge.area import cell_km2
from ecosg_update.layers import Patch
from ecosg_update.patch.sweep import sweeps
from ecosg_update.progress import Progress, silent
from ecosg_update.report.areas import evidence
from ecosg_update.report.layers import Packed, packed
from ecosg_update.report.page import Maps, page
from ecosg_update.report.pictures import fraction_changes, pictures
from ecosg_update.report.summary import summary
from ecosg_update.reporting.compared import comparison, score
from ecosg_update.reporting.image import image
from ecosg_update.reporting.ran import Ran, manifest_of, opened
from ecosg_update.scoring.mapped import Question

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("report.html", "report.json")


def report(
    run: Path,
    output: Path | None = None,
    *,
    domain: Domain | None = None,
    stations: Path | None = None,
    truth: Question | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the page and the document of a run into a folder (default: the run's own); returns the document.

    run: the output folder of `ecosg-update run`, or its manifest. domain and stations: what a model and what weather
    stations see of the change. truth: what original and new are scored against. Raises FormatError for a folder that
    holds no run, ConfigError for one that holds several, OutputError as `atomic.parts`, else as `compared.comparison`
    and `compared.score`.
    """
    folder = folder_of(run, output)
    with made(folder), atomic.parts(*(folder / name for name in NAMES), overwrite=overwrite) as (html, text):
        ran = opened(run)
        seen, notes = image(ran)
        found = comparison(ran, domain=domain, stations=stations, progress=progress)
        scores = score(ran, truth, progress=progress) if truth else None
        layers = packed(ran.patch, seen)
        told = document(ran, found, scores, [*notes, *_thinned(layers, ran.patch)])
        html.write_text(page(told, maps(ran.patch, layers, seen, found)), encoding="utf-8")
        text.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told


def folder_of(run: Path, output: Path | None) -> Path:
    """Where the report of a run is written."""
    return output or manifest_of(run).parent


def document(ran: Ran, found: Comparison, scores: dict[str, Any] | None, notes: list[str]) -> dict[str, Any]:
    """The report of a run as plain values. notes: what a reader must know of the page itself."""
    sweeping = {"sweeps": [one.text for one in sweeps(ran.patch)]}
    counted = evidence(ran.patch, cell_km2(ran.patch.cover.grid)) | sweeping
    compare = found.document() | {"old": ran.base, "new": str(ran.map)}
    return {
        "title": ran.title,
        "run": str(ran.path),
        "reported_by": f"ecosg-update {__version__} report",
        **summary(counted, compare, scores),
        "evidence": counted,
        "compare": compare,
        "score": scores,
        "notes": notes,
        "manifest": ran.manifest,
    }


def maps(patch: Patch, layers: tuple[Packed, ...], seen: NDArray[np.uint8] | None, found: Comparison) -> Maps:
    """What the page draws. seen: uint8 (y, x, 3), the image over the patch's cells, if there is one."""
    stills = pictures(patch, seen)
    cover, model = patch.cover, found.model
    if model is None:
        return Maps(cover.grid, cover.legend, layers, stills)
    rows, cols = model.domain.shape
    changes = fraction_changes(model.tiles, model.known)
    return Maps(cover.grid, cover.legend, layers, stills, changes, cols / rows)


def _thinned(layers: tuple[Packed, ...], patch: Patch) -> list[str]:
    """What the page shows less of than the run holds."""
    notes = [
        f"{one.name} is shown as the mean of {one.step} x {one.step} cells, so that the page opens quickly"
        for one in layers
        if one.step > 1
    ]
    if patch.second is not None and patch.second.any() and "second" not in {one.name for one in layers}:
        notes.append("second choices are left out, so that the page opens quickly; the NetCDF file holds them")
    return notes
