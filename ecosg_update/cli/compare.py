"""`ecosg-update compare`: what changed from one cover map to another, and what a model sees of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options

FOUND_FAULTS = 6
SHOWN = 15
"""Lines of a table; the files and --json have all."""


@click.command(
    epilog="\b\nExample:\n  ecosg-update compare demo/input/simulated_base.dir demo/output/simulated_demo.dir \\\n"
    "    --domain demo/input/simulated_domain.toml -o changes"
)
@click.argument("old", type=options.FILE)
@click.argument("new", type=options.FILE)
@click.option("-o", "--output", type=options.ANY, help="Write a folder: compare.json, tables as CSV, domain.nc.")
@options.bounds
@click.option(
    "--domain",
    metavar="NAME_OR_FILE",
    help="A model domain: compare its map cells, and what the model makes of them; see `ecosg-update domains`.",
)
@click.option(
    "--stations", type=options.FILE, help="CSV of weather stations: what lies under each, before and after."
)
@click.option(
    "--largest", type=click.IntRange(0, 10_000), default=20, show_default=True, help="Connected changes to tell."
)
@click.option(
    "--fail-above",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Exit with 6 where more of the compared area changed.",
)
@options.overwrite
@options.as_json
def command(
    *,
    old: Path,
    new: Path,
    output: Path | None,
    bounds: Any,
    domain: str | None,
    stations: Path | None,
    largest: int,
    fail_above: float | None,
    overwrite: bool,
    as_json: bool,
) -> int:
    """Compare two cover maps (.dir, or .nc or .tif made by this tool) on the cells that both hold.

    Areas are km2 on the ground, not pixels. Which cover became which; the largest connected changes and where they
    are; with --domain the change of the SEA, WATER, NATURE and TOWN fractions of the model's cells, the cells whose
    land-sea mask flips, and the change of roughness, tree height and building height by SURFEX's values.

    Cells without a cover in either map are counted apart and are no change. Memory does not grow with the maps.
    """
    from ecosg_update import domains
    from ecosg_update.comparing import written
    from ecosg_update.comparing.comparison import compared

    if domain and bounds:
        raise click.UsageError("--bounds and --domain both say where; give one of them")
    if output is not None:
        written.refuse_taken(output, overwrite=overwrite)
    with options.shown_progress() as progress:
        found = compared(
            old,
            new,
            bounds=bounds or None,
            domain=domains.domain(domain) if domain else None,
            station_list=stations,
            largest=largest,
            progress=progress,
        )
    files = written.write(found, output, overwrite=overwrite) if output else []
    document = found.document()
    if as_json:
        click.echo(json.dumps(document | {"files": [str(path) for path in files]}))
    else:
        click.echo("\n".join(_lines(document)))
        for path in files:
            click.echo(str(path))
    return FOUND_FAULTS if fail_above is not None and found.transitions.changed_percent > fail_above else 0


def _lines(document: dict[str, Any]) -> list[str]:
    """The document as a person reads it."""
    names = {row["code"]: f"{row['code']} {row['name']}" for row in document["classes"]}
    lines = _head(document)
    lines += ["", "changes of cover, largest first"]
    pairs = [pair for pair in document["transitions"] if pair["from"] != pair["to"]]
    lines += _columns(
        [["km2", "cells", "from", "to"]]
        + [
            [_km2(pair["km2"]), f"{pair['cells']:,}", names[pair["from"]], names[pair["to"]]]
            for pair in pairs[:SHOWN]
        ]
    )
    lines += [f"... {len(pairs) - SHOWN} more"] * (len(pairs) > SHOWN)
    lines += ["", "primary groups, km2"]
    lines += _columns([["group", "before", "after", "change"]] + [_sums(row) for row in document["groups"]])
    if document["changes"]:
        lines += ["", f"largest of {document['changes_in_all']:,} connected changes"]
        lines += _columns([["km2", "cells", "at", "mostly from", "to"], *_places(document["changes"], names)])
    if document["domain"]:
        lines += ["", *_domain(document["domain"])]
    if document["stations_listed"]:
        lines += ["", *_stations(document)]
    return lines


def _head(document: dict[str, Any]) -> list[str]:
    cells, km2 = document["cells"], document["km2"]
    share = 100 * km2["changed"] / km2["compared"] if km2["compared"] else 0.0
    grid, missing = document["grid"], document["no_data"]
    without = missing["old"] + missing["new"] - missing["both"]
    sides = f"{grid['west']:.4f}..{grid['east']:.4f} E {grid['south']:.4f}..{grid['north']:.4f} N"
    old, new = document["per_degree"]["old"], document["per_degree"]["new"]
    lattice = f"{grid['per_degree']} cells a degree" + f" (old {old}, new {new}: cells repeated)" * (old != new)
    lines = [
        f"compared  {cells['compared']:,} cells, {_km2(km2['compared'])} km2: {sides}, {lattice}",
        f"changed   {cells['changed']:,} cells, {_km2(km2['changed'])} km2: {share:.3g} % of the area",
    ]
    return lines + [f"no data   {without:,} cells in one map or both, not compared"] * (without > 0)


def _places(changes: list[dict[str, Any]], names: dict[int, str]) -> list[list[str]]:
    return [
        [
            _km2(one["km2"]), f"{one['cells']:,}", f"{one['lat']:.4f} N {one['lon']:.4f} E",
            names[one["from"]], names[one["to"]],
        ]
        for one in changes[:SHOWN]
    ]  # fmt: skip


def _sums(row: dict[str, Any]) -> list[str]:
    before, after = row["before_km2"], row["after_km2"]
    return [row["name"], _km2(before), _km2(after), f"{after - before:+,.2f}"]


def _domain(domain: dict[str, Any]) -> list[str]:
    cells, flips = domain["cells"], domain["mask_flips"]
    head = f"on {domain['name']}: {cells['compared']:,} model cells"
    head += f", {cells['without_pixels']:,} without a map pixel left out" * (cells["without_pixels"] > 0)
    table = [["tile or field", "before", "after", "mean |change|", "max |change|", "cells changed"]]
    table += [[name, *_statistics(row)] for name, row in domain["tiles"].items()]
    table += [[f"{name}, {row['unit']}", *_statistics(row)] for name, row in domain["fields"].items()]
    mask = f"land-sea mask: {flips['to_sea']:,} cells turn to water, {flips['to_land']:,} to land ({flips['rule']})"
    at = [f"  {one['lat']:.4f} N {one['lon']:.4f} E  water {one['sea_before']:.2f} -> {one['sea_after']:.2f}"
          for one in flips["cells"][:SHOWN]]  # fmt: skip
    return [head, *_columns(table), mask, *at]


def _statistics(row: dict[str, Any]) -> list[str]:
    keys = ("before_mean", "after_mean", "mean_abs_change", "max_abs_change")
    return [*("-" if row[key] is None else f"{row[key]:.4f}" for key in keys), f"{row['cells_changed']:,}"]


def _stations(document: dict[str, Any]) -> list[str]:
    counts = document["stations_listed"]
    moved = [one for one in document["stations"] if one["changed"]]
    line = f"stations: {counts['inside']:,} inside, {counts['outside']:,} outside, {len(moved):,} on changed ground"
    table = [["station", "tiles before", "tiles after"]]
    table += [[f"{one['id']} {one['name']}", _shares(one["before"]), _shares(one["after"])] for one in moved[:SHOWN]]
    return [line, *(_columns(table) if moved else [])]


def _shares(tiles: dict[str, float]) -> str:
    return " ".join(f"{name} {share:.2f}" for name, share in tiles.items() if share > 0)


def _km2(value: float) -> str:
    return f"{value:,.2f}" if value < 1e5 else f"{value:,.0f}"


def _columns(lines: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
