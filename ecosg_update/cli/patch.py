"""`ecosg-update patch`: cover probabilities and a base become a decided map, or a part of a larger one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ecosg_update.cli import options
from ecosg_update.cli.run import print_changes

if TYPE_CHECKING:
    from ecosg_update.patch.decide import Mode, Proof, Sureness

DECISION = ("base", "min_share", "min_confidence", "protect", "never_new", "mode", "evidence", "sure_of")
"""Options that have no say where COVERS is decided already."""


@click.command(
    epilog="\b\nExample, after `make demo`:\n"
    "ecosg-update patch demo/output/simulated_demo.dir --into demo/input/simulated_base.dir -o new.dir"
)
@click.argument("covers", type=options.FILE)
@click.option("--base", type=options.FILE, help="The ECOCLIMAP-SG map to renew; with --into: that map.")
@click.option("--into", type=options.FILE, help="A larger map, such as the global one: put the result into it.")
@click.option("-o", "--output", type=options.FILE, help="The file to write; with --into: a patched copy of that map.")
@click.option("--in-place", is_flag=True, help="Change the map of --into itself; `revert` gives it back.")
@click.option("--min-share", type=float, default=0.5, show_default=True, help="Least part of a cell that is seen.")
@click.option(
    "--min-confidence", type=float, default=0.5, show_default=True, help="Least probability of what is new."
)
@click.option("--protect", default="sea,inland water", show_default=True, help="Families that never give way.")
@click.option("--never-new", default="sea,snow", show_default=True, help="Families that never appear.")
@click.option(
    "--mode",
    type=click.Choice(["always", "confident", "agreement"]),
    default="confident",
    show_default=True,
    help="Which of the best covers are put: all, the probable, those that the image alone names too.",
)
@click.option(
    "--evidence",
    type=click.Choice(["bayes", "engine"]),
    default="bayes",
    show_default=True,
    help="The image weighed with the base and its errors, or the image alone.",
)
@click.option(
    "--sure-of",
    type=click.Choice(["group", "cover"]),
    default="group",
    show_default=True,
    help="What must be so probable: the new group (trees, crops ...), if it is another, or always the new cover.",
)
@click.option("--water", is_flag=True, help="Sea, lakes and rivers by connection and shape (R4); not with --into.")
@click.option(
    "--smallest-patch",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="New patches of fewer cells join a neighbour (R7); not with --into.",
)
@click.option("--title", help="First line of the header; with --into: else it stays.")
@options.variant_options
@options.overwrite
@options.lock_timeout
@options.as_json
def command(
    *,
    covers: Path,
    base: Path | None,
    into: Path | None,
    output: Path | None,
    in_place: bool,
    min_share: float,
    min_confidence: float,
    protect: str,
    never_new: str,
    mode: Mode,
    evidence: Proof,
    sure_of: Sureness,
    water: bool,
    smallest_patch: int,
    title: str | None,
    products: str | None,
    overwrite: bool,
    lock_timeout: float,
    as_json: bool,
    **drawn: Any,
) -> None:
    """Decide each cell of COVERS (what `map` wrote): change the base, or keep it.

    The ending of OUTPUT says what is written: .dir (with its .hdr), .nc or .tif.

    With --into MAP.dir the result becomes a part of that map: nothing outside its cells changes, and a cell
    without data changes nothing. COVERS may then be a decided cover map too (.dir, .nc, .tif), taken as it is.
    With -o NEW.dir the map is copied and stays as it is; with --in-place it changes itself, once the old bytes
    are saved beside it (MAP.dir.undo.1 ...). STEM_manifest.json says what went where.

    With --members and --products, covers drawn from the posterior and maps in which one kind of change is applied lie
    beside OUTPUT, each a .dir and .hdr; put one into a larger map by its own call with --into.
    """
    from ecosg_update.patch.decide import Policy

    policy = Policy(
        min_share, min_confidence, options.listed(protect), options.listed(never_new), mode, evidence, sure_of
    )
    if into is not None:
        if products is not None or any(value is not None for value in drawn.values()):
            raise click.UsageError(
                "--members and --products lie beside a map of its own: leave --into for each later."
            )
        _check_into(output, in_place=in_place, title=title)
        if water or smallest_patch > 1:
            raise click.UsageError("--water and --smallest-patch need the whole result: patch to a .nc, then --into.")
        changes, files = _put_into(
            covers, base, policy, into, output, title=title, overwrite=overwrite, timeout=lock_timeout
        )
    elif base is None or output is None or in_place:
        raise click.UsageError("give --base and -o OUTPUT, or --into MAP.dir with -o NEW.dir or --in-place.")
    else:
        beside = _variants(output, products, **drawn)
        changes, files = _patched(
            covers,
            base,
            policy,
            output,
            {"water": water, "smallest_patch": smallest_patch},
            variants=beside,
            title=title,
            overwrite=overwrite,
        )
    if as_json:
        click.echo(json.dumps({"products": [str(file) for file in files], "changes": changes}))
        return
    print_changes(changes)
    for file in files:
        click.echo(str(file))


def _patched(
    covers: Path, base: Path, policy: Any, output: Path, rules: dict[str, Any], **given: Any
) -> tuple[dict[str, Any], list[Path]]:
    from ecosg_update import stages
    from ecosg_update.deciding.decision import NO_RULES
    from ecosg_update.manifest import changes

    switches = NO_RULES.model_copy(update=rules)
    patch, files = stages.patch(covers, base, policy, output, switches=switches, **given)
    return changes(patch), files


def _variants(
    output: Path, products: str | None, *, members: int | None, correlation_km: float | None, seed: int | None
) -> Any:
    """What is wanted beside the map; None for nothing."""
    from ecosg_update.patch.ensemble import DEFAULT_CORRELATION_KM, Ensemble
    from ecosg_update.variants import Variants

    if members is None and (correlation_km is not None or seed is not None):
        raise click.UsageError("--correlation-km and --seed are of the draws of --members N; give that.")
    if members is None and products is None:
        return None
    length = DEFAULT_CORRELATION_KM if correlation_km is None else correlation_km
    ensemble = Ensemble(members, length, seed or 0) if members else None
    return Variants(output.with_suffix(""), ensemble, options.listed(products or ""))


def _put_into(
    covers: Path,
    base: Path | None,
    policy: Any,
    into: Path,
    output: Path | None,
    *,
    title: str | None,
    overwrite: bool,
    timeout: float,
) -> tuple[dict[str, Any], list[Path]]:
    from ecosg_update import insertion

    source = insertion.Source(covers, base, policy)
    if not source.undecided:
        _check_undecided(covers)
    with options.shown_progress() as progress:
        if output is None:
            done = insertion.inserted_in_place(source, into, timeout=timeout, progress=progress)
        else:
            done = insertion.inserted(
                source, into, output, title=title, overwrite=overwrite, timeout=timeout, progress=progress
            )
    return done.changes, done.files


def _check_into(output: Path | None, *, in_place: bool, title: str | None) -> None:
    if in_place == (output is not None):
        raise click.UsageError("--into needs either -o NEW.dir (a copy) or --in-place (the map itself).")
    if output is not None and output.suffix != ".dir":
        raise click.UsageError(f"--into writes a .dir, found {output.name}; `export` makes other formats.")
    if in_place and title is not None:
        raise click.UsageError("--in-place leaves the header as it is; give --title with -o NEW.dir.")


def _check_undecided(covers: Path) -> None:
    """Refuse what a person asks of a decision that is not made here."""
    context = click.get_current_context()
    named = [name for name in DECISION if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if named:
        option = f"--{named[0].replace('_', '-')}"
        raise click.UsageError(f"{option} has no say: {covers.name} is a decided cover map and is taken as it is.")
