"""Groupings: the classes of a legend counted as fewer, by a table; the name of the grouping goes with each score."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("code", "group")
NOTHING = ("", "0", "-")
"""Groups that leave a code out, as in the tables of a training set."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """What the classes of `source` count as in `target`, whose name is the grouping's.

    rows: int16 (source class,), the row of `target`, -1 for a class that belongs to none.
    """

    source: Legend
    target: Legend
    rows: NDArray[np.int16]

    def __post_init__(self) -> None:
        if self.rows.dtype != np.int16 or self.rows.shape != (len(self.source),):
            raise TableError(
                f"grouping {self.source.name} to {self.target.name}: found {self.rows.dtype} {self.rows.shape}, "
                f"expected int16 ({len(self.source)},)"
            )
        if self.rows.min() < -1 or self.rows.max() >= len(self.target):
            raise TableError(
                f"grouping {self.source.name} to {self.target.name}: a row is outside {self.target.name}"
            )

    @property
    def name(self) -> str:
        """The name as it stands beside a score: "corine-l1, 5 classes"."""
        return f"{self.target.name}, {len(self.target)} classes"

    def labels(self, labels: NDArray[np.int16]) -> NDArray[np.int16]:
        """Rows of `target` for rows of `source`, any shape; -1 stays -1."""
        found: NDArray[np.int16] = np.append(self.rows, np.int16(-1))[labels]
        return found

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (target class, y, x): the sums of (source class, y, x); what belongs to no group is lost."""
        found = np.zeros((len(self.target), *values.shape[1:]), np.float32)
        for row, layer in zip(self.rows, values, strict=True):
            if row >= 0:
                found[row] += layer
        return found


def grouping(source: Legend, target: Legend) -> Grouping:
    """The grouping of a legend's classes by the tables.

    It is, in this order: the classes themselves where the legends are one; the table
    `groupings/SOURCE--TARGET.csv`; a column of the source's legend whose cells are names of the target's classes
    (level 3 of CORINE says its level 2 and 1 that way). Raises TableError where there is none of these.
    """
    if source == target:
        return Grouping(source, target, np.arange(len(source), dtype=np.int16))
    file = tables.path("groupings", f"{source.name}--{target.name}.csv")
    if file.is_file():
        return tabled(source, target, file)
    names = {name: row for row, name in enumerate(target.names)}
    for cells in (source.group, *source.columns.values()):
        if names.keys() >= set(cells):
            return Grouping(source, target, np.array([names[cell] for cell in cells], np.int16))
    raise TableError(
        f"grouping: none from {source.name} to {target.name}, neither {file.name} nor a column of the legend; "
        "write the table (code, group)"
    )


def tabled(source: Legend, target: Legend, file: Path) -> Grouping:
    """The grouping that a CSV table of columns code and group (a code or a name of the target) holds.

    Codes that it does not name, or whose group is "", 0 or -, belong to none. Raises TableError for what the legends
    lack and for a code that stands twice.
    """
    found: dict[int, int] = {}
    for line in tables.rows(file, COLUMNS):
        at = source.index(_whole(line["code"], file))
        if at in found:
            raise TableError(f"{file.name}: code {line['code']} stands twice; keep one group for it")
        found[at] = _group(target, line["group"].strip(), file)
    return Grouping(source, target, np.array([found.get(at, -1) for at in range(len(source))], np.int16))


def _group(target: Legend, text: str, file: Path) -> int:
    """The row of a code or a name, -1 for nothing."""
    if text in NOTHING:
        return -1
    return target.names.index(text) if text in target.names else target.index(_whole(text, file))


def _whole(text: str, file: Path) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise TableError(f"{file.name}: found {text!r}, expected a code or the name of a group") from error
