"""`ecosg-update crosswalk`: tables learned from data, and applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options


@click.group()
def command() -> None:
    """Learn what the classes of a map mean where the truth is known, and use it."""


@command.command(
    epilog="Example: ecosg-update crosswalk learn worldcover.tif --legend dynamicworld --truth clc2018.tif "
    "--to corine-l2 -o dynamicworld--corine-l2.csv"
)
@click.argument("evidence", type=options.FILE)
@click.option("--legend", help="Legend of EVIDENCE where it is a GeoTIFF of classes; see `ecosg-update tables`.")
@click.option("--truth", type=options.FILE, help="CORINE of the region: a GeoTIFF of codes, or polygons.")
@click.option("--truth-legend", default="corine-l3", show_default=True, help="Legend of the codes of --truth.")
@click.option("--attribute", help="Of polygons: what holds the code; default: CODE_18 and the like.")
@click.option("--base", type=options.FILE, help="In place of --truth: an original map, the .dir beside its .hdr.")
@click.option("--to", help="Classes to learn: corine-l2; default: those of the truth.")
@click.option("--zone", default="temperate", show_default=True, help="Zone of the rows that are learned.")
@click.option(
    "--strength", type=float, help="Effective pixels that the expert weighs; default: what makes the data likeliest."
)
@click.option("--block-km", type=float, default=3.0, show_default=True, help="Side of the blocks of alike pixels.")
@click.option(
    "--folds", type=click.IntRange(1, 50), default=5, show_default=True, help="Held-out parts; 1 asks nothing."
)
@options.output
@options.overwrite
@options.as_json
def learn(
    *,
    evidence: Path,
    legend: str | None,
    truth: Path | None,
    truth_legend: str,
    attribute: str | None,
    base: Path | None,
    to: str | None,
    zone: str,
    strength: float | None,
    block_km: float,
    folds: int,
    output: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the crosswalk that the pixels of EVIDENCE and a truth suggest, with the expert's table as prior.

    EVIDENCE is what `predict` wrote, or a GeoTIFF of classes with its --legend. OUTPUT is a CSV; named
    SOURCE--TARGET.csv it serves `crosswalk apply`. The report says, for each class, what the data and the expert say,
    the most changed ground first; a star stands where they disagree.
    """
    from ecosg_update.learned import learn as learning
    from ecosg_update.learned import report
    from ecosg_update.learned import truth as truths
    from ecosg_update.learned.evidence import votes

    if (truth is None) == (base is None):
        raise click.UsageError("give either --truth or --base")
    seen = votes(evidence, legend)
    if base is not None:
        known = truths.original(base, to=to)
    else:
        assert truth is not None
        known = truths.corine(truth, truth_legend, to=to, attribute=attribute)
    how = learning.Method(zone, strength, block_km, folds)
    with options.shown_progress() as progress:
        found = learning.write(seen, known, output, how, overwrite=overwrite, progress=progress)
    if as_json:
        click.echo(json.dumps({"table": str(output)} | found.report))
        return
    for line in report.lines(found.report):
        click.echo(line)
    click.echo(str(output))


@command.command(
    epilog="Example: ecosg-update crosswalk apply probabilities.nc --table dynamicworld--corine-l2.csv -o corine.nc"
)
@click.argument("evidence", type=options.FILE)
@click.option("--table", type=options.FILE, required=True, help="The crosswalk: SOURCE--TARGET.csv.")
@click.option("--legend", help="Legend of EVIDENCE where it is a GeoTIFF of classes.")
@options.per_degree
@options.area
@options.output
@options.overwrite
def apply(
    *,
    evidence: Path,
    table: Path,
    legend: str | None,
    per_degree: int,
    bounds: Any,
    domain: str | None,
    output: Path,
    overwrite: bool,
) -> None:
    """Write the probabilities of the classes of a table's target, as NetCDF, which `map` takes to the covers.

    EVIDENCE is what `predict` wrote (its grid is kept), or a GeoTIFF of classes with its --legend.
    """
    from ecosg_update.config import LabelsSection, checked
    from ecosg_update.learned import learn as learning

    area = options.area_bounds(bounds, domain)
    if legend is None:
        learning.apply_prediction(evidence, table, output, overwrite=overwrite)
    else:
        labels = checked(LabelsSection, {"path": evidence, "legend": legend}, "options")
        with options.shown_progress() as progress:
            learning.apply_labels(labels, table, output, per_degree, area, overwrite=overwrite, progress=progress)
    click.echo(str(output))
