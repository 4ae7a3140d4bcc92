"""`ecosg-update check`: what is wrong with a cover map before PGD reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress

if TYPE_CHECKING:
    from ecosg_update.checking import Mended, Report
    from ecosg_update.fault import Fault

FOUND_FAULTS = 6
WORTH_A_RATE = 50_000_000
"""Bytes: of smaller maps most of the time is starting up."""


@click.command(
    epilog="Example: ecosg-update check demo/output/simulated_demo.dir --base demo/input/simulated_base.dir"
)
@click.argument("path", metavar="STEM.dir", type=options.FILE)
@click.option("--domain", help="Also: would every cell of this model domain find a pixel? A name or a file.")
@click.option("--base", type=options.FILE, help="The map that this one renews, to compare with.")
@click.option("--fix", type=options.FILE, metavar="OUT.dir", help="Write a corrected pair, if that takes no guess.")
@options.as_json
@options.overwrite
def command(
    *, path: Path, domain: str | None, base: Path | None, fix: Path | None, as_json: bool, overwrite: bool
) -> int:
    """Read the cover map STEM.dir and STEM.hdr as SURFEX would, and report every fault: place, effect, cure.

    An error is what PGD stops on or reads wrongly: exit code 6. A warning is what PGD takes but a person should see.
    A parameter file (LAI, albedo, tree height) is checked as one.
    --fix corrects only what can be meant in one way (the header's form, rounded edges, nodata), never a class, and
    exits with 6, nothing written, where an error remains.
    """
    from ecosg_update import checking, domains

    if fix and domain:
        raise click.UsageError("--fix corrects a map for every domain; check the result with --domain")
    with shown_progress() as progress:
        if fix:
            found = checking.mended(path, fix, base=base, overwrite=overwrite, progress=progress)
            _print_mended(found, as_json=as_json)
            return 0 if found.paths else FOUND_FAULTS
        where = domains.domain(domain) if domain else None
        report = checking.checked(path, domain=where, base=base, progress=progress)
    if as_json:
        click.echo(json.dumps(report.as_dict()))
    else:
        _print_report(report)
    return 0 if report.is_fit else FOUND_FAULTS


def _print_report(report: Report) -> None:
    for fault in report.faults:
        _print_fault(fault)
    facts = report.facts
    errors = sum(fault.severity == "error" for fault in report.faults)
    line = f"{report.path}: {_some(errors, 'error')}, {_some(len(report.faults) - errors, 'warning')}"
    if "filled_cells" in facts:
        line += f"; {facts['domain']}: {facts['filled_cells']:,} of {facts['model_cells']:,} cells would be filled"
    if "seconds" in facts:
        line += f"; {facts['bytes']:,} bytes in {facts['seconds']:.2f} s"
        line += f", {facts['megabytes_per_second']:,.0f} MB/s" * (facts["bytes"] >= WORTH_A_RATE)
    click.echo(line)


def _print_mended(found: Mended, *, as_json: bool) -> None:
    if as_json:
        plain = {"changes": found.changes, "left": [fault.as_dict() for fault in found.left]}
        click.echo(json.dumps(found.report.as_dict() | plain | {"written": [str(path) for path in found.paths]}))
        return
    for change in found.changes if found.paths else ():
        click.echo(change)
    for fault in found.left:
        _print_fault(fault)
    if not found.paths:
        click.echo(f"{found.report.path}: nothing written; what is left needs a person")
    for path in found.paths:
        click.echo(str(path))


def _print_fault(fault: Fault) -> None:
    click.echo(f"{fault.severity.upper()} {fault.where}: {fault.what} [{fault.rule}]")
    click.echo(f"    effect: {fault.effect}")
    click.echo(f"    cure:   {fault.cure}")


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
