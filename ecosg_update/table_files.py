"""Where the tables lie: those that ship, and over them a folder of the user's own.

The user's folder has the rooms of `tables/`: legends/NAME.csv, crosswalks/SOURCE--TARGET.csv,
crosswalks/SOURCE--TARGET.fractional.csv and groupings/SOURCE--TARGET.csv. Which folder holds is a property of the
process, so that worker threads and child processes see the same tables: the environment variable `VARIABLE` names
it, and `overlaid` sets that for as long as a run lasts.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ecosg_update.errors import ConfigError, TableError

VARIABLE = "ECOSG_UPDATE_TABLES"
ROOMS = ("legends", "crosswalks", "groupings")
"""What a user may bring; the other tables (parameters, domains, spectra) belong to the code that reads them."""

FIXED = "legends/ecosg.csv"
"""The covers are those of SURFEX: no folder replaces them."""

NO_DATA = "no_data"
"""The table of codes without data lies among the legends and is none."""

FRACTIONAL = ".fractional"


def shipped(*parts: str) -> Path:
    """A file of the tables of the installed wheel, else of the source tree."""
    package = Path(__file__).resolve().parent
    within = package / "_tables"
    return (within if within.is_dir() else package.parent / "tables").joinpath(*parts)


def folder() -> Path | None:
    """The user's folder of tables, None without one; ConfigError where it is none, TableError for a stray table."""
    name = os.environ.get(VARIABLE)
    return _examined(Path(name)) if name else None


@contextmanager
def overlaid(own: Path | None) -> Iterator[None]:
    """The tables with those of a folder over them, for this process and its children; None changes nothing."""
    if own is None:
        yield
        return
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(own)
    _examined.cache_clear()
    try:
        folder()
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def path(*parts: str) -> Path:
    """A file of the tables: the user's where there is one, else the one that ships."""
    return next(iter(layers(*parts)), shipped(*parts))


def layers(*parts: str) -> list[Path]:
    """The files that exist by that name, the user's before the one that ships."""
    own = folder() if parts and parts[0] in ROOMS else None
    places = [] if own is None else [own.joinpath(*parts)]
    return [file for file in (*places, shipped(*parts)) if file.is_file()]


def names(room: str) -> tuple[str, ...]:
    """The tables of a room without their ending, the user's among them, sorted."""
    own = folder()
    rooms = [shipped(room)] if own is None else [shipped(room), own / room]
    return tuple(sorted({file.stem for place in rooms for file in place.glob("*.csv") if file.stem != NO_DATA}))


def stamps(files: Iterable[Path]) -> tuple[tuple[Path, int], ...]:
    """The files with the times of their last change: what a cache of what they hold is keyed by."""
    return tuple((file, file.stat().st_mtime_ns) for file in files)


def checksums() -> dict[str, str]:
    """The sha256 of every table that counts, for the manifest.

    A table that ships goes by its path below `tables/`, one of the user's by its whole path. Rows of a crosswalk that
    ships fill up the user's, so that one stays; a legend or grouping that is replaced is left out.
    """
    files = {file.relative_to(shipped()).as_posix(): file for file in sorted(shipped().rglob("*.csv"))}
    own = folder()
    if own is not None:
        for file in _own_tables(own):
            inside = file.relative_to(own).as_posix()
            if not inside.startswith("crosswalks/") and file.stem != NO_DATA:
                files.pop(inside, None)
            files[file.as_posix()] = file
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()}


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


def _own_tables(own: Path) -> list[Path]:
    return sorted(file for room in ROOMS for file in (own / room).glob("*.csv"))


@lru_cache(maxsize=16)
def _examined(own: Path) -> Path:
    if not own.is_dir():
        raise ConfigError(f"{own}: is no folder of tables; give one that holds {', '.join(ROOMS)} ({VARIABLE})")
    tables = _own_tables(own)
    strays = sorted(own.glob("*.csv"))
    if strays:
        raise TableError(f"{strays[0]}: lies in no room of the tables; move it to {' or '.join(ROOMS)} in {own}")
    if not tables:
        raise TableError(f"{own}: holds no table, expected legends/NAME.csv or crosswalks/SOURCE--TARGET.csv")
    if own / FIXED in tables:
        raise TableError(
            f"{own / FIXED}: the covers are those of SURFEX; remove it, and change the crosswalk instead"
        )
    unpaired = [file for file in tables if file.parent.name != "legends" and file.stem.count("--") != 1]
    if unpaired:
        raise TableError(f"{unpaired[0]}: its name does not say from where to where; call it SOURCE--TARGET.csv")
    return own
