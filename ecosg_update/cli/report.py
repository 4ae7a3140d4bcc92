"""`ecosg-update report`: a run as one page that people open."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress


@click.command(
    epilog="\b\nExample, after `make demo`:\n  ecosg-update report demo/output \\\n"
    "    --domain demo/input/simulated_domain.toml --truth demo/input/simulated_truth.dir"
)
@click.argument("run", type=options.ANY)
@click.option("-o", "--output", type=options.ANY, help="Folder of report.html and report.json; default: the run's.")
@click.option("--domain", metavar="NAME_OR_FILE", help="What a model's cells see; see `ecosg-update domains`.")
@click.option(
    "--stations", type=options.FILE, help="CSV of weather stations: what lies under each, before and after."
)
@click.option("--truth", type=options.ANY, help="What original and new are scored against; see `ecosg-update score`.")
@click.option("--truth-legend", help="What the codes of the truth mean, where it does not say; see `score`.")
@options.overwrite
@options.as_json
def command(
    *,
    run: Path,
    output: Path | None,
    domain: str | None,
    stations: Path | None,
    truth: Path | None,
    truth_legend: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show RUN (the output folder of `ecosg-update run`, or its manifest) as one page, report.html.

    The page needs no network: maps to swipe and zoom with the cover of every cell, areas before and after, the
    largest changes, why each cell holds its cover, and where it all comes from. report.json holds the same figures.
    """
    from ecosg_update import domains, reporting
    from ecosg_update.scoring.mapped import Question

    if truth_legend and not truth:
        raise click.UsageError("--truth-legend says what the codes of --truth mean; give both")

    with shown_progress() as progress:
        document = reporting.report(
            run,
            output,
            domain=domains.domain(domain) if domain else None,
            stations=stations,
            truth=Question(truth, truth_legend) if truth else None,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(document["verdict"]["text"])
    for figure in document["figures"]:
        click.echo(f"  {figure['value']} {figure['name']}")
    click.echo(f"open {reporting.folder_of(run, output) / reporting.NAMES[0]}")
