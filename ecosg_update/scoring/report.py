"""What a run of scoring found, as nouns and as JSON. Every figure stands beside the name of its grouping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ecosg_update.judge.bootstrap import Bootstrap, Interval, class_intervals, overall_intervals
from ecosg_update.judge.calibration import Reliability
from ecosg_update.judge.confusion import Confusion
from ecosg_update.judge.mcnemar import McNemar
from ecosg_update.judge.scores import class_scores, overall_scores
from ecosg_update.scoring.tally import AREA, Part, Tally


@dataclass(frozen=True)
class Score:
    """A figure and the interval in which it lies; nan where not defined."""

    value: float
    interval: Interval

    def document(self) -> dict[str, float | None]:
        """As JSON: null for what is not defined."""
        return {"value": _json(self.value), "low": _json(self.interval.low), "high": _json(self.interval.high)}


@dataclass(frozen=True, eq=False)
class Row:
    """The scores of one contestant in one grouping on one part of the pixels.

    scores: of `judge.scores.OVERALL`. classes: of `judge.scores.PER_CLASS`, one a class of the confusion's legend.
    """

    contestant: str
    grouping: str
    part: Part
    blocks: int
    confusion: Confusion
    scores: dict[str, Score]
    classes: dict[str, tuple[Score, ...]]
    reliability: Reliability

    @property
    def unit(self) -> str:
        """What the confusion counts."""
        return "m2" if self.part == AREA else "pixels"

    def document(self) -> dict[str, Any]:
        """As JSON; under "pixels" and in the confusion stand counts of `unit`."""
        legend, counts = self.confusion.legend, self.confusion.counts
        classes = [
            {"code": code, "name": legend.names[at], "true": int(counts[at].sum()), "said": int(counts[:, at].sum())}
            | {name: values[at].document() for name, values in self.classes.items()}
            for at, code in enumerate(legend.codes)
        ]
        return {
            "contestant": self.contestant,
            "grouping": self.grouping,
            "part": {"kind": self.part[0], "value": self.part[1]},
            "pixels": self.confusion.total,
            "unit": self.unit,
            "blocks": self.blocks,
            "scores": {name: score.document() for name, score in self.scores.items()},
            "calibration_error": _json(self.reliability.error),
            "classes": classes,
            "confusion": counts.tolist(),
            "reliability": self.reliability.bins(),
        }


@dataclass(frozen=True)
class Pair:
    """Two contestants on the same pixels. gain: the second's overall accuracy less the first's."""

    first: str
    second: str
    grouping: str
    test: McNemar
    gain: Score

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "grouping": self.grouping,
            "gain": self.gain.document(),
            "only_first_right": self.test.only_first,
            "only_second_right": self.test.only_second,
            "mcnemar_statistic": self.test.statistic,
            "mcnemar_p": self.test.p,
        }


@dataclass(frozen=True, eq=False)
class Report:
    """A run of scoring. rows: by grouping, part and contestant; pairs: of all pixels."""

    rows: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    bootstrap: Bootstrap
    notes: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON; the last column of a confusion counts pixels for which nothing was said."""
        return {
            "bootstrap": {
                "times": self.bootstrap.times,
                "level": self.bootstrap.level,
                "seed": self.bootstrap.seed,
            },
            "notes": list(self.notes),
            "rows": [row.document() for row in self.rows],
            "pairs": [pair.document() for pair in self.pairs],
        }


def row(contestant: str, tally: Tally, part: Part, how: Bootstrap) -> Row:
    """The scores of a tally on a part."""
    blocks, total = list(tally.blocks[part].values()), tally.total(part)
    overall, bounds = overall_scores(total.counts), overall_intervals(blocks, how)
    by_class, class_bounds = class_scores(total.counts), class_intervals(blocks, how)
    return Row(
        contestant=contestant,
        grouping=tally.grouping.name,
        part=part,
        blocks=sum(block.total > 0 for block in blocks),
        confusion=total,
        scores={name: Score(float(value), bounds[name]) for name, value in overall.items()},
        classes={
            name: tuple(map(Score, map(float, values), class_bounds[name])) for name, values in by_class.items()
        },
        reliability=tally.reliability[part],
    )


def _json(value: float) -> float | None:
    return None if math.isnan(value) else value
