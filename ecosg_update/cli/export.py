"""`ecosg-update export`: a cover map in another format, whole or cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options


@click.command()
@click.argument("source", type=options.FILE)
@options.output
@options.area
@click.option("--per-degree", type=click.IntRange(1, 10800), help="Another lattice; default: the map's own.")
@click.option("--title", help="First line of the header, title of the NetCDF.")
@options.overwrite
def command(
    *,
    source: Path,
    output: Path,
    bounds: Any,
    domain: str | None,
    per_degree: int | None,
    title: str | None,
    overwrite: bool,
) -> None:
    """Write the cover map SOURCE (.dir, or .nc or .tif made by this tool) as .dir/.hdr, .nc or .tif.

    A finer lattice repeats cells, a coarser one takes the exact majority.
    """
    from ecosg_update import stages

    area = options.area_bounds(bounds, domain)
    paths = stages.export(source, output, bounds=area, per_degree=per_degree, title=title, overwrite=overwrite)
    for path in paths:
        click.echo(str(path))
