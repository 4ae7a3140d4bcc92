"""`ecosg-update run`: the whole job from one TOML file."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli.options import (
    ANY,
    FILE,
    as_json,
    listed,
    overwrite,
    shown_progress,
    tables,
    variant_options,
)

log = logging.getLogger("ecosg_update")


@click.command(epilog="Example, after `make demo`: ecosg-update run demo/demo.toml -o members --members 10")
@click.argument("config", type=FILE)
@click.option("-o", "--output", type=ANY, help="Folder of the products, instead of the file's.")
@tables
@variant_options
@overwrite
@click.option("-n", "--dry-run", is_flag=True, help="Check everything, say what would be done, write nothing.")
@as_json
def command(
    *,
    config: Path,
    output: Path | None,
    tables: Path | None,
    products: str | None,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
    **drawn: float | None,
) -> None:
    """Do everything that CONFIG (a TOML file) asks for.

    Writes STEM.dir and .hdr for PGD, STEM.nc and .tif for people (and .qml for QGIS), STEM_quicklook.png, the
    resolved configuration, a STAC item for catalogues and a manifest. With --members, covers drawn from the
    posterior; with --products, maps in which one kind of change is applied: each a .dir and .hdr.
    """
    from ecosg_update import pipeline
    from ecosg_update.config import load

    overrides: dict[str, dict[str, Any]] = {
        "output": {key: value for key, value in drawn.items() if value is not None}
    }
    if products is not None:
        overrides["output"]["products"] = listed(products)
    if output is not None:
        overrides["output"]["folder"] = str(output)
    if tables is not None:
        overrides["crosswalk"] = {"tables": str(tables)}
    if overwrite:
        overrides["output"]["overwrite"] = True
    settings = load(config, overrides)
    if dry_run:
        plan = pipeline.plan(settings)
        click.echo(json.dumps(plan) if as_json else "\n".join(f"{key}: {value}" for key, value in plan.items()))
        return
    with shown_progress() as progress:
        done = pipeline.run(settings, progress=progress)
    changes = done.manifest["changes"]
    if as_json:
        click.echo(json.dumps({"products": [str(path) for path in done.products], "changes": changes}))
        return
    print_changes(changes)
    for path in done.products:
        click.echo(str(path))


def print_changes(changes: dict[str, Any]) -> None:
    """How many cells changed, and why the others did not."""
    click.echo(f"changed {changes['changed']:,} of {changes['cells']:,} cells")
    for reason, cells in changes["reasons"].items():
        click.echo(f"  {reason:22} {cells:>12,}")
