"""How well a forest, the majority and Dynamic World do on regions that they never saw: leave one region out.

    python tools/score_real.py FOLDER [REGION ...]

FOLDER holds the shared data. Each region is scored by a forest of the others (of the named ones, if any), at level 1
and level 2, on the bands that all regions have, pixel by pixel: some regions have no neighbouring pixels. Dynamic
World needs its nine bands and neighbours, and is scored where a region has them; surface reflectance is brought to
its level through a nominal atmosphere.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ecosg_update import tables
from ecosg_update.baselines.features import spectral
from ecosg_update.baselines.forest import grown
from ecosg_update.baselines.majority import shares
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.scoring.contestant import Contestant, baseline, network
from ecosg_update.scoring.report import Row
from ecosg_update.scoring.scored import scored
from ecosg_update.scoring.tally import WHOLE, Plot
from ecosg_update.segment.weights import CARD, published
from tools.real_samples import RealSample, everything, tiles

SIDE = 32
"""Of a block of the bootstrap, pixels of 10 m."""


def scores(real: Sequence[RealSample], held: str, level: int, folder: Path) -> tuple[Row, ...]:
    """The rows of all contestants on a region."""
    bands = tuple(band for band in real[0].bands if all(band in one.bands for one in real))
    legend = tables.legend(f"corine-l{level}")
    others = [one.sample(level, bands) for one in real if one.region != held]
    contestants = [
        baseline("majority", shares(others, legend)),
        baseline("forest", grown(others, bands, legend, features=spectral, threads=2)),
    ]
    own = [one for one in real if one.region == held]
    eaten = all(set(CARD.bands) <= set(one.bands) and one.near for one in own)
    rows = _rows(contestants, own, bands, level)
    if not eaten:
        return rows
    engine = published(folder=folder / "weights_dynamicworld" / "forward" / "variables")
    return rows + _rows([network("dynamicworld", engine, CARD.bands, CARD.pixel_m)], own, CARD.bands, level)


def _rows(
    contestants: Sequence[Contestant], own: Sequence[RealSample], bands: tuple[str, ...], level: int
) -> tuple[Row, ...]:
    legend = tables.legend(f"corine-l{level}")
    plots = (Plot(part.sample(level, bands), part.block, part.level) for one in own for part in tiles(one, SIDE))
    report = scored(contestants, plots, legend, [legend], bootstrap=Bootstrap(500))
    return tuple(row for row in report.rows if row.part == WHOLE)


def main(folder: Path, regions: Sequence[str]) -> None:
    """Print a line a region, level and contestant."""
    real = [one for one in everything(folder) if not regions or one.region in regions]
    for held in dict.fromkeys(one.region for one in real):
        levels = "/".join(sorted({one.level for one in real if one.region == held}))
        for level in (1, 2):
            for row in scores(real, held, level, folder):
                figures = (
                    f"{name} {row.scores[name].value:.3f} [{bounds.low:.3f}..{bounds.high:.3f}]"
                    for name in ("accuracy", "macro_f1")
                    for bounds in [row.scores[name].interval]
                )
                print(
                    f"{held} {levels}, {row.grouping}: {row.contestant},", *figures, f"{row.confusion.total} pixels"
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
