"""Which way round the bytes lie: evidence from the map itself and from the map that it renews."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.check.geometry import Geometry, swapped
from ecosg_update.fault import Fault, Severity
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_ROWS, SAMPLE_COLS = 300, 400
"""Pixels that are compared with the base: spread over the map, the same from each side."""

PAIRS = 400_000
"""Neighbours, one row apart, that are compared for a length of a row."""

BETTER = 0.5
"""Another reading is believed if it leaves less than half the disagreement ..."""

CLEAR = 0.02
"""... and agrees in at least so much more of the pixels; a map that looks the same both ways is no evidence."""

SQUARE, OBLONG = 1e-3, 1e-2
"""Relative difference of a pixel's sides: below the one it is square, above the other it is not."""

FEWEST = 200
"""Pixels to compare; fewer are no evidence."""


def shape_faults(path: Path, found: Geometry) -> list[Fault]:
    """Rows and columns exchanged: neighbours one row apart are alike in any map, if the row has its right length.

    Either the edges say so (pixels are square only the other way) and the bytes do not object, or the bytes do.
    """
    if found.rows == found.cols or path.stat().st_size < found.rows * found.cols:
        return []
    as_is, other = (unlike(path, length, found.rows * found.cols) for length in (found.cols, found.rows))
    bytes_say, bytes_object = _beats(1 - other, 1 - as_is), _beats(1 - as_is, 1 - other)
    turned = swapped(found)
    edges_say = abs(turned.wide / turned.high - 1) < SQUARE and abs(found.wide / found.high - 1) > OBLONG
    if not bytes_say and (not edges_say or bytes_object):
        return []
    evidence = (
        f"rows of {found.rows} bytes fit the map better: {other:.0%} of neighbours differ, not {as_is:.0%}"
        if bytes_say
        else f"pixels would be {found.wide:.6g} degrees wide and {found.high:.6g} high, square the other way"
    )
    return [
        Fault(
            Severity.ERROR,
            "rows-cols-swapped",
            path.name,
            f"{found.rows} rows and {found.cols} cols seem exchanged: {evidence}",
            "SURFEX reads rows of the wrong length: a scrambled map",
            "exchange the two numbers, or write the bytes row after row",
        )
    ]


def base_faults(path: Path, found: Geometry, base: Path) -> list[Fault]:
    """The map upside down or back to front against the map that it renews, where both hold data.

    Raises FormatError where the base cannot be read.
    """
    ours, theirs = sample(path, found, base)
    views = {"rows-south-first": ours[::-1], "cols-east-first": ours[:, ::-1], "rows-cols-reversed": ours[::-1, ::-1]}
    as_is = agreement(ours, theirs)
    if as_is is None:
        return []
    scores = {rule: agreement(view, theirs) or 0.0 for rule, view in views.items()}
    best = max(scores, key=lambda rule: scores[rule])
    if not _beats(scores[best], as_is):
        return []
    ways = {"rows-south-first": "upside down", "cols-east-first": "back to front"}
    return [
        Fault(
            Severity.ERROR,
            best,
            path.name,
            f"{scores[best]:.0%} of the pixels agree with {base.name} if the map is turned "
            f"{ways.get(best, 'both ways')}, {as_is:.0%} as it is",
            "SURFEX takes the first row for the northernmost and the first column for the westernmost: mirrored",
            "write the rows from north to south and the columns from west to east",
        )
    ]


def unlike(path: Path, length: int, cells: int) -> float:
    """The part of bytes that differ from the one `length` bytes on, over pieces spread over the file."""
    piece = min(length, 2000)
    last = cells - length - piece
    if last < 0:
        return 0.0
    count = max(1, min(PAIRS // piece, last // piece + 1))
    starts = np.linspace(0, last, count).astype(np.int64)
    differ = total = 0
    with path.open("rb") as file:
        for start in starts:
            file.seek(start)
            one = np.frombuffer(file.read(piece), np.uint8)
            file.seek(start + length)
            other = np.frombuffer(file.read(piece), np.uint8)
            if one.size == other.size:
                differ, total = differ + int(np.count_nonzero(one != other)), total + one.size
    return differ / total if total else 0.0


def sample(path: Path, found: Geometry, base: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Bytes of the map and covers of the base at the same places, (row, column) of the map; 0 where there is none."""
    rows = np.unique(np.linspace(0, found.rows - 1, min(found.rows, SAMPLE_ROWS)).round().astype(np.int64))
    cols = np.unique(np.linspace(0, found.cols - 1, min(found.cols, SAMPLE_COLS)).round().astype(np.int64))
    ours = np.zeros((rows.size, cols.size), np.uint8)
    with path.open("rb") as file:
        for number, row in enumerate(rows):
            file.seek(int(row) * found.cols)
            line = np.frombuffer(file.read(found.cols), np.uint8)
            if line.size == found.cols:
                ours[number] = line[cols]
    lons, lats = found.west + (cols + 0.5) * found.wide, found.north - (rows + 0.5) * found.high
    return ours, _covers_at(base, lons, lats)


def agreement(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> float | None:
    """The part of the pixels with data in both that are equal; None where too few are."""
    both = (ours != 0) & (theirs != 0)
    count = int(both.sum())
    return float((ours == theirs)[both].mean()) if count >= FEWEST else None


def _covers_at(base: Path, lons: NDArray[np.floating], lats: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The base's covers at the crossings of meridians and parallels, 0 outside."""
    whole = direct.info(base).grid
    rows = np.floor((90 - lats) * whole.per_degree).astype(np.int64) - whole.row
    cols = (np.floor((lons + 180) * whole.per_degree).astype(np.int64) - whole.col) % whole.world_cols
    covers = np.zeros((rows.size, cols.size), np.uint8)
    inside = cols < whole.cols
    for number, row in enumerate(rows):
        if 0 <= row < whole.rows and inside.any():
            line = LatLonGrid(whole.per_degree, whole.row + int(row), whole.col, 1, whole.cols)
            covers[number, inside] = direct.read(base, line).codes[0, cols[inside]]
    return covers


def upside_down(path: Path, found: Geometry, base: Path) -> bool | None:
    """Whether the base proves the first row to be the southernmost (True) or not (False); None: it does not tell."""
    ours, theirs = sample(path, found, base)
    as_is, turned = agreement(ours, theirs), agreement(ours[::-1], theirs)
    if as_is is None or turned is None:
        return None
    return _beats(turned, as_is) or (False if _beats(as_is, turned) else None)


def _beats(one: float, other: float) -> bool:
    """Whether one agreement is believed against another."""
    return 1 - one < BETTER * (1 - other) and one - other > CLEAR
