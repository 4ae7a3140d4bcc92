"""The rules of a `.hdr`'s keys: on which lines they stand, and how they are spelt."""

from __future__ import annotations

from collections.abc import Iterator

from ecosg_update.check.meant import COUNTS, EDGES, Entry
from ecosg_update.check.reading import KEY_LINES, LINE_LENGTH
from ecosg_update.check.sheet import FLOAT_STOP, LOST, Finding, Rule, Sheet, inside, shown
from ecosg_update.fault import Severity

_SPELLING_CURE = "write the key lower case with its colon at once behind it: 'north: 53.5'"


def _title(sheet: Sheet) -> Iterator[Finding]:
    first = [entry for entry in sheet.entries if entry.line == 1]
    for entry in first:
        if entry.key == "recordtype":
            yield Finding(1, entry.column, "the record type stands where the title belongs", harmless=True)
        elif entry.number is not None:
            yield Finding(1, entry.column, f"{shown(sheet.lines[0])} where the title belongs", sheet.is_given(entry))


def _second_line(sheet: Sheet) -> Iterator[Finding]:
    misspelt = any(entry.line == 2 and entry.key != "recordtype" for entry in sheet.entries)
    if (len(sheet.lines) < 2 or sheet.reading.at(2) is None) and not misspelt:
        line = sheet.lines[1] if len(sheet.lines) > 1 else ""
        yield Finding(2, 0, f"{shown(line)}, expected a key such as 'nodata: 0'")


def _late(sheet: Sheet) -> Iterator[Finding]:
    for entry in sheet.entries:
        if entry.line > KEY_LINES and entry.key != "recordtype":
            what = f"{entry.key} on line {entry.line}, expected on lines 2 to {KEY_LINES}"
            yield Finding(entry.line, entry.column, what, sheet.is_given(entry))


def _case(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        if entry.spelt != entry.spelt.lower():
            yield Finding(entry.line, entry.column, f"{entry.spelt!r}, expected it lower case", sheet.reads(entry))


def _colon(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        canonical = entry.spelt.lower() in (entry.key, "cutvalue")
        if "\t" in entry.before or "\t" in entry.gap or (canonical and entry.colon == ":" and not entry.gap):
            continue
        written = shown(entry.spelt + entry.gap + entry.colon)
        name = entry.key if canonical or entry.spelt.lower().startswith("nodata") else "cutvalue"
        what = f"{written}, expected '{name}:'; values begin in fixed columns"
        yield Finding(entry.line, entry.column, what, sheet.reads(entry))


def _tab(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        at = sheet.lines[entry.line - 1].find("\t", 0, LINE_LENGTH)
        if at >= 0:
            yield Finding(entry.line, at + 1, "a TAB, expected blanks", sheet.reads(entry))


def _stray(sheet: Sheet) -> Iterator[Finding]:
    meant = {entry.line for entry in sheet.entries}
    for taken in sheet.reading.taken:
        if taken.line not in meant:
            line = sheet.lines[taken.line - 1]
            yield Finding(taken.line, 1, f"{shown(line.strip())} begins like the key {taken.key}")


def _repeated(sheet: Sheet) -> Iterator[Finding]:
    first: dict[str, Entry] = {}
    for entry in sheet.entries:
        before = first.setdefault(entry.key, entry)
        if before is not entry:
            which = "first" if entry.key == "recordtype" else "last on lines 2 to 10"
            what = f"{entry.key} stands on line {before.line} too; SURFEX keeps the {which}"
            yield Finding(entry.line, entry.column, what, harmless=True)


def _nodata_missing(sheet: Sheet) -> Iterator[Finding]:
    if _is_missing(sheet, "nodata"):
        yield Finding(0, 0, "no nodata")


def _missing(sheet: Sheet) -> Iterator[Finding]:
    for key in (*EDGES, *COUNTS):
        if _is_missing(sheet, key):
            yield Finding(0, 0, f"no {key}")


def _is_missing(sheet: Sheet, key: str) -> bool:
    """Whether nobody can tell the key's number; a value that is none, where it belongs, is a rule of its own."""
    return key not in sheet.meant and not any(entry.key == key for entry in inside(sheet))


RULES = (
    Rule("title-missing", "SURFEX throws line 1 away, and the key with it; without nodata all of the sea is dropped",
         "put a line with a title first", _title),
    Rule("second-line", "SURFEX crashes: an index without a value", "put a key on line 2", _second_line),
    Rule("key-late", "SURFEX reads keys on lines 2 to 10 only and goes on with its default (nodata 1, 1 column ...)",
         "move the key up", _late),
    Rule("key-case", LOST, _SPELLING_CURE, _case),
    Rule("key-column", "SURFEX takes the value from the wrong column: another number, or a stop", _SPELLING_CURE,
         _colon),
    Rule("key-tab", FLOAT_STOP + ", or the key is lost", "put blanks in place of the TAB", _tab),
    Rule("key-stray", FLOAT_STOP, "reword the line or remove it", _stray),
    Rule("key-repeated", "SURFEX keeps one of them", "remove the other", _repeated, Severity.WARNING),
    Rule("nodata-missing", "SURFEX takes 1, the sea, for no data and drops it", "add 'nodata: 0' on lines 2 to 10",
         _nodata_missing),
    Rule("key-missing", "SURFEX takes 1 for it: silent garbage", "add it on lines 2 to 10", _missing),
)  # fmt: skip
