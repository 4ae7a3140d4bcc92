"""`ecosg-update export`: a cover map in another format, whole, cut or in tiles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options


@click.command(epilog="Example: ecosg-update export demo/input/simulated_base.dir --per-degree 90 -o coarse.tif")
@click.argument("source", type=options.FILE)
@click.option("-o", "--output", type=options.ANY, required=True, help="The file to write; with --tiles the folder.")
@options.area
@click.option("--per-degree", type=click.IntRange(1, 10800), help="Another lattice; default: the map's own.")
@click.option("--tiles", "degrees", type=int, metavar="DEGREES", help="A file for each tile of so many degrees.")
@click.option("--format", "kind", type=click.Choice(["dir", "nc", "tif"]), help="Of the tiles; default: dir.")
@click.option("--title", help="First line of the header, title of the NetCDF.")
@click.option(
    "--stac", metavar="TIME", help="Write STEM.stac.json too: the date that the map stands for, or START/END."
)
@options.overwrite
@options.as_json
def command(
    *,
    source: Path,
    output: Path,
    bounds: Any,
    domain: str | None,
    per_degree: int | None,
    degrees: int | None,
    kind: str | None,
    title: str | None,
    stac: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write the cover map SOURCE (.dir, or .nc or .tif made by this tool) as .dir/.hdr, .nc or .tif.

    A finer lattice repeats cells; a coarser one takes the cover of most of a cell, exactly, at any ratio: cells of no
    data do not vote, ties go to the legend's priority. Maps of any size pass in constant memory.

    With --tiles OUTPUT is a folder: a file for each tile that has data, named by its south-west corner, and
    index.csv and index.geojson of them all.
    """
    from ecosg_update.export.index import NAMES
    from ecosg_update.export.tiles import tiles
    from ecosg_update.export.whole import Cut, export
    from ecosg_update.formats.stac import Period

    if kind and degrees is None:
        raise click.UsageError("--format goes with --tiles; for one file the ending of --output says the format")
    if stac and degrees is not None:
        raise click.UsageError("--stac goes with one file; a folder of tiles has its index.geojson")
    when = Period.parsed(stac) if stac else None
    cut = Cut(options.area_bounds(bounds, domain), per_degree)
    with options.shown_progress() as progress:
        told: Any = {"title": title, "overwrite": overwrite, "progress": progress}
        if degrees is None:
            paths, skipped = export(source, output, cut, when=when, **told), []
        else:
            made = tiles(source, output, degrees, cut, kind=kind or "dir", **told)
            paths = [output / name for tile in made for name in tile.files]
            paths += [output / name for name in NAMES]
            skipped = [tile.name for tile in made if not tile.files]
    if as_json:
        click.echo(json.dumps({"files": [str(path) for path in paths], "skipped": skipped}, indent=2))
        return
    for path in paths:
        click.echo(str(path))
