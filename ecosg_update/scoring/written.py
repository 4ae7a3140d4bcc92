"""A report of scores as files: all of it as JSON, the figures and the confusions as CSV."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic
from ecosg_update.formats.folder import made
from ecosg_update.scoring.report import Report, Row, Score

SCORES, JSON = "scores.csv", "score.json"
Lines = list[Sequence[object]]


def write(report: Report, folder: Path, about: Mapping[str, Any], *, overwrite: bool = False) -> list[Path]:
    """Write score.json, scores.csv and a confusion_GROUPING_MAP.csv for each confusion of all pixels, all or none.

    The folder is made where it is missing. Raises OutputError for files that exist without `overwrite`, for names of
    maps that would be one file, and what `atomic.parts` refuses.
    """
    tables = {SCORES: _scores(report)}
    for row in report.rows:
        if row.part == report.rows[0].part:
            name = _file_name(row)
            if name in tables:
                raise OutputError(f"{folder / name}: two maps or groupings would be this file; rename a map")
            tables[name] = _confusion(row)
    files = [folder / name for name in (*tables, JSON)]
    with made(folder), atomic.parts(*files, overwrite=overwrite) as parts:
        for part, lines in zip(parts, tables.values(), strict=False):
            with part.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(lines)
        parts[-1].write_text(json.dumps({**about, **report.document()}, indent=1) + "\n", encoding="utf-8")
    return files


def _scores(report: Report) -> Lines:
    """A line a figure, with the interval; class is empty for overall scores, a figure is where not defined."""
    head = ("grouping", "part", "unit", "pixels", "blocks", "map", "class", "name", "score", "value", "low", "high")
    return [head, *(line for row in report.rows for line in _figures(row))]


def _figures(row: Row) -> Iterator[Sequence[object]]:
    where = (row.grouping, " ".join(row.part).strip(), row.unit, row.confusion.total, row.blocks, row.contestant)
    for name, score in row.scores.items():
        yield *where, "", "", name, *_numbers(score)
    legend = row.confusion.legend
    for name, scores in row.classes.items():
        for code, title, score in zip(legend.codes, legend.names, scores, strict=True):
            yield *where, code, title, name, *_numbers(score)


def _numbers(score: Score) -> tuple[object, ...]:
    values = (score.value, score.interval.low, score.interval.high)
    return tuple("" if math.isnan(value) else f"{value:.6g}" for value in values)


def _confusion(row: Row) -> Lines:
    """Rows are the truth, columns what was said; the last column counts pixels for which nothing was said."""
    legend = row.confusion.legend
    head = ["true", "name", *legend.codes, "none"]
    lines = zip(legend.codes, legend.names, row.confusion.counts.tolist(), strict=True)
    return [head, *((code, name, *counts) for code, name, counts in lines)]


def _file_name(row: Row) -> str:
    """confusion_corine-l1_muenster.csv: letters, digits, points and hyphens."""
    return f"confusion_{row.confusion.legend.name}_{re.sub(r'[^A-Za-z0-9.-]+', '-', row.contestant)}.csv"
