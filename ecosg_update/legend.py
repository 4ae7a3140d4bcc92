"""Legends: what the codes of a map mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Legend:
    """The classes of a map: row i of an array of classes is `codes[i]`.

    `group` is the primary group of each class; `priority` settles ties (the lowest wins); `columns` holds
    further columns of the table as text (ECOCLIMAP-SG: family, form, tile, vegtype,
    lcz, garden). Code 0 is no data
    in every legend and never a class.
    """

    name: str
    codes: tuple[int, ...]
    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    group: tuple[str, ...]
    priority: tuple[int, ...]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.codes, self.names, self.colours, self.group, self.priority)}
        lengths |= {len(column) for column in self.columns.values()}
        if lengths != {len(self.codes)} or not self.codes:
            raise TableError(f"legend {self.name}: columns of unequal length, or no class at all")
        if len(set(self.codes)) < len(self.codes) or len(set(self.names)) < len(self.names):
            raise TableError(f"legend {self.name}: a code or a name stands twice")
        if min(self.codes) < 1 or max(self.codes) > 999:
            raise TableError(f"legend {self.name}: codes must lie in 1..999, 0 is no data")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Legend) and (self.name, self.codes, self.names) == (
            other.name,
            other.codes,
            other.names,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.codes))

    def __len__(self) -> int:
        return len(self.codes)

    def index(self, code: int) -> int:
        """The array row of a code; TableError where the legend lacks it."""
        if code not in self._row_of:
            raise TableError(f"legend {self.name}: {code} is no class of it, it has {_some(self.codes)}")
        return self._row_of[code]

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {code: row for row, code in enumerate(self.codes)}

    @cached_property
    def rows(self) -> NDArray[np.int16]:
        """A lookup of shape (1000,): code to array row, -1 for no data and for codes outside the legend."""
        lookup = np.full(1000, -1, np.int16)
        lookup[list(self.codes)] = np.arange(len(self.codes))
        return lookup

    def members(self, column: str, value: str) -> tuple[int, ...]:
        """The codes whose `column` ("group" or a further column) holds `value`."""
        cells = self.group if column == "group" else self.columns.get(column, ())
        return tuple(code for code, cell in zip(self.codes, cells, strict=False) if cell == value)

    def name_of(self, code: int) -> str:
        """The name of a code; "no data" for 0."""
        return "no data" if code == 0 else self.names[self.index(code)]


def _some(codes: tuple[int, ...]) -> str:
    text = ", ".join(str(code) for code in codes[:12])
    return text if len(codes) <= 12 else f"{text} ... ({len(codes)} classes)"
