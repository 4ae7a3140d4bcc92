"""The rules of the numbers behind a `.hdr`'s keys: what a fixed-format Fortran read makes of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ecosg_update.check.meant import Entry
from ecosg_update.check.reading import LINE_LENGTH
from ecosg_update.check.sheet import FLOAT_STOP, Finding, Rule, Sheet, inside, shown

_CURE = "write one plain number such as -9.25 or 9.25W and nothing else"


def _comment(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        mark = re.search(r"#|!|;|//|\(", entry.written)
        if mark and entry.number is not None:
            yield Finding(entry.line, entry.value_column, "words behind the value", sheet.reads(entry))


def _sign(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        if re.match(r"[+-].*[SWsw]", entry.written) and entry.number is not None:
            what = f"{shown(entry.written)}: a sign and a side, expected one of them"
            yield Finding(entry.line, entry.value_column, what, sheet.reads(entry))


def _side(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        if re.match(r"[+-]?[\d.]+\s*[nsew]\b", entry.written) and not sheet.reads(entry):
            what = f"{shown(entry.written)}: a lower-case side, expected N, S, W or E"
            yield Finding(entry.line, entry.value_column, what)


def _exponent(sheet: Sheet) -> Iterator[Finding]:
    for entry in inside(sheet):
        if re.match(r"[+-]?[\d.,]+[eEdD][+-]?\d", entry.written) and not sheet.reads(entry):
            what = f"{shown(entry.written)}: an exponent that SURFEX misreads"
            yield Finding(entry.line, entry.value_column, what)


def _value(sheet: Sheet) -> Iterator[Finding]:
    known = {finding.line for other in (_comment, _sign, _side, _exponent) for finding in other(sheet)}
    known |= {at for at, line in enumerate(sheet.lines, 1) if "\t" in line or len(line) > LINE_LENGTH}
    for entry in inside(sheet):
        if entry.number is None or (not sheet.reads(entry) and entry.line not in known and _is_plain(entry)):
            what = f"{shown(entry.written)}, expected one plain number such as -9.25 or 9.25W"
            yield Finding(entry.line, entry.value_column, what)


def _is_plain(entry: Entry) -> bool:
    """Whether the key is spelt as SURFEX wants it, so that the value is to blame."""
    return entry.spelt in (entry.key, "cutvalue") and entry.colon == ":" and not entry.gap


RULES = (
    Rule("value-comment", FLOAT_STOP, _CURE, _comment),
    Rule("value-sign", FLOAT_STOP + " (double minus)", _CURE, _sign),
    Rule("value-side", FLOAT_STOP, _CURE, _side),
    Rule("value-exponent", "SURFEX takes an upper-case E for East and drops the exponent, or stops", _CURE,
         _exponent),
    Rule("value-syntax", FLOAT_STOP + ", or SURFEX reads another number", _CURE, _value),
)  # fmt: skip
