"""The index of a training set: one line of CSV a sample, which says where it comes from and what it holds."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ecosg_update.errors import FormatError

SPLITS = ("train", "val", "test")
COLUMNS = (
    "sample", "split", "shard", "source", "level", "block", "country",
    "lon", "lat", "rows", "cols", "weight", "present",
)  # fmt: skip
COUNT = "pixels_"
"""Before the code of a class: the column with its labelled pixels."""


@dataclass(frozen=True)
class Entry:
    """One sample.

    name: unique within the set. shard: the file that holds its pixels. block: the geographic block of its centre,
    what a bootstrap draws. country: "" where it is not known. lon, lat: its centre, degrees. shape: (rows, cols).
    weight: how often to draw it, mean 1 over a split. present: the codes of the classes that occur anywhere in the
    image, None where that is not known. counts: labelled pixels of each class, in the order of the legend.
    """

    name: str
    split: str
    shard: str
    source: str
    level: str
    block: str
    country: str
    lon: float
    lat: float
    shape: tuple[int, int]
    weight: float
    present: tuple[int, ...] | None
    counts: tuple[int, ...]


def write(entries: Iterable[Entry], codes: tuple[int, ...], path: Path) -> None:
    """The index as CSV, a column for each code of the legend."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([*COLUMNS, *(f"{COUNT}{code}" for code in codes)])
        table.writerows(_cells(entry) for entry in entries)


def read(path: Path, codes: tuple[int, ...]) -> tuple[Entry, ...]:
    """What `write` wrote; FormatError for a table that is not one of this legend."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            table = csv.reader(stream)
            head = next(table, [])
            if head != [*COLUMNS, *(f"{COUNT}{code}" for code in codes)]:
                raise FormatError(
                    f"{path}: its columns are not those of the manifest's legend; prepare the set again"
                )
            return tuple(_entry(*cells, codes=codes) for cells in table)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FormatError(f"{path}: is no index of a training set ({error}); prepare the set again") from error


def _cells(entry: Entry) -> list[object]:
    present = "?" if entry.present is None else " ".join(map(str, entry.present))
    place = (f"{entry.lon:.6f}", f"{entry.lat:.6f}", *entry.shape, repr(entry.weight), present)
    origin = (entry.shard, entry.source, entry.level, entry.block, entry.country)
    return [entry.name, entry.split, *origin, *place, *entry.counts]


def _entry(*cells: str, codes: tuple[int, ...]) -> Entry:
    """The entry of a line; ValueError for one of another length."""
    name, split, shard, source, level, block, country, lon, lat, rows, cols, weight, present, *counts = cells
    if len(counts) != len(codes):
        raise ValueError(f"line of {name}: {len(counts)} counts of {len(codes)}")
    return Entry(
        name, split, shard, source, level, block, country, float(lon), float(lat), (int(rows), int(cols)),
        float(weight), None if present == "?" else tuple(map(int, present.split())), tuple(map(int, counts)),
    )  # fmt: skip
