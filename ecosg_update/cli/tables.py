"""`ecosg-update tables`: the legends and crosswalks, listed, printed, shown as people read them, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecosg_update.cli import options

if TYPE_CHECKING:
    from ecosg_update.legend import Legend
    from ecosg_update.table_check import Report

FOUND_FAULTS = 6


class Tables(click.Group):
    """The commands; what is none of them is the name of a table, and nothing is the list of all."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments, `list` before a name."""
        if not args or args[0] not in (*self.list_commands(ctx), *ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Tables, epilog="Example: ecosg-update tables show corine-l3--ecosg")
def command() -> None:
    """Legends and crosswalks: which there are, what they say, whether they hold.

    `ecosg-update tables` lists them, `ecosg-update tables NAME` prints the rows of one as in its file.
    """


@command.command("list", epilog="Example: ecosg-update tables corine-l3--ecosg")
@click.argument("name", required=False)
@options.tables
@options.as_json
def list_(*, name: str | None, tables: Path | None, as_json: bool) -> None:
    """List the tables, or print one: a legend (ecosg) or a crosswalk (corine-l3--ecosg)."""
    from ecosg_update import tables as known

    with known.overlaid(tables):
        if name is not None:
            rows = known.table(name)
            click.echo(json.dumps(rows)) if as_json else _print(rows)
            return
        legends = {legend: len(known.legend(legend)) for legend in known.legend_names()}
        crosswalks = list(known.table_names())
    if as_json:
        click.echo(json.dumps({"legends": legends, "crosswalks": crosswalks}))
        return
    for legend, classes in legends.items():
        click.echo(f"legend     {legend:24} {classes} classes")
    for crosswalk in crosswalks:
        click.echo(f"crosswalk  {crosswalk}")


@command.command(epilog="Example: ecosg-update tables show corine-l3--ecosg.fractional")
@click.argument("name")
@options.tables
@options.as_json
def show(*, name: str, tables: Path | None, as_json: bool) -> None:
    """Print a table as people read it: names beside codes, in the colours of the legend on a terminal.

    A crosswalk is shown with the rows of the tables below it that hold, too. NO_COLOR=1 leaves the colours out.
    """
    from ecosg_update import tables as known

    with known.overlaid(tables):
        rows = known.table(name)
        sides = [known.legend(side) for side in name.removesuffix(".fractional").split("--")]
    if as_json:
        click.echo(json.dumps(_named(rows, sides)))
        return
    _print_coloured(_named(rows, sides), sides)


@command.command(epilog="Example: ecosg-update tables check --json")
@options.tables
@options.as_json
def check(*, tables: Path | None, as_json: bool) -> int:
    """Check every table: codes, sums, gaps, duplicates, colours, sources, cycles; say which covers can be made.

    A line a fault on stdout, and the exit code is 6 where there is one. A cover that only the original map can give
    (rule R1) is stated and no fault.
    """
    from ecosg_update import tables as known
    from ecosg_update.table_check import checked

    with known.overlaid(tables):
        report = checked()
    if as_json:
        click.echo(json.dumps(report.as_dict()))
    else:
        _print_report(report)
    return FOUND_FAULTS if report.faults else 0


def _print_report(report: Report) -> None:
    for fault in report.faults:
        click.echo(f"{fault.where}: {fault.what} [{fault.rule}]")
    if report.faults:
        return
    counts = (len(report.legends), len(report.crosswalks), len(report.groupings))
    click.echo("{} legends, {} crosswalk tables, {} groupings: no fault".format(*counts))
    for name, forms in report.reach.items():
        for form, reach in forms.items():
            made, near, never = (_covers(part) for part in (reach.by_table, reach.by_context, reach.never))
            click.echo(f"{name}, {form}: makes {made}; from the original only {near}; never {never}")
    made, near = _covers(report.together.by_table), _covers(report.together.by_context)
    click.echo(f"all together: make {made}; from the original only {near}")


def _covers(codes: tuple[int, ...]) -> str:
    """1-3, 8, 10: runs of codes as people write them."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and code == runs[-1][-1] + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) or "none"


def _named(rows: list[dict[str, str]], sides: list[Legend]) -> list[dict[str, str]]:
    """The rows with the name of a class after each code."""
    if len(sides) == 1:
        return rows
    source, target = sides
    found = []
    for row in rows:
        codes = {
            "source": row["source"],
            "class": source.name_of(int(row["source"])),
            "zone": row["zone"],
            "target": row["target"],
            "cover": target.name_of(int(row["target"])),
        }
        found.append(codes | {column: cell for column, cell in row.items() if column not in codes})
    return found


def _print_coloured(rows: list[dict[str, str]], sides: list[Legend]) -> None:
    """A table on a terminal with a block of its colour before each class; plain columns elsewhere."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        _print(rows)
        return
    columns = ("code",) if len(sides) == 1 else ("source", "target")
    colour = {
        (column, str(code)): f"rgb({red},{green},{blue})"
        for column, legend in zip(columns, sides, strict=True)
        for code, (red, green, blue) in zip(legend.codes, legend.colours, strict=True)
    }
    grid = Table(box=None, header_style="bold")
    for column in rows[0]:
        grid.add_column(column)
    for row in rows:
        cells = []
        for column, cell in row.items():
            block = colour.get((column, cell))
            cells.append(Text.assemble(("\u2588\u2588 ", block), cell) if block else Text(cell))
        grid.add_row(*cells)
    console.print(grid)


def _print(rows: list[dict[str, str]]) -> None:
    """Columns as wide as their longest cell; the sources, which are long, come last."""
    columns = list(rows[0])
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in columns[:-1]}
    for row in [{column: column for column in columns}, *rows]:
        cells = [row[column].ljust(widths[column]) for column in columns[:-1]]
        click.echo("  ".join([*cells, row[columns[-1]]]))
