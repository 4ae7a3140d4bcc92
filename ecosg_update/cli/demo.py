"""`ecosg-update demo`: the main job on simulated data, with the truth at hand."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress
from ecosg_update.cli.run import print_changes


@click.command()
@click.option("-o", "--output", type=options.ANY, default=Path("demo"), show_default=True, help="Folder.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier demo in that folder.")
def command(*, output: Path, overwrite: bool) -> None:
    """Run the main job on a SIMULATED Sentinel-2 product and say how many mistakes of its base map were mended."""
    from ecosg_update.demo import demo

    with shown_progress() as progress:
        done = demo(output, overwrite=overwrite, progress=progress)
    click.echo("SIMULATED scene, simulated base map with deliberate mistakes; nothing here is real land.")
    print_changes(done.run.manifest["changes"])
    click.echo("mistakes of the base map, mended / all (cells):")
    for one in done.mistakes:
        note = f"   ({one.hidden} under cloud or no data)" if one.hidden else ""
        note = note if one.visible else "   (a sub-type that no image shows: kept on purpose)"
        click.echo(f"  {one.name:28} {one.mended:>4} / {one.cells:<4}{note}")
    click.echo(
        f"wrong cells: {done.wrong_before} before, {done.wrong_after} after "
        f"({done.spoiled} that were right before are wrong now, mostly along borders)"
    )
    click.echo("files:")
    for path in done.run.products:
        click.echo(f"  {path}")
    picture = next(path for path in done.run.products if path.name.endswith("_quicklook.png"))
    click.echo("how to look at them:")
    click.echo(f"  open {picture}   (image, base, result, what changed)")
    click.echo("  open the .tif in QGIS, the .nc in ncview; give the .dir and .hdr to PGD")
    program = Path(sys.argv[0])  # as it was called: a newcomer's .venv is not on the path
    name = program if program.name == "ecosg-update" else "ecosg-update"
    click.echo(f"  {name} report {picture.parent}   (one page: swipe, zoom, areas, reasons)")
    click.echo(f"  run it again, changed as you like: {name} run {done.config} --overwrite")
