"""What came in, what was kept, and what was dropped by which rule: the sums add up, by source and split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Tally:
    """Counts of a source or of all. pixels = labelled + the sum of dropped."""

    pieces: int = 0
    samples: int = 0
    pixels: int = 0
    labelled: int = 0
    suspects: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, *, pixels: int, labelled: int, dropped: Counter[str], suspects: int, lost: str = "") -> None:
        """Count a piece. lost: why it became no sample, "" where it became one."""
        self.pieces += 1
        self.samples += not lost
        self.pixels += pixels
        self.labelled += labelled
        self.suspects += suspects
        self.dropped += dropped
        if lost:
            self.lost[lost] += 1

    def document(self) -> dict[str, Any]:
        """The counts as plain values."""
        counts = {"pieces": self.pieces, "samples": self.samples, "pixels": self.pixels, "labelled": self.labelled}
        return counts | {
            "dropped_pixels": dict(self.dropped.most_common()),
            "dropped_pieces": dict(self.lost.most_common()),
            "likely_noise": self.suspects,
        }


def total(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    whole = Tally()
    for one in tallies:
        for name in ("pieces", "samples", "pixels", "labelled", "suspects"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        whole.dropped += one.dropped
        whole.lost += one.lost
    return whole
