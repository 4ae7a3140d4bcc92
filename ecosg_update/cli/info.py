"""`ecosg-update info`: what a file or folder is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ecosg_update.cli import options


@click.command()
@click.argument("path", type=options.ANY)
@options.as_json
@options.scene_options
def command(*, path: Path, as_json: bool, **given: str | float | None) -> None:
    """Say what PATH is: a Sentinel-2 product, a cover map, a prediction, a raster of classes, a checkpoint."""
    from ecosg_update.info import described

    found = described(path, **given)
    if as_json:
        click.echo(json.dumps(found))
        return
    width = max(len(key) for key in found)
    for key, value in found.items():
        text = ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
        click.echo(f"{key:{width}}  {text}")
