"""How well engines do on regions of real labelled pixels that they never saw: leave one region out.

    python tools/score_real.py DATA [--runs FOLDER] [--json FILE] [REGION ...]

DATA holds the shared data. Each region is scored, pixel by pixel at level 1 and level 2, by what never saw it:

- the majority class of the other regions, and a random forest of their pixels, on the bands that all of them have;
- Dynamic World and So2Sat's local climate zones (level 1), where a region has their bands; surface reflectance is
  brought to their level through a nominal atmosphere;
- with --runs, the engine of `tools/engine.toml` that was trained without the region: FOLDER is that of
  tools/train_engine.py.

Single pixels of a polygon are laid side by side as a square, for engines that look at neighbours. The last lines are
means over the regions, each region counting alike: of all that a contestant could be asked for, and of the regions
that every contestant answers.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecosg_update import tables
from ecosg_update.baselines.features import spectral
from ecosg_update.baselines.forest import grown
from ecosg_update.baselines.majority import shares
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.layers import Level
from ecosg_update.sample import UNLABELLED, arranged
from ecosg_update.scoring.contestant import Contestant, baseline, network
from ecosg_update.scoring.report import Row
from ecosg_update.scoring.scored import scored
from ecosg_update.scoring.tally import WHOLE, Plot
from ecosg_update.segment import checkpoint
from ecosg_update.segment.weights import published
from tools.real_samples import TEN, RealSample, everything, tiles
from tools.train_engine import proof

COARSER = {"corine-l1": ("water-vegetation",)}
"""What is scored beside a level."""
SIDE = 32
"""Of a block of the bootstrap, pixels of 10 m."""
LEVELS = ("corine-l1", "corine-l2")
ENGINE = "light"
PUBLISHED = {"dynamicworld": ("weights_dynamicworld", "forward", "variables"), "so2sat-lcz": ("weights_so2sat_lcz",)}


def squared(real: RealSample) -> RealSample:
    """Single pixels (1, n) as a square, in their order; what is left of it repeats the last pixel without a label."""
    if real.near:
        return real
    count = real.level1.size
    side = int(np.ceil(count**0.5))
    at = np.minimum(np.arange(side**2), count - 1).reshape(side, side)
    beyond = np.arange(side**2).reshape(side, side) >= count
    level1, level2 = (np.where(beyond, np.int16(UNLABELLED), part[0][at]) for part in (real.level1, real.level2))
    return replace(real, values=real.values[:, 0][:, at], level1=level1, level2=level2)


def rows(real: Sequence[RealSample], held: str, folder: Path, engine: Path | None) -> Iterator[Row]:
    """The rows of all contestants on a region, in both groupings; water and vegetation at level 1."""
    own = [squared(one) for one in real if one.region == held and (one.level1 != UNLABELLED).any()]
    others = [one for one in real if one.region != held]
    common = tuple(band for band in TEN if all(band in one.bands for one in real))
    for level, grouping in enumerate(LEVELS, start=1):
        legend = tables.legend(grouping)
        samples = [one.sample(level, common) for one in others]
        simple = [
            baseline("majority", shares(samples, legend)),
            baseline("forest", grown(samples, common, legend, features=spectral, threads=2)),
        ]
        asked = [(one, common) for one in simple] + [(one, TEN) for one in _networks(own, folder, engine, level)]
        groupings = [legend, *map(tables.legend, COARSER.get(grouping, ()))]
        plots = _answered(own, asked, level)
        yield from scored(_readers(asked), plots, legend, groupings, bootstrap=Bootstrap(500)).rows


def _networks(own: Sequence[RealSample], folder: Path, engine: Path | None, level: int) -> list[Contestant]:
    found = []
    if engine is not None:
        found.append(network(ENGINE, checkpoint.load(engine, on="cpu"), TEN, 10.0))
    if not all(set(TEN) <= set(one.bands) for one in own):
        return found
    for name, place in PUBLISHED.items():
        if name == "dynamicworld" or level == 1:
            found.append(network(name, published(name, folder=folder.joinpath(*place), on="cpu"), TEN, 10.0))
    return found


def _answered(
    own: Sequence[RealSample], asked: Sequence[tuple[Contestant, tuple[str, ...]]], level: int
) -> Iterator[Plot]:
    """Blocks of the region whose values are the answers of all contestants, given to the whole image.

    An engine that saw the block alone would see edges that are none.
    """
    for one in own:
        answers = [
            who.probabilities(arranged(one.sample(level).values, one.bands, bands), one.level) for who, bands in asked
        ]
        told = replace(one, values=np.concatenate(answers))
        for part in tiles(told, SIDE) if one.near else [told]:
            yield Plot(part.sample(level), part.block, part.level)


def _readers(asked: Sequence[tuple[Contestant, tuple[str, ...]]]) -> list[Contestant]:
    """Contestants that read their answers off a plot of `_answered`."""
    ends = np.cumsum([len(who.legend) for who, _ in asked]).tolist()
    return [
        Contestant(who.name, who.legend, _cut(end - len(who.legend), end))
        for (who, _), end in zip(asked, ends, strict=True)
    ]


def _cut(start: int, end: int) -> Callable[[NDArray[np.float32], Level], NDArray[np.float32]]:
    return lambda values, level: values[start:end]  # noqa: ARG005


def _line(held: str, levels: str, row: Row) -> str:
    figures = (
        f"{name} {row.scores[name].value:.3f} [{bounds.low:.3f}..{bounds.high:.3f}]"
        for name in ("accuracy", "macro_f1")
        for bounds in [row.scores[name].interval]
    )
    return f"{held} {levels}, {row.grouping}: {row.contestant}, {', '.join(figures)}, {row.confusion.total} pixels"


def _means(found: dict[str, list[Row]]) -> Iterator[str]:
    """Lines of means over regions, by grouping and contestant."""
    for grouping in dict.fromkeys(row.grouping for rows_ in found.values() for row in rows_):
        scores: dict[str, dict[str, float]] = defaultdict(dict)
        for held, rows_ in found.items():
            for row in rows_:
                if row.grouping == grouping:
                    scores[row.contestant][held] = row.scores["accuracy"].value
        shared = set.intersection(*(set(own) for own in scores.values()))
        for name, own in scores.items():
            yield (
                f"mean of {len(own)} regions, {grouping}: {name}, accuracy {np.mean(list(own.values())):.3f}; "
                f"of the {len(shared)} that all answer {np.mean([own[held] for held in shared]):.3f}"
            )


def main() -> None:
    """Print a line a region, level and contestant, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("regions", nargs="*")
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    real = list(everything(given.data))
    found: dict[str, list[Row]] = {}
    for held in given.regions or dict.fromkeys(one.region for one in real):
        levels = "/".join(sorted({one.level for one in real if one.region == held}))
        engine = proof(given.runs, held) if given.runs else None
        found[held] = [row for row in rows(real, held, given.data, engine) if row.part == WHOLE]
        for row in found[held]:
            print(_line(held, levels, row), flush=True)
    print(*_means(found), sep="\n")
    if given.json:
        document = {held: [row.document() for row in rows_] for held, rows_ in found.items()}
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
