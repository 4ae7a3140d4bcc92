"""Pixels spread over the cells of a lat-lon grid, tile by tile of the target, compiled or in plain numpy."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.patch.lattice import Lattice, lattice
from ecosg_update.patch.overlap import overlaps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import GeoGrid, LatLonGrid, Window
    from ecosg_update.legend import Legend

    Codes = NDArray[np.uint8] | NDArray[np.uint16]
    Floats = NDArray[np.float64]

T = TypeVar("T")

Kernel = Literal["numba", "numpy"]
"""The compiled way, or its plain twin (tens of times slower, no compiler needed): the same answer."""

TILE_SUMS = 2**19
"""Sums (classes times cells) of one tile, 4 MB: they stay in the cache, and tiles outnumber threads."""

AHEAD = 3
"""Tiles a thread that may wait to be taken, so that finished ones do not pile up."""

BAND_SUMS = 2**21
"""Sums of one full-width tile of the numpy kernel, 17 MB."""

NUMPY_PIXELS = 2**17
"""Pixels that the numpy kernel looks at together where each meets up to four cells (about 1 kB each)."""


@dataclass(frozen=True, eq=False)
class Tile:
    """Sums for a window of the target: values float64 (class, rows, cols) in pixels, covered float64 in cells."""

    rows: slice
    cols: slice
    values: Floats
    covered: Floats


@dataclass(frozen=True, eq=False)
class ClassMap:
    """Pixels that are codes, (y, x). lookup: int16, any code to its class row, -1 for no data."""

    codes: Codes
    lookup: NDArray[np.int16]
    classes: int

    def spread(self, nodes: Lattice, window: tuple[int, ...], world: int, mass: Floats, covered: Floats) -> None:
        """Add to mass (cell, class) and covered (cell,) with the compiled kernel; each has one more to spare."""
        from ecosg_update.patch.kernel import spread_codes  # noqa: PLC0415  numba loads where it is needed

        lookup = np.where(self.lookup < 0, self.classes, self.lookup).astype(np.uint64)
        spread_codes(self.codes, lookup, nodes.u, nodes.v, nodes.spans, _layout(nodes, world), window, mass, covered)

    def part(self, rows: slice) -> ClassMap:
        """Some rows of the pixels."""
        return ClassMap(self.codes[rows], self.lookup, self.classes)

    def sums(self, pixel: NDArray[np.intp], cell: NDArray[np.intp], weight: Floats, mass: Floats) -> Floats:
        """Add to mass (class, cell) with numpy; returns each entry's valid part of the pixel (0 or 1)."""
        row = self.lookup[self.codes.ravel()[pixel]].astype(np.intp)
        valid = row >= 0
        place = row[valid] * mass.shape[1] + cell[valid]
        mass += np.bincount(place, weight[valid], mass.size).reshape(mass.shape)
        return valid.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Probabilities:
    """Pixels that are probabilities: values float32 (class, y, x), share float32 (y, x), both without gaps."""

    values: NDArray[np.float32]
    share: NDArray[np.float32]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.values)

    def spread(self, nodes: Lattice, window: tuple[int, ...], world: int, mass: Floats, covered: Floats) -> None:
        """Add to mass (cell, class) and covered (cell,) with the compiled kernel; each has one more to spare."""
        from ecosg_update.patch.kernel import spread_values  # noqa: PLC0415  numba loads where it is needed

        spread_values(
            self.values, self.share, nodes.u, nodes.v, nodes.spans, _layout(nodes, world), window, mass, covered
        )

    def part(self, rows: slice) -> Probabilities:
        """Some rows of the pixels."""
        return Probabilities(self.values[:, rows], self.share[rows])

    def sums(self, pixel: NDArray[np.intp], cell: NDArray[np.intp], weight: Floats, mass: Floats) -> Floats:
        """Add to mass (class, cell) with numpy; returns each entry's valid part of the pixel (0..1)."""
        share = self.share.ravel()[pixel].astype(np.float64)
        for row, values in enumerate(self.values):
            mass[row] += np.bincount(cell, values.ravel()[pixel] * share * weight, mass.shape[1])
        return share


Pixels = ClassMap | Probabilities


def class_map(codes: Codes, grid: GeoGrid, legend: Legend) -> ClassMap:
    """The pixels of a class map; GridError unless `codes` are uint8 or uint16 of the grid's shape.

    A window of a wider array is copied: the kernel is compiled for arrays without gaps.
    """
    if codes.shape != grid.shape or codes.dtype not in (np.uint8, np.uint16):
        raise GridError(
            f"class map: found {codes.dtype} of shape {codes.shape}, expected uint8 or uint16 of shape {grid.shape}"
        )
    lookup = np.full(np.iinfo(codes.dtype).max + 1, -1, np.int16)
    known = min(len(lookup), len(legend.rows))
    lookup[:known] = legend.rows[:known]
    return ClassMap(codes if codes.flags.c_contiguous else codes.copy(), lookup, len(legend))


def spread(
    pixels: Pixels,
    grid: GeoGrid,
    target: LatLonGrid,
    finish: Callable[[Tile], T],
    *,
    kernel: Kernel = "numba",
    threads: int = 2,
) -> Iterator[T]:
    """What `finish` makes of each tile of `target` that the pixels of `grid` reach: sums of the overlapping parts.

    Tiles do not depend on each other, so that the answer is the same for any number of threads; `finish` runs in
    the thread that summed.
    """
    nodes = lattice(grid, target)
    tile: Callable[..., Tile] = _compiled_tile
    shape = (math.isqrt(TILE_SUMS // pixels.classes) + 1,) * 2
    if kernel == "numpy":
        tile, shape = _plain_tile, (BAND_SUMS // (pixels.classes * target.cols) + 1, target.cols)
    with ThreadPoolExecutor(max(1, threads)) as pool:
        ahead: deque[Future[T]] = deque()
        for window in _windows(nodes, target, *shape):
            ahead.append(pool.submit(lambda window: finish(tile(pixels, grid, nodes, target, *window)), window))
            if len(ahead) > AHEAD * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _windows(nodes: Lattice, target: LatLonGrid, height: int, width: int) -> Iterator[Window]:
    """Windows of the target that together hold every cell which the box around the lattice reaches."""
    first, end = max(0, math.floor(nodes.v.min())), min(target.rows, math.ceil(nodes.v.max()))
    west, east = float(nodes.u.min()), float(nodes.u.max())
    for left in range(0, target.cols, width):
        right = min(left + width, target.cols)
        start = (west - left) % target.world_cols
        if start < right - left or start + east - west > target.world_cols:
            for top in range(first, end, height):
                yield slice(top, min(top + height, end)), slice(left, right)


def _layout(nodes: Lattice, world: int) -> tuple[int, int, int, int, bool, int]:
    return nodes.step, nodes.row, nodes.col, nodes.step**2 * math.prod(nodes.splits), nodes.is_fine, world


def _compiled_tile(
    pixels: Pixels, _grid: GeoGrid, nodes: Lattice, target: LatLonGrid, rows: slice, cols: slice
) -> Tile:
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    mass = np.zeros((math.prod(shape) + 1, pixels.classes + 1))
    covered = np.zeros(len(mass))
    pixels.spread(nodes, (rows.start, rows.stop, cols.start, cols.stop), target.world_cols, mass, covered)
    values = mass[:-1, :-1].reshape(*shape, pixels.classes).transpose(2, 0, 1)
    return Tile(rows, cols, values, covered[:-1].reshape(shape))


def _plain_tile(pixels: Pixels, grid: GeoGrid, nodes: Lattice, target: LatLonGrid, rows: slice, cols: slice) -> Tile:
    shape = (rows.stop - rows.start, target.cols)
    mass, covered = np.zeros((pixels.classes, math.prod(shape))), np.zeros(math.prod(shape))
    height = max(1, 4 * NUMPY_PIXELS // (grid.shape[1] * math.prod(nodes.splits)))
    for top in range(0, grid.shape[0], height):
        lines = slice(top, min(top + height, grid.shape[0]))
        if _apart(nodes, lines, rows):
            continue
        found = overlaps(nodes, target, lines, slice(0, grid.shape[1]))
        held = (found.row >= rows.start) & (found.row < rows.stop)
        cell = (found.row[held] - rows.start) * target.cols + found.col[held]
        weight = found.weight[held]
        valid = pixels.part(lines).sums(found.pixel[held], cell, weight, mass)
        covered += np.bincount(cell, valid * weight * found.area[held], covered.size)
    return Tile(rows, cols, mass.reshape(-1, *shape), covered.reshape(shape))


def _apart(nodes: Lattice, lines: slice, rows: slice) -> bool:
    """Whether the raster's lines lie wholly outside the target's rows."""
    first, end = (lines.start - nodes.row) // nodes.step, -(-(lines.stop - nodes.row) // nodes.step)
    v = nodes.v[first : end + 1]
    return bool(v.max() < rows.start or v.min() > rows.stop)
