"""`ecosg-update params`: leaf area, albedo and tree height in step with a changed cover."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecosg_update.cli import options

if TYPE_CHECKING:
    from ecosg_update.parameters.nearest import Search

FOLDER = click.Path(file_okay=False, path_type=Path)


def shared_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands take."""
    for option in (
        click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Threads."),
        click.option(
            "--radius-km", type=float, default=50.0, show_default=True, help="None further away gives a value."
        ),
        click.option("--base", type=options.FILE, help="The map before: only cells that differ from it count."),
        click.option("--params", type=FOLDER, required=True, help="The folder of LAI_SAT, ALB_SAT and HT."),
        click.option("--cover", type=options.FILE, required=True, help="The changed cover map: the .dir."),
    ):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Keep leaf area, albedo and tree height in step with a changed cover.

    PGD reads them from files of their own, in which each pixel has its own cover: it never compares that with the
    cover map, and aborts where a cover of the domain has no pixel at all.
    """


@command.command(epilog="Example: ecosg-update params check --cover patched.dir --params ECOCLIMAP-SG")
@shared_options
@options.area
@options.as_json
def check(
    *,
    cover: Path,
    params: Path,
    base: Path | None,
    radius_km: float,
    jobs: int,
    bounds: Any,
    domain: str | None,
    as_json: bool,
) -> int:
    """Say which covers lack values of a parameter, in how many cells, and how far the nearest ones are.

    The exit code is 6 where a cover has no pixel in the whole domain: PGD aborts there. Without --domain and --bounds
    the domain is the cover map. Of a --domain only the pixels in its cells count.
    """
    from ecosg_update import domains, parameter_files
    from ecosg_update.fault import has_errors

    options.area_bounds(bounds, domain)
    model = domains.domain(domain) if domain else None
    covering = parameter_files.Covering(cover, base, bounds or None, model)
    with options.shown_progress() as progress:
        found = parameter_files.check(covering, params, _search(1, radius_km), jobs=jobs, progress=progress)
    faults = found.faults
    if as_json:
        click.echo(json.dumps(found.as_dict()))
    else:
        for fault in faults:
            click.echo(str(fault))
        if not faults:
            click.echo(f"{len(found.surveys)} files are in step with {cover}")
    return 6 if has_errors(faults) else 0


@command.command(epilog="Example: ecosg-update params fill --cover patched.dir --params ECOCLIMAP-SG -o filled")
@shared_options
@click.option("-o", "--output", type=FOLDER, required=True, help="The folder to write.")
@click.option(
    "--neighbours", type=int, default=3, show_default=True, help="At most so many cells of a type give a value."
)
@options.as_json
@options.overwrite
def fill(
    *,
    cover: Path,
    params: Path,
    base: Path | None,
    radius_km: float,
    jobs: int,
    output: Path,
    neighbours: int,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Write the files anew, with a value of its new cover in every changed cell.

    The value is the mean of the nearest pixels of that cover in the same file, weighted by 1/distance; beyond the
    radius the default of tables/parameters.csv. Cells that need no value become 0, all others stay as they are.
    """
    from ecosg_update import parameter_files

    covering = parameter_files.Covering(cover, base)
    with options.shown_progress() as progress:
        found = parameter_files.fill(
            covering,
            params,
            output,
            _search(neighbours, radius_km),
            jobs=jobs,
            overwrite=overwrite,
            progress=progress,
        )
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, entry in found["files"].items():
        near, default, emptied = (
            sum(entry[source].values()) for source in ("from_neighbours", "from_default", "set_to_no_data")
        )
        click.echo(
            f"{name}: {entry['changed']:,} pixels changed: {near:,} from neighbours, {default:,} from the default, "
            f"{emptied:,} to no data"
        )
    if found["beyond_the_files"]:
        click.echo(f"{found['beyond_the_files']:,} cells lie outside the files and could not be filled")
    click.echo(str(output))


def _search(neighbours: int, radius_km: float) -> Search:
    from ecosg_update.parameters.nearest import Search

    return Search(neighbours, radius_km)
