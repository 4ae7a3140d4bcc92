"""All the rules of a `.hdr`, each named, from what SURFEX 8.1 was seen to do with a file that breaks it."""

from __future__ import annotations

from collections.abc import Iterator

from ecosg_update.check import key_rules, text_rules, type_rules, value_rules
from ecosg_update.check.meant import REQUIRED
from ecosg_update.check.reading import DEFAULTS
from ecosg_update.check.sheet import Finding, Rule, Sheet
from ecosg_update.fault import Fault, has_errors

RULES = (*text_rules.RULES, *key_rules.RULES, *value_rules.RULES, *type_rules.RULES)


def header_faults(sheet: Sheet) -> list[Fault]:
    """Every fault of the text itself; those of the geometry are `geometry_faults`."""
    for alone in text_rules.ALONE:
        if faults := list(alone.faults(sheet)):
            return faults
    found = [fault for rule in RULES for fault in rule.faults(sheet)]
    return found if has_errors(found) else [*found, *MISREAD.faults(sheet)]


def _misread(sheet: Sheet) -> Iterator[Finding]:
    """What no other rule has named: where SURFEX's numbers still are not those that are meant."""
    for stop in sheet.reading.stops:
        yield Finding(stop.line, 0, f"SURFEX stops here ({stop.says})")
    for key, number in sheet.reading.values.items():
        if key in (*REQUIRED, *sheet.meant) and number != sheet.meant.get(key, DEFAULTS[key]):
            yield Finding(0, 0, f"SURFEX reads {key} as {number:g}, meant is {sheet.meant.get(key)}")


MISREAD = Rule(
    "header-misread",
    "SURFEX goes on with another number than the one that is meant",
    "write the header anew: title, nodata, north, south, west, east, rows, cols, recordtype, a line each",
    _misread,
)
