"""What a map holds and the map that it renews does not: covers, and permanent snow far from any."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.check.census import COVERS, SNOW, TILES_PER_DEGREE, Census
from ecosg_update.check.geometry import Geometry
from ecosg_update.fault import Fault, Severity
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEAR_KM = 11
"""Snow is near if the base has some in the same tile of 0.1 degree or the next: within 11 to 22 km."""

MARGIN = 2 / TILES_PER_DEGREE
"""Degrees around the map in which the base is looked at."""

BLOCK_CELLS = 8_000_000
"""Of the base, read at a time."""


def newcomer_faults(
    name: str, found: Geometry, seen: Census, base: Path, *, progress: Progress = silent
) -> list[Fault]:
    """Warnings for covers that the base lacks around the map's area, and for snow far from the base's.

    seen: a census with tiles. Raises FormatError where the base cannot be read.
    """
    whole = direct.info(base).grid
    part = overlap(found, whole)
    if part is None:
        return [_apart(name, base, whole)]
    counts, snow = _held(base, part, progress)
    return [*_covers(name, found, seen, base, counts), *_snow(name, seen, base, snow, part)]


def overlap(found: Geometry, whole: LatLonGrid) -> LatLonGrid | None:
    """The base's cells in the map's box and a margin around it; None where they do not meet."""
    north, south = min(90.0, found.north + MARGIN), max(-90.0, found.south - MARGIN)
    west, east = found.west - MARGIN, found.east + MARGIN
    if east - west >= 360:
        west, east = -180.0, 180.0
    elif not -180 <= west < 180:
        west, east = (west + 180) % 360 - 180, (east + 180) % 360 - 180
    return whole.intersection(LatLonGrid.from_bounds(whole.per_degree, (west, south, east, north)))


def _held(base: Path, part: LatLonGrid, progress: Progress) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How many cells of each cover the base has there, and in which tiles it has snow."""
    from ecosg_update.check import kernel  # noqa: PLC0415  numba loads where it is needed

    counts, first = np.zeros(256, np.int64), np.full(256, -1, np.int64)
    tiles = np.zeros((180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE), np.int32)
    rows = np.floor((90 - part.latitudes) * TILES_PER_DEGREE).astype(np.intp)
    cols = np.floor((part.longitudes + 180) * TILES_PER_DEGREE).astype(np.intp) % tiles.shape[1]
    state = kernel.Tally(counts, first, np.zeros(0, np.int64), tiles, rows, cols)
    height = max(1, BLOCK_CELLS // part.cols)
    for top in range(0, part.rows, height):
        block = LatLonGrid(part.per_degree, part.row + top, part.col, min(height, part.rows - top), part.cols)
        kernel.tally(state, direct.read(base, block).codes, top, np.ones(256, np.bool_), SNOW)
        progress("base", top + block.rows, part.rows)
    return counts, tiles > 0


def _covers(name: str, found: Geometry, seen: Census, base: Path, counts: NDArray[np.int64]) -> Iterator[Fault]:
    legend = tables.legend("ecosg")
    for code in sorted(seen.first):
        if code in COVERS and not counts[code]:
            yield Fault(
                Severity.WARNING, "cover-new", name,
                f"{int(seen.counts[code]):,} cells of cover {code} ({legend.name_of(code)}), {base.name} has none "
                f"there; first {found.place(*seen.first[code])}",
                "SURFEX needs its parameters (LAI, albedo, tree height) there and stops where a domain has none",
                "see that it is meant, and check the parameters (params check)",
            )  # fmt: skip


def _snow(name: str, seen: Census, base: Path, snow: NDArray[np.bool_], part: LatLonGrid) -> Iterator[Fault]:
    far = np.where(_spread(snow) | ~_inside(part), 0, seen.snow)
    if not far.any():
        return
    row, col = np.unravel_index(int(far.argmax()), far.shape)
    lat, lon = 90 - (row + 0.5) / TILES_PER_DEGREE, (col + 0.5) / TILES_PER_DEGREE - 180
    yield Fault(
        Severity.WARNING, "snow-new", name,
        f"{int(far.sum()):,} cells of permanent snow where {base.name} has none within {NEAR_KM} km, "
        f"most around {lon:.2f} E {lat:.2f} N",
        "SURFEX computes a glacier there", "look at them; snow or cloud of one day is no permanent snow",
    )  # fmt: skip


def _spread(snow: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The tiles that have snow in themselves or beside them; towards the poles, as many more as 11 km span."""
    tall = snow | np.pad(snow, ((1, 0), (0, 0)))[:-1] | np.pad(snow, ((0, 1), (0, 0)))[1:]
    near = np.zeros_like(snow)
    for row in np.flatnonzero(tall.any(axis=1)):
        lat = 90 - (row + 0.5) / TILES_PER_DEGREE
        span = min(math.ceil(1 / math.cos(math.radians(lat))), snow.shape[1] // 2 - 1)
        around = np.concatenate([[False], tall[row, -span:], tall[row], tall[row, :span]])
        total = np.cumsum(around)
        near[row] = total[2 * span + 1 :] > total[: -2 * span - 1]
    return near


def _inside(part: LatLonGrid) -> NDArray[np.bool_]:
    """The tiles whose middle the base holds: elsewhere it cannot say."""
    rows, cols = 180 * TILES_PER_DEGREE, 360 * TILES_PER_DEGREE
    lats, lons = 90 - (np.arange(rows) + 0.5) / TILES_PER_DEGREE, (np.arange(cols) + 0.5) / TILES_PER_DEGREE - 180
    across = (lons - part.west) % 360 <= part.east - part.west
    return ((lats <= part.north) & (lats >= part.south))[:, np.newaxis] & across


def _apart(name: str, base: Path, whole: LatLonGrid) -> Fault:
    return Fault(
        Severity.WARNING, "base-apart", name, f"{base.name} holds {whole}, which does not meet the map",
        "nothing can be compared with it", "name the map that this one renews",
    )  # fmt: skip
