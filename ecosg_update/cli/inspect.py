"""`ecosg-update inspect`: sites drawn from a map, on a page where an expert gives verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecosg_update.cli import options

if TYPE_CHECKING:
    from ecosg_update.inspection.folder import Inspection
    from ecosg_update.layers import Level


@click.command(
    epilog="Example, after `make demo`: ecosg-update inspect demo/output -o inspection --sites 100 --by group,change"
)
@click.argument("run", metavar="RUN_OR_MAP", type=options.ANY)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), required=True, help="The folder to write."
)
@click.option("--base", type=options.FILE, help="The original, beside a map that does not hold it.")
@click.option("--sites", type=click.IntRange(1), help="How many; default 300.")
@click.option(
    "--standard-error", type=float, metavar="SE", help="In place of --sites: of the overall accuracy, such as 0.02."
)
@click.option(
    "--expected", type=float, default=0.8, show_default=True, help="The accuracy that --standard-error counts on."
)
@click.option(
    "--by", default="class,change", show_default=True, metavar="LIST",
    help="Strata: class or group, confidence, change.",
)  # fmt: skip
@click.option("--least", type=click.IntRange(1), default=5, show_default=True, help="Sites of each stratum.")
@click.option(
    "--leave-out", default="", metavar="LIST",
    help="Covers, groups or families that are not drawn where both maps hold them: sea.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same draws the same sites.")
@click.option("--radius-km", type=float, default=1.5, show_default=True, help="Of the pictures around a site.")
@click.option("--image", type=options.ANY, help="The Sentinel-2 product to show; default: the one that the run saw.")
@options.scene_options
@options.overwrite
@options.as_json
def command(
    *,
    run: Path,
    output: Path,
    base: Path | None,
    sites: int | None,
    standard_error: float | None,
    expected: float,
    by: str,
    least: int,
    leave_out: str,
    seed: int,
    radius_km: float,
    image: Path | None,
    bands: str | None,
    level: Level | None,
    quantification: float | None,
    offset: float | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Draw stratified random sites from RUN_OR_MAP, for experts to judge one by one.

    RUN_OR_MAP is a run's folder or .nc, or any cover map (with --base for its original). OUTPUT gets inspect.html (a
    page for any browser, without network, that hides the maps until they are asked for), sites.csv, strata.csv and
    design.json. The page saves verdicts.csv, of which `ecosg-update score --verdicts verdicts.csv --sites OUTPUT`
    makes accuracies and areas with intervals. See docs/inspect.md.
    """
    from ecosg_update.config import SceneSection
    from ecosg_update.inspection.folder import DEFAULT_SITES, Design, inspection
    from ecosg_update.inspection.source import opened

    if image is None and any(value is not None for value in (bands, level, quantification, offset)):
        raise click.UsageError("--bands, --level, --quantification and --offset say how to read an --image; give one")
    design = Design(
        sites=sites if standard_error is not None else sites or DEFAULT_SITES,
        standard_error=standard_error,
        expected=expected,
        by=options.listed(by),
        least=least,
        left_out=options.listed(leave_out),
        seed=seed,
        radius_km=radius_km,
    )
    scene = None
    if image is not None:
        names = options.listed(bands) if bands else None
        scene = SceneSection(path=image, bands=names, level=level, quantification=quantification, offset=offset)
    with options.shown_progress() as progress:
        found = inspection(
            opened(run, base=base), output, design, image=scene, overwrite=overwrite, progress=progress
        )
    if as_json:
        click.echo(json.dumps(found.document()))
        return
    _print(found)


def _print(found: Inspection) -> None:
    wide = max(len(one.stratum) for one in found.strata)
    click.echo(f"{'stratum':{wide}}  {'cells':>13}  {'km2':>13}  sites")
    for one in found.strata:
        click.echo(f"{one.stratum:{wide}}  {one.cells:>13,}  {one.km2:>13,.1f}  {one.sampled:>5}")
    click.echo(f"{len(found.sites)} sites of {len(found.strata)} strata")
    for note in found.notes:
        click.echo(f"note: {note}")
    for file in found.files:
        click.echo(str(file))
