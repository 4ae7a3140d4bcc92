"""`ecosg-update revert`: the bytes that a patch in place overwrote, back where they were."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ecosg_update.cli import options


@click.command(epilog="Example: ecosg-update revert demo/input/simulated_base.dir")
@click.argument("whole", metavar="MAP.dir", type=options.FILE)
@click.option("--all", "everything", is_flag=True, help="Give back all that was patched in place, newest first.")
@options.lock_timeout
@options.as_json
def command(*, whole: Path, everything: bool, lock_timeout: float, as_json: bool) -> None:
    """Give back, byte for byte, what the newest `patch --in-place` overwrote in MAP.dir.

    A patch that was killed is ended this way too. Refused, with nothing changed, where somebody else wrote the
    cells since.
    """
    from ecosg_update import insertion

    records = insertion.reverted(whole, everything=everything, timeout=lock_timeout)
    if as_json:
        found = [{"time": one.started, "bounds": one.window.bounds, "sha256": one.before} for one in records]
        click.echo(json.dumps({"map": str(whole), "reverted": found}))
        return
    for one in records:
        click.echo(f"{whole}: {one.window} is as before the patch of {one.started}")
