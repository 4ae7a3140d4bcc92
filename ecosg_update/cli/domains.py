"""`ecosg-update domains`: the model domains that are known, and what a map for one of them must hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from ecosg_update.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecosg_update.domains import Listed


@click.command(epilog="Example: ecosg-update domains METCOOP25D --margin 5")
@click.argument("name", metavar="[NAME_OR_FILE]", required=False)
@click.option(
    "--margin",
    type=click.FloatRange(0, 1000),
    help="Cells around the domain that the box holds as well. Default: 2; PGD looks 1.5 beyond the corners.",
)
@options.as_json
@click.option("--toml", "layout", flag_value="toml", help="Print Deode's section [domain].")
@click.option("--pysurfex", "layout", flag_value="pysurfex", help="Print pysurfex's JSON.")
def command(*, name: str | None, margin: float | None, as_json: bool, layout: str | None) -> None:
    """List the known domains, or show one: its corners, its size, and the box and size of a map for it.

    NAME_OR_FILE is a name of the list in any case, a pysurfex domain JSON, or a TOML with Deode's section
    [domain]. Every command with --bounds takes it as --domain. Cells are PGD's: without HARMONIE's extension zone.
    """
    from ecosg_update import domains
    from ecosg_update.domains import layouts

    if name is None:
        if layout or margin is not None:
            raise click.UsageError("--margin, --toml and --pysurfex are for one domain; name it")
        _print_all(domains.listed(), as_json=as_json)
        return
    found = domains.domain(name)
    if layout:
        text = layouts.deode_text(found) if layout == "toml" else layouts.pysurfex_text(found)
        click.echo(text, nl=False)
        return
    shown = domains.described(found, margin=domains.MARGIN_CELLS if margin is None else margin)
    if as_json:
        click.echo(json.dumps(shown))
        return
    for key, value in _lines(shown).items():
        click.echo(f"{key:10}  {value}")


def _print_all(listed: tuple[Listed, ...], *, as_json: bool) -> None:
    rows = [
        {
            "name": one.domain.name,
            "cells": [one.domain.nx, one.domain.ny],
            "cell_m": one.domain.dx,
            "middle": [one.domain.loncen, one.domain.latcen],
            "title": one.title,
            "source": one.source,
        }
        for one in listed
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for one in listed:
        cells = f"{one.domain.nx} x {one.domain.ny}"
        middle = _place((one.domain.loncen, one.domain.latcen), 1)
        size = f"{one.domain.dx / 1000:.3g} km"
        click.echo(f"{one.domain.name:20} {cells:>11} {size:>8} {middle:>16}  {one.title} ({one.source})")


def _lines(shown: dict[str, Any]) -> dict[str, str]:
    """What to print of a described domain, by its label."""
    nx, ny = shown["cells"]
    dx, dy = shown["cell"]
    cone = shown["projection"]
    unit, grid = "degrees", shown["grid"]
    if cone is not None:
        unit = "m"
        grid += f", lon0 {cone['lon0']:g}, lat0 {cone['lat0']:g}, cone {cone['rpk']:.6f}, turned {cone['beta']:g}"
    west_east, south_north = shown["size_km"]
    lines = {
        "name": shown["name"],
        "grid": grid,
        "cells": f"{nx} x {ny} = {nx * ny:,} of {dx:g} x {dy:g} {unit}",
        "size": f"{west_east:g} x {south_north:g} km",
        "middle": _place(shown["middle"], 4),
    }
    for name, corner in shown["corners"].items():
        lines[f"corner {name}"] = _place(corner, 4)
    if shown["source"]:
        lines["title"], lines["source"] = shown["title"], shown["source"]
    lines["box"] = f"{_degrees(shown['box'])}   with a margin of {shown['margin_cells']:g} cells"
    for one in shown["maps"]:
        megabytes = one["bytes"] / 1e6
        lines[f"map 1/{one['per_degree']}"] = (
            f"{_degrees(one['bounds'])}   {one['rows']:,} rows x {one['cols']:,} cols, {megabytes:,.1f} MB"
        )
    return lines


def _place(lonlat: Sequence[float], digits: int) -> str:
    lon, lat = lonlat
    east = f"{abs(lon):.{digits}f} {'W' if lon < 0 else 'E'}"
    return f"{east} {abs(lat):.{digits}f} {'S' if lat < 0 else 'N'}"


def _degrees(bounds: list[float]) -> str:
    """West, south, east, north as `--bounds` takes them: to a thousandth of a 60 m cell."""
    return " ".join(f"{edge:.7f}" for edge in bounds)
