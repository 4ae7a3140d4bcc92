"""`ecosg-update install`: a data tree with the patched map in place, and what the workflows need to read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ecosg_update.cli import options

if TYPE_CHECKING:
    from ecosg_update.install.plan import Plan

FOLDER = click.Path(file_okay=False, path_type=Path)


def _checked(ctx: click.Context, _: click.Parameter, tree: Path | None) -> None:
    """`--check TREE` stands alone: print what is wrong with the tree, exit 6 where anything is."""
    if tree is None or ctx.resilient_parsing:
        return
    from ecosg_update.fault import has_errors
    from ecosg_update.install.verify import faults

    with options.shown_progress() as progress:
        found = faults(tree, progress=progress)
    for fault in found:
        click.echo(str(fault))
    click.echo(f"{tree}: {len(found)} faults" if found else f"{tree}: as it was installed")
    ctx.exit(6 if has_errors(found) else 0)


@click.command(
    epilog="Example: ecosg-update install --from $ECOSG_DATA_PATH --to /data/ECOCLIMAP-SG-ie1 --version 1.3-ie "
    "--cover global_patched.dir --params filled"
)
@click.option(
    "--from", "source", type=FOLDER, required=True, envvar="ECOSG_DATA_PATH",
    help="The original tree; default: what the variable ECOSG_DATA_PATH names.",
)  # fmt: skip
@click.option("--to", "target", type=FOLDER, required=True, help="The tree to make.")
@click.option("--version", required=True, help="Its name, in plain characters: 1.3-ie.")
@click.option("--cover", type=options.FILE, required=True, help="The patched map: the .dir beside its .hdr.")
@click.option("--nc", type=options.FILE, help="The same map as NetCDF; default: made, if the map is not too large.")
@click.option("--params", type=FOLDER, help="Parameters that follow the cover: the folder of `params fill`.")
@options.area
@click.option(
    "--fallback", "fallbacks", multiple=True, metavar="PARAMETER[=VALUE]",
    help="XUNIF_ for types that the parameters lack (LAI, ALBNIR_VEG, ALBVIS_VEG, ALBNIR_SOIL, ALBVIS_SOIL, H_TREE); "
    "with --domain those that are needed come with values of tables/parameters.csv.",
)  # fmt: skip
@click.option("--link", is_flag=True, help="Link to the patched files instead of copying them.")
@options.overwrite
@click.option("--dry-run", is_flag=True, help="Check everything, say what would be made, write nothing.")
@options.as_json
@click.option(
    "--check", type=FOLDER, is_eager=True, expose_value=False, callback=_checked, metavar="TREE",
    help="Check a tree that install made (links alive, our bytes unchanged) and exit: 0, or 6.",
)  # fmt: skip
def command(
    *,
    params: Path | None,
    bounds: Any,
    domain: str | None,
    fallbacks: tuple[str, ...],
    link: bool,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a shadow of an ECOCLIMAP-SG data tree: links to all its files, the patched map and parameters in place.

    The original is only read. A cover that holds less than the original's is refused, unless it holds the --bounds
    or the --domain that alone will be read. Prints what HARMONIE, Deode and pysurfex must be told, which also lies in
    the tree's folder workflows.
    """
    from ecosg_update import domains, installation
    from ecosg_update.install.plan import Wish

    wish = Wish(**given, parameters=params, bounds=options.area_bounds(bounds, domain))
    model, values = domains.domain(domain) if domain else None, dict(map(_fallback, fallbacks))
    with options.shown_progress() as progress:
        if dry_run:
            _print(*installation.foreseen(wish, model, values, progress=progress), as_json=as_json, made=False)
            return
        found = installation.installed(wish, model, values, link=link, overwrite=overwrite, progress=progress)
    _print(found.plan, found.workflows, as_json=as_json, made=True)


def _fallback(text: str) -> tuple[str, float]:
    """(parameter, value) of PARAMETER or PARAMETER=VALUE."""
    from ecosg_update.install.namelist import FALLBACKS

    name, _, value = text.partition("=")
    try:
        return name, float(value) if value else FALLBACKS.get(name, 0.0)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r}: expected PARAMETER or PARAMETER=NUMBER", param_hint="--fallback"
        ) from error


def _print(plan: Plan, workflows: Mapping[str, str], *, as_json: bool, made: bool) -> None:
    if as_json:
        click.echo(json.dumps(plan.as_dict() | {"workflows": workflows}))
        return
    click.echo(str(plan.target) if made else f"{plan.target}: would be made")
    click.echo(f"version   {plan.wish.version}, from {plan.source}" + f" ({plan.follows})" * bool(plan.follows))
    for name in [*plan.ours, *([plan.nc] if plan.nc else [])]:
        click.echo(f"ours      {name}")
    click.echo(f"links     {len(plan.links)} to files of the original, {len(plan.aliases)} within the tree")
    for name, why in plan.left_out.items():
        click.echo(f"left out  {name}: {why}")
    for note in plan.notes:
        click.echo(f"note      {note}")
    for name, text in workflows.items():
        click.echo(f"\n==> workflows/{name} <==\n{text}", nl=False)
