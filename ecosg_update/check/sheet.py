"""A `.hdr` read twice, as SURFEX reads it and as a person means it, and the rules' common form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ecosg_update.check import meant
from ecosg_update.check.meant import Entry
from ecosg_update.check.reading import KEY_LINES, Reading, lines_of, reading
from ecosg_update.fault import Fault, Severity

FLOAT_STOP = 'SURFEX stops: "Bad value during floating point read"'
LOST = "SURFEX does not see the key and goes on with its default, or stops"
"""What several rules lead to."""


@dataclass(frozen=True)
class Sheet:
    """One header. name: for the place of a fault; content: its bytes; lines: as Fortran splits them."""

    name: str
    content: bytes
    lines: tuple[str, ...]
    reading: Reading
    entries: tuple[Entry, ...]
    gdal: Mapping[str, str]

    @classmethod
    def of(cls, content: bytes, name: str) -> Sheet:
        """The sheet of a file's bytes."""
        lines = lines_of(content)
        return cls(name, content, lines, reading(lines), meant.entries(lines), meant.gdal(lines))

    @property
    def keys(self) -> Mapping[str, Entry]:
        """The settled entry of each key that is meant, the record type among them."""
        return meant.settled(self.entries)

    @property
    def width(self) -> int:
        """Bits a pixel: what SURFEX reads, else what is meant, else a cover map's 8."""
        if self.reading.bits:
            return self.reading.bits
        entry = self.keys.get("recordtype")
        kind = meant.record_type(entry.written) if entry else None
        return kind[1] if kind else 8

    @property
    def meant(self) -> Mapping[str, float]:
        """The number that is meant for each key, also where the header is GDAL's."""
        found = {key: entry.number for key, entry in self.keys.items() if entry.number is not None}
        return meant.gdal_numbers(self.gdal) if self.is_foreign else found

    @property
    def is_foreign(self) -> bool:
        """Whether this is a header of GDAL or ESRI rather than of SURFEX."""
        return bool(self.gdal) and not any(entry.key in (*meant.EDGES, *meant.COUNTS) for entry in self.entries)

    def reads(self, entry: Entry) -> bool:
        """Whether SURFEX takes from the entry's line what is meant there."""
        taken = self.reading.at(entry.line)
        return taken is not None and (taken.key, taken.number) == (entry.key, entry.number)

    def is_given(self, entry: Entry) -> bool:
        """Whether SURFEX has the entry's number from another line, or from its defaults."""
        return self.reading.values.get(entry.key) == entry.number


@dataclass(frozen=True)
class Finding:
    """One place where a rule is broken. column: from 1, 0 for the line as a whole; line 0: the whole file.

    harmless: SURFEX reads what is meant all the same.
    """

    line: int
    column: int
    what: str
    harmless: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule of the header: its name, what SURFEX does where it is broken, the cure, and how breaks are found."""

    name: str
    effect: str
    cure: str
    found: Callable[[Sheet], Iterator[Finding]]
    severity: Severity = Severity.ERROR

    def faults(self, sheet: Sheet) -> Iterator[Fault]:
        """The faults of one header."""
        for finding in self.found(sheet):
            severity = Severity.WARNING if finding.harmless else self.severity
            effect = "SURFEX reads it as it is meant" if finding.harmless else self.effect
            place = [sheet.name, *(str(number) for number in (finding.line, finding.column) if number)]
            yield Fault(severity, self.name, ":".join(place), finding.what, effect, self.cure)


def inside(sheet: Sheet) -> Iterator[Entry]:
    """The entries on the lines where pass 2 looks, without the record type."""
    return (entry for entry in sheet.entries if 2 <= entry.line <= KEY_LINES and entry.key != "recordtype")


def shown(line: str) -> str:
    """A line as a message quotes it."""
    return repr(line if len(line) <= 60 else line[:57] + "...")
