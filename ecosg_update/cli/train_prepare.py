"""`ecosg-update train prepare`: sources of labels become a training set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli.options import FILE, as_json, overwrite, shown_progress

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(epilog="Example: ecosg-update train prepare set.toml -o set")
@click.argument("config", type=FILE)
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to make.")
@overwrite
@as_json
def command(*, config: Path, output: Path, overwrite: bool, as_json: bool) -> None:
    """Make a training set from the sources that CONFIG (a TOML file) names.

    Sources are scenes with a CORINE map (raster or polygons) or any map with a legend, and BigEarthNet v1 and v2.
    The folder holds shards of samples, index.csv and manifest.json, which says what was dropped and why.

    \b
    [samples]  bands, pixel_m, level (L1C, L2A, mixed), tile (pixels)
    [labels]   level (1, 2, 3), or legend and grouping: your own CSV
    [[source]] kind = scene: path, labels (a map), legend, attribute, layer,
               grouping, country; bands, level, quantification, offset
               kind = bigearthnet-v1, bigearthnet-v2: path, metadata, maps
    [select]   border_m, mixed, flags, least_labelled, dominant_share,
               dominant_keep, balance, splits
    [select.noise]  agreement, action (drop, weight), checkpoint
    [split]    kind = blocks: side_km, margin_km, train, val, test, seed
               kind = countries: test_countries, val_countries, countries,
               layer, attribute, margin_km
               kind = published: as BigEarthNet v2 says
    """
    from ecosg_update.training.config import load
    from ecosg_update.training.opinion import opinion
    from ecosg_update.training.prepare import prepare

    settings = load(config)
    with shown_progress() as progress:
        document = prepare(settings, output, overwrite=overwrite, opinion=opinion(settings), progress=progress)
    if as_json:
        click.echo(json.dumps({"folder": str(output), "counts": document["counts"], "splits": document["splits"]}))
        return
    print_counts(document)
    click.echo(str(output))


def print_counts(document: dict[str, Any]) -> None:
    """Samples of each split, and what every rule dropped."""
    for name, found in document["splits"].items():
        pixels = sum(found["pixels"].values())
        click.echo(f"{name:26} {found['samples']:>9,} samples {pixels:>14,} labelled pixels")
    counts = document["counts"]
    click.echo(f"dropped of {counts['pixels']:,} pixels")
    for reason, pixels in counts["dropped_pixels"].items():
        click.echo(f"  {reason:24} {pixels:>14,}")
    click.echo(f"dropped of {counts['pieces']:,} pieces")
    for reason, pieces in counts["dropped_pieces"].items():
        click.echo(f"  {reason:24} {pieces:>14,}")
