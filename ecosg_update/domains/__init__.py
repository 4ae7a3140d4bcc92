"""The model domains that a user can name: those of `tables/domains.csv`, and files of the workflows."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from ecosg_update import tables
from ecosg_update.domain import Domain
from ecosg_update.domains import layouts
from ecosg_update.errors import ConfigError, GridError, TableError
from ecosg_update.grid import Bounds, LatLonGrid

COLUMNS = ("name", "nlon", "nlat", "ezone", "lonc", "latc", "lon0", "lat0", "gsize", "title", "source")

MARGIN_CELLS = 2.0
"""Cells around a domain that a map for it holds as well: PGD looks 1.5 cells beyond the corners."""

MAPS_PER_DEGREE = (360, 1800)
"""The lattices of ECOCLIMAP-SG (300 m) and ECOCLIMAP-SG-ML (60 m)."""

ENDINGS = (".json", ".toml")


@dataclass(frozen=True)
class Listed:
    """A row of the table. source: the public repository and the file that define the domain."""

    domain: Domain
    title: str
    source: str


def domain(name_or_path: str | Path) -> Domain:
    """The domain of a name of the table, in any case, or of a file, which ends in .json or .toml.

    A JSON file is pysurfex's (`nam_pgd_grid` and its blocks), a TOML file has Deode's section `[domain]` or is
    only that section; `layouts` says what is read of them. Raises ConfigError for a name that the table lacks
    and for a file that is no domain, GridError for a domain that cannot exist.

    >>> domain("metcoop25d").shape  # NLAT 1080 and NLON 960 less the extension zone of 11
    (1069, 949)
    """
    if is_file(name_or_path):
        return _from_file(Path(name_or_path).expanduser())
    known = {one.domain.name.casefold(): one.domain for one in listed()}
    wanted = str(name_or_path).strip().casefold()
    if wanted in known:
        return known[wanted]
    near = [known[name].name for name in get_close_matches(wanted, known, n=5, cutoff=0.5)]
    hint = f"near it are {', '.join(near)}" if near else f"{len(known)} are known"
    raise ConfigError(
        f"domain: {str(name_or_path)!r} is not in the table, {hint}; see `ecosg-update domains`,"
        " or give a file that ends in .json or .toml"
    )


def is_file(name_or_path: str | Path) -> bool:
    """Whether `domain` reads this from a file: its ending says so."""
    return Path(name_or_path).suffix.lower() in ENDINGS


def bounds(name_or_path: str | Path, *, margin: float = MARGIN_CELLS) -> Bounds:
    """(west, south, east, north) of a map for a domain, degrees, with a margin in cells of the domain."""
    return domain(name_or_path).box(margin)


@lru_cache
def listed() -> tuple[Listed, ...]:
    """The table, sorted by name; TableError names a row that is no domain."""
    file = tables.path("domains.csv")
    found = [_listed(row, file) for row in tables.rows(file, COLUMNS)]
    return tuple(sorted(found, key=lambda one: one.domain.name.casefold()))


def described(found: Domain, *, margin: float = MARGIN_CELLS) -> dict[str, Any]:
    """What a domain is and which map holds it, as plain values: degrees, kilometres, bytes at one a cell.

    title, source: those of the table, None for a domain that it lacks.
    """
    box = found.box(margin)
    row = next((one for one in listed() if one.domain == found), None)
    west_east, south_north = found.extent
    return {
        "name": found.name,
        "title": row.title if row else None,
        "source": row.source if row else None,
        "grid": "LONLAT REG" if found.projection is None else "CONF PROJ",
        "cells": [found.nx, found.ny],
        "cell": [found.dx, found.dy],
        "size_km": [round(west_east / 1000, 3), round(south_north / 1000, 3)],
        "middle": [found.loncen, found.latcen],
        "projection": None if found.projection is None else vars(found.projection),
        "corners": {name: list(corner) for name, corner in found.corners().items()},
        "margin_cells": margin,
        "box": list(box),
        "maps": [_map(box, per_degree) for per_degree in MAPS_PER_DEGREE],
    }


def _map(box: Bounds, per_degree: int) -> dict[str, Any]:
    """The smallest map of a lattice that holds the box."""
    cells = LatLonGrid.from_bounds(per_degree, box)
    return {
        "per_degree": per_degree,
        "bounds": list(cells.bounds),
        "rows": cells.rows,
        "cols": cells.cols,
        "bytes": cells.rows * cells.cols,
    }


def _listed(row: dict[str, str], file: Path) -> Listed:
    try:
        found = layouts.of_harmonie(row, f"{file.name}: {row['name']}")
    except (ConfigError, GridError) as error:
        raise TableError(str(error)) from error
    return Listed(found, row["title"], row["source"])


def _from_file(path: Path) -> Domain:
    document = _document(path)
    try:
        if path.suffix.lower() == ".json":
            return layouts.of_pysurfex(document, path.stem, str(path))
        return layouts.of_deode(document, path.stem, str(path))
    except GridError as error:
        raise GridError(f"{path}: {error}") from error


def _document(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a domain's .json or .toml") from error
    except (ValueError, RecursionError) as error:
        kind = path.suffix[1:].upper()
        raise ConfigError(f"{path}: is not {kind} ({error}); give a domain's .json or .toml") from error
