"""`ecosg-update patch`: cover probabilities and a base become a decided map."""

from __future__ import annotations

from pathlib import Path

import click

from ecosg_update.cli import options
from ecosg_update.cli.run import print_changes


@click.command()
@click.argument("covers", type=options.FILE)
@options.base
@options.output
@click.option("--min-share", type=float, default=0.5, show_default=True, help="Least part of a cell that is seen.")
@click.option(
    "--min-confidence", type=float, default=0.5, show_default=True, help="Least probability of the new cover."
)
@click.option("--protect", default="sea,inland water", show_default=True, help="Families that never give way.")
@click.option("--never-new", default="sea,snow", show_default=True, help="Families that never appear.")
@click.option("--title", help="First line of the header.")
@options.overwrite
def command(
    *,
    covers: Path,
    base: Path,
    output: Path,
    min_share: float,
    min_confidence: float,
    protect: str,
    never_new: str,
    title: str | None,
    overwrite: bool,
) -> None:
    """Decide each cell of COVERS (what `map` wrote): change the base, or keep it.

    The ending of OUTPUT says what is written: .dir (with its .hdr), .nc or .tif.
    """
    from ecosg_update import stages
    from ecosg_update.manifest import changes
    from ecosg_update.patch.decide import Policy

    policy = Policy(min_share, min_confidence, _families(protect), _families(never_new))
    patch, paths = stages.patch(covers, base, policy, output, title=title, overwrite=overwrite)
    print_changes(changes(patch))
    for path in paths:
        click.echo(str(path))


def _families(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
