"""The report of a run: one page for people, `report.html`, and the same as a document, `report.json`."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update import __version__
from ecosg_update.config import SceneSection, checked
from ecosg_update.errors import ConfigError, EcosgError, FormatError
from ecosg_update.formats import atomic, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Patch
from ecosg_update.report.areas import evidence
from ecosg_update.report.layers import Packed, packed
from ecosg_update.report.page import page
from ecosg_update.report.pictures import aspect, pictures
from ecosg_update.report.summary import summary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

NAMES = ("report.html", "report.json")

ENDING = "_manifest.json"

IMAGE_SIDE = 2000
"""Most pixels along a side of the image: 300 m and coarser maps of a Sentinel-2 tile stay sharp."""

IMAGE_LEAST = 600
"""Pixels along the longer side of the image of a small map."""

PIXELS_A_CELL = 8
"""The image of a map in between: an ECOCLIMAP-SG cell of 300 m shows pixels of 40 m."""


@dataclass(frozen=True)
class Ran:
    """A run that is reported. manifest: what it left; path: where that lies; patch: what it decided."""

    path: Path
    manifest: dict[str, Any]
    patch: Patch


def report(run: Path, output: Path | None = None, *, overwrite: bool = False) -> dict[str, Any]:
    """Write the page and the document of a run into a folder (default: the run's own); returns the document.

    run: the output folder of `ecosg-update run`, or its manifest. Raises FormatError for a folder that holds no run or
    whose files are not those of the manifest, ConfigError for one that holds several, OutputError as `atomic.parts`.
    """
    found = opened(run)
    folder = output or found.path.parent
    with atomic.reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with atomic.parts(*(folder / name for name in NAMES), overwrite=overwrite) as (html, text):
        image, notes = _image(found)
        layers = packed(found.patch, image)
        document = documented(found, [*notes, *_thinned(layers, found.patch)])
        html.write_text(drawn(found.patch, document, layers, image), encoding="utf-8")
        text.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return document


def opened(run: Path) -> Ran:
    """The run of an output folder or a manifest; raises as `report`."""
    path = _manifest_path(run)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        stem = str(manifest["config"]["output"]["stem"])
        _, _, _ = manifest["products"], manifest["tool"], manifest["grid"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: is no manifest of a run ({error!r}); name the folder that `run` wrote") from error
    patch = path.with_name(f"{stem}.nc")
    if patch.name not in manifest["products"]:
        raise FormatError(f"{path}: the run wrote no {patch.name}, which holds reasons; run it with the format nc")
    return Ran(path, manifest, netcdf.read(patch))


def folder_of(run: Path) -> Path:
    """The folder in which a run lies."""
    return _manifest_path(run).parent


def _manifest_path(run: Path) -> Path:
    if run.is_file():
        return run
    found = sorted(run.glob(f"*{ENDING}"))
    if len(found) > 1:
        raise ConfigError(f"{run}: holds {len(found)} runs; name one manifest, such as {found[0]}")
    if not found:
        raise FormatError(f"{run}: holds no *{ENDING}; name the folder that `ecosg-update run` wrote")
    return found[0]


def _image(found: Ran) -> tuple[NDArray[np.uint8] | None, list[str]]:
    """True colour over the run's cells, or None and why there is none."""
    from ecosg_update.evidence.image import BANDS, true_colour  # noqa: PLC0415
    from ecosg_update.scene.discover import open_scene  # noqa: PLC0415

    section = found.manifest["config"].get("scene")
    if section is None:
        return None, ["no image: the run looked at a raster of classes"]
    scene = checked(SceneSection, section, str(found.path))
    if not scene.path.exists():
        return None, [f"no image: {scene.path} is no longer there"]
    try:
        product = open_scene(
            scene.path, bands=scene.bands, level=scene.level, quantification=scene.quantification, offset=scene.offset
        )
        if not set(BANDS) <= set(product.bands):
            return None, [f"no image: the scene lacks one of {', '.join(BANDS)}"]
        return true_colour(product, image_size(found.patch.cover.grid), found.patch.cover.grid), []
    except EcosgError as error:
        return None, [f"no image: {error}"]


def image_size(grid: LatLonGrid) -> tuple[int, int]:
    """(width, height) of the image, pixels."""
    longest = min(IMAGE_SIDE, max(IMAGE_LEAST, PIXELS_A_CELL * max(grid.shape)))
    wide = aspect(grid)
    if wide >= 1:
        return longest, max(1, round(longest / wide))
    return max(1, round(longest * wide)), longest


def drawn(
    patch: Patch, document: dict[str, Any], layers: tuple[Packed, ...], image: NDArray[np.uint8] | None
) -> str:
    """The page of a document and the layers of its patch. image: uint8 (y, x, 3) over the patch's grid, if any."""
    return page(document, patch.cover.grid, patch.cover.legend, layers, pictures(patch, image))


def documented(found: Ran, notes: list[str]) -> dict[str, Any]:
    """The document of a run, plain values. notes: what a reader must know of the report itself."""
    counted = evidence(found.patch)
    compare = changes(found.patch)
    title = found.manifest["config"]["output"].get("title") or f"Land cover renewed: {found.patch.cover.grid}"
    return {
        "title": title,
        "run": str(found.path),
        "reported_by": f"ecosg-update {__version__} report",
        **summary(counted, compare, None),
        "evidence": counted,
        "compare": compare,
        "score": None,
        "notes": notes,
        "manifest": found.manifest,
    }


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


def changes(patch: Patch) -> dict[str, Any]:
    """Interim."""
    import numpy as np

    from ecosg_update.report.areas import cell_km2

    legend, grid = patch.cover.legend, patch.cover.grid
    pair = patch.base.astype(np.int64) * 256 + patch.cover.codes
    cells = np.bincount(pair.ravel(), minlength=65536).reshape(256, 256)
    km2 = np.bincount(pair.ravel(), np.repeat(cell_km2(grid), grid.cols), minlength=65536).reshape(256, 256)
    classes = [
        {
            "code": code, "name": legend.name_of(code), "group": legend.group[legend.index(code)],
            "before_cells": int(cells[code].sum()), "after_cells": int(cells[:, code].sum()),
            "before_km2": float(km2[code].sum()), "after_km2": float(km2[:, code].sum()),
        }
        for code in legend.codes
    ]
    groups = []
    for name in dict.fromkeys(legend.group):
        mine = [one for one in classes if one["group"] == name]
        groups.append({"name": name} | {k: sum(o[k] for o in mine) for k in ("before_cells", "after_cells", "before_km2", "after_km2")})
    found = [{"from": int(a), "to": int(b), "cells": int(cells[a, b]), "km2": float(km2[a, b])} for a, b in np.argwhere(cells)]
    return {"classes": classes, "groups": groups, "transitions": sorted(found, key=lambda o: -o["km2"]), "changes": [], "domain": None, "stations": []}
