"""What SURFEX 8.1 ends up with after its two passes over a `.hdr`, right or wrong.

Pass 1 (`read_direct.F90`) takes the record type from the first of 11 lines whose columns 1 to 10 are
`recordtype`. Pass 2 (`readhead.F90`) throws line 1 away and reads nine lines more: the first five characters,
left-adjusted, choose the key, and the value begins in a fixed column. Where the executable would stop, the
reading goes on behind the stop, so that every fault of a file shows at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TYPE_LINES = 11
"""Pass 1 looks at this many lines."""

KEY_LINES = 10
"""Pass 2 reads this many, the first of them in vain."""

LINE_LENGTH = 100
"""`READ (KGLB,'(A100)')`: what follows on a line is never seen."""

TYPE_COLUMN = 12
"""The type is searched for from this column on."""

FIELDS = {
    "nodat": ("nodata", 8),
    "cutva": ("nodata", 10),
    "north": ("north", 7),
    "south": ("south", 7),
    "east:": ("east", 6),
    "west:": ("west", 6),
    "rows:": ("rows", 6),
    "cols:": ("cols", 6),
    "fact:": ("fact", 6),
    "compr": ("compress", 10),
}
"""First five characters: the key, and the column (from 1) in which its value begins."""

DEFAULTS = {key: 1.0 for key, _ in FIELDS.values()} | {"compress": 0.0}
"""What a key is that no line gives: nodata 1 is the sea."""

SUPPORTED = {("integer", 8), ("integer", 16), ("integer", 32), ("integer", 64), ("real", 32), ("real", 64)}

_BITS = (("8", 8), ("1", 16), ("3", 32), ("4", 64))
_SIGNS = (("N", ""), ("S", "-"), ("E", ""), ("W", "-"))
_FORTRAN = re.compile(r"[+-]?(\d+\.\d*|\.\d+)(e[+-]?\d+)?")


@dataclass(frozen=True)
class Taken:
    """What pass 2 took from one line: `number` is None where Fortran stops on it."""

    line: int
    key: str
    number: float | None


@dataclass(frozen=True)
class Stop:
    """Where the executable stops and what it says."""

    line: int
    says: str


@dataclass(frozen=True)
class Reading:
    """A header as SURFEX has it in memory.

    kind: "integer" or "real", bits: 0 where no type was found; type_line: where it was found, 0 for nowhere.
    taken: line by line; values: the last number of each key, or SURFEX's default. stops: in the order of lines;
    the executable gets no further than the first.
    """

    kind: str
    bits: int
    type_line: int
    taken: tuple[Taken, ...]
    stops: tuple[Stop, ...]

    @property
    def values(self) -> Mapping[str, float]:
        """Every key's number."""
        return DEFAULTS | {taken.key: taken.number for taken in self.taken if taken.number is not None}

    def at(self, line: int) -> Taken | None:
        """What was taken from a line, None where no key was seen there."""
        return next((taken for taken in self.taken if taken.line == line), None)


def lines_of(content: bytes) -> tuple[str, ...]:
    """The lines as gfortran's formatted read sees them: ended by LF or CR LF, one character a byte."""
    lines = content.decode("latin-1").split("\n")
    if lines[-1] == "":
        lines.pop()
    return tuple(line.removesuffix("\r") for line in lines)


def reading(lines: Sequence[str]) -> Reading:
    """Both passes over the lines of a header."""
    kind, bits, type_line, type_stops = _record_type(lines)
    taken, key_stops = _keys(lines)
    return Reading(kind, bits, type_line, tuple(taken), (*type_stops, *key_stops))


def number(rest: str) -> float | None:
    """The value that `readhead.F90` l.165-200 reads from a line behind its key; None for a run-time error.

    Upper-case N, S, E, W end the number, the last test that finds one wins; a missing point is appended; blanks
    inside a number are passed over (BLANK='NULL' of internal files). Fortran's rarer exponents (D, or a sign alone)
    count as errors: nobody means them.
    """
    text = rest
    for letter, sign in _SIGNS:
        if letter in rest:
            text = sign + rest[: rest.index(letter)].lstrip(" ")
    text = text.strip(" ")
    text = (text if "." in text else text + ".").replace(" ", "")
    if not _FORTRAN.fullmatch(text) or len(text) >= LINE_LENGTH:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _record_type(lines: Sequence[str]) -> tuple[str, int, int, list[Stop]]:
    for at, line in enumerate(lines[:TYPE_LINES], 1):
        if line.startswith("recordtype"):
            rest = line[TYPE_COLUMN - 1 : LINE_LENGTH]
            kind = "integer" if "n" in rest else "real"
            bits = next((width for character, width in reversed(_BITS) if character in rest), 0)
            stops = [] if (kind, bits) in SUPPORTED else [Stop(at, "DATA TYPE NOT SUPPORTED")]
            return kind, bits, at, stops
    return "", 0, 0, [Stop(min(len(lines), TYPE_LINES), "End of file, or DATA TYPE NOT SUPPORTED")]


def _keys(lines: Sequence[str]) -> tuple[list[Taken], list[Stop]]:
    taken: list[Taken] = []
    stops: list[Stop] = []
    for at, line in enumerate(lines[1:KEY_LINES], 2):
        content = line[:LINE_LENGTH].lstrip(" ")
        if content[:5] in FIELDS:
            key, column = FIELDS[content[:5]]
            taken.append(Taken(at, key, number(content[column - 1 :])))
            if taken[-1].number is None:
                stops.append(Stop(at, "Bad value during floating point read"))
        elif not taken:  # the index of the key is used before it has a value
            stops.append(Stop(at, "Left parenthesis required after '*', or a crash"))
    return taken, stops
