"""The tables of an inspection: sites, strata, what was asked for, and the verdicts that experts bring back."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update.errors import FormatError, TableError
from ecosg_update.inspection.draw import Site
from ecosg_update.legend import Legend
from ecosg_update.tables import rows

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SITES, STRATA, DESIGN, PAGE = "sites.csv", "strata.csv", "design.json", "inspect.html"
"""The files of an inspection's folder."""

SITE_COLUMNS = (
    "id", "lon", "lat", "row", "col", "cell_km2", "stratum", "stratum_cells", "stratum_km2", "sampled", "probability",
    "cover", "base", "confidence", "reason",
)  # fmt: skip
VERDICT_COLUMNS = ("id", "verdict", "second", "comment", "expert", "time", "blind")
CANNOT_TELL = 0
"""The code of a verdict that is none: no data in every legend."""


@dataclass(frozen=True)
class Stratum:
    """A stratum of an inspection: its cells, their area in km2, and how many were drawn."""

    stratum: str
    cells: int
    km2: float
    sampled: int


@dataclass(frozen=True)
class Verdict:
    """What an expert saw at a site.

    verdict: a code of the legend, `CANNOT_TELL` for none. second: another that may hold as well, 0 for none. blind:
    whether it was given before the map's own class was shown.
    """

    id: str
    verdict: int
    second: int = 0
    comment: str = ""
    expert: str = ""
    time: str = ""
    blind: bool = True


def site_table(sites: Iterable[Site]) -> str:
    """`sites.csv`; every figure is written so that it is read back the same."""
    return _table(SITE_COLUMNS, ([_cell(getattr(site, name)) for name in SITE_COLUMNS] for site in sites))


def read_sites(file: Path) -> tuple[Site, ...]:
    """The sites of a `sites.csv`; TableError for one that is damaged or holds a site twice."""
    found = []
    for line in rows(file, SITE_COLUMNS):
        values: dict[str, Any] = {one.name: _value(line[one.name], str(one.type), file) for one in fields(Site)}
        found.append(Site(**values))
    _check_once([site.id for site in found], file)
    return tuple(found)


def stratum_table(strata: Iterable[Stratum]) -> str:
    """`strata.csv`."""
    return _table(_names(Stratum), ([_cell(value) for value in asdict(one).values()] for one in strata))


def read_strata(file: Path) -> tuple[Stratum, ...]:
    """The strata of a `strata.csv`; TableError for one that is damaged or holds a stratum twice."""
    found = []
    for line in rows(file, _names(Stratum)):
        values: dict[str, Any] = {one.name: _value(line[one.name], str(one.type), file) for one in fields(Stratum)}
        found.append(Stratum(**values))
    _check_once([one.stratum for one in found], file)
    return tuple(found)


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """`verdicts.csv`, as the page of an inspection saves it."""
    lines = (
        [one.id, str(one.verdict), _cell(one.second or ""), one.comment, one.expert, one.time, _yes(one.blind)]
        for one in verdicts
    )
    return _table(VERDICT_COLUMNS, lines)


def read_verdicts(file: Path, legend: Legend, known: Sequence[str]) -> tuple[Verdict, ...]:
    """The verdicts of a `verdicts.csv`, sites without one left out. known: the sites that there are.

    Only the columns id and verdict are needed; a spreadsheet may have added others. Raises TableError for a site that
    is unknown or stands twice, for a code that is no class, and where no line holds a verdict.
    """
    if not file.is_file():
        raise TableError(f"{file}: is no file; give the verdicts.csv that the inspection's page saved")
    found, sites = [], set(known)
    for number, line in enumerate(rows(file, ("id", "verdict")), start=2):
        where = f"{file}: line {number}"
        if line["id"] not in sites:
            raise TableError(
                f"{where}: site {line['id']!r} was not drawn; give the folder that these verdicts are of"
            )
        if line["verdict"].strip():
            code = _code(line["verdict"], legend, f"{where}: verdict")
            second = _code(line.get("second") or "0", legend, f"{where}: second choice")
            kept = {name: line.get(name) or "" for name in ("comment", "expert", "time")}
            found.append(Verdict(line["id"], code, second, **kept, blind=line.get("blind") != "no"))
    _check_once([one.id for one in found], file)
    if not found:
        raise TableError(f"{file}: no line holds a verdict; judge some sites and save again")
    return tuple(found)


def read_design(file: Path) -> dict[str, Any]:
    """What was asked for (`design.json`); FormatError where it is absent or damaged."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{file}: cannot be read ({error.strerror}); give the folder of an inspection") from error
    except ValueError as error:
        raise FormatError(f"{file}: is no JSON ({error}); draw the inspection again, with the same seed") from error
    if not isinstance(found, dict) or "legend" not in found:
        raise FormatError(f"{file}: says nothing of a legend; draw the inspection again, with the same seed")
    return found


def _code(text: str, legend: Legend, what: str) -> int:
    """A class of the legend, or `CANNOT_TELL`; spreadsheets write 17 as 17.0."""
    try:
        code = float(text)
    except ValueError:
        code = -1.0
    if code != CANNOT_TELL and code not in legend.codes:
        raise TableError(
            f"{what} {text!r} is no class of {legend.name}, expected a code or {CANNOT_TELL}: cannot tell"
        )
    return int(code)


def _cell(value: Any) -> str:
    """A value as text: the shortest that gives the same number again, nothing for nan."""
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _value(text: str, kind: str, file: Path) -> Any:
    if kind == "str":
        return text
    try:
        return int(text) if kind == "int" else float(text or "nan")
    except ValueError as error:
        raise TableError(f"{file}: found {text!r}, expected a number; draw the inspection again") from error


def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(lines)
    return stream.getvalue()


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _check_once(names: Sequence[str], file: Path) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"{file}: {twice[0]!r} stands twice; keep one line for it")
