"""`ecosg-update score`: how right engines are, beside baselines on the same pixels."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress
from ecosg_update.cli.score_verdicts import score_verdicts

if TYPE_CHECKING:
    from ecosg_update.scoring.contestant import OtherLevel
    from ecosg_update.scoring.report import Report, Row, Score

SHOWN = ("accuracy", "kappa", "macro_f1", "macro_iou", "weighted_iou")
PER_CLASS = ("producer", "user", "f1", "iou")
FEW = 5
"""A grouping of so many classes at most is shown class by class for each product level, too."""


def _names(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:  # noqa: ARG001
    """The parts of a list with commas."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


@click.command(
    epilog="Example: ecosg-update score mine.safetensors --data set --grouping corine-l1,corine-l2 "
    "--baseline majority,forest"
)
@click.argument("checkpoints", metavar="CHECKPOINT...", nargs=-1, type=options.FILE)
@click.option("--data", type=options.ANY, help="A set made by `ecosg-update train prepare`.")
@click.option("--verdicts", type=options.FILE, multiple=True, help="In place of --data: what experts say of --sites.")
@click.option("--sites", type=options.ANY, help="The folder that `ecosg-update inspect` wrote.")
@click.option("--second-choice", is_flag=True, help="With --verdicts: an expert's second choice is right as well.")
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="test", show_default=True)
@click.option(
    "--grouping",
    default="",
    callback=_names,
    help="Legends to score in: corine-l1,corine-l2,water-vegetation; default: the set's own.",
)
@click.option(
    "--baseline", default="majority,forest", show_default=True, callback=_names,
    help="Of majority, forest, dynamicworld; '' for none.",
)  # fmt: skip
@click.option("--weights", type=options.ANY, help="Folder of Dynamic World's weights; default: fetched once.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--other-level", type=click.Choice(["convert", "as-is"]), default="convert", show_default=True,
    help="Samples of another product level than a checkpoint's: bring L2A to L1C, or feed all as they are.",
)  # fmt: skip
@click.option(
    "--bootstrap", type=click.IntRange(min=1), default=1000, show_default=True, help="Redrawn sets of blocks."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap and of the forest.")
@options.as_json
def command(
    *,
    checkpoints: tuple[Path, ...],
    data: Path | None,
    verdicts: tuple[Path, ...],
    sites: Path | None,
    second_choice: bool,
    split: str,
    grouping: tuple[str, ...],
    baseline: tuple[str, ...],
    weights: Path | None,
    device: str,
    other_level: OtherLevel,
    bootstrap: int,
    seed: int,
    as_json: bool,
) -> None:
    """Score each CHECKPOINT, and baselines, on the same labelled pixels of a split.

    Every figure stands beside its grouping and, in brackets, the 95 % interval of a bootstrap over geographic blocks.
    A dash is a figure that is not defined, such as the user's accuracy of a class that was never said. Where the
    samples are of two product levels, each level has rows of its own; the grouping water-vegetation tells how good
    water and vegetation are on each.

    With --verdicts and --sites: what experts saw at the sites of an inspection says of the new and the original map.
    """
    if verdicts or sites:
        if data or checkpoints:
            raise click.UsageError("--verdicts judges maps, --data engines; give one of them")
        score_verdicts(verdicts, sites, grouping, second_counts=second_choice, as_json=as_json)
        return
    if data is None:
        raise click.UsageError("give --data, a prepared set, or --verdicts with --sites")
    from ecosg_update.judge.bootstrap import Bootstrap
    from ecosg_update.scoring import prepared
    from ecosg_update.scoring.scored import scored
    from ecosg_update.training.store import opened

    if not checkpoints and not baseline:
        raise click.UsageError("nothing to score: give a CHECKPOINT or a --baseline")
    store = opened(data)
    legends = prepared.groupings(store, grouping)
    contestants = [
        *prepared.engines(store, checkpoints, device=device, other_level=other_level),
        *prepared.baselines(store, baseline, weights=weights, device=device, seed=seed),
    ]
    with shown_progress() as progress:
        report = scored(
            contestants,
            prepared.plots(store, split),
            prepared.legend(store),
            legends,
            bootstrap=Bootstrap(bootstrap, seed=seed),
            total=len(store.entries(split)),
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps({"data": str(data), "split": split} | report.document()))
        return
    _print(report)


def _print(report: Report) -> None:
    lines = [["grouping", "pixels of", "pixels", "blocks", "contestant", *SHOWN, "calibration error"]]
    lines += [_overall(row) for row in report.rows]
    _columns(lines)
    for row in report.rows:
        if row.part == report.rows[0].part or (row.part[0] == "level" and len(row.confusion.legend) <= FEW):
            of_part = f" on {row.part[1]}" if row.part[1] else ""
            click.echo(f"\n{row.grouping}: {row.contestant}{of_part}, class by class")
            _columns([["class", "true", "said", *PER_CLASS], *_classes(row)])
    click.echo("")
    pairs = [
        [pair.grouping, f"{pair.second} - {pair.first}", _figure(pair.gain, sign="+"), f"{pair.test.p:.3g}"]
        for pair in report.pairs
    ]
    if pairs:
        _columns([["grouping", "difference", "accuracy", "McNemar's p (pixels taken for independent)"], *pairs])
    for note in report.notes:
        click.echo(f"note: {note}")


def _overall(row: Row) -> list[str]:
    part = row.part[0] if not row.part[1] else f"{row.part[0]} {row.part[1]}"
    figures = [_figure(row.scores[name]) for name in SHOWN]
    error = row.reliability.error
    return [
        row.grouping, part, str(row.confusion.total), str(row.blocks), row.contestant, *figures,
        "-" if math.isnan(error) else f"{error:.3f}",
    ]  # fmt: skip


def _classes(row: Row) -> list[list[str]]:
    """A line for each class that is true or was said."""
    legend, counts = row.confusion.legend, row.confusion.counts
    lines = []
    for at, code in enumerate(legend.codes):
        true, said = int(counts[at].sum()), int(counts[:, at].sum())
        if true or said:
            figures = [_figure(row.classes[name][at]) for name in PER_CLASS]
            lines.append([f"{code} {legend.names[at]}", str(true), str(said), *figures])
    return lines


def _figure(score: Score, *, sign: str = "") -> str:
    """0.812 [0.790..0.834], a dash for what is not defined."""
    if math.isnan(score.value):
        return "-"
    low, high = score.interval.low, score.interval.high
    bounds = "" if math.isnan(low) else f" [{low:{sign}.3f}..{high:{sign}.3f}]"
    return f"{score.value:{sign}.3f}{bounds}"


def _columns(lines: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
