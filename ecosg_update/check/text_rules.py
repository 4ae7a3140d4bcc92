"""The rules of a `.hdr` as a text: its bytes, its line ends, the length of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecosg_update.check.meant import BYTE_ORDER_MARK
from ecosg_update.check.reading import LINE_LENGTH
from ecosg_update.check.sheet import LOST, Finding, Rule, Sheet
from ecosg_update.fault import Severity


def _encoding(sheet: Sheet) -> Iterator[Finding]:
    if b"\0" in sheet.content:
        yield Finding(0, 0, "bytes of zero, as in UTF-16 or in no text at all, expected ASCII")


def _bare_cr(sheet: Sheet) -> Iterator[Finding]:
    bare = re.search(rb"\r(?!\n)", sheet.content)
    if bare:
        line = sheet.content[: bare.start()].count(b"\n") + 1
        yield Finding(line, 0, "lines end with CR alone, expected LF")


def _foreign(sheet: Sheet) -> Iterator[Finding]:
    if sheet.is_foreign:
        yield Finding(1, 0, f"a header of GDAL or ESRI ({', '.join(sorted(sheet.gdal))}), expected one for SURFEX")


def _mark(sheet: Sheet) -> Iterator[Finding]:
    if sheet.content.startswith(BYTE_ORDER_MARK.encode("latin-1")):
        harmless = not sheet.lines[0].removeprefix(BYTE_ORDER_MARK).startswith("recordtype")
        yield Finding(1, 1, "a byte order mark before the first character", harmless)


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


GARBLED = Rule("text-encoding", LOST, "save the header as plain ASCII", _encoding)
BARE_CR = Rule(
    "line-ends", "SURFEX sees one long line and stops at its end", "save the header with LF line ends", _bare_cr
)
FOREIGN = Rule(
    "gdal-header",
    "SURFEX stops: no line has one of its keys",
    "write a header for SURFEX under this name; the edges are half a pixel outside ULXMAP and ULYMAP",
    _foreign,
)
ALONE = (GARBLED, BARE_CR, FOREIGN)
"""Each of them explains all that would be wrong besides."""

RULES = (
    Rule("byte-order-mark", "SURFEX does not find the record type", "save the header without the mark", _mark),
    Rule("line-ends", LOST, "save the header with LF line ends", _line_ends, Severity.WARNING),
    Rule("final-newline", LOST, "end the last line", _final_newline, Severity.WARNING),
    Rule("line-length", "SURFEX cuts the value at column 100", "shorten the line", _long_line),
)  # fmt: skip
