"""`ecosg-update map`: classes to the 33 covers by a crosswalk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress


@click.command(
    "map",
    epilog="\b\nExample, after `ecosg-update predict` wrote classes.nc:\n"
    "ecosg-update map classes.nc --base demo/input/simulated_base.dir -o covers.nc",
)
@click.argument("classes", type=options.FILE)
@options.base
@options.output
@click.option(
    "--legend", help="Legend of a GeoTIFF of classes: corine-l3, worldcover ...; see `ecosg-update tables`."
)
@options.per_degree
@options.area
@click.option("--zone", default="temperate", show_default=True, help="Zone of the crosswalk's rows.")
@click.option(
    "--form", type=click.Choice(["hard", "fractional"]), default="hard", show_default=True,
    help="One cover for each class, or the mixture that the sources give.",
)  # fmt: skip
@options.tables
@click.option("--radius-km", type=float, default=10.0, show_default=True, help="How far rule R1 looks.")
@click.option(
    "--low-plants", type=click.Choice(["auto", "seen", "kept"]), default="auto", show_default=True,
    help="Grass and crops as seen, or as the original has them (R9); auto: kept if the engine cannot tell them.",
)  # fmt: skip
@options.rule_files
@options.overwrite
def command(
    *,
    classes: Path,
    base: Path,
    output: Path,
    legend: str | None,
    per_degree: int,
    bounds: Any,
    domain: str | None,
    zone: str,
    form: str,
    tables: Path | None,
    radius_km: float,
    low_plants: str,
    overwrite: bool,
    **rule_files: Any,
) -> None:
    """Map CLASSES to the covers of ECOCLIMAP-SG, with the base map as context.

    CLASSES is what `predict` wrote (its grid is kept), or a GeoTIFF of class codes in any projection with its
    --legend: CORINE grid codes 1..44 and three-digit codes are both read. OUTPUT is NetCDF: the probability of
    each cover.
    """
    from ecosg_update import stages
    from ecosg_update.config import CrosswalkSection, LabelsSection, checked

    area = options.area_bounds(bounds, domain)
    section = checked(
        CrosswalkSection,
        {
            "zone": zone,
            "form": form,
            "tables": tables,
            "radius_km": radius_km,
            "rules": {"low_plants": low_plants},
            **rule_files,
        },
        "options",
    )
    labels = checked(LabelsSection, {"path": classes, "legend": legend}, "options") if legend else None
    with shown_progress() as progress:
        if labels is not None:
            stages.map_labels(labels, base, section, output, per_degree, area, overwrite=overwrite, progress=progress)
        else:
            stages.map_prediction(classes, base, section, output, overwrite=overwrite)
    click.echo(str(output))
