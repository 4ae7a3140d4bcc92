"""`ecosg-update score MAP... --truth TRUTH`: maps against one truth on identical pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecosg_update.cli.options import shown_progress

if TYPE_CHECKING:
    from ecosg_update.judge.bootstrap import Bootstrap
    from ecosg_update.scoring.mapped import Question
    from ecosg_update.scoring.report import Report

OPTIONS = ("map_legend", "truth_legend", "on", "max_distance", "min_parcel", "block_km")
"""Those that this mode alone reads."""


def scored(
    names: tuple[str, ...], question: Question, *, map_legend: str | None, how: Bootstrap
) -> tuple[Report, dict[str, Any]]:
    """The report, and what it is about."""
    from ecosg_update.scoring.mapped import contestants, scored_maps

    maps = contestants(names, map_legend)
    with shown_progress() as progress:
        report = scored_maps(maps, question, how=how, progress=progress)
    files = {one.name: str(one.source.path) for one in maps}
    return report, {"truth": str(question.truth), "maps": files}
