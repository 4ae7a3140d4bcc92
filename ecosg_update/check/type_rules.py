"""The rules of what a pixel is: the record type, `fact` and `compress`."""

from __future__ import annotations

from collections.abc import Iterator

from ecosg_update.check.meant import record_type
from ecosg_update.check.reading import SUPPORTED, TYPE_LINES
from ecosg_update.check.sheet import Finding, Rule, Sheet, shown

_CURE = "write 'recordtype: integer 8 bits' without indent on lines 3 to 11"


def _type_missing(sheet: Sheet) -> Iterator[Finding]:
    if not sheet.reading.type_line and "recordtype" not in sheet.keys:
        yield Finding(0, 0, "no record type")


def _type_place(sheet: Sheet) -> Iterator[Finding]:
    if sheet.reading.type_line or "recordtype" not in sheet.keys:
        return
    entry = sheet.keys["recordtype"]
    if entry.line > TYPE_LINES:
        yield Finding(entry.line, 1, f"on line {entry.line}, expected it on lines 3 to {TYPE_LINES}")
    elif entry.before or entry.spelt != "recordtype":
        what = f"{shown(sheet.lines[entry.line - 1])}, expected 'recordtype:' in columns 1 to 11"
        yield Finding(entry.line, 1, what)


def _type_unsupported(sheet: Sheet) -> Iterator[Finding]:
    found = sheet.reading
    if found.type_line and (found.kind, found.bits) not in SUPPORTED:
        line = sheet.lines[found.type_line - 1]
        yield Finding(found.type_line, 12, f"{shown(line)} is no type that SURFEX reads")


def _type_misread(sheet: Sheet) -> Iterator[Finding]:
    found = sheet.reading
    if not found.type_line or (found.kind, found.bits) not in SUPPORTED:
        return
    written = sheet.lines[found.type_line - 1][len("recordtype") :].lstrip(": ")
    meant = record_type(written)
    if meant is not None and meant != (found.kind, found.bits):
        what = f"{shown(written)} is read as {found.kind} {found.bits}: digits behind the type count"
        yield Finding(found.type_line, 12, what)


def _type_wide(sheet: Sheet) -> Iterator[Finding]:
    found = sheet.reading
    if (found.kind, found.bits) in SUPPORTED - {("integer", 8)} and not any(_type_misread(sheet)):
        yield Finding(found.type_line, 12, f"{found.kind} {found.bits}, expected integer 8 for a cover map")


def _fact(sheet: Sheet) -> Iterator[Finding]:
    entry = sheet.keys.get("fact")
    if entry and entry.number not in (None, 1):
        yield Finding(entry.line, entry.value_column, f"fact {entry.number:g}, expected none for a cover map")


def _compress(sheet: Sheet) -> Iterator[Finding]:
    entry = sheet.keys.get("compress")
    if entry and entry.number == 1:
        yield Finding(entry.line, entry.value_column, "compress 1, expected none for a cover map")


RULES = (
    Rule("recordtype-missing", 'SURFEX stops: "End of file" or "DATA TYPE NOT SUPPORTED"', _CURE, _type_missing),
    Rule("recordtype-place", 'SURFEX stops: "End of file" or "DATA TYPE NOT SUPPORTED"', _CURE, _type_place),
    Rule("recordtype-unsupported", 'SURFEX stops: "DATA TYPE NOT SUPPORTED"', _CURE, _type_unsupported),
    Rule("recordtype-misread", "SURFEX reads pixels of another width", _CURE, _type_misread),
    Rule("recordtype-wide", "SURFEX guesses the byte order of 16 bits from the values; of more, its compiler decides",
         "write one byte a cell: " + _CURE, _type_wide),
    Rule("fact", "SURFEX divides the classes by it and writes outside its arrays", "remove the line", _fact),
    Rule("compress", "SURFEX stops, or takes bytes for packed rows", "remove the line", _compress),
)  # fmt: skip
