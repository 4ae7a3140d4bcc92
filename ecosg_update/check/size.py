"""The rules of the `.dir`'s size: rows times columns, or another map's."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ecosg_update.check.geometry import Geometry
from ecosg_update.fault import Fault, Severity

WHOLE_MAPS = ((64800, 129600), (50400, 129600), (324000, 648000))
"""Rows and columns of maps that exist: ECOCLIMAP-SG's cover, its parameters, the cover at 60 m."""


def size_faults(name: str, found: Geometry, size: int, bits: int = 8) -> list[Fault]:
    """The fault of a `.dir` of `size` bytes, if any, where the header says `found` and `bits` a pixel."""
    record = found.cols * bits // 8
    expected = found.rows * record
    if size == expected:
        return []
    fits = other_shapes(found, size, bits)
    hint = f"; {fits[0]} would fit" if fits else ""
    what = f"found {size:,} bytes, expected {found.rows} rows x {found.cols} cols x {bits} bits = {expected:,}{hint}"
    if size < expected:
        return [_short(name, found, what, size // record)]
    severity = Severity.ERROR if fits else Severity.WARNING
    effect = "SURFEX reads rows of another length: a scrambled map" if fits else "SURFEX ignores what is too long"
    return [Fault(severity, "size-long", name, what, effect, "take the header that belongs to the map, or cut it")]


def _short(name: str, found: Geometry, what: str, whole: int) -> Fault:
    top, bottom = found.north - whole * found.high, found.south
    return Fault(
        Severity.ERROR, "size-short", name, what,
        f"SURFEX stops (Non-existing record number) where a domain needs rows {whole + 1}..{found.rows}, "
        f"{top:.4f}..{bottom:.4f} N",
        "copy the map again, or take the header that belongs to it",
    )  # fmt: skip


def other_shapes(found: Geometry, size: int, bits: int = 8) -> list[str]:
    """What the size would fit instead, likeliest first; nothing for some rows more or less of the same length."""
    return list(_fits(found, size, bits))


def _fits(found: Geometry, size: int, bits: int) -> Iterator[str]:
    cells = size * 8 // bits
    for width in (8, 16, 32):
        if width != bits and size * 8 == found.rows * found.cols * width:
            yield f"{width} bits a pixel"
    high, wide = found.north - found.south, found.east - found.west
    per_degree = round(math.sqrt(cells / (high * wide)))
    rows, cols = round(high * per_degree), round(wide * per_degree)
    if rows * cols == cells and (rows, cols) != (found.rows, found.cols):
        yield f"{rows} rows x {cols} cols ({per_degree} a degree)"
    for rows, cols in WHOLE_MAPS:
        if rows * cols == cells:
            yield f"{rows} rows x {cols} cols (a whole globe's)"
    if cells % found.cols and cells % found.rows == 0:
        yield f"{found.rows} rows x {cells // found.rows} cols"
