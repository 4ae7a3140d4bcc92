"""`ecosg-update look`: a quick picture of a file."""

from __future__ import annotations

from pathlib import Path

import click

from ecosg_update.cli import options


@click.command(epilog="Example: ecosg-update look demo/output/simulated_demo.nc -o demo.png")
@click.argument("path", type=options.ANY)
@click.option("-o", "--output", type=options.FILE, help="The PNG to write; default: NAME_look.png in this folder.")
@click.option("--legend", metavar="NAME", help="Of the codes of a raster that does not name it, such as corine-l3.")
@options.scene_options
@options.overwrite
def command(
    *, path: Path, output: Path | None, legend: str | None, overwrite: bool, **scene: str | float | None
) -> None:
    """Draw PATH as a PNG: anything that this tool reads or writes.

    Cover maps and parameter files of any size (.dir), what the tool writes as .nc and .tif, rasters of classes or
    numbers, a Sentinel-2 product in true colour, the first samples of a training set. Of a large map a part of the
    cells is read and drawn, evenly spread, and the picture says so.
    """
    from ecosg_update.looking import Hints, look

    target = output or Path(f"{path.resolve().stem}_look.png")
    click.echo(str(look(path, target, Hints(legend, scene), overwrite=overwrite)))
