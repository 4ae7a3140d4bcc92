"""From the codes of a label map to the classes that a network shall learn: CORINE's levels, or a user's tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.legend import Legend
from ecosg_update.sample import UNLABELLED

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORINE = {level: f"corine-l{level}" for level in (1, 2, 3)}
NOTHING = ("", "0", "-")
"""Cells of a grouping that leave a code out: its pixels are unlabelled."""

LEFT_OUT = -2
"""The kind of a pixel whose class is known and not wanted: unlike no data, it has a border with its neighbours."""

GREYS = 37
"""Step between the grey tones of a legend that names no colours."""


@dataclass(frozen=True, eq=False)
class Labelling:
    """What each code of a source means in the wanted legend.

    rows: int16 (class of the source + 1,), the row of the target, -1 for a code that is left out; the last is -1.
    """

    source: Legend
    target: Legend
    rows: NDArray[np.int16]

    def kinds(self, codes: NDArray[np.integer], nodata: int | None = None) -> NDArray[np.int16]:
        """int16 rows of the target, in the shape of `codes`; -1 for no data, `LEFT_OUT` for what is left out.

        nodata: the value that the file itself declares. Raises TableError for a code that the source's legend lacks.
        """
        codes = np.maximum(codes, 0)
        of_source = tables.code_rows(self.source, np.unique(codes), nodata)
        of_target = np.where(self.rows == UNLABELLED, np.int16(LEFT_OUT), self.rows)
        of_target[-1] = UNLABELLED
        found: NDArray[np.int16] = of_target[of_source][codes]
        return found

    def row(self, codes: Iterable[int]) -> int:
        """The row that all these codes of the source share, -1 where they do not: what a merged class means here."""
        rows = {int(self.rows[self.source.index(code)]) for code in codes}
        return rows.pop() if len(rows) == 1 else UNLABELLED

    @cached_property
    def grouping(self) -> dict[str, list[int]]:
        """The codes of the source in each class of the target, for the manifest."""
        members: dict[str, list[int]] = {name: [] for name in self.target.names}
        for code, row in zip(self.source.codes, self.rows[:-1].tolist(), strict=True):
            if row != UNLABELLED:
                members[self.target.names[row]].append(code)
        return members


def to_level(source: Legend, level: int) -> Labelling:
    """CORINE at level 1, 2 or 3 from a CORINE legend of that level or a finer one; TableError for another."""
    target = tables.legend(CORINE[level])
    digits = {1: 1, 2: 2, 3: 3}
    of_source = {name: digits[number] for number, name in CORINE.items()}.get(source.name, 0)
    if of_source < level:
        raise TableError(
            f"labels: {source.name} has no CORINE level {level}; give a grouping (CSV: code,group) for this source"
        )
    rows = [target.index(code // 10 ** (of_source - level)) for code in source.codes]
    return Labelling(source, target, _lookup(rows))


def grouped(source: Legend, target: Legend, grouping: Path) -> Labelling:
    """A labelling by a table of columns `code` (of the source) and `group` (a code or a name of the target).

    A group of "", 0 or - leaves a code out, as does a code that the table does not name. Raises TableError for what
    neither legend has.
    """
    rows = [UNLABELLED] * len(source)
    for line in tables.rows(grouping, ("code", "group")):
        group = line["group"].strip()
        if group not in NOTHING:
            rows[source.index(_whole(line["code"], grouping))] = _target_row(target, group, grouping)
    return Labelling(source, target, _lookup(rows))


def identity(source: Legend) -> Labelling:
    """Each class is itself."""
    return Labelling(source, source, _lookup(list(range(len(source)))))


def legend(given: str | Path) -> Legend:
    """A legend of the tables by its name, or a user's own: a CSV with code, name and, if wanted, colour and group.

    Raises TableError for a name that does not exist and for a table that does not add up.
    """
    path = Path(given)
    if path.suffix.lower() != ".csv":
        return tables.legend(str(given))
    lines = tables.rows(path, ("code", "name"))
    names = tuple(line["name"] for line in lines)
    return Legend(
        path.stem,
        tuple(_whole(line["code"], path) for line in lines),
        names,
        tuple(_colour(line.get("colour", ""), number, path) for number, line in enumerate(lines)),
        tuple(line.get("group") or line["name"] for line in lines),
        tuple(range(1, len(lines) + 1)),
    )


def legend_of_groups(grouping: Path) -> Legend:
    """The legend that a grouping implies: its groups by name, numbered 1, 2, ... in the order of the table."""
    groups = [line["group"].strip() for line in tables.rows(grouping, ("code", "group"))]
    names = tuple(dict.fromkeys(name for name in groups if name not in NOTHING))
    numbers = tuple(range(1, len(names) + 1))
    colours = tuple(_colour("", number, grouping) for number in range(len(names)))
    return Legend(grouping.stem, numbers, names, colours, names, numbers)


def _lookup(rows: list[int]) -> NDArray[np.int16]:
    return np.array([*rows, UNLABELLED], np.int16)


def _target_row(target: Legend, group: str, file: Path) -> int:
    if group in target.names:
        return target.names.index(group)
    if not group.isdigit():
        raise TableError(
            f"{file.name}: group {group!r} is no class of {target.name}; it has {', '.join(target.names)}"
        )
    return target.index(int(group))


def _whole(text: str, file: Path) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise TableError(f"{file.name}: code {text!r} is not a whole number") from error


def _colour(text: str, number: int, file: Path) -> tuple[int, int, int]:
    if not text:
        grey = (number + 1) * GREYS % 256
        return grey, grey, grey
    try:
        red, green, blue = bytes.fromhex(text.removeprefix("#"))
    except ValueError as error:
        raise TableError(f"{file.name}: colour {text!r} is not #rrggbb") from error
    return red, green, blue
