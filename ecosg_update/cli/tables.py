"""`ecosg-update tables`: the legends and crosswalks, as lists or one by one."""

from __future__ import annotations

import json

import click


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def command(*, name: str | None, as_json: bool) -> None:
    """List the tables, or print one: a legend (ecosg) or a crosswalk (corine-l3--ecosg)."""
    from ecosg_update import tables

    if name is None:
        legends = {legend: len(tables.legend(legend)) for legend in tables.legend_names()}
        crosswalks = ["--".join(pair) for pair in tables.crosswalk_names()]
        if as_json:
            click.echo(json.dumps({"legends": legends, "crosswalks": crosswalks}))
            return
        for legend, classes in legends.items():
            click.echo(f"legend     {legend:24} {classes} classes")
        for crosswalk in crosswalks:
            click.echo(f"crosswalk  {crosswalk}")
        return
    rows = tables.table(name)
    if as_json:
        click.echo(json.dumps(rows))
        return
    _print(rows)


def _print(rows: list[dict[str, str]]) -> None:
    """Columns as wide as their longest cell; the sources, which are long, come last."""
    columns = list(rows[0])
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns[:-1]}
    for row in [{column: column for column in columns}, *rows]:
        cells = [row[column].ljust(widths[column]) for column in columns[:-1]]
        click.echo("  ".join([*cells, row[columns[-1]]]))
