"""A cover map on another lat-lon lattice: finer by repeating cells, coarser by exact majority."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE_CELLS = 2**24
"""Cells of the finer lattice that are held at once (16 MB); a single coarse cell may hold more."""

THREADED_CELLS = 2**20
"""Fewer cells than this are settled before a second thread has begun."""


def resampled(cover: CoverReader, target: LatLonGrid | int) -> CoverMap:
    """The map on the cells of `target`; a number of cells a degree stands for the same area, snapped outward."""
    grid = target if isinstance(target, LatLonGrid) else cover.grid.at(target)
    return Resampled(cover, grid).read(grid)


@dataclass(frozen=True)
class Resampled:
    """A cover map on the cells of another lattice, computed where it is read.

    Finer: each cell takes the cover of the cell that holds its centre. Coarser: the cover of most of the cell's area
    (in square degrees) that has one: cells of no data do not vote, a cell with nothing else is 0. Ties go to the
    lowest `priority` of the legend, then to the lowest code. Areas are counted in whole numbers at any ratio, so
    that windows do not depend on how the map is cut. Cells that the source does not reach are 0.
    """

    source: CoverReader
    grid: LatLonGrid

    @property
    def legend(self) -> Legend:
        """The source's."""
        return self.source.legend

    def read(self, cells: LatLonGrid) -> CoverMap:
        """A window; CoverageError for one that leaves the grid."""
        next(cells.windows_in(self.grid))  # raises where the grid lacks a cell
        if self.source.grid.contains(cells):
            return self.source.read(cells)
        codes = np.empty(cells.shape, np.uint8)
        for piece in _pieces(cells, self.source.grid.per_degree):
            ((_, (rows, cols)),) = piece.windows_in(cells)
            codes[rows, cols] = _codes(self.source, piece)
        return CoverMap(codes, cells, self.legend)


def _pieces(cells: LatLonGrid, per_degree: int) -> Iterator[LatLonGrid]:
    """Blocks of `cells`, each of at most `PIECE_CELLS` cells of the finer of two lattices, or a single cell."""
    within = max(1, math.ceil(per_degree / cells.per_degree)) ** 2
    most = max(1, PIECE_CELLS // within)
    return cells.blocks(max(1, most // cells.cols), min(cells.cols, most))


def _codes(source: CoverReader, cells: LatLonGrid) -> NDArray[np.uint8]:
    """uint8 (y, x): the covers of cells on any lattice."""
    fine, coarse = source.grid.per_degree, cells.per_degree
    rows, cols = (_met(start, count, fine, coarse) for start, count in _axes(cells))
    codes = _around(source, rows, cols)
    if fine <= coarse:
        down, across = (_centres(start, count, fine, coarse) for start, count in _axes(cells))
        repeated: NDArray[np.uint8] = codes.take(across - cols.start, axis=1).take(down - rows.start, axis=0)
        return repeated
    return _majority(
        codes, source.legend, *(_Overlap.of(start, count, fine, coarse) for start, count in _axes(cells))
    )


def _axes(cells: LatLonGrid) -> tuple[tuple[int, int], tuple[int, int]]:
    """(first, count) of the rows and of the columns, counted on through the dateline."""
    return (cells.row, cells.rows), (cells.col, cells.cols)


def _met(start: int, count: int, source: int, target: int) -> range:
    """The cells of one lattice that a stretch of another meets, along one axis."""
    return range(start * source // target, -(-(start + count) * source // target))


def _centres(start: int, count: int, source: int, target: int) -> NDArray[np.int64]:
    """The cells of one lattice that hold the centres of a stretch of another."""
    return (2 * (start + np.arange(count)) + 1) * source // (2 * target)


def _around(source: CoverReader, rows: range, cols: range) -> NDArray[np.uint8]:
    """uint8 (y, x): any rows and columns of the source's lattice, 0 where it ends; columns pass the dateline."""
    whole = source.grid
    offset = (cols.start - whole.col) % whole.world_cols
    top, bottom = max(rows.start, whole.row), min(rows.stop, whole.row + whole.rows)
    if bottom - top == len(rows) and offset + len(cols) <= whole.cols:
        col = cols.start % whole.world_cols
        return source.read(LatLonGrid(whole.per_degree, top, col, len(rows), len(cols))).codes
    codes = np.zeros((len(rows), len(cols)), np.uint8)
    for turn in (0, whole.world_cols):
        left, right = max(offset, turn), min(offset + len(cols), turn + whole.cols)
        if top < bottom and left < right:
            col = (whole.col + left) % whole.world_cols
            found = source.read(LatLonGrid(whole.per_degree, top, col, bottom - top, right - left))
            codes[top - rows.start : bottom - rows.start, left - offset : right - offset] = found.codes
    return codes


@dataclass(frozen=True)
class _Overlap:
    """How coarse cells lie on fine ones along one axis, in marks of the ruler that both share.

    met: int64 (n, 4): the fine cells, first and end, that each coarse one meets, from the first of all on, and how
    many marks of the first and of the last are inside. length: marks of a fine cell.
    """

    met: NDArray[np.int64]
    length: int

    @classmethod
    def of(cls, start: int, count: int, fine: int, coarse: int) -> _Overlap:
        """The cells start..start+count of `coarse` a degree on those of `fine` a degree."""
        common = math.gcd(fine, coarse)
        length, span = coarse // common, fine // common
        edges = (start + np.arange(count + 1)) * span
        first, end = edges[:-1] // length, -(-edges[1:] // length)
        head, tail = (first + 1) * length - edges[:-1], edges[1:] - (end - 1) * length
        return cls(np.stack([first - first[0], end - first[0], head, tail], axis=1), length)


def _majority(codes: NDArray[np.uint8], legend: Legend, rows: _Overlap, cols: _Overlap) -> NDArray[np.uint8]:
    """uint8 (y, x): the class of the largest part of each coarse cell."""
    from ecosg_update.patch.coarse import settle  # noqa: PLC0415  numba loads where it is needed

    order = np.array([legend.codes[row] for row in ranks(legend) if legend.codes[row] < 256], np.uint8)
    rank_of = np.full(256, -1, np.int64)
    rank_of[order] = np.arange(order.size)
    found = np.empty((len(rows.met), len(cols.met)), np.uint8)

    def work(part: slice) -> None:
        settle(codes, rows.met[part], cols.met, cols.length, rank_of, order, found[part])

    middle = len(found) // 2
    if codes.size < THREADED_CELLS or not middle:
        work(slice(None))
        return found
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (slice(0, middle), slice(middle, None))))
    return found
