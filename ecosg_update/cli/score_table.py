"""How scores are shown to people: one line a map and grouping, then class by class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ecosg_update.scoring.report import Report, Row, Score

SHOWN = ("accuracy", "kappa", "macro_f1", "macro_iou", "weighted_iou")
PER_CLASS = ("producer", "user", "f1", "iou")
FEW = 5
"""A grouping of so many classes at most is shown class by class for each product level, too."""


def show(report: Report) -> None:
    """Print a report: every score beside its grouping and its interval, then the notes."""
    lines = [["grouping", "pixels of", "pixels", "blocks", "contestant", *SHOWN, "calibration error"]]
    lines += [_overall(row) for row in report.rows]
    is_sure = any(line[-1] != "-" for line in lines[1:])  # maps say no probabilities
    _columns(lines if is_sure else [line[:-1] for line in lines])
    for row in report.rows:
        if row.part == report.rows[0].part or (row.part[0] == "level" and len(row.confusion.legend) <= FEW):
            of_part = f" on {row.part[1]}" if row.part[1] else ""
            click.echo(f"\n{row.grouping}: {row.contestant}{of_part}, class by class")
            _columns([["class", "true", "said", *PER_CLASS], *_classes(row)])
    click.echo("")
    pairs = [
        [pair.grouping, f"{pair.second} - {pair.first}", figure(pair.gain, sign="+"), f"{pair.test.p:.3g}"]
        for pair in report.pairs
    ]
    if pairs:
        _columns([["grouping", "difference", "accuracy", "McNemar's p (pixels taken for independent)"], *pairs])
    for note in report.notes:
        click.echo(f"note: {note}")


def _overall(row: Row) -> list[str]:
    in_area = row.unit == "m2"
    part = row.part[0] if in_area or not row.part[1] else f"{row.part[0]} {row.part[1]}"
    pixels = f"{row.confusion.total / 1e6:.0f} km2" if in_area else str(row.confusion.total)
    figures = [figure(row.scores[name]) for name in SHOWN]
    error = row.reliability.error
    return [
        row.grouping, part, pixels, str(row.blocks), row.contestant, *figures,
        "-" if math.isnan(error) else f"{error:.3f}",
    ]  # fmt: skip


def _classes(row: Row) -> list[list[str]]:
    """A line for each class that is true or was said."""
    legend, counts = row.confusion.legend, row.confusion.counts
    lines = []
    for at, code in enumerate(legend.codes):
        true, said = int(counts[at].sum()), int(counts[:, at].sum())
        if true or said:
            figures = [figure(row.classes[name][at]) for name in PER_CLASS]
            lines.append([f"{code} {legend.names[at]}", str(true), str(said), *figures])
    return lines


def figure(score: Score, *, sign: str = "") -> str:
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
