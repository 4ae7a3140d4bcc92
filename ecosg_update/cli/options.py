"""Options that several commands share, and how progress is shown."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ecosg_update.grid import Bounds
    from ecosg_update.progress import Progress

log = logging.getLogger("ecosg_update")

FILE = click.Path(dir_okay=False, path_type=Path)
ANY = click.Path(path_type=Path)
ENGINES = ["corine-light", "dynamicworld", "so2sat-lcz"]
LOG_EVERY_S = 30.0

overwrite = click.option("--overwrite", is_flag=True, help="Replace products that exist.")
per_degree = click.option(
    "--per-degree", type=click.IntRange(1, 10800), default=360, show_default=True, help="360 = 300 m, 1800 = 60 m."
)
bounds = click.option(
    "--bounds",
    type=float,
    nargs=4,
    metavar="WEST SOUTH EAST NORTH",
    help="Degrees; west > east crosses the dateline.",
)
domain = click.option(
    "--domain",
    metavar="NAME_OR_FILE",
    help="In place of --bounds: a model domain, with a margin of 2 cells; see `ecosg-update domains`.",
)
base = click.option(
    "--base", type=FILE, required=True, help="The ECOCLIMAP-SG map to renew: the .dir beside its .hdr."
)
output = click.option("-o", "--output", type=FILE, required=True, help="The file to write.")
lock_timeout = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="Seconds to wait for another process that writes the map.",
)
tables = click.option(
    "--tables",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ECOSG_UPDATE_TABLES",
    metavar="FOLDER",
    help="Your own legends/ and crosswalks/, over those that ship; see docs/crosswalk.md.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def area(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--bounds` and `--domain`, to be given to `area_bounds`."""
    return bounds(domain(function))


def area_bounds(bounds: Bounds | None, domain: str | None) -> Bounds | None:
    """West, south, east, north of what `area` was given, None for neither; giving both is an error of usage."""
    if domain is None:
        return bounds or None
    if bounds:
        raise click.UsageError("--bounds and --domain both say where; give one of them")
    from ecosg_update import domains

    return domains.bounds(domain)


def scene_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a product may not say itself."""
    for option in (
        click.option("--bands", help="Bands of a multi-band GeoTIFF, in order: B02,B03,B04,B8A,B11,B12."),
        click.option("--level", type=click.Choice(["L1C", "L2A"]), help="Where the product does not say."),
        click.option("--quantification", type=float, help="Reflectance = (stored + offset) / quantification."),
        click.option("--offset", type=float, help="See --quantification."),
    ):
        function = option(function)
    return function


def rule_files(function: Callable[..., Any]) -> Callable[..., Any]:
    """The rasters that the rules of context read: names are keys of the section [crosswalk]."""
    for option in (
        click.option("--lcz", type=FILE, help="What `predict --engine so2sat-lcz` wrote on the same cells (R5)."),
        click.option("--imperviousness", type=FILE, help="Sealed part of the ground, GeoTIFF (R5)."),
        click.option(
            "--imperviousness-full",
            type=float,
            default=100.0,
            show_default=True,
            help="Its value where all is sealed.",
        ),
        click.option("--building-height", type=FILE, help="Metres, GeoTIFF (R5)."),
        click.option("--crop-types", type=FILE, help="Codes of EUCROPMAP, GeoTIFF (R3)."),
        click.option("--glaciers", type=FILE, help="Mask, GeoTIFF: snow lasts there (R6)."),
        click.option("--wetlands", type=FILE, help="Mask of peat or wetland, GeoTIFF (R8)."),
    ):
        function = option(function)
    return function


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Which network, with which weights, on which device."""
    for option in (
        click.option(
            "--engine", type=click.Choice(ENGINES), help="Default: corine-light, which comes with the tool."
        ),
        click.option("--checkpoint", type=FILE, help="A checkpoint: the .safetensors beside its .json card."),
        click.option("--weights", type=ANY, help="Folder of the published weights; default: the user's cache."),
        click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True),
        click.option("--window", type=int, default=512, show_default=True, help="Side of a window, pixels."),
        click.option("--aot550", type=float, help="Aerosol optical thickness, where an L2A product has no map."),
    ):
        function = option(function)
    return function


def variant_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Which maps are written beside the map; None where nothing was said."""
    for option in (
        click.option("--members", type=click.IntRange(1, 100), help="Ensemble: so many covers, STEM_m00.dir ..."),
        click.option("--correlation-km", type=float, help="Of the members' draws; default 5."),
        click.option("--seed", type=click.IntRange(0), help="Of the members' draws; default 0."),
        click.option(
            "--products", metavar="LIST",
            help="Maps with one kind of change, STEM_urban.dir ...: full,urban-only,nature-only,water-only,extent.",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def listed(text: str) -> tuple[str, ...]:
    """The names in a list with commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A bar on a terminal; elsewhere a line in the log now and then."""
    if not sys.stderr.isatty() or log.level > logging.INFO:
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, done, total: bar.update(task, description=what, completed=done, total=total)


class _Lines:
    """Progress as log lines, one every `LOG_EVERY_S` seconds."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Log how far `what` is."""
        if time.monotonic() - self.last >= LOG_EVERY_S:
            self.last = time.monotonic()
            log.info("%s: %d of %d", what, done, total)
