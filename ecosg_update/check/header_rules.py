"""The rules of a `.hdr`, one named rule each, from what SURFEX 8.1 was seen to do with a file that breaks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecosg_update.check.meant import BYTE_ORDER_MARK, COUNTS, EDGES, REQUIRED, Entry, record_type
from ecosg_update.check.reading import DEFAULTS, KEY_LINES, LINE_LENGTH, SUPPORTED, TYPE_LINES
from ecosg_update.check.sheet import Finding, Rule, Sheet, shown, within
from ecosg_update.fault import Fault, Severity, has_errors

_FLOAT_STOP = 'SURFEX stops: "Bad value during floating point read"'
_LOST = "SURFEX does not see the key and goes on with its default, or stops"


def header_faults(sheet: Sheet) -> list[Fault]:
    """Every fault of the text itself; those of the geometry are `geometry_faults`."""
    for alone in (GARBLED, BARE_CR, FOREIGN):  # one of these explains all the others
        if faults := list(alone.faults(sheet)):
            return faults
    found = [fault for rule in RULES for fault in rule.faults(sheet)]
    return found if has_errors(found) else [*found, *MISREAD.faults(sheet)]


def _foreign(sheet: Sheet) -> Iterator[Finding]:
    if sheet.is_foreign:
        yield Finding(1, 0, f"a header of GDAL or ESRI ({', '.join(sorted(sheet.gdal))}), expected one for SURFEX")


def _encoding(sheet: Sheet) -> Iterator[Finding]:
    if b"\0" in sheet.content:
        yield Finding(0, 0, "bytes of zero, as in UTF-16 or in no text at all, expected ASCII")


def _mark(sheet: Sheet) -> Iterator[Finding]:
    if sheet.content.startswith(BYTE_ORDER_MARK.encode("latin-1")):
        harmless = not sheet.lines[0].removeprefix(BYTE_ORDER_MARK).startswith("recordtype")
        yield Finding(1, 1, "a byte order mark before the first character", harmless)


def _bare_cr(sheet: Sheet) -> Iterator[Finding]:
    bare = re.search(rb"\r(?!\n)", sheet.content)
    if bare:
        line = sheet.content[: bare.start()].count(b"\n") + 1
        yield Finding(line, 0, "lines end with CR alone, expected LF")


def _line_ends(sheet: Sheet) -> Iterator[Finding]:
    if b"\r\n" in sheet.content:
        yield Finding(1, 0, "lines end with CR LF, expected LF", harmless=True)


def _final_newline(sheet: Sheet) -> Iterator[Finding]:
    if sheet.content and not sheet.content.endswith(b"\n"):
        yield Finding(len(sheet.lines), 0, "the last line does not end", harmless=True)


def _long_line(sheet: Sheet) -> Iterator[Finding]:
    for at, line in enumerate(sheet.lines, 1):
        if len(line) > LINE_LENGTH:
            cut = [entry for entry in sheet.entries if entry.line == at]
            harmless = all(sheet.reads(entry) or entry.key == "recordtype" for entry in cut)
            yield Finding(at, LINE_LENGTH + 1, f"{len(line)} characters, expected at most {LINE_LENGTH}", harmless)


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
    for entry in _inside(sheet):
        if entry.spelt != entry.spelt.lower():
            yield Finding(entry.line, entry.column, f"{entry.spelt!r}, expected it lower case", sheet.reads(entry))


def _colon(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        canonical = entry.spelt.lower() in (entry.key, "cutvalue")
        if "\t" in entry.before or "\t" in entry.gap or (canonical and entry.colon == ":" and not entry.gap):
            continue
        written = shown(entry.spelt + entry.gap + entry.colon)
        name = entry.key if canonical or entry.spelt.lower().startswith("nodata") else "cutvalue"
        what = f"{written}, expected '{name}:'; values begin in fixed columns"
        yield Finding(entry.line, entry.column, what, sheet.reads(entry))


def _tab(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        at = sheet.lines[entry.line - 1].find("\t", 0, LINE_LENGTH)
        if at >= 0:
            yield Finding(entry.line, at + 1, "a TAB, expected blanks", sheet.reads(entry))


def _stray(sheet: Sheet) -> Iterator[Finding]:
    meant = {entry.line for entry in sheet.entries}
    for taken in sheet.reading.taken:
        if taken.line not in meant:
            line = sheet.lines[taken.line - 1]
            yield Finding(taken.line, 1, f"{shown(line.strip())} begins like the key {taken.key}")


def _comment(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        mark = re.search(r"#|!|;|//|\(", entry.written)
        if mark and entry.number is not None:
            yield Finding(entry.line, entry.value_column, "words behind the value", sheet.reads(entry))


def _sign(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        if re.match(r"[+-].*[SWsw]", entry.written) and entry.number is not None:
            what = f"{shown(entry.written)}: a sign and a side, expected one of them"
            yield Finding(entry.line, entry.value_column, what, sheet.reads(entry))


def _side(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        if re.match(r"[+-]?[\d.]+\s*[nsew]\b", entry.written) and not sheet.reads(entry):
            what = f"{shown(entry.written)}: a lower-case side, expected N, S, W or E"
            yield Finding(entry.line, entry.value_column, what)


def _exponent(sheet: Sheet) -> Iterator[Finding]:
    for entry in _inside(sheet):
        if re.match(r"[+-]?[\d.,]+[eEdD][+-]?\d", entry.written) and not sheet.reads(entry):
            what = f"{shown(entry.written)}: an exponent that SURFEX misreads"
            yield Finding(entry.line, entry.value_column, what)


def _value(sheet: Sheet) -> Iterator[Finding]:
    known = {
        finding.line for other in (_long_line, _comment, _sign, _side, _exponent, _tab) for finding in other(sheet)
    }
    for entry in _inside(sheet):
        if entry.number is None or (not sheet.reads(entry) and entry.line not in known and _is_plain(entry)):
            what = f"{shown(entry.written)}, expected one plain number such as -9.25 or 9.25W"
            yield Finding(entry.line, entry.value_column, what)


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


def _misread(sheet: Sheet) -> Iterator[Finding]:
    """What no other rule has named: where SURFEX's numbers still are not those that are meant."""
    for stop in sheet.reading.stops:
        yield Finding(stop.line, 0, f"SURFEX stops here ({stop.says})")
    for key, number in sheet.reading.values.items():
        if key in (*REQUIRED, *sheet.meant) and number != sheet.meant.get(key, DEFAULTS[key]):
            yield Finding(0, 0, f"SURFEX reads {key} as {number:g}, meant is {sheet.meant.get(key)}")


def _inside(sheet: Sheet) -> Iterator[Entry]:
    """The entries on the lines where pass 2 looks."""
    return (entry for entry in sheet.entries if within(entry) and entry.key != "recordtype")


def _is_missing(sheet: Sheet, key: str) -> bool:
    """Whether nobody can tell the key's number; a value that is none, where it belongs, is a rule of its own."""
    return key not in sheet.meant and not any(entry.key == key for entry in _inside(sheet))


def _is_plain(entry: Entry) -> bool:
    """Whether the key is spelt as SURFEX wants it, so that the value is to blame."""
    return entry.spelt in (entry.key, "cutvalue") and entry.colon == ":" and not entry.gap


_VALUE_CURE = "write one plain number such as -9.25 or 9.25W and nothing else"
_SPELLING_CURE = "write the key lower case with its colon at once behind it: 'north: 53.5'"
_TYPE_CURE = "write 'recordtype: integer 8 bits' without indent on lines 3 to 11"

GARBLED = Rule("text-encoding", _LOST, "save the header as plain ASCII", _encoding)
BARE_CR = Rule(
    "line-ends", "SURFEX sees one long line and stops at its end", "save the header with LF line ends", _bare_cr
)
FOREIGN = Rule(
    "gdal-header",
    "SURFEX stops: no line has one of its keys",
    "write a header for SURFEX under this name; the edges are half a pixel outside ULXMAP and ULYMAP",
    _foreign,
)
MISREAD = Rule(
    "header-misread",
    "SURFEX goes on with another number than the one that is meant",
    "write the header anew: title, nodata, north, south, west, east, rows, cols, recordtype, a line each",
    _misread,
)
RULES = (
    Rule("byte-order-mark", "SURFEX does not find the record type", "save the header without the mark", _mark),
    Rule("line-ends", _LOST, "save the header with LF line ends", _line_ends, Severity.WARNING),
    Rule("final-newline", _LOST, "end the last line", _final_newline, Severity.WARNING),
    Rule("line-length", "SURFEX cuts the value at column 100", "shorten the line", _long_line),
    Rule("title-missing", "SURFEX throws line 1 away, and the key with it; without nodata all of the sea is dropped",
         "put a line with a title first", _title),
    Rule("second-line", "SURFEX crashes: an index without a value", "put a key on line 2", _second_line),
    Rule("key-late", "SURFEX reads keys on lines 2 to 10 only and goes on with its default (nodata 1, 1 column ...)",
         "move the key up", _late),
    Rule("key-case", _LOST, _SPELLING_CURE, _case),
    Rule("key-column", "SURFEX takes the value from the wrong column: another number, or a stop", _SPELLING_CURE,
         _colon),
    Rule("key-tab", _FLOAT_STOP + ", or the key is lost", "put blanks in place of the TAB", _tab),
    Rule("key-stray", _FLOAT_STOP, "reword the line or remove it", _stray),
    Rule("value-comment", _FLOAT_STOP, _VALUE_CURE, _comment),
    Rule("value-sign", _FLOAT_STOP + " (double minus)", _VALUE_CURE, _sign),
    Rule("value-side", _FLOAT_STOP, _VALUE_CURE, _side),
    Rule("value-exponent", "SURFEX takes an upper-case E for East and drops the exponent, or stops", _VALUE_CURE,
         _exponent),
    Rule("value-syntax", _FLOAT_STOP + ", or SURFEX reads another number", _VALUE_CURE, _value),
    Rule("key-repeated", "SURFEX keeps one of them", "remove the other", _repeated, Severity.WARNING),
    Rule("nodata-missing", "SURFEX takes 1, the sea, for no data and drops it", "add 'nodata: 0' on lines 2 to 10",
         _nodata_missing),
    Rule("key-missing", "SURFEX takes 1 for it: silent garbage", "add it on lines 2 to 10", _missing),
    Rule("recordtype-missing", 'SURFEX stops: "End of file" or "DATA TYPE NOT SUPPORTED"', _TYPE_CURE, _type_missing),
    Rule("recordtype-place", 'SURFEX stops: "End of file" or "DATA TYPE NOT SUPPORTED"', _TYPE_CURE, _type_place),
    Rule("recordtype-unsupported", 'SURFEX stops: "DATA TYPE NOT SUPPORTED"', _TYPE_CURE, _type_unsupported),
    Rule("recordtype-misread", "SURFEX reads pixels of another width", _TYPE_CURE, _type_misread),
    Rule("recordtype-wide", "SURFEX guesses the byte order of 16 bits from the values; of more, its compiler decides",
         "write one byte a cell: " + _TYPE_CURE, _type_wide),
    Rule("fact", "SURFEX divides the classes by it and writes outside its arrays", "remove the line", _fact),
    Rule("compress", "SURFEX stops, or takes bytes for packed rows", "remove the line", _compress),
)  # fmt: skip
