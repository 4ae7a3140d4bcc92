"""The `.hdr` text of a SURFEX direct-access map.

SURFEX reads it twice: the record type from the first 11 lines, in fixed columns; then, after a first line
that it throws away, keys from lines 2 to 10, each known by its first five characters and with the value
from a fixed column (`read_direct.F90`, `readhead.F90`, SURFEX 8.1). What it misreads without an error is
refused here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ecosg_update.errors import FormatError, GridError
from ecosg_update.grid import SNAP_TOLERANCE, LatLonGrid

DECIMALS = 10
"""Of an edge, degrees. With six or fewer, pixel centres hop over cell limits: fractions are off by up to 0.03."""

TYPE_LINES = 11
"""The record type is searched for in this many lines."""

KEY_LINES = 10
"""Keys stand on lines 2 to 10."""

LINE_LENGTH = 100
"""SURFEX reads this many characters of a line."""

LARGEST = 2**31 - 1
"""Of any value: rows, columns and pixels are default integers in SURFEX."""

SMALLEST = 1e-7
"""Degrees, about a centimetre: no pixel of a map is smaller."""

_REQUIRED = ("nodata", "north", "south", "west", "east", "rows", "cols")
_KEYS = (*_REQUIRED, "cutvalue", "fact", "compress")
_FIRST_FIVE = {f"{key}:"[:5] for key in _KEYS}
_KEY = re.compile(rf"({'|'.join(_KEYS)}):")
_MEANT = re.compile(rf"\s*({'|'.join((*_KEYS, 'recordtype'))})\s*:", re.IGNORECASE)
_GDAL = re.compile(
    r"\s*(byteorder|layout|nrows|ncols|nbits|nbands|ulxmap|ulymap|xdim|ydim|ncolumns)\b", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?(\d+|(\d+\.\d*|\.\d+)(e[+-]?\d+)?)")  # "5e1" is no number once SURFEX has put its point
_BITS = (("8", 8), ("1", 16), ("3", 32), ("4", 64))


@dataclass(frozen=True)
class Header:
    """What a `.hdr` says.

    title: the first line, which SURFEX skips. nodata: the pixel value that is skipped. bits: 8 (unsigned) or
    16, 32, 64 (signed integers). fact: a pixel is `fact` times the physical value. compress: rows are packed
    (LAI, albedo and tree height maps; never a cover map).
    """

    title: str
    grid: LatLonGrid
    nodata: int = 0
    bits: int = 8
    fact: int = 1
    compress: bool = False

    def __post_init__(self) -> None:
        if self.bits not in (8, 16, 32, 64):
            raise FormatError(f"header: {self.bits} bits a pixel, SURFEX reads integers of 8, 16, 32 or 64")
        if self.fact < 1 or (self.compress and self.bits != 16):
            raise FormatError(
                f"header: fact {self.fact}, compress {self.compress}, {self.bits} bits; "
                "expected a positive fact and, where packed, 16 bits"
            )

    @property
    def size(self) -> int | None:
        """Bytes of the `.dir`; None where its rows are packed."""
        return None if self.compress else self.grid.rows * self.grid.cols * self.bits // 8


def text(header: Header) -> str:
    """The `.hdr` as SURFEX reads it: the title, the keys, and the record type within the first 11 lines.

    Raises FormatError for a title that is not one plain line or that reads as a key.
    """
    check_title(header.title)
    west, south, east, north = header.grid.bounds
    if header.grid.cols == header.grid.world_cols and header.grid.col:
        east = west  # SURFEX reads equal edges as once around; 360 degrees apart would hang on the last bit
    edges = {"north": north, "south": south, "west": west, "east": east}
    lines = [header.title, f"nodata: {header.nodata}"]
    lines += [f"{key}: {edge:.{DECIMALS}f}" for key, edge in edges.items()]
    lines += [f"rows: {header.grid.rows}", f"cols: {header.grid.cols}"]
    lines += [f"fact: {header.fact}"] * (header.fact != 1)
    lines += ["compress: 1"] * header.compress
    lines += [f"recordtype: integer {header.bits} bits"]
    return "\n".join(lines) + "\n"


def parse(text: str) -> Header:
    """The header that SURFEX would read from `text`.

    Raises FormatError, with the line where there is one, for a text that SURFEX refuses or silently misreads
    (no title, no nodata, a key out of its columns or below line 10, a GDAL header) and for what
    a `LatLonGrid` cannot hold (edges off a lattice of 1/N degree, pixels that are not square, reals).
    """
    values = numbers(text)
    return Header(
        title=_lines(text)[0].strip(),
        grid=_grid(values),
        nodata=_whole(values, "nodata"),
        bits=_bits(_lines(text)),
        fact=_whole(values, "fact") if "fact" in values else 1,
        compress=values.get("compress") == 1,
    )


def numbers(text: str) -> dict[str, float]:
    """The value of every key as SURFEX reads it, with `bits` of the record type; edges may lie on any lattice.

    Raises FormatError as `parse` for a text that SURFEX refuses or silently misreads.
    """
    lines = _lines(text)
    _check_layout(lines)
    values = _values(lines)
    missing = [key for key in _REQUIRED if key not in values]
    if missing:
        raise FormatError(f"header: no {', no '.join(missing)} on lines 2 to {KEY_LINES}; add it there")
    return values | {"bits": _bits(lines)}


def _lines(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.split("\n")]


def check_title(title: str) -> None:
    """Raise FormatError for a first line that is not one plain line, or that reads as a key."""
    if not title.strip() or not title.isprintable() or len(title.encode(errors="replace")) > LINE_LENGTH:
        raise FormatError(f"header: title {title!r}, expected one line of 1 to {LINE_LENGTH} bytes; reword it")
    if _MEANT.match(title) or title.startswith("recordtype") or _GDAL.match(title):
        raise FormatError(f"header: title {title!r} reads as a key of the header; reword it")


def _check_layout(lines: list[str]) -> None:
    for number, line in enumerate(lines, 1):
        if _GDAL.match(line):
            raise _refusal(number, line, "a header of GDAL or ESRI has the same ending; write one for SURFEX")
        if number > KEY_LINES and _KEY.match(line.lstrip()):
            raise _refusal(number, line, f"SURFEX finds keys on lines 2 to {KEY_LINES} only; move it up")
    if _MEANT.match(lines[0]):
        raise _refusal(1, lines[0], "SURFEX skips the first line; put a title before it")
    if len(lines) < 2 or not _KEY.match(lines[1].lstrip()):
        raise _refusal(2, lines[1] if len(lines) > 1 else "", "SURFEX needs a key such as nodata: on line 2")


def _values(lines: list[str]) -> dict[str, float]:
    """The value of every key; lines that SURFEX passes over are passed over."""
    values: dict[str, float] = {}
    for number, line in enumerate(lines[1:KEY_LINES], 2):
        content = line[:LINE_LENGTH].lstrip(" ")
        match = _KEY.match(content)
        if match:
            key = match[1].replace("cutvalue", "nodata")
            values[key] = _value(content[match.end() :].strip(" "), number, line)
        elif content[:5] in _FIRST_FIVE or (_MEANT.match(line) and "recordtype" not in line.lower()):
            raise _refusal(number, line, f"keys are lower case and followed at once by a colon: {', '.join(_KEYS)}")
    return values


def _value(written: str, number: int, line: str) -> float:
    """A number, or one followed by N, S, W or E as SURFEX reads them: S and W turn the sign."""
    digits, sign = written, 1.0
    if written[-1:] in ("N", "E", "S", "W"):
        digits, sign = written[:-1].rstrip(" "), -1.0 if written[-1] in "SW" else 1.0
    plain = _NUMBER.fullmatch(digits) and not (sign < 0 and digits[0] in "+-")
    if not plain or abs(float(digits)) > LARGEST:
        raise _refusal(number, line, "expected one plain number such as -9.25 or 9.25W and nothing after it")
    return sign * float(digits)


def _bits(lines: list[str]) -> int:
    for number, line in enumerate(lines, 1):
        if not line.strip().lower().startswith("recordtype"):
            continue
        if not line.startswith("recordtype") or not 2 < number <= TYPE_LINES:
            raise _refusal(number, line, f"expected it lower case, without indent, on lines 3 to {TYPE_LINES}")
        kind = line[11:]
        found = [bits for character, bits in _BITS if character in kind]
        if "n" not in kind or not found:
            raise _refusal(number, line, "only integer maps can be read: 'recordtype: integer 8 bits'")
        return found[-1]
    raise FormatError("header: no recordtype; add the line 'recordtype: integer 8 bits' at the end")


def _grid(values: dict[str, float]) -> LatLonGrid:
    """The lattice window whose edges the header rounds to decimals; west of 351 is -9, as in SURFEX."""
    rows, cols = _whole(values, "rows"), _whole(values, "cols")
    north, south, west, east = _edges(values)
    if rows < 1 or cols < 1 or north - south < rows * SMALLEST:
        raise FormatError(f"header: {rows} rows from north {north} to south {south}, {cols} cols; rows run southward")
    per_degree = max(1, round(rows / (north - south)))
    found = [
        (90 - north) * per_degree,
        (90 - south) * per_degree,
        (west + 180) * per_degree,
        (east + 180) * per_degree,
    ]
    row, col = round(found[0]), round(found[2])
    lattice = [row, row + rows, col, col + cols]
    if any(abs(edge - line) > SNAP_TOLERANCE for edge, line in zip(found, lattice, strict=True)):
        raise FormatError(
            f"header: {rows} x {cols} pixels between {north} N, {south} S, {west} W, {east} E lie on no lattice "
            f"of 1/N degree (nearest 1/{per_degree}); write the edges with {DECIMALS} decimals or resample the map"
        )
    try:
        return LatLonGrid(per_degree, row, col % (360 * per_degree), rows, cols)
    except GridError as error:
        raise FormatError(f"header: {error}") from error


def _edges(values: dict[str, float]) -> tuple[float, float, float, float]:
    """(north, south, west, east), east moved into (west, west + 360]; equal edges are once around the globe."""
    north, south, west = values["north"], values["south"], values["west"]
    span = (values["east"] - west) % 360
    return north, south, west, west + (span if span > SMALLEST else 360)


def _whole(values: dict[str, float], key: str) -> int:
    if values[key] != int(values[key]):
        raise FormatError(f"header: {key} is {values[key]}, expected a whole number; correct it")
    return int(values[key])


def _refusal(number: int, line: str, advice: str) -> FormatError:
    return FormatError(f"header line {number}: found {line.strip()[:60]!r}; {advice}")
