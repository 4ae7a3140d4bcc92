"""The tables that a scientist edits: legends and crosswalks as CSV, read into nouns that check themselves."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecosg_update.errors import TableError
from ecosg_update.layers import Crosswalk
from ecosg_update.legend import Colour, Legend
from ecosg_update.table_files import (
    FRACTIONAL,
    NO_DATA,
    checksums,
    folder,
    layers,
    names,
    overlaid,
    path,
    rows,
    stamps,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checksums", "overlaid", "path", "rows"]

LEGEND_COLUMNS = ("code", "name", "colour", "group", "priority", "source")
CROSSWALK_COLUMNS = (
    "source", "zone", "target", "weight", "inherit", "neighbours", "condition", "confidence", "reference",
)  # fmt: skip
NO_DATA_COLUMNS = ("legend", "code", "meaning", "source")
EVERYWHERE = "*"
DEFAULT_ZONE = "temperate"
GRID_CODE = "grid_code"
RULES = ("group", "family", "form", "cover")

Form = Literal["hard", "fractional"]
"""hard: the one cover that stands best for a class. fractional: its mixture, where a source gives one; a class
without fractional rows is as in the hard table."""

FORMS: tuple[Form, ...] = ("hard", "fractional")
DEFAULT_FORM: Form = "hard"

Rows = list[dict[str, str]]


def legend_names() -> tuple[str, ...]:
    """The legends that exist, by name."""
    return names("legends")


def crosswalk_names() -> tuple[tuple[str, str], ...]:
    """The crosswalks that exist, as (source legend, target legend)."""
    pairs = (stem.split("--") for stem in names("crosswalks") if not stem.endswith(FRACTIONAL))
    return tuple((source, target) for source, target in pairs)


def table_names() -> tuple[str, ...]:
    """Every crosswalk table by its name, hard and fractional."""
    return names("crosswalks")


def legend(name: str) -> Legend:
    """A legend by name; TableError lists the legends that exist."""
    return _legend(name, *stamps(_legend_files(name)[:1]))


def crosswalk(source: str, target: str = "ecosg", *, form: Form = DEFAULT_FORM) -> Crosswalk:
    """The crosswalk between two legends; TableError where there is none or where rows do not sum to 1."""
    return _crosswalk(legend(source), legend(target), stamps(_files(source, target, form)))


def crosswalk_file(file: Path) -> Crosswalk:
    """The crosswalk of a table anywhere, named as those of the tables: SOURCE--TARGET.csv; raises as `crosswalk`."""
    source, between, target = file.stem.partition("--")
    if not between:
        raise TableError(f"{file}: the name must say from which legend to which: SOURCE--TARGET.csv; rename it")
    rows(file, CROSSWALK_COLUMNS)  # says what is wrong with a file that cannot be read
    return _crosswalk(legend(source), legend(target), stamps([file]))


def crosswalk_rows(source: str, target: str = "ecosg", *, form: Form = DEFAULT_FORM) -> Rows:
    """The rows that hold in at least one zone; in the order of the source legend where several tables give them."""
    found = stack(source, target, form=form)
    if len(found) == 1:
        return found[0]
    held = {id(row) for zone in zones_of(found) for row in rows_of_zone(found, zone)}
    order = {str(code): at for at, code in enumerate(legend(source).codes)}
    kept = [row for lines in found for row in lines if id(row) in held]
    return sorted(kept, key=lambda row: order.get(row["source"], len(order)))


def table(name: str) -> Rows:
    """The rows of a table as text: a legend by its name, a crosswalk as "source--target", also with ".fractional"."""
    if name in legend_names():
        return rows(_legend_files(name)[0], LEGEND_COLUMNS)
    if name in table_names():
        source, target = name.removesuffix(FRACTIONAL).split("--")
        return crosswalk_rows(source, target, form="fractional" if name.endswith(FRACTIONAL) else "hard")
    raise TableError(f"table: {name!r} does not exist, found {', '.join([*legend_names(), *table_names()])}")


def stack(source: str, target: str = "ecosg", *, form: Form = DEFAULT_FORM) -> list[Rows]:
    """The tables of a crosswalk, the strongest first: the user's before those that ship, fractional before hard."""
    return [rows(file, CROSSWALK_COLUMNS) for file in _files(source, target, form)]


def zones_of(tables: list[Rows]) -> tuple[str, ...]:
    """The zones that a stack of tables names, the default first."""
    named = {row["zone"] for lines in tables for row in lines} - {EVERYWHERE, DEFAULT_ZONE}
    return (DEFAULT_ZONE, *sorted(named))


def rows_of_zone(tables: list[Rows], zone: str) -> Rows:
    """The rows that hold in a zone: for each class, those of the first table that says something of it there.

    In a table the zone's own rows stand before those of everywhere. So a table of a few rows changes these classes
    and leaves the others to the tables below it.
    """
    found: Rows = []
    for lines in tables:
        for place in (zone, EVERYWHERE):
            named = {row["source"] for row in found}
            found += [row for row in lines if row["zone"] == place and row["source"] not in named]
    return found


def _legend_files(name: str) -> list[Path]:
    files = layers("legends", f"{name}.csv") if Path(name).name == name != NO_DATA else []
    if not files:
        raise TableError(f"legend: {name!r} does not exist, found {', '.join(legend_names())}")
    return files


def _files(source: str, target: str, form: Form) -> list[Path]:
    if (source, target) not in crosswalk_names():
        found = ", ".join(f"{one} to {other}" for one, other in crosswalk_names())
        raise TableError(f"crosswalk: none from {source!r} to {target!r}, found {found}")
    if form not in FORMS:
        raise TableError(f"crosswalk: found form {form!r}, expected {' or '.join(FORMS)}")
    hard = layers("crosswalks", f"{source}--{target}.csv")
    mixed = layers("crosswalks", f"{source}--{target}{FRACTIONAL}.csv") if form == "fractional" else []
    own = folder()
    return sorted([*mixed, *hard], key=lambda file: own is None or own not in file.parents)


@lru_cache(maxsize=64)
def _legend(name: str, stamp: tuple[Path, int]) -> Legend:
    file, _ = stamp
    lines = rows(file, LEGEND_COLUMNS)
    further = [column for column in lines[0] if column not in LEGEND_COLUMNS]
    return Legend(
        name=name,
        codes=tuple(_integer(row, "code", file) for row in lines),
        names=tuple(row["name"] for row in lines),
        colours=tuple(colour(row["colour"], file) for row in lines),
        group=tuple(row["group"] for row in lines),
        priority=tuple(_integer(row, "priority", file) for row in lines),
        columns={column: tuple(row[column] for row in lines) for column in further},
    )


@lru_cache(maxsize=64)
def _crosswalk(source: Legend, target: Legend, stamped: tuple[tuple[Path, int], ...]) -> Crosswalk:
    found = [rows(file, CROSSWALK_COLUMNS) for file, _ in stamped]
    file, zones = stamped[0][0], zones_of(found)
    weights = np.zeros((len(zones), len(source), len(target)), np.float32)
    inherit = [["cover"] * len(source) for _ in zones]
    neighbours = [["cover"] * len(source) for _ in zones]
    for number, zone in enumerate(zones):
        for row in rows_of_zone(found, zone):
            if row["inherit"] not in RULES or row["neighbours"] not in RULES:
                raise TableError(f"{file.name}: inherit and neighbours of {row['source']} must be of {RULES}")
            at = source.index(_integer(row, "source", file))
            weights[number, at, target.index(_integer(row, "target", file))] += weight(row, file)
            inherit[number][at], neighbours[number][at] = row["inherit"], row["neighbours"]
    short = np.argwhere(np.abs(weights.sum(axis=2) - 1) > 1e-6)
    if short.size:
        zone_at, class_at = short[0]
        raise TableError(
            f"{file.name}: weights of class {source.codes[class_at]} in zone {zones[zone_at]} sum to "
            f"{weights[zone_at, class_at].sum():.4g}, expected 1"
        )
    return Crosswalk(source, target, zones, weights, tuple(map(tuple, inherit)), tuple(map(tuple, neighbours)))


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


def no_data_codes(name: str) -> tuple[int, ...]:
    """The codes that mean no data in the published rasters of a legend, 0 apart; a user's table adds to them."""
    files = layers("legends", f"{NO_DATA}.csv")
    found = {
        _integer(row, "code", file) for file in files for row in rows(file, NO_DATA_COLUMNS) if row["legend"] == name
    }
    return tuple(sorted(found))


def _integer(row: dict[str, str], column: str, file: Path) -> int:
    try:
        return int(row[column])
    except ValueError as error:
        raise TableError(f"{file.name}: {column} {row[column]!r} is not a whole number") from error


def weight(row: dict[str, str], file: Path) -> float:
    """The share of a row, in 0..1; TableError for another."""
    try:
        weight = float(row["weight"])
    except ValueError as error:
        raise TableError(f"{file.name}: weight {row['weight']!r} is not a number") from error
    if not 0 < weight <= 1:
        raise TableError(f"{file.name}: weight {weight} of class {row['source']} is not in 0..1")
    return weight


def colour(text: str, file: Path) -> Colour:
    """The red, green and blue of #rrggbb; TableError for another text."""
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError as error:
        raise TableError(f"{file.name}: colour {text!r} is not #rrggbb") from error
    return red, green, blue
