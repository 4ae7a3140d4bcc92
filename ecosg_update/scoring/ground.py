"""Where maps are scored: the pixels of one grid, in blocks that the bootstrap draws, a band of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.domain import RADIUS
from ecosg_update.errors import ConfigError, CoverageError
from ecosg_update.grid import GeoGrid, LatLonGrid, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ground = LatLonGrid | GeoGrid
"""The pixels that are compared: lat-lon cells, or a raster in any projection."""

KM_PER_DEGREE = math.radians(RADIUS / 1000)
WIDEST_KM = 100.0
"""Side of a block where the ground is large: land cover and a map's errors are alike over tens of kilometres."""

FEWEST, MOST = 30, 2000
"""Blocks: fewer tell little of the spread; more need memory that grows with the map."""

REFUSED = 20_000
"""Blocks that a caller may ask for."""


@dataclass(frozen=True)
class Band:
    """Rows of a ground that the same blocks cross. blocks: name and columns, from west to east."""

    rows: slice
    blocks: tuple[tuple[str, slice], ...]


def geo(ground: Ground) -> GeoGrid:
    """The ground as a raster."""
    return ground.geo() if isinstance(ground, LatLonGrid) else ground


def window(ground: Ground, rows: slice, cols: slice) -> Ground:
    """The pixels `[rows, cols]` of a ground; the slices name both ends."""
    if isinstance(ground, GeoGrid):
        return ground.window(rows, cols)
    col = (ground.col + cols.start) % ground.world_cols
    return LatLonGrid(ground.per_degree, ground.row + rows.start, col, rows.stop - rows.start, cols.stop - cols.start)


def areas(ground: Ground) -> NDArray[np.float64]:
    """float64 (y,): m2 of a pixel of each row; on SURFEX's sphere where pixels are degrees."""
    grid = geo(ground)
    wide, high = grid.pixel
    rows = grid.shape[0]
    if not grid.is_geographic:
        return np.full(rows, wide * high)
    edges = np.radians(grid.bounds[3] - np.arange(rows + 1) * high)
    sines = np.sin(np.clip(edges, -math.pi / 2, math.pi / 2))
    return np.asarray(RADIUS**2 * math.radians(wide) * -np.diff(sines))


def pixel_km(ground: Ground) -> tuple[float, float]:
    """(width, height) of a pixel in the middle of the ground."""
    grid = geo(ground)
    wide, high = grid.pixel
    if not grid.is_geographic:
        return wide / 1000, high / 1000
    _, south, _, north = grid.bounds
    shrunk = max(math.cos(math.radians((south + north) / 2)), 1e-3)
    return wide * KM_PER_DEGREE * shrunk, high * KM_PER_DEGREE


def block_km(grounds: Sequence[Ground], asked: float | None = None) -> float:
    """The side of the bootstrap's blocks: what was asked, else by the size of the ground.

    100 km, halved while that gives less than `FEWEST` blocks, doubled while it gives more than `MOST`. Raises
    ConfigError for a side of 0 or less, or one that makes more than `REFUSED` blocks.
    """
    total = sum(float(areas(ground).sum()) * ground.shape[1] for ground in grounds) / 1e6
    if asked is None:
        return settled_km(total)
    if asked <= 0 or total / asked**2 > REFUSED:
        raise ConfigError(
            f"block: a side of {asked:g} km makes {total / max(asked, 1e-9) ** 2:.3g} blocks of {total:,.0f} km2, "
            f"expected {REFUSED:,} at most; name a larger side"
        )
    return asked


def settled_km(total_km2: float) -> float:
    """The side of blocks where none was asked; see `block_km`."""
    side = WIDEST_KM
    while total_km2 / side**2 < FEWEST and side > 1:
        side /= 2
    while total_km2 / side**2 > MOST:
        side *= 2
    return side


def bands(ground: Ground, side_km: float) -> Iterator[Band]:
    """The ground in bands of blocks of `side_km`, whose edges do not depend on where the ground begins.

    In degrees a block has that many kilometres from north to south and, in the middle of its band, from west to
    east.
    """
    grid = geo(ground)
    wide, high = grid.pixel
    west, _, _, north = grid.bounds
    x = np.asarray(west + (np.arange(grid.shape[1]) + 0.5) * wide, np.float64)
    y = np.asarray(north - (np.arange(grid.shape[0]) + 0.5) * high, np.float64)
    for line, rows in _runs(_lines(y, side_km, is_degrees=grid.is_geographic)):
        places = _places(x, line, side_km, is_degrees=grid.is_geographic)
        yield Band(rows, tuple((f"{grid.crs} {line} {place}", cols) for place, cols in _runs(places)))


def block_names(lon: NDArray[np.float64], lat: NDArray[np.float64], side_km: float) -> list[str]:
    """The block of each point, degrees, by the same rule as `bands` on lat-lon ground."""
    lines = _lines(lat, side_km, is_degrees=True)
    found = np.empty(len(lines), np.int64)
    for line in np.unique(lines):
        here = lines == line
        found[here] = _places(lon[here], int(line), side_km, is_degrees=True)
    return [f"{line} {place}" for line, place in zip(lines, found, strict=True)]


def _lines(y: NDArray[np.float64], side_km: float, *, is_degrees: bool) -> NDArray[np.int64]:
    step = side_km / KM_PER_DEGREE if is_degrees else side_km * 1000
    from_north = 90 - y if is_degrees else -y
    return np.floor(from_north / step).astype(np.int64)


def _places(x: NDArray[np.float64], line: int, side_km: float, *, is_degrees: bool) -> NDArray[np.int64]:
    if not is_degrees:
        return np.floor(x / (side_km * 1000)).astype(np.int64)
    step = side_km / KM_PER_DEGREE
    middle = math.radians(90 - (line + 0.5) * step)
    return np.floor((x + 180) % 360 / min(360.0, step / max(math.cos(middle), 1e-6))).astype(np.int64)


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """(number, where) of equal neighbours."""
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    for start, stop in pairwise(edges):
        yield int(numbers[start]), slice(start, stop)


def overlap(ground: Ground, others: Sequence[Ground]) -> Ground:
    """The part of a ground that all others may reach, as one window; CoverageError where there is none."""
    rows, cols = slice(0, ground.shape[0]), slice(0, ground.shape[1])
    for other in others:
        found = _reached(ground, other)
        if found is not None:
            rows, cols = _common(rows, found[0]), _common(cols, found[1])
        if found is None or rows.stop <= rows.start or cols.stop <= cols.start:
            raise CoverageError(
                f"score: maps and truth have no pixel in common, one lies at {_where(other)}, another at "
                f"{_where(ground)}; name maps that overlap the truth"
            )
    return window(ground, rows, cols)


def _reached(ground: Ground, other: Ground) -> Window | None:
    if isinstance(other, GeoGrid):
        west, south, east, north = other.lonlat_bounds()
        other = LatLonGrid.from_bounds(3600, (west, max(south, -90), east, min(north, 90)))
    if isinstance(ground, GeoGrid):
        return ground.covering(other)
    found = ground.intersection(other.at(ground.per_degree))
    if found is None:
        return None
    top, left = found.row - ground.row, (found.col - ground.col) % ground.world_cols
    return slice(top, top + found.rows), slice(left, min(ground.cols, left + found.cols))


def _common(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def _where(ground: Ground) -> str:
    if isinstance(ground, LatLonGrid):
        return str(ground)
    west, south, east, north = ground.lonlat_bounds()
    return f"{west:.4f}..{east:.4f} E {south:.4f}..{north:.4f} N"
