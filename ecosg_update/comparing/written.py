"""A comparison as a folder of files: for programs, for spreadsheets, for maps."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import __version__
from ecosg_update.comparing.comparison import Comparison
from ecosg_update.comparing.onmodel import TOLD_TILES, OnModel
from ecosg_update.comparing.surface import UNITS
from ecosg_update.errors import OutputError
from ecosg_update.formats import cf, folder, pgdfile
from ecosg_update.formats.ncfile import Field
from ecosg_update.formats.provenance import Provenance

if TYPE_CHECKING:
    from numpy.typing import NDArray

DOCUMENT, TRANSITIONS, CLASSES, CHANGES, STATIONS, DOMAIN = NAMES = (
    "compare.json", "transitions.csv", "classes.csv", "changes.csv", "stations.csv", "domain.nc",
)  # fmt: skip

TITLES = {"roughness_length": "roughness length", "tree_height": "tree height", "building_height": "building height"}


def write(found: Comparison, target: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a comparison into a new folder, whole or not at all, and return its files.

    stations.csv and domain.nc come with a list and a domain. Raises OutputError as `formats.folder.part` and where an
    existing folder holds anything else.
    """
    refuse_taken(target, overwrite=overwrite)
    document = found.document()
    with folder.part(target, overwrite=overwrite) as part:
        (part / DOCUMENT).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        _table(part / TRANSITIONS, document["transitions"], ("from", "to", "cells", "km2"))
        sums = ("before_cells", "after_cells", "before_km2", "after_km2")
        _table(part / CLASSES, document["classes"], ("code", "name", "group", *sums))
        sides = ("west", "south", "east", "north")
        near = ("station_id", "station_name", "station_km") if found.listed else ()
        _table(
            part / CHANGES, map(_flat_change, document["changes"]),
            ("cells", "km2", "lon", "lat", *sides, "from", "to", *near),
        )  # fmt: skip
        if found.listed is not None:
            place = ("id", "name", "country", "lat", "lon", "distance_km", "row", "col", "changed")
            shares = [f"{name}_{side}" for side in ("before", "after") for name in TOLD_TILES]
            _table(part / STATIONS, map(_flat_station, document["stations"]), (*place, *shares))
        if found.model is not None:
            _write_domain(found, found.model, part / DOMAIN)
        names = sorted(path.name for path in part.iterdir())
    return [target / name for name in names]


def refuse_taken(target: Path, *, overwrite: bool) -> None:
    """Raise OutputError where the folder exists (without `overwrite`), or holds more than a comparison."""
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already; pass overwrite (--overwrite) or name another")
    strays = sorted({path.name for path in target.iterdir()} - set(NAMES)) if target.is_dir() else []
    if strays:
        raise OutputError(f"{target}: holds {strays[0]}, which no comparison wrote; name another folder")


def _table(path: Path, rows: Iterable[dict[str, Any]], columns: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _flat_change(change: dict[str, Any]) -> dict[str, Any]:
    near = change.get("station", {})
    return change | {f"station_{name.removeprefix('distance_')}": value for name, value in near.items()}


def _flat_station(station: dict[str, Any]) -> dict[str, Any]:
    shares = {
        f"{name}_{side}": share for side in ("before", "after") for name, share in (station[side] or {}).items()
    }
    return station | shares | {"changed": int(station["changed"])}


def _write_domain(found: Comparison, model: OnModel, part: Path) -> None:
    provenance = Provenance(
        title=f"Change of the surface on {model.domain.name}, ecosg-update {__version__}",
        source=f"{found.old.name} and {found.new.name}",
        history=f"ecosg-update {__version__}",
        comment="What SURFEX 8.1 makes of the two cover maps, computed without SURFEX.",
    )
    about = cf.about(provenance, domain=repr(model.domain))
    count = 3 * (len(TOLD_TILES) + len(UNITS)) + 2
    pgdfile.store(part, model.domain, lambda: _fields(model), about, needed=count * model.domain.cells * 8)


def _fields(model: OnModel) -> Iterator[Field]:
    """Before, after and their difference, of each tile and each field; one at a time."""
    for name, sides in model.tiles.items():
        yield from _three(f"FRAC_{name}", f"part of the cell in the tile {name}", "1", *sides)
    for name, sides in model.fields.items():
        yield from _three(name, TITLES[name], UNITS[name], *sides)
    flips = np.zeros(model.domain.shape, np.int8)
    for one in model.flips()["cells"]:
        flips[one["row"], one["col"]] = 1 if one["sea_before"] > one["sea_after"] else -1
    yield _flag("mask_flip", flips, "change of the land-sea mask", "to_sea none to_land", (-1, 0, 1))
    compared = model.known.astype(np.int8)
    yield _flag("compared", compared, "whether both maps have pixels in the cell", "no yes", (0, 1))


def _three(
    name: str, long_name: str, units: str, before: NDArray[np.float64], after: NDArray[np.float64]
) -> Iterator[Field]:
    for side, values in (("before", before), ("after", after), ("change", after - before)):
        text = pgdfile.cell(f"{long_name}, {side}", units) | {"_FillValue": pgdfile.UNDEFINED}
        yield Field(f"{name}_{side}", np.nan_to_num(values, nan=pgdfile.UNDEFINED), text, pgdfile.CELLS)


def _flag(name: str, values: NDArray[np.int8], long_name: str, meanings: str, codes: tuple[int, ...]) -> Field:
    text = pgdfile.cell(long_name) | {"flag_values": np.array(codes, np.int8), "flag_meanings": meanings}
    del text["units"]
    return Field(name, values, text, pgdfile.CELLS)
