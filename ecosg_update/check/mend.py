"""A corrected pair, where what was meant is beyond doubt; what is not is left to a person, never guessed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.check.blocks import rows_at
from ecosg_update.check.byte_rules import byte_faults
from ecosg_update.check.census import COVERS, Census
from ecosg_update.check.geometry import Geometry, lattices, swapped
from ecosg_update.check.geometry_rules import geometry_faults
from ecosg_update.check.header_rules import header_faults
from ecosg_update.check.sheet import Sheet
from ecosg_update.check.size import other_shapes
from ecosg_update.errors import FormatError
from ecosg_update.fault import Fault, Severity
from ecosg_update.formats import atomic, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

TITLE = "ECOCLIMAP-SG cover"
"""Of a map whose header had none."""

BLOCK_BYTES = 16_000_000
"""Written at a time."""


@dataclass(frozen=True)
class Finds:
    """What a check found of one map, as far as a repair needs it.

    upside_down: the base proves that the first row is the southernmost (True) or the northernmost (False); None: no
    base, or it does not tell. rules: the names of all faults that were found.
    """

    sheet: Sheet
    found: Geometry
    size: int
    seen: Census
    upside_down: bool | None
    rules: frozenset[str]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to write. codes: uint8 (256,), the new byte of each old one; turned: rows are written from the last on.

    left: the faults that the written pair will have; nothing may be written while one of them is an error.
    """

    header: Header
    codes: NDArray[np.uint8]
    turned: bool
    changes: tuple[str, ...]
    left: tuple[Fault, ...]


def plan(finds: Finds, name: str) -> Plan | list[Fault]:
    """How to correct a map that lands as `name`.dir, or the errors that only a person can settle."""
    grid, exchanged = _grid(finds)
    stuck = _stuck(finds, grid, exchanged=exchanged)
    if stuck or grid is None:
        return stuck
    nodata = _nodata(finds)
    turned = finds.sheet.meant["north"] < finds.sheet.meant["south"]
    turned = turned if finds.upside_down is None else finds.upside_down
    made = Header(_title(finds.sheet), grid)
    codes = np.arange(256, dtype=np.uint8)
    if nodata not in COVERS and nodata in range(256):
        codes[int(nodata)] = 0
    changes = [*_header_changes(finds.sheet, made), *_byte_changes(finds, codes)]
    changes += ["rows and cols exchanged in the header"] * exchanged
    changes += ["rows turned over, the northernmost is first now"] * turned
    return Plan(made, codes, turned, tuple(changes), tuple(_left(finds, made, codes, nodata, name)))


def mend(plan_: Plan, source: Path, data: Path, text: Path, *, progress: Progress = silent) -> None:
    """Fill two new files with the corrected bytes and header; who claimed them with `atomic.parts` makes them land.

    Raises FormatError where the source shrinks meanwhile, OSError where the disk is full.
    """
    grid = plan_.header.grid
    # only the counts matter here: where bytes lie, not what they mean
    shape = Geometry(grid.north, grid.south, grid.west, grid.east, grid.rows, grid.cols)
    height = max(1, BLOCK_BYTES // grid.cols)
    with data.open("r+b", buffering=0) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, grid.rows * grid.cols)
        for top in range(0, grid.rows, height):
            count = min(height, grid.rows - top)
            start = grid.rows - top - count if plan_.turned else top
            rows = plan_.codes[rows_at(source, shape, start, count)]
            rows = np.ascontiguousarray(rows[::-1]) if plan_.turned else rows
            atomic.fill(file.fileno(), rows.data)
            progress("writing", top + count, grid.rows)
    text.write_text(header.text(plan_.header), encoding="ascii", newline="\n")


def _grid(finds: Finds) -> tuple[LatLonGrid | None, bool]:
    """The one lattice window that the header means, and whether rows and columns had to be exchanged for it."""
    exchanged = "rows-cols-swapped" in finds.rules
    found = swapped(finds.found) if exchanged else finds.found
    fits = lattices(found, finds.sheet.keys)
    return (fits[0].grid if len(fits) == 1 else None), exchanged


def _stuck(finds: Finds, grid: LatLonGrid | None, *, exchanged: bool) -> list[Fault]:
    """Why nothing can be written at all."""
    cells = finds.found.rows * finds.found.cols
    reasons = []
    if grid is None:
        reasons.append(
            "rows and columns fit the edges neither way round"
            if exchanged
            else "the edges fit no lattice of 1/N degree, or several"
        )
    if finds.sheet.width != 8 and finds.size != cells:
        reasons.append(f"pixels of {finds.sheet.width} bits")
    if finds.size < cells:
        reasons.append("bytes are missing")
    elif finds.size != cells and other_shapes(finds.found, finds.size):
        reasons.append("the size is another map's")
    if "patch-unfinished" in finds.rules:
        reasons.append("a patch in place is unfinished")
    if finds.rules & {"cols-east-first", "rows-cols-reversed"}:
        reasons.append("columns run from the east")
    for key in ("fact", "compress"):
        if key in finds.rules and finds.size != cells:
            reasons.append(f"{key} on a file of another size")
    return [
        Fault(
            Severity.ERROR,
            "unfixable",
            finds.sheet.name,
            reason,
            "the map cannot be corrected without knowing more",
            "settle this by hand",
        )
        for reason in reasons
    ]


def _nodata(finds: Finds) -> float:
    """The value that means no data: the header's, else what no cover can be."""
    given = finds.sheet.meant.get("nodata")
    if given is not None:
        return given
    return 255 if finds.seen.counts[255] and not finds.seen.counts[0] else 0


def _left(finds: Finds, made: Header, codes: NDArray[np.uint8], nodata: float, name: str) -> list[Fault]:
    """The faults of the pair that would be written, foretold from what was counted."""
    sheet = Sheet.of(header.text(made).encode(), f"{name}.hdr")
    counts = np.zeros(256, np.int64)
    np.add.at(counts, codes, finds.seen.counts)
    first = {int(codes[code]): place for code, place in finds.seen.first.items()}
    meaning = nodata if nodata in COVERS and finds.seen.counts[int(nodata)] else 0
    seen = replace(finds.seen, counts=counts, first=first)
    faults = byte_faults(f"{name}.dir", finds.found, meaning, seen)
    return [*header_faults(sheet), *geometry_faults(sheet), *faults]


def _title(sheet: Sheet) -> str:
    """The title as it was, where line 1 holds one that can stand."""
    if sheet.is_foreign or any(entry.line == 1 for entry in sheet.entries) or not sheet.lines:
        return TITLE
    plain = "".join(c if c.isascii() and c.isprintable() else " " for c in sheet.lines[0])
    title = " ".join(plain.split())[: header.LINE_LENGTH]
    try:
        header.check_title(title)
    except FormatError:
        return TITLE
    return title


def _header_changes(sheet: Sheet, made: Header) -> list[str]:
    """What of the header's text changes, line by line."""
    old = [" ".join(line.split()) for line in sheet.lines]
    new = header.text(made).splitlines()
    gone = [f"header: removed {line!r}" for line in old if line and line not in new]
    come = [f"header: wrote {line!r}" for line in new if line not in old]
    if not gone and not come and header.text(made).encode() != sheet.content:
        return ["header: line ends, blanks or the order of lines"]
    return [*gone, *come]


def _byte_changes(finds: Finds, codes: NDArray[np.uint8]) -> list[str]:
    moved: Mapping[int, int] = {code: int(codes[code]) for code in range(256) if codes[code] != code}
    changes = [
        f"bytes: {int(finds.seen.counts[old]):,} cells of {old} became {new}"
        for old, new in moved.items()
        if finds.seen.counts[old]
    ]
    extra = finds.size - finds.found.rows * finds.found.cols
    return [*changes, *([f"bytes: {extra:,} beyond the last row cut off"] if extra > 0 else [])]
