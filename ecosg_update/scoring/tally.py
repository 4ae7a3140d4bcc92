"""What is kept of each contestant while samples stream past: counts a block, which add up to every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.judge.calibration import Reliability, reliability
from ecosg_update.judge.confusion import Confusion, confusion
from ecosg_update.judge.grouping import Grouping
from ecosg_update.layers import Level
from ecosg_update.sample import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = ("all", "")
"""The part that every sample belongs to."""

AREA = ("area", "m2")
"""The part whose counts are square metres in place of pixels, which are no measure of area on a lat-lon grid."""

Part = tuple[str, str]
"""What samples have in common: ("level", "L2A"), ("source", "bigearthnet")."""


@dataclass(frozen=True, eq=False)
class Plot:
    """A labelled image that is judged.

    block: where it lies; images of one block are drawn together by the bootstrap. parts: kind and value of what it
    has in common with others, for figures of their own.
    """

    sample: Sample
    block: str
    level: Level
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def membership(self) -> tuple[Part, ...]:
        """Every part that it belongs to."""
        return (WHOLE, *self.parts.items())


@dataclass(eq=False)
class Tally:
    """The counts of one contestant in one grouping; `grouping` leads from its own legend there."""

    grouping: Grouping
    blocks: dict[Part, dict[str, Confusion]] = field(default_factory=dict)
    reliability: dict[Part, Reliability] = field(default_factory=dict)

    def add(self, plot: Plot, truth: NDArray[np.int16], probabilities: NDArray[np.float32]) -> NDArray[np.int16]:
        """What was said, int16 (y, x) rows of the grouping, -1 where nothing; truth likewise.

        The class is the one whose members have the largest sum of probabilities.
        """
        grouped = self.grouping.probabilities(probabilities)  # (group, y, x)
        confidence = grouped.max(axis=0)
        said = np.where(confidence > 0, grouped.argmax(axis=0), -1).astype(np.int16)
        counts = confusion(truth, said, self.grouping.target)
        bins = reliability(truth, said, confidence)
        for part in plot.membership:
            held = self.blocks.setdefault(part, {})
            held[plot.block] = held[plot.block] + counts if plot.block in held else counts
            self.reliability[part] = self.reliability.get(part, Reliability.empty()) + bins
        return said

    def total(self, part: Part) -> Confusion:
        """The confusion over the blocks of a part."""
        return sum(self.blocks[part].values(), Confusion.empty(self.grouping.target))
