"""The tables that a scientist edits: legends and crosswalks as CSV, read into nouns that check themselves."""

from __future__ import annotations

import csv
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import TableError
from ecosg_update.layers import Crosswalk
from ecosg_update.legend import Colour, Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEGEND_COLUMNS = ("code", "name", "colour", "group", "priority", "source")
CROSSWALK_COLUMNS = (
    "source", "zone", "target", "weight", "inherit", "neighbours", "condition", "confidence", "reference",
)  # fmt: skip
EVERYWHERE = "*"
DEFAULT_ZONE = "temperate"
GRID_CODE = "grid_code"
_RULES = ("group", "family", "form", "cover")


def path(*parts: str) -> Path:
    """A file of the tables: those of the installed wheel, else those of the source tree."""
    package = Path(__file__).resolve().parent
    shipped = package / "_tables"
    return (shipped if shipped.is_dir() else package.parent / "tables").joinpath(*parts)


def legend_names() -> tuple[str, ...]:
    """The legends that exist, by name."""
    return tuple(sorted(file.stem for file in path("legends").glob("*.csv") if file.stem != "no_data"))


def crosswalk_names() -> tuple[tuple[str, str], ...]:
    """The crosswalks that exist, as (source legend, target legend)."""
    pairs = (file.stem.split("--") for file in sorted(path("crosswalks").glob("*--*.csv")))
    return tuple((source, target) for source, target in pairs)


@lru_cache
def legend(name: str) -> Legend:
    """A legend by name; TableError lists the legends that exist."""
    if name not in legend_names():
        raise TableError(f"legend: {name!r} does not exist, found {', '.join(legend_names())}")
    file = path("legends", f"{name}.csv")
    lines = rows(file, LEGEND_COLUMNS)
    further = [column for column in lines[0] if column not in LEGEND_COLUMNS]
    return Legend(
        name=name,
        codes=tuple(_integer(row, "code", file) for row in lines),
        names=tuple(row["name"] for row in lines),
        colours=tuple(_colour(row["colour"], file) for row in lines),
        group=tuple(row["group"] for row in lines),
        priority=tuple(_integer(row, "priority", file) for row in lines),
        columns={column: tuple(row[column] for row in lines) for column in further},
    )


@lru_cache
def crosswalk(source: str, target: str = "ecosg") -> Crosswalk:
    """The crosswalk between two legends; TableError where there is none or where rows do not sum to 1."""
    if (source, target) not in crosswalk_names():
        found = ", ".join(f"{one} to {other}" for one, other in crosswalk_names())
        raise TableError(f"crosswalk: none from {source!r} to {target!r}, found {found}")
    file = path("crosswalks", f"{source}--{target}.csv")
    lines = rows(file, CROSSWALK_COLUMNS)
    return _crosswalk(lines, legend(source), legend(target), file)


def crosswalk_file(file: Path) -> Crosswalk:
    """The crosswalk of a table anywhere, named as those of the tables: SOURCE--TARGET.csv; raises as `crosswalk`."""
    source, between, target = file.stem.partition("--")
    if not between:
        raise TableError(f"{file}: the name must say from which legend to which: SOURCE--TARGET.csv; rename it")
    return _crosswalk(rows(file, CROSSWALK_COLUMNS), legend(source), legend(target), file)


def table(name: str) -> list[dict[str, str]]:
    """The rows of a table as text: a legend by its name, a crosswalk as "source--target"."""
    for folder in ("legends", "crosswalks"):
        file = path(folder, f"{name}.csv")
        if file.parent == path(folder) and file.is_file():
            return rows(file, ())
    known = [*legend_names(), *("--".join(pair) for pair in crosswalk_names())]
    raise TableError(f"table: {name!r} does not exist, found {', '.join(known)}")


def _crosswalk(lines: list[dict[str, str]], source: Legend, target: Legend, file: Path) -> Crosswalk:
    others = sorted({row["zone"] for row in lines} - {EVERYWHERE, DEFAULT_ZONE})
    zones = (DEFAULT_ZONE, *others)
    weights = np.zeros((len(zones), len(source), len(target)), np.float32)
    inherit = [["cover"] * len(source) for _ in zones]
    neighbours = [["cover"] * len(source) for _ in zones]
    for number, zone in enumerate(zones):
        for row in _rows_of_zone(lines, zone):
            if row["inherit"] not in _RULES or row["neighbours"] not in _RULES:
                raise TableError(f"{file.name}: inherit and neighbours of {row['source']} must be of {_RULES}")
            at = source.index(_integer(row, "source", file))
            weights[number, at, target.index(_integer(row, "target", file))] += _weight(row, file)
            inherit[number][at], neighbours[number][at] = row["inherit"], row["neighbours"]
    short = np.argwhere(np.abs(weights.sum(axis=2) - 1) > 1e-6)
    if short.size:
        zone_at, class_at = short[0]
        raise TableError(
            f"{file.name}: weights of class {source.codes[class_at]} in zone {zones[zone_at]} sum to "
            f"{weights[zone_at, class_at].sum():.4g}, expected 1"
        )
    return Crosswalk(source, target, zones, weights, tuple(map(tuple, inherit)), tuple(map(tuple, neighbours)))


def _rows_of_zone(lines: list[dict[str, str]], zone: str) -> list[dict[str, str]]:
    """A zone's own rows, and the rows of everywhere for the classes that it does not name."""
    own = [row for row in lines if row["zone"] == zone]
    named = {row["source"] for row in own}
    return own + [row for row in lines if row["zone"] == EVERYWHERE and row["source"] not in named]


def code_rows(legend_: Legend, codes: NDArray[np.integer], extra_no_data: int | None = None) -> NDArray[np.int16]:
    """A lookup from the codes of a raster to the legend's array rows, -1 for no data.

    codes: the distinct values of the raster (any integer type). A CORINE level-3 raster may hold three-digit
    codes (111..523) or the grid codes 1..44 of the official files: values all below 100 are grid codes.
    extra_no_data: the value that the raster itself declares. Returns int16 (max code + 1,), indexed by the code.
    Raises TableError for a code that is neither a class nor a documented no-data value.
    """
    found = {int(code) for code in np.unique(codes)}
    empty = {0, *no_data_codes(legend_.name)} | ({extra_no_data} if extra_no_data is not None else set())
    used = sorted(found - empty)
    row_of = dict(zip(legend_.codes, range(len(legend_)), strict=True))
    if GRID_CODE in legend_.columns and used and max(used) < 100:
        row_of = {int(code): row for row, code in enumerate(legend_.columns[GRID_CODE])}
    unknown = [code for code in used if code not in row_of]
    if unknown:
        raise TableError(
            f"raster: codes {unknown[:8]} are no classes of {legend_.name}; name the right legend or recode them"
        )
    lookup = np.full(max([*found, 0]) + 1, -1, np.int16)
    for code in used:
        lookup[code] = row_of[code]
    return lookup


@lru_cache
def no_data_codes(name: str) -> tuple[int, ...]:
    """The codes that mean no data in the published rasters of a legend, 0 apart."""
    file = path("legends", "no_data.csv")
    lines = rows(file, ("legend", "code", "meaning", "source"))
    return tuple(_integer(row, "code", file) for row in lines if row["legend"] == name)


def checksums() -> dict[str, str]:
    """The sha256 of every table, by its path below `tables/`: for the manifest."""
    files = sorted(path().rglob("*.csv"))
    return {file.relative_to(path()).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def rows(file: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The lines of a CSV table as dictionaries; TableError where a column or every line is missing."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(
            f"{file.name}: cannot be read as a UTF-8 table ({error}); reinstall or restore it"
        ) from error
    missing = [column for column in columns if not lines or column not in lines[0]]
    if missing or not lines:
        raise TableError(f"{file.name}: columns {', '.join(missing) or '(all)'} are missing or the table is empty")
    ragged = [number for number, row in enumerate(lines, start=2) if None in row or None in row.values()]
    if ragged:
        raise TableError(f"{file.name}: line {ragged[0]} has another number of fields than the header")
    return lines


def _integer(row: dict[str, str], column: str, file: Path) -> int:
    try:
        return int(row[column])
    except ValueError as error:
        raise TableError(f"{file.name}: {column} {row[column]!r} is not a whole number") from error


def _weight(row: dict[str, str], file: Path) -> float:
    try:
        weight = float(row["weight"])
    except ValueError as error:
        raise TableError(f"{file.name}: weight {row['weight']!r} is not a number") from error
    if not 0 < weight <= 1:
        raise TableError(f"{file.name}: weight {weight} of class {row['source']} is not in 0..1")
    return weight


def _colour(text: str, file: Path) -> Colour:
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError as error:
        raise TableError(f"{file.name}: colour {text!r} is not #rrggbb") from error
    return red, green, blue
