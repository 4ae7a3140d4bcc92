"""What a person meant with a `.hdr`: the same text read leniently.

The linter compares this with SURFEX's own reading; the repair writes it down in SURFEX's spelling.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from ecosg_update.check.reading import KEY_LINES, LINE_LENGTH

BYTE_ORDER_MARK = "\xef\xbb\xbf"
"""UTF-8's, as Latin-1 shows it."""

EDGES = ("north", "south", "west", "east")
COUNTS = ("rows", "cols")
REQUIRED = ("nodata", *EDGES, *COUNTS)

_SPELLINGS = {"cutvalue": "nodata", "cutval": "nodata", "nodata_value": "nodata"}
_KEYS = "nodata_value|nodata|cutvalue|cutval|north|south|east|west|rows|cols|fact|compress|recordtype|record type"
_ENTRY = re.compile(rf"(\s*)({_KEYS})(\s*)([:=]?)(\s*)(.*)", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(#|!|;|//|\().*")
_NUMBER = re.compile(r"([+-]?)\s*(\d+[.,]?\d*|[.,]\d+)(?:[ed]([+-]?\d+))?\s*(?:deg\w*|°)?\s*([NSEW]?)", re.IGNORECASE)
_GDAL = re.compile(
    r"\s*(byteorder|layout|nrows|ncols|nbits|nbands|ulxmap|ulymap|xdim|ydim|nodata|pixeltype|skipbytes|"
    r"bandrowbytes|totalrowbytes|bandgapbytes)\s+(\S+)\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Entry:
    """A line that means a key: `before`, `gap` and `colon` are as written around it.

    number: what was meant, None where nobody can tell; decimals: how many stand behind its point.
    """

    line: int
    key: str
    spelt: str
    before: str
    gap: str
    colon: str
    written: str
    number: float | None
    decimals: int

    @property
    def column(self) -> int:
        """Of the key, from 1."""
        return len(self.before) + 1

    @property
    def value_column(self) -> int:
        """Of the value, from 1."""
        return len(self.before) + len(self.spelt) + len(self.gap) + len(self.colon) + 1


def entries(lines: Sequence[str]) -> tuple[Entry, ...]:
    """Every line that means a key, wherever it stands and however it is spelt."""
    found = (_entry(at, line) for at, line in enumerate(lines, 1))
    return tuple(entry for entry in found if entry is not None)


def settled(found: Iterable[Entry]) -> Mapping[str, Entry]:
    """One entry a key: the last on lines 2 to 10 as for SURFEX, else one that it does not see."""
    seen: dict[str, Entry] = {}
    for entry in sorted(found, key=lambda entry: (2 <= entry.line <= KEY_LINES, entry.line)):
        if entry.number is not None or entry.key not in seen:
            seen[entry.key] = entry
    return seen


def gdal(lines: Sequence[str]) -> Mapping[str, str]:
    """The keys of a header of GDAL or ESRI, upper case, and their values; empty for another text."""
    found = [_GDAL.fullmatch(line.strip("\r")) for line in lines]
    keys = {match[1].upper(): match[2] for match in found if match}
    return keys if len(keys.keys() - {"NODATA"}) >= 2 else {}


def gdal_numbers(keys: Mapping[str, str]) -> Mapping[str, float]:
    """The numbers of a header of GDAL or ESRI for one band of plain bytes; empty where they are others'.

    ULXMAP and ULYMAP are the middle of the first pixel, half a pixel inside the edges.
    """
    plain = {"NBANDS": "1", "NBITS": "8", "SKIPBYTES": "0"}
    if any(keys.get(key, value) != value for key, value in plain.items()):
        return {}
    if keys.get("PIXELTYPE", "").upper() not in ("", "UNSIGNEDINT"):
        return {}
    try:
        rows, cols = int(keys["NROWS"]), int(keys["NCOLS"])
        left, top, wide, high = (float(keys[key]) for key in ("ULXMAP", "ULYMAP", "XDIM", "YDIM"))
        nodata = float(keys.get("NODATA", "0"))
    except (KeyError, ValueError):
        return {}
    north, west = top + high / 2, left - wide / 2
    edges = {"north": north, "south": north - rows * high, "west": west, "east": west + cols * wide}
    return {"nodata": nodata, **edges, "rows": rows, "cols": cols}


def record_type(written: str) -> tuple[str, int] | None:
    """("integer" or "real", bits) that a record type means; None where nobody can tell."""
    text = _COMMENT.sub("", written.lower())
    widths = re.findall(r"(?<!\d)(8|16|32|64)(?!\d)", text)
    if re.search(r"byte\s*$|char|int8", text) and not re.search(r"\d\s*bytes?\s*$", text):
        return "integer", 8
    if re.search(r"(?<!\d)1\s*byte\s*$", text):
        return "integer", 8
    if len(widths) != 1:
        return None
    return ("real" if re.search(r"float|real|double", text) else "integer"), int(widths[0])


def _entry(at: int, line: str) -> Entry | None:
    match = _ENTRY.fullmatch(line.removeprefix(BYTE_ORDER_MARK))
    if not match:
        return None
    before, spelt, gap, colon, _, written = match.groups()
    key = spelt.lower().replace("record type", "recordtype")
    key = _SPELLINGS.get(key, key)
    value, decimals = (None, 0) if key == "recordtype" else _number(written, key)
    if not colon and key != "recordtype" and (value is None or not gap):
        return None  # prose that begins with such a word
    return Entry(at, key, spelt, before, gap, colon, written[: 2 * LINE_LENGTH], value, decimals)


def _number(written: str, key: str) -> tuple[float | None, int]:
    match = _NUMBER.fullmatch(_COMMENT.sub("", written).strip())
    if not match:
        return None, 0
    sign, digits, exponent, side = match.groups()
    if side and key not in EDGES:
        return None, 0
    try:
        value = Decimal(f"{digits.replace(',', '.')}e{exponent or 0}")
    except InvalidOperation:
        return None, 0
    minus = sign == "-" or side.upper() in ("S", "W")
    if not math.isfinite(float(value)):
        return None, 0
    return float(-value if minus else value), max(0, -int(value.as_tuple().exponent))
