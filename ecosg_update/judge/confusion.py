"""Confusion matrices that add up: blocks, regions, machines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import GridError, TableError
from ecosg_update.judge.grouping import Grouping
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class of the truth was said to be which class.

    counts: int64 (truth, said + 1), rows of `legend`; the last column counts pixels for which no class of the
    legend was said. They are wrong in every score: an engine gains nothing where it is silent. Pixels without truth
    are never counted. The name of `legend` is that of the grouping.
    """

    counts: NDArray[np.int64]
    legend: Legend

    def __post_init__(self) -> None:
        classes = len(self.legend)
        if self.counts.dtype != np.int64 or self.counts.shape != (classes, classes + 1):
            raise TableError(
                f"confusion of {self.legend.name}: found {self.counts.dtype} {self.counts.shape}, expected int64 "
                f"({classes}, {classes + 1})"
            )
        if self.counts.min() < 0:
            raise TableError(f"confusion of {self.legend.name}: a count is below 0; subtract no larger matrix")

    @classmethod
    def empty(cls, legend: Legend) -> Confusion:
        """No pixel yet."""
        return cls(np.zeros((len(legend), len(legend) + 1), np.int64), legend)

    def __add__(self, other: Confusion) -> Confusion:
        if self.legend != other.legend:
            raise TableError(
                f"confusion: {self.legend.name} and {other.legend.name} do not add up; group both the same way"
            )
        return Confusion(self.counts + other.counts, self.legend)

    @property
    def total(self) -> int:
        """Pixels with truth."""
        return int(self.counts.sum())

    def grouped(self, by: Grouping) -> Confusion:
        """The same pixels in the classes of a grouping; those whose truth belongs to no group are lost."""
        if by.source != self.legend:
            raise TableError(f"confusion of {self.legend.name}: the grouping is one of {by.source.name}")
        to = np.append(by.rows, -1)  # the column of silence stays what it is
        classes = len(by.target)
        found = np.zeros((classes + 1, classes + 1), np.int64)  # the last row takes truth without a group
        np.add.at(found, (by.rows[:, None], to[None, :]), self.counts)
        return Confusion(found[:classes], by.target)


def confusion(truth: NDArray[np.int16], said: NDArray[np.int16], legend: Legend) -> Confusion:
    """The confusion of two arrays of the legend's rows, any shape but the same; -1 is no class.

    Raises GridError where the shapes differ, TableError for rows that the legend lacks.
    """
    if truth.shape != said.shape:
        raise GridError(f"confusion: truth is {truth.shape}, the classes are {said.shape}; bring both to one grid")
    classes = len(legend)
    for rows, what in ((truth, "truth"), (said, "classes")):
        if rows.size and not -1 <= rows.min() <= rows.max() < classes:
            raise TableError(
                f"confusion: {what} reach from {rows.min()} to {rows.max()}, expected rows of {legend.name}, "
                f"-1 to {classes - 1}"
            )
    known = truth >= 0
    place = truth[known].astype(np.intp) * (classes + 1) + said[known] % (classes + 1)  # -1 becomes the last column
    counts = np.bincount(place, minlength=classes * (classes + 1)).astype(np.int64)
    return Confusion(counts.reshape(classes, classes + 1), legend)
