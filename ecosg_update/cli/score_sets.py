"""`ecosg-update score CHECKPOINT... --data SET`: engines, beside baselines, on the samples of a prepared set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecosg_update.cli.options import shown_progress

if TYPE_CHECKING:
    from ecosg_update.judge.bootstrap import Bootstrap
    from ecosg_update.scoring.contestant import OtherLevel
    from ecosg_update.scoring.report import Report

OPTIONS = ("split", "baseline", "weights", "device", "other_level")
"""Those that this mode alone reads."""


def scored_engines(
    checkpoints: list[Path],
    data: Path,
    *,
    split: str,
    grouping: tuple[str, ...],
    baseline: tuple[str, ...],
    weights: Path | None,
    device: str,
    other_level: OtherLevel,
    how: Bootstrap,
) -> tuple[Report, dict[str, Any]]:
    """The report, and what it is about."""
    from ecosg_update.scoring import prepared
    from ecosg_update.scoring.scored import scored
    from ecosg_update.training.store import opened

    if not checkpoints and not baseline:
        raise click.UsageError("nothing to score: give a CHECKPOINT or a --baseline")
    store = opened(data)
    legends = prepared.groupings(store, grouping)
    contestants = [
        *prepared.engines(store, checkpoints, device=device, other_level=other_level),
        *prepared.baselines(store, baseline, weights=weights, device=device, seed=how.seed),
    ]
    with shown_progress() as progress:
        report = scored(
            contestants,
            prepared.plots(store, split),
            prepared.legend(store),
            legends,
            bootstrap=how,
            total=len(store.entries(split)),
            progress=progress,
        )
    return report, {"data": str(data), "split": split}
