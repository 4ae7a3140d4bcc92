"""`ecosg-update pgd`: what PGD will make of a cover map."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options

log = logging.getLogger("ecosg_update")


@click.command(
    epilog="\b\nExample:\n  ecosg-update pgd demo/output/simulated_demo.dir \\\n"
    "    --domain demo/input/simulated_domain.toml -o fractions.nc"
)
@click.argument("stem", type=options.FILE)
@click.option(
    "--domain", required=True, metavar="NAME_OR_FILE", help="The model's domain; see `ecosg-update domains`."
)
@options.output
@click.option(
    "--nam-cover",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of NAM_COVER, such as XRM_SEA=0.2 or LRM_RIVER=T; may be given several times.",
)
@click.option("--lgarden", is_flag=True, help="LGARDEN=T: gardens stay in the town.")
@click.option("--ltown-to-rock", is_flag=True, help="LTOWN_TO_ROCK=T: the town becomes rock in nature.")
@click.option("--strict", is_flag=True, help="Cells without a map pixel are an error (7), nothing is written.")
@options.overwrite
@options.as_json
def command(
    *,
    stem: Path,
    domain: str,
    output: Path,
    nam_cover: tuple[str, ...],
    lgarden: bool,
    ltown_to_rock: bool,
    strict: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Compute the cover, tile and vegetation-type fractions that PGD will make of the map STEM (.dir beside .hdr).

    OUTPUT is NetCDF with the names of PGD.nc (COVER001.., FRAC_SEA.., XLAT, XLON) and two variables more: the
    pixels of the map in each cell, and the cells that PGD fills from their neighbours without a word.
    """
    from ecosg_update import domains
    from ecosg_update.pgd.preview import filled_cells, preview_file, summary
    from ecosg_update.pgd.rules import NamCover
    from ecosg_update.pgd.tiles import Arrangement

    rules, towns = NamCover.parsed(nam_cover), Arrangement(lgarden, ltown_to_rock)
    with options.shown_progress() as progress:
        found = preview_file(
            stem,
            domains.domain(domain),
            output,
            rules=rules,
            arrangement=towns,
            strict=strict,
            overwrite=overwrite,
            progress=progress,
        )
    facts = summary(found)
    if found.filled.any():
        log.warning("%s", filled_cells(found))
    click.echo(json.dumps(facts | {"output": str(output)}) if as_json else _text(facts, output))


def _text(facts: dict[str, Any], output: Path) -> str:
    fewest, median, most = (facts["pixels_per_cell"][key] for key in ("min", "median", "max"))
    tiles = ", ".join(f"{name} {share:.4f}" for name, share in facts["tiles"].items())
    lines = {
        "domain": f"{facts['domain']}: {facts['cells'][0]} x {facts['cells'][1]} cells",
        "map pixels per cell": f"{fewest} to {most}, median {median:g}",
        "filled cells": f"{facts['filled']} of {facts['cells'][0] * facts['cells'][1]}",
        "mean of the tiles": tiles,
        "covers": ", ".join(str(code) for code in facts["covers"]),
        "written": str(output),
    }
    width = max(map(len, lines))
    return "\n".join(f"{key:{width}}  {value}" for key, value in lines.items())
