"""`ecosg-update score --verdicts`: what experts' verdicts on an inspection say of the maps."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ecosg_update.inspection.estimates import Found, Judgement
    from ecosg_update.judge.stratified import Estimate


OPTIONS = {"verdicts", "sites", "second_choice", "grouping", "tables", "as_json"}
"""Of the command `score`, that verdicts are read with."""


def check_options(context: click.Context) -> None:
    """Raise an error of usage where an option stands beside --verdicts that is of no use there."""
    asked = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    strange = [name.replace("_", "-") for name in asked if name not in OPTIONS and context.params[name]]
    if strange:
        raise click.UsageError(f"--{', --'.join(strange)}: of no use with --verdicts; leave it out")


def score(
    verdicts: tuple[Path, ...],
    sites: Path | None,
    groupings: tuple[str, ...],
    *,
    second_counts: bool = False,
    as_json: bool = False,
) -> None:
    """Print the estimates of `inspection.estimates.judgement`."""
    from ecosg_update.inspection.estimates import judgement

    if sites is None or not verdicts:
        raise click.UsageError("--verdicts and --sites belong together: the file, and the folder that it is of")
    found = judgement(sites, verdicts, groupings, second_counts=second_counts)
    if as_json:
        click.echo(json.dumps(found.document()))
        return
    _print(found)


def _print(judgement: Judgement) -> None:
    lines = [["expert", "map", "grouping", "sites", "overall accuracy", "standard error"]]
    for one in judgement.found:
        overall = one.figures.overall
        error = "-" if math.isnan(overall.se) else f"{overall.se:.3f}"
        lines.append([one.expert, one.map, one.grouping, str(one.sites), _figure(overall), error])
    _columns(lines)
    if judgement.gains:
        click.echo("")
        rows = [[one.expert, one.grouping, _figure(one.gain, sign="+")] for one in judgement.gains]
        _columns([["expert", "grouping", "new - original, overall accuracy"], *rows])
    if judgement.agreements:
        click.echo("")
        rows = [
            [f"{one.first} and {one.second}", one.grouping, str(one.sites), _number(one.agreed), _number(one.kappa)]
            for one in judgement.agreements
        ]
        _columns([["experts", "grouping", "sites", "agreed", "kappa"], *rows])
    for one in judgement.found:
        click.echo(f"\n{one.grouping}: {one.map} map, {one.expert}, class by class")
        _columns([["class", "said", "seen", "user", "producer", "mapped km2", "estimated km2"], *_classes(one)])
    click.echo("")
    for note in judgement.notes:
        click.echo(f"note: {note}")


def _classes(found: Found) -> list[list[str]]:
    figures = found.figures
    return [
        [
            f"{found.legend.codes[row]} {found.legend.names[row]}",
            str(found.said[row]),
            str(found.true[row]),
            _figure(figures.user[row]),
            _figure(figures.producer[row]),
            f"{found.mapped[row]:,.1f}",
            _figure(figures.area[row], form=",.1f"),
        ]
        for row in found.present
    ]


def _figure(estimate: Estimate, *, form: str = ".3f", sign: str = "") -> str:
    """0.812 [0.790..0.834], a dash for what is not defined."""
    if math.isnan(estimate.value):
        return "-"
    if math.isnan(estimate.low):
        return f"{estimate.value:{sign}{form}} [-]"
    return f"{estimate.value:{sign}{form}} [{estimate.low:{sign}{form}}..{estimate.high:{sign}{form}}]"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _columns(lines: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
