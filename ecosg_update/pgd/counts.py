"""How many pixels of each class PGD finds in each cell of a model grid.

A pixel counts once, in the cell that holds its projected centre; nodata is skipped, what is outside is dropped
(`average1_cover.F90`, `get_mesh_index_conf_proj.F90`, `get_mesh_index_lonlat_reg.F90`, SURFEX 8.1). The map is read
once, by blocks of rows, and only where the domain lies: memory is set by the domain, not by the map. The domain is
cut into bands of cell rows, so that threads never add to the same cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import pairwise
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import FormatError
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.domain import Domain, Numbers
    from ecosg_update.formats.pixels import Pixels

CLASSES = 33
"""Covers of ECOCLIMAP-SG, 1 to 33."""

ILLEGAL = CLASSES + 1
"""The column of bytes that are neither nodata nor a class."""

BANDS = 4
"""A thread: they differ in work."""

BLOCK = 2**22
"""Bytes of the map that a thread holds."""

LONG_RUN = 32
"""Pixels of a row in one cell from which on `count_runs` is the faster way (measured: they part at 20 to 60)."""

MARGIN = 1.5
"""Cells around a band in which pixels are looked at: more than its outline can bulge between two points."""


@dataclass(frozen=True, eq=False)
class Places:
    """The numbers of rows and columns of which the kernel makes positions: see `kernel.count`."""

    latitudes: NDArray[np.float64]
    longitudes: NDArray[np.float64]
    lines: NDArray[np.float64]
    cols: NDArray[np.float64]


def counts(source: Pixels, domain: Domain, *, threads: int = 2, progress: Progress = silent) -> NDArray[np.uint32]:
    """Pixels of each class in each cell: uint32 (cells, 34), cells as in `Domain.index`, classes 1 to 33.

    Column 0 counts the pixels that are nodata. Raises FormatError for a byte within the domain that is neither nodata
    nor a class, and where the file ends before its last row.
    """
    found = np.zeros((domain.cells, ILLEGAL + 1), np.uint32)
    with source.opened() as handle, ThreadPoolExecutor(threads) as pool:
        task = _Task(source, handle, domain, places(source, domain), _lookup(source.nodata), found)
        work = [pool.submit(task.count, *band) for band in _bands(domain.ny, BANDS * threads)]
        try:
            illegal = 0
            for done, band in enumerate(as_completed(work), 1):
                illegal += band.result()
                progress("pixels counted", done, len(work))
        finally:
            task.stop.set()
            pool.shutdown(cancel_futures=True)
    if illegal:
        raise FormatError(
            f"{source.path}: {illegal:,} pixels of the domain are neither nodata ({source.nodata:g}) nor 1 to "
            f"{CLASSES}; PGD writes outside its arrays on them; `ecosg-update check` finds them"
        )
    return found[:, :ILLEGAL]


def places(source: Pixels, domain: Domain) -> Places:
    """The numbers of which `Domain.position` would make the place of each pixel, bit by bit the same."""
    lat, lon = source.latitudes, seen_longitudes(source.longitudes, domain)
    lines, cols = _numbers(domain, lat, lon)
    return Places(
        lat,
        lon,
        np.column_stack([np.broadcast_to(number, lat.shape) for number in lines]),
        np.stack([np.broadcast_to(number, lon.shape) for number in cols]),
    )


def _numbers(
    domain: Domain, lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[tuple[Numbers, Numbers, Numbers, Numbers], tuple[Numbers, Numbers]]:
    """(row_x, shift_x, row_y, shift_y) of the rows and (x, y) of the columns, as in `ConfProj.xy`."""
    if domain.projection is None:
        return (1.0, 0.0, 0.0, lat), (lon, 0.0)
    cone = domain.oriented
    radius, angle = cone.radii(lat), cone.angles(lon)
    if not cone.is_mercator:
        return (radius, 0.0, -radius, 0.0), (np.sin(angle), np.cos(angle))
    cos, sin = math.cos(math.radians(cone.beta)), math.sin(math.radians(cone.beta))
    return (1.0, radius * sin, 1.0, radius * cos), (angle * cos, -(angle * sin))


def seen_longitudes(lon: NDArray[np.float64], domain: Domain) -> NDArray[np.float64]:
    """Longitudes (degrees) on the turn on which PGD looks for their cells.

    On a projection that is the turn next to the domain. On a `LONLAT REG` grid a longitude moves only where it is a
    whole turn or more from the middle (`get_mesh_index_lonlat_reg.F90`): a map counted from 0 to 360 loses pixels in
    a domain counted from -180 to 180, and PGD says nothing.
    """
    if domain.projection is not None:
        return domain.near(lon)
    turns = np.where(lon >= domain.loncen + 360, -1, np.where(lon <= domain.loncen - 360, 1, 0))
    return np.asarray(lon + 360.0 * turns)


def _bands(ny: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Rows of cells, first and end, that together are all of them."""
    edges = np.unique(np.linspace(0, ny, wanted + 1).astype(int)).tolist()
    return pairwise(edges)


@dataclass(frozen=True, eq=False)
class _Task:
    """What the threads share; `found` (cell, column) is added to, each band by one thread."""

    source: Pixels
    handle: int
    domain: Domain
    where: Places
    lookup: NDArray[np.int64]
    found: NDArray[np.uint32]
    stop: Event = field(default_factory=Event)

    def count(self, first: int, end: int) -> int:
        """Count the pixels of a band of cell rows and return how many are illegal; ends early once `stop` is set."""
        rows, columns = _window(self.domain, (first, end), self.where)
        cells = self.found[first * self.domain.nx : end * self.domain.nx]
        for cols in columns:
            self._count(rows, cols, (first, end), cells)
        return int(cells[:, ILLEGAL].sum())

    def _count(self, rows: slice, cols: slice, band: tuple[int, int], cells: NDArray[np.uint32]) -> None:
        from ecosg_update.pgd.kernel import count_each, count_runs  # noqa: PLC0415  numba loads where it is needed

        domain, source = self.domain, self.source
        x0, y0 = (domain.loncen, domain.latcen) if domain.projection is None else domain.middle
        scales = (x0, domain.dx, domain.nx / 2, domain.nx, y0, domain.dy, domain.ny / 2, *band)
        grid = tuple(float(number) for number in scales)
        read = cols if 2 * (cols.stop - cols.start) < source.cols else slice(0, source.cols)
        numbers = np.ascontiguousarray(self.where.cols[:, cols])
        fine = _run_length(self.where.lines[(rows.start + rows.stop) // 2], numbers, domain) > LONG_RUN
        height = min(rows.stop - rows.start, max(1, BLOCK // (read.stop - read.start)))
        block = np.empty((height, read.stop - read.start), np.uint8)
        for top in range(rows.start, rows.stop, max(1, height)):
            if self.stop.is_set():
                return
            lines = slice(top, min(top + height, rows.stop))
            codes = block[: lines.stop - lines.start]
            source.load(self.handle, lines, read, codes)
            block_of = (codes, cols.start - read.start, self.where.lines[lines], numbers, grid, self.lookup, cells)
            if fine:
                count_runs(*block_of, stretches(numbers))
            else:
                count_each(*block_of)


def _window(domain: Domain, band: tuple[int, int], where: Places) -> tuple[slice, list[slice]]:
    """The rows and the stretches of columns of the map in which pixels of the band may lie."""
    first, end = band
    lon, lat = domain.lonlat(domain.nx / 2, (first + end) / 2)
    part = replace(domain, ny=end - first, loncen=float(lon), latcen=float(lat))
    west, south, east, north = part.box(MARGIN)
    rows = _stretch(np.flatnonzero((where.latitudes >= south) & (where.latitudes <= north)))
    if domain.projection is None:
        half = (domain.nx / 2 + MARGIN) * domain.dx
        inside = np.abs(where.longitudes - domain.loncen) <= half
    else:
        width = east - west if east > west else east - west + 360
        inside = (where.longitudes - west) % 360 <= width
    at = np.flatnonzero(inside)
    return rows, [_stretch(piece) for piece in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if piece.size]


def _stretch(indices: NDArray[np.intp]) -> slice:
    return slice(int(indices[0]), int(indices[-1]) + 1) if indices.size else slice(0, 0)


def _run_length(line: NDArray[np.float64], numbers: NDArray[np.float64], domain: Domain) -> float:
    """Pixels of a row that lie in one cell, as a rule."""
    row_x, _, row_y, _ = line
    across, up = np.abs(np.diff(numbers * [[row_x / domain.dx], [row_y / domain.dy]], axis=1))
    return float(1 / max(np.median(across + up), 1e-9)) if across.size else 1.0


def stretches(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Columns at which one of the two numbers turns from rising to falling, with the first and the end."""
    ways = np.sign(np.diff(numbers, axis=1))
    turns = np.flatnonzero((np.diff(ways, axis=1) != 0).any(axis=0)) + 1
    return np.concatenate([[0], turns, [numbers.shape[1]]]).astype(np.int64)


def _lookup(nodata: float) -> NDArray[np.int64]:
    """The column of each byte; nodata comes first, as in SURFEX, also where it hides a class."""
    codes = np.arange(256)
    columns = np.where((codes >= 1) & (codes <= CLASSES), codes, ILLEGAL)
    return np.where(np.abs(codes - nodata) <= 1e-10, 0, columns).astype(np.int64)
