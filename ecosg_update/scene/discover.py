"""Opens a product: what its documents, its names and the caller say about it becomes a `Scene`.

What none of them states is an error and never a guess, with two exceptions that go on record in
`Scene.assumed`: the usual quantification, and an offset of 0 for an early date (see `OFFSET_SINCE`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ecosg_update.errors import SceneError
from ecosg_update.layers import Level
from ecosg_update.scene.layout import layers
from ecosg_update.scene.naming import Name, image_name, named
from ecosg_update.scene.product import Scene
from ecosg_update.scene.safe import Metadata, metadata
from ecosg_update.scene.store import Store, store

OFFSET_SINCE = datetime(2022, 1, 25, tzinfo=UTC)
"""Baseline 04.00 entered operations, and with it stored values that are 1000 too high (offset -1000).

Source: ESA, Sentinel-2 processing baseline 04.00. Names without a baseline and with an earlier date are taken
for the original processing, offset 0; with a later date they are an error.
"""

OFFSET_BASELINE = "04.00"
OFFSET = -1000.0
QUANTIFICATION = 10_000.0
MAP_QUANTIFICATION = 1000.0
"""Of the aerosol and water vapour maps, in every product seen from baseline 02.12 to 05.09."""


def open_scene(
    path: str | Path,
    *,
    bands: Sequence[str] | None = None,
    level: Level | None = None,
    quantification: float | None = None,
    offset: float | None = None,
) -> Scene:
    """The product at `path`: a SAFE, its zip, a folder of band files or one GeoTIFF; no pixel is read.

    bands: what the layers of one GeoTIFF are, in order. level: where neither names nor documents say it.
    quantification and offset: reflectance = (stored + offset) / quantification; they overrule the product.

    Raises SceneError where there is no product, or two, or something is not known; GridError for a raster
    without a place on earth.
    """
    found = store(Path(path))
    stated = metadata(found)
    known = _completed(stated, named(_name_parts(found, Path(path))))
    lies = layers(found, bands)
    scale, scale_note = (quantification, "") if quantification is not None else _quantification(found.root, known)
    shift, shift_note = _offset(
        found.root, known, tuple(lies.files), offset, has_document=bool(stated.quantification)
    )
    return Scene(
        product=known.product or Path(path).resolve().name,
        level=_level(found.root, known.level, level),
        acquired=known.acquired,
        tile=known.tile,
        baseline=known.baseline,
        quantification=scale,
        offset=shift,
        files=lies.files,
        scl=lies.extras.get("SCL", {}),
        aot=lies.extras.get("AOT", {}),
        wvp=lies.extras.get("WVP", {}),
        clouds=lies.clouds,
        aot_quantification=known.aot_quantification or MAP_QUANTIFICATION,
        wvp_quantification=known.wvp_quantification or MAP_QUANTIFICATION,
        angles=known.angles,
        assumed=tuple(note for note in (scale_note, shift_note) if note),
    )


def _completed(stated: Metadata, name: Name) -> Metadata:
    """Names fill in what the documents leave out."""
    return replace(
        stated,
        product=stated.product or name.product,
        level=stated.level or name.level,
        baseline=stated.baseline or name.baseline,
        tile=stated.tile or name.tile,
        started=stated.started or name.acquired,
    )


def _name_parts(found: Store, path: Path) -> list[str]:
    """Where names may stand: the path that was given, then the files, then the folders above."""
    image = next((name for name in found.names if image_name(name)), "")
    above = [folder.name for folder in path.resolve().parents[:4]]
    return [path.name, found.root.name, *reversed(image.split("/")), *above]


def _level(root: Path, known: Level | None, option: Level | None) -> Level:
    if known is not None and option is not None and known != option:
        raise SceneError(f"{root}: the product is {known}, not {option}; leave level= out")
    level = known or option
    if level is None:
        raise SceneError(f"{root}: neither names nor metadata say L1C or L2A; state it with level=")
    return level


def _quantification(root: Path, known: Metadata) -> tuple[float, str]:
    """The quantification and, where it is the usual one, a note."""
    if known.quantification is not None:
        return known.quantification, ""
    if known.acquired is None:
        raise SceneError(f"{root}: the stored units are not known; state them with quantification= and offset=")
    return QUANTIFICATION, f"quantification {QUANTIFICATION:g}: the product names none"


def _offset(
    root: Path, known: Metadata, found: Sequence[str], option: float | None, *, has_document: bool
) -> tuple[dict[str, float], str]:
    """The offset of each band and, where it follows from the date alone, a note."""
    if option is not None:
        return dict.fromkeys(found, float(option)), ""
    if known.offset is not None:
        lacking = [band for band in found if band not in known.offset]
        if lacking:
            raise SceneError(f"{root}: the metadata have no offset for {', '.join(lacking)}; state it with offset=")
        return {band: known.offset[band] for band in found}, ""
    if known.baseline is not None:
        is_late = known.baseline >= OFFSET_BASELINE
        if is_late and has_document:
            raise SceneError(
                f"{root}: baseline {known.baseline} but no offset in the metadata; state it with offset="
            )
        return dict.fromkeys(found, OFFSET if is_late else 0.0), ""
    if known.acquired is None or known.acquired >= OFFSET_SINCE:
        raise SceneError(f"{root}: the processing baseline is not known; state offset=0 or offset=-1000")
    date = f"{known.acquired:%Y-%m-%d}"
    return dict.fromkeys(found, 0.0), f"offset 0: no baseline is named and {date} is before {OFFSET_BASELINE}"
