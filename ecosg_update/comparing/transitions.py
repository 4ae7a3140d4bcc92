"""Which cover became which, in cells and km2."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.comparing.kernel import SIDE
from ecosg_update.errors import TableError
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_DATA = 0


@dataclass(frozen=True, eq=False)
class Transitions:
    """How often each pair of covers meets.

    cells: int64 (34, 34), by old and new code; row and column 0 are no data. km2: float64 of the same shape. A cell
    is compared where both maps have a cover; of others nobody knows whether they changed.
    """

    cells: NDArray[np.int64]
    km2: NDArray[np.float64]
    legend: Legend

    def __post_init__(self) -> None:
        if self.cells.shape != (SIDE, SIDE) or self.cells.dtype != np.int64 or self.km2.shape != (SIDE, SIDE):
            raise TableError(f"transitions: found {self.cells.dtype} {self.cells.shape}, expected int64 {SIDE, SIDE}")

    @property
    def compared(self) -> tuple[int, float]:
        """(cells, km2) with a cover in both maps."""
        return int(self.cells[1:, 1:].sum()), float(self.km2[1:, 1:].sum())

    @property
    def changed(self) -> tuple[int, float]:
        """(cells, km2) with two different covers."""
        return int(self.cells[self._off].sum()), float(self.km2[self._off].sum())

    @property
    def changed_percent(self) -> float:
        """The changed part of the compared area; 0 where nothing could be compared."""
        compared = self.compared[1]
        return 100 * self.changed[1] / compared if compared else 0.0

    @cached_property
    def _off(self) -> NDArray[np.bool_]:
        off = ~np.eye(SIDE, dtype=np.bool_)
        off[NO_DATA], off[:, NO_DATA] = False, False
        return off

    def no_data(self) -> dict[str, int]:
        """Cells without a cover in the old map, in the new one, in both."""
        both = int(self.cells[0, 0])
        return {"old": int(self.cells[0].sum()), "new": int(self.cells[:, 0].sum()), "both": both}

    def classes(self) -> list[dict[str, Any]]:
        """Each cover that occurs, before and after, on the compared cells; plain values."""
        named = zip(self.legend.codes, self.legend.names, self.legend.group, strict=True)
        rows = [{"code": code, "name": name, "group": group} | self._sums([code]) for code, name, group in named]
        return [row for row in rows if row["before_cells"] or row["after_cells"]]

    def groups(self) -> list[dict[str, Any]]:
        """Each primary group that occurs, as `classes`."""
        rows = [{"name": name} | self._sums(codes) for name, codes in self._members()]
        return [row for row in rows if row["before_cells"] or row["after_cells"]]

    def pairs(self) -> list[dict[str, Any]]:
        """Each pair of covers that occurs, unchanged ones too, the largest area first."""
        found = [
            {"from": int(old), "to": int(new), "cells": int(self.cells[old, new]), "km2": float(self.km2[old, new])}
            for old, new in np.argwhere(self.cells)
            if old and new
        ]
        return sorted(found, key=_larger)

    def group_pairs(self) -> list[dict[str, Any]]:
        """Each pair of primary groups that occurs, as `pairs`."""
        found = []
        for old, before in self._members():
            for new, after in self._members():
                at = np.ix_(before, after)
                cells, km2 = int(self.cells[at].sum()), float(self.km2[at].sum())
                found += [{"from": old, "to": new, "cells": cells, "km2": km2}] if cells else []
        return sorted(found, key=_larger)

    def _members(self) -> Iterator[tuple[str, list[int]]]:
        for name in dict.fromkeys(self.legend.group):
            yield name, list(self.legend.members("group", name))

    def _sums(self, codes: Iterable[int]) -> dict[str, Any]:
        """Cells and km2 of some covers before and after."""
        at = list(codes)
        return {
            "before_cells": int(self.cells[at, 1:].sum()),
            "after_cells": int(self.cells[1:, at].sum()),
            "before_km2": float(self.km2[at, 1:].sum()),
            "after_km2": float(self.km2[1:, at].sum()),
        }


def _larger(pair: dict[str, Any]) -> tuple[float, Any, Any]:
    return -pair["km2"], pair["from"], pair["to"]
