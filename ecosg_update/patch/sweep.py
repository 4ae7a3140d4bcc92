"""Changes that sweep over a group of covers: most of what was seen of it became one other group.

An image and an engine that take one kind of land for another do it everywhere, which looks just like an original that
is wrong everywhere: nothing in the probabilities tells the two apart. A person can, by a look at the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.layers import Patch, Reason
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

PART = 0.4
"""Of the seen cells of a group. Ours: a renewal changes some of a group, not nearly half of it."""

FEWEST = 100
"""Seen cells of a group, below which a part of them says little. Ours."""

UNSEEN = (Reason.KEPT_NO_DATA, Reason.KEPT_LOW_SHARE)


@dataclass(frozen=True)
class Sweep:
    """A group of the original, the group that it became, in how many cells, and which part of what was seen of it."""

    old: str
    new: str
    cells: int
    part: float

    @property
    def text(self) -> str:
        """As a warning."""
        return (
            f"{self.part:.0%} of what was seen of {self.old} became {self.new} ({self.cells:,} cells): an engine "
            "that takes one for the other everywhere looks like that; compare with the image before you use the map"
        )


def sweeps(patch: Patch) -> tuple[Sweep, ...]:
    """The sweeping changes of a patch, the largest first; none where each group mostly stays or is split up."""
    return swept(moves(patch), patch.cover.legend)


def moves(patch: Patch) -> NDArray[np.int64]:
    """int64 (group + 1, group + 1): the seen cells of each group, by the group that they are now; 0 is no data.

    They add up over the pieces of a map.
    """
    legend = patch.cover.legend
    names = _names(legend)
    number = np.zeros(256, np.uint8)
    for at, group in enumerate(names[1:], start=1):
        number[list(legend.members("group", group))] = at
    seen = ~np.isin(patch.reason, UNSEEN)
    pairs = number[patch.base[seen]].astype(np.intp) * len(names) + number[patch.cover.codes[seen]]
    return np.bincount(pairs, minlength=len(names) ** 2).reshape(len(names), len(names)).astype(np.int64)


def swept(counts: NDArray[np.int64], legend: Legend) -> tuple[Sweep, ...]:
    """The sweeping changes among the moves of a map, as `sweeps`."""
    names, total = _names(legend), counts.sum(axis=1)
    found = [
        Sweep(names[old], names[new], int(counts[old, new]), float(counts[old, new] / total[old]))
        for old, new in zip(*np.nonzero(counts), strict=True)
        if old and new and old != new and total[old] >= FEWEST and counts[old, new] >= PART * total[old]
    ]
    return tuple(sorted(found, key=lambda one: -one.cells))


def _names(legend: Legend) -> list[str]:
    """The groups by number, nothing first."""
    return ["", *dict.fromkeys(legend.group)]
