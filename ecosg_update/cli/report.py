"""`ecosg-update report`: a run as one page that people open."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ecosg_update.cli import options


@click.command(epilog="Example, after `make demo`: ecosg-update report demo/output --overwrite")
@click.argument("run", type=options.ANY)
@click.option("-o", "--output", type=options.ANY, help="Folder of report.html and report.json; default: the run's.")
@options.overwrite
@options.as_json
def command(*, run: Path, output: Path | None, overwrite: bool, as_json: bool) -> None:
    """Show RUN (the output folder of `ecosg-update run`, or its manifest) as one page, report.html.

    The page needs no network: maps to swipe and zoom with the cover of every cell, areas before and after, why each
    cell holds its cover, and where it all comes from. report.json holds the same figures.
    """
    from ecosg_update import reporting

    document = reporting.report(run, output, overwrite=overwrite)
    if as_json:
        click.echo(json.dumps(document))
        return
    click.echo(document["verdict"]["text"])
    for figure in document["figures"]:
        click.echo(f"  {figure['value']} {figure['name']}")
    click.echo(f"page: {(output or reporting.folder_of(run)) / reporting.NAMES[0]}")
