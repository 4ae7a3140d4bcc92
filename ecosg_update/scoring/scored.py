"""The run: each sample goes through every contestant once, and everything else is counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.judge.bootstrap import Bootstrap, accuracy_gain
from ecosg_update.judge.grouping import Grouping, grouping
from ecosg_update.judge.mcnemar import McNemar, mcnemar
from ecosg_update.legend import Legend
from ecosg_update.progress import Progress, silent
from ecosg_update.scoring.contestant import Contestant
from ecosg_update.scoring.report import Pair, Report, Score, row
from ecosg_update.scoring.tally import WHOLE, Part, Plot, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray


def scored(
    contestants: Sequence[Contestant],
    plots: Iterable[Plot],
    truth: Legend,
    groupings: Sequence[Legend],
    *,
    bootstrap: Bootstrap | None = None,
    total: int = 0,
    progress: Progress = silent,
) -> Report:
    """The report on all contestants, on the same pixels, in every grouping.

    truth: the legend of the plots' labels. groupings: what is scored; the truth and each contestant's own legend are
    brought there by the tables (`judge.grouping`). total: the number of plots, for progress. Memory: one plot, and
    one confusion matrix a block, part, contestant and grouping. Raises TableError where a legend cannot be grouped,
    ModelError where contestants share a name or no pixel has a label.
    """
    names = [one.name for one in contestants]
    if not names or len(set(names)) < len(names):
        raise ModelError(f"scoring: contestants are {', '.join(names) or 'none'}, expected at least one, each once")
    arenas = [_arena(contestants, truth, target) for target in groupings]
    mute: Counter[str] = Counter()
    for number, plot in enumerate(plots, start=1):
        probabilities = [one.probabilities(plot.sample.values, plot.level) for one in contestants]
        mute.update(name for name, values in zip(names, probabilities, strict=True) if not values.any())
        for arena in arenas:
            arena.add(plot, probabilities)
        progress("scoring samples", number, total)
    how = bootstrap or Bootstrap()
    if not any(arena.pixels for arena in arenas):
        raise ModelError("scoring: no pixel has a label in the groupings that were asked for; check the split")
    notes = [note for one in contestants for note in one.notes]
    notes += [f"{name} said nothing of {count} samples, which count as not right" for name, count in mute.items()]
    rows = tuple(
        row(name, tally, part, how)
        for arena in arenas
        for part in arena.parts()
        for name, tally in zip(names, arena.tallies, strict=True)
    )
    pairs = tuple(pair for arena in arenas for pair in arena.compared(names, how))
    return Report(rows, pairs, how, tuple(notes))


@dataclass(eq=False)
class _Arena:
    """All contestants in one grouping."""

    truth: Grouping
    tallies: list[Tally]
    tests: dict[tuple[int, int], McNemar]

    def add(self, plot: Plot, probabilities: Sequence[NDArray[np.float32]]) -> None:
        """Count one plot for all contestants and for each two of them."""
        truth = self.truth.labels(plot.sample.labels)
        said = [tally.add(plot, truth, values) for tally, values in zip(self.tallies, probabilities, strict=True)]
        for first, second in self.tests:
            self.tests[first, second] += mcnemar(truth, said[first], said[second])

    @property
    def pixels(self) -> int:
        """Pixels with truth."""
        return sum(block.total for block in self.tallies[0].blocks.get(WHOLE, {}).values())

    def parts(self) -> list[Part]:
        """All pixels, and the parts of each kind that tells pixels apart: one level alone needs no row of its own."""
        found = [part for part in self.tallies[0].blocks if self.tallies[0].total(part).total]
        kinds = [kind for kind, _ in found]
        return [part for part in found if part == WHOLE or kinds.count(part[0]) > 1]

    def compared(self, names: Sequence[str], how: Bootstrap) -> list[Pair]:
        """Each two contestants."""
        found = []
        for (first, second), test in self.tests.items():
            one, other = (list(self.tallies[at].blocks[WHOLE].values()) for at in (first, second))
            gain = (test.only_second - test.only_first) / self.pixels if self.pixels else float("nan")
            score = Score(gain, accuracy_gain(one, other, how))
            found.append(Pair(names[first], names[second], self.truth.name, test, score))
        return found


def _arena(contestants: Sequence[Contestant], truth: Legend, target: Legend) -> _Arena:
    tallies = [Tally(grouping(one.legend, target)) for one in contestants]
    pairs = combinations(range(len(contestants)), 2)
    return _Arena(grouping(truth, target), tallies, {pair: McNemar() for pair in pairs})
