"""What is wrong with a typed file, as faults: what SURFEX would do with it, and the cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import EcosgError
from ecosg_update.fault import Fault, Severity
from ecosg_update.formats import typed
from ecosg_update.formats.typed import Typed
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 3
"""Places that a fault names."""


@dataclass
class _Seen:
    """What a walk through the pixels has met."""

    values: int = 0
    illegal: int = 0
    illegal_swapped: int = 0
    dropped: int = 0
    places: list[str] = field(default_factory=list)


def typed_faults(path: Path, *, progress: Progress = silent) -> list[Fault]:
    """Every fault of a typed map (LAI, albedo, tree height): its pair, its row counts, its pixels; read in bands."""
    try:
        source = typed.opened(path)
        seen = _walked(source, progress)
    except EcosgError as error:
        return [_broken(path, error)]
    return [*_byte_order(source, seen), *_types(source, seen), *_values(source, seen)]


def _walked(source: Typed, progress: Progress) -> _Seen:
    seen = _Seen()
    for block in typed.blocks(source):
        (pixels, wrong), top = typed.raw(source, block), block.row - source.grid.row
        values = pixels.ravel()
        if source.header.compress:
            words = typed.row_words(source, top, top + block.rows)
            values = words[(words < typed.RUN) & (words != 0)]
            lost = values % typed.STEP == 0
            seen.dropped += int(np.count_nonzero(lost))
            values = values[~lost]
        else:
            seen.illegal_swapped += int(np.count_nonzero(typed.illegal(values.byteswap())))
        seen.values += int(np.count_nonzero(values))
        seen.illegal += wrong
        if wrong and len(seen.places) < SHOWN:
            seen.places += _places(pixels, top)
        progress(f"checking {source.data.name}", top + block.rows, source.grid.rows)
    return seen


def _broken(path: Path, error: EcosgError) -> Fault:
    what, _, cure = str(error).removeprefix(f"{path}: ").rpartition("; ")
    effect = "PGD stops, or reads other pixels than were meant"
    return Fault(Severity.ERROR, "typed-file", str(path), what or cure, effect, cure)


def _byte_order(source: Typed, seen: _Seen) -> Iterator[Fault]:
    """SURFEX turns the order of a plain file where a row of the domain has a value above 15,000."""
    if source.header.compress:
        return
    hidden = source.order == "<" and seen.illegal and not seen.illegal_swapped
    if source.order == ">" or hidden:
        yield Fault(
            Severity.ERROR if hidden else Severity.WARNING,
            "typed-byte-order",
            str(source.data),
            "the pixels are big-endian",
            "PGD notices only where a row of the domain has a value that reads as more than 15,000"
            + ("; here none does" if hidden else ""),
            "write it little-endian or packed",
        )


def _types(source: Typed, seen: _Seen) -> Iterator[Fault]:
    if seen.illegal:
        yield Fault(
            Severity.ERROR,
            "typed-type",
            f"{source.data}: {', '.join(seen.places[:SHOWN])}",
            f"{seen.illegal:,} pixels are neither 0 nor {typed.STEP} x cover + value up to {typed.LARGEST}",
            "PGD writes outside its arrays",
            "restore the file, or set them to 0",
        )


def _values(source: Typed, seen: _Seen) -> Iterator[Fault]:
    if seen.dropped:
        yield Fault(
            Severity.WARNING,
            "typed-value",
            str(source.data),
            f"{seen.dropped:,} pixels have a cover and the value 0",
            "PGD takes them for no data in a packed file",
            "give them the smallest value, 1, if it is meant",
        )
    if not seen.values:
        yield Fault(
            Severity.WARNING,
            "typed-empty",
            str(source.data),
            "no pixel has a value",
            "PGD aborts for every cover that needs one, unless XUNIF_ is set for each decade",
            "name the right file",
        )


def _places(pixels: NDArray[np.uint16], top: int) -> list[str]:
    found = np.argwhere(typed.illegal(pixels))[:SHOWN]
    return [f"row {top + row + 1} column {col + 1} is {pixels[row, col]}" for row, col in found]
