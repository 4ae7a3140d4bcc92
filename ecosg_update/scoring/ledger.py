"""The counts of several maps against one truth: joint classes go in block by block, a report comes out.

What decides every figure is how often each combination of classes occurs. Classes that no grouping tells apart are
one kind here, so that the combinations of several maps stay few.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError, CoverageError, TableError
from ecosg_update.judge.bootstrap import Bootstrap, accuracy_gain
from ecosg_update.judge.calibration import Reliability
from ecosg_update.judge.confusion import Confusion
from ecosg_update.judge.grouping import Grouping, grouping
from ecosg_update.judge.mcnemar import McNemar
from ecosg_update.legend import Legend
from ecosg_update.scoring.report import Pair, Report, Row, Score, row
from ecosg_update.scoring.tally import AREA, WHOLE, Tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COMBINATIONS = 2**22
"""Of kinds of all maps and the truth: 64 MB of counts and areas for a block."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """The classes of a legend, those joined that no grouping tells apart.

    of: intp (256,), the kind of each class (row of the legend plus 1, 0 for none). rows: int16 (kind, grouping), the
    row of each grouping's target, -1 for none.
    """

    of: NDArray[np.intp]
    rows: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.rows)


def kinds(groupings: Sequence[Grouping]) -> Kinds:
    """The kinds of a legend under these groupings of it."""
    table = np.full((256, len(groupings)), -1, np.int16)
    for number, one in enumerate(groupings):
        table[1 : len(one.rows) + 1, number] = one.rows
    rows, of = np.unique(table, axis=0, return_inverse=True)
    return Kinds(np.asarray(of, np.intp).reshape(-1), rows)


def reached(legends: Sequence[Legend], targets: Sequence[Legend]) -> list[Legend]:
    """The targets that the tables bring every legend to, in their order."""
    return [target for target in targets if all(_is_reached(one, target) for one in legends)]


def _is_reached(legend: Legend, target: Legend) -> bool:
    try:
        grouping(legend, target)
    except TableError:
        return False
    return True


@dataclass(eq=False)
class _Arena:
    """All maps in one grouping."""

    target: Legend
    tallies: list[Tally]
    tests: dict[tuple[int, int], McNemar]
    pixels: int = 0
    left_out: int = 0

    def add(
        self, block: str, rows: NDArray[np.int16], counts: NDArray[np.int64], m2: NDArray[np.int64] | None
    ) -> None:
        """Count combinations. rows: int16 (combination, map and at last the truth), of this grouping."""
        known = (rows >= 0).all(axis=1)
        cells = counts[known]
        self.pixels += int(counts.sum())
        self.left_out += int(counts.sum() - cells.sum())
        if not cells.size:
            return
        truth, right = rows[known, -1], rows[known, :-1] == rows[known, -1:]
        for number, tally in enumerate(self.tallies):
            _put(tally, WHOLE, block, truth, rows[known, number], cells)
            if m2 is not None:
                _put(tally, AREA, block, truth, rows[known, number], m2[known])
        for one, other in self.tests:
            only_one = cells[right[:, one] & ~right[:, other]].sum()
            only_other = cells[right[:, other] & ~right[:, one]].sum()
            self.tests[one, other] += McNemar(int(only_one), int(only_other))


def _put(
    tally: Tally, part: tuple[str, str], block: str, truth: NDArray[np.int16], said: NDArray[np.int16],
    counts: NDArray[np.int64],
) -> None:  # fmt: skip
    legend = tally.grouping.target
    held = tally.blocks.setdefault(part, {})
    tally.reliability.setdefault(part, Reliability.empty())
    if block not in held:
        held[block] = Confusion.empty(legend)
    matrix = np.zeros_like(held[block].counts)
    np.add.at(matrix, (truth, said), counts)
    held[block] += Confusion(matrix, legend)


class Ledger:
    """The counts of maps in several groupings, to which blocks are added."""

    def __init__(self, maps: Sequence[tuple[str, Legend]], truth: Legend, targets: Sequence[Legend]) -> None:
        """Maps by name with their legends. Raises ConfigError for names or combinations too many to count."""
        names = [name for name, _ in maps]
        if not names or len(set(names)) < len(names):
            raise ConfigError(
                f"score: maps are {', '.join(names) or 'none'}, expected at least one, each name once; rename a file"
            )
        self.names = names
        groupings = [
            [grouping(legend, target) for target in targets] for legend in (*(one for _, one in maps), truth)
        ]
        self.kinds = [kinds(own) for own in groupings]
        self.arenas = [
            _Arena(
                target,
                [Tally(own[number]) for own in groupings[:-1]],
                {pair: McNemar() for pair in combinations(range(len(names)), 2)},
            )
            for number, target in enumerate(targets)
        ]
        if math.prod(self.shape) > MOST_COMBINATIONS:
            raise ConfigError(
                f"score: {len(names)} maps make {math.prod(self.shape):,} combinations of classes, "
                f"{MOST_COMBINATIONS:,} are counted at most; score fewer maps at once, or in fewer groupings"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(combinations of the maps' kinds, kinds of the truth)."""
        return math.prod(len(own) for own in self.kinds[:-1]), len(self.kinds[-1])

    def combined(self, layers: Sequence[NDArray[np.uint8]]) -> tuple[NDArray[np.integer], NDArray[np.intp]]:
        """The maps' classes as one code (of their shape), and the combination of each code."""
        if len(layers) == 1:
            return layers[0], self.kinds[0].of
        codes = np.zeros(layers[0].shape, np.uint32)
        for layer, own in zip(layers, self.kinds, strict=False):
            codes *= np.uint32(len(own))
            codes += own.of.astype(np.uint32)[layer]
        return codes, np.arange(self.shape[0], dtype=np.intp)

    def add(self, block: str, counts: NDArray[np.int64], m2: NDArray[np.float64] | None = None) -> None:
        """Add pixels of a block: counts (and square metres) of `shape`; without m2 pixels are alike, or points."""
        first, truth = np.nonzero(counts)
        if not first.size:
            return
        area = None if m2 is None else np.rint(m2[first, truth]).astype(np.int64)
        columns = [*np.unravel_index(first, [len(own) for own in self.kinds[:-1]]), truth]
        for number, arena in enumerate(self.arenas):
            rows = np.stack(
                [own.rows[column, number] for own, column in zip(self.kinds, columns, strict=True)], axis=1
            )
            arena.add(block, rows, counts[first, truth], area)

    def report(self, how: Bootstrap, notes: Sequence[str]) -> Report:
        """The scores; CoverageError where no pixel has a class in all maps and the truth."""
        held = [arena for arena in self.arenas if arena.pixels > arena.left_out]
        if not held:
            raise CoverageError(
                "score: no pixel has a class in the truth and in every map; name maps and truth that overlap"
            )
        rows = tuple(one for arena in held for one in self._rows(arena, how))
        pairs = tuple(pair for arena in held for pair in self._pairs(arena, how))
        return Report(rows, pairs, how, (*notes, *map(_left_out, self.arenas)))

    def _rows(self, arena: _Arena, how: Bootstrap) -> Iterator[Row]:
        for part in arena.tallies[0].blocks:
            for name, tally in zip(self.names, arena.tallies, strict=True):
                yield row(name, tally, part, how)

    def _pairs(self, arena: _Arena, how: Bootstrap) -> Iterator[Pair]:
        for (first, second), test in arena.tests.items():
            one, other = (list(arena.tallies[at].blocks[WHOLE].values()) for at in (first, second))
            gain = (test.only_second - test.only_first) / (arena.pixels - arena.left_out)
            score = Score(gain, accuracy_gain(one, other, how))
            name = arena.tallies[0].grouping.name
            yield Pair(self.names[first], self.names[second], name, test, score)


def _left_out(arena: _Arena) -> str:
    name = arena.tallies[0].grouping.name
    if not arena.left_out:
        return f"{name}: all {arena.pixels:,} pixels"
    return (
        f"{name}: {arena.pixels - arena.left_out:,} of {arena.pixels:,} pixels; the others have no class of it in "
        "the truth or in a map and are left out for all maps alike"
    )
