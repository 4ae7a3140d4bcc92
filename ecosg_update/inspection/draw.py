"""The draw: two passes over the map, one that counts the strata and one that takes the cells whose turn it is.

Cells of a stratum have equal chances, without repetition; what is drawn depends on the map and the seed and on
nothing else. Memory: a block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import CoverageError
from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.source import Piece, Source
from ecosg_update.inspection.strata import Stratification
from ecosg_update.judge.area import cell_km2
from ecosg_update.layers import Reason
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_CELLS = 2**22
"""Cells of a block: about 100 MB with all that is made of them."""

CHUNK_ROWS = 512
"""Of the chunks of our NetCDF (`formats.ncfile.CHUNK`): blocks of whole chunks unpack each once."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What the first pass has counted: int64 cells and float64 km2 (stratum,), and km2 by code (256,) of each map."""

    cells: NDArray[np.int64]
    km2: NDArray[np.float64]
    mapped: dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Site:
    """A cell that was drawn, and what the maps say of it; 0, nan and "" for what is not known.

    row, col: of the map's grid. sampled: how many of the stratum's cells were drawn.
    """

    id: str
    lon: float
    lat: float
    row: int
    col: int
    cell_km2: float
    stratum: str
    stratum_cells: int
    stratum_km2: float
    sampled: int
    cover: int
    base: int
    confidence: float
    reason: str

    @property
    def probability(self) -> float:
        """That this cell would be drawn."""
        return self.sampled / self.stratum_cells


def surveyed(source: Source, strata: Stratification, *, progress: Progress = silent) -> Survey:
    """How large the strata are; CoverageError where no cell belongs to any."""
    from ecosg_update.judge.joint import empty  # noqa: PLC0415  numba loads where it is needed

    into = empty(*strata.table.shape)
    for block, piece in _pieces(source):
        _count(strata, piece, into)
        progress("counting strata", block.row + block.rows - source.grid.row, source.grid.rows)
    counts, km2 = into
    inside = strata.table >= 0
    if not counts[inside].any():
        raise CoverageError(f"{source.path}: no cell is left to draw from; leave less out")
    by_pair = np.where(inside, km2, 0).reshape(-1, 256, 256).sum(axis=0)  # (cover, base)
    original = by_pair.sum(axis=0) if strata.has_base else np.zeros(256)
    return Survey(
        _by_stratum(strata, counts).astype(np.int64),
        _by_stratum(strata, km2),
        {"new": by_pair.sum(axis=1), "original": original},
    )


def drawn(
    source: Source,
    strata: Stratification,
    survey: Survey,
    counts: NDArray[np.int64],
    seed: int,
    *,
    progress: Progress = silent,
) -> tuple[Site, ...]:
    """The sites, in an order that tells nothing of their strata. counts: int64 (stratum,), how many of each."""
    from ecosg_update.judge.joint import empty  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    wanted = [
        np.sort(rng.choice(int(held), int(count), replace=False)) if count else np.empty(0, np.int64)
        for held, count in zip(survey.cells, counts, strict=True)
    ]
    passed = np.zeros(len(counts), np.int64)
    found: list[Site] = []
    for block, piece in _pieces(source):
        into = empty(*strata.table.shape)
        _count(strata, piece, into)
        held = _by_stratum(strata, into[0]).astype(np.int64)
        number = None
        for stratum in np.flatnonzero(held):
            first, last = np.searchsorted(wanted[stratum], (passed[stratum], passed[stratum] + held[stratum]))
            if last > first:
                number = strata.numbers(piece).ravel() if number is None else number
                places = np.flatnonzero(number == stratum)[wanted[stratum][first:last] - passed[stratum]]
                known = _Stratum(
                    strata.names[stratum],
                    int(survey.cells[stratum]),
                    float(survey.km2[stratum]),
                    int(counts[stratum]),
                )
                found += [_site(source, known, piece, *divmod(int(place), block.cols)) for place in places]
        passed += held
        progress("drawing sites", block.row + block.rows - source.grid.row, source.grid.rows)
    found.sort(key=lambda site: (site.row, site.col))
    width = max(3, len(str(len(found))))
    order = enumerate(rng.permutation(len(found)), start=1)
    return tuple(replace(found[at], id=f"s{number:0{width}}") for number, at in order)


def _pieces(source: Source) -> Iterator[tuple[LatLonGrid, Piece]]:
    height = max(1, BLOCK_CELLS // source.grid.cols)
    height = height // CHUNK_ROWS * CHUNK_ROWS or height
    for block in source.grid.blocks(height, source.grid.cols):
        yield block, source.read(block)


def _count(strata: Stratification, piece: Piece, into: tuple[NDArray[np.int64], NDArray[np.float64]]) -> None:
    """Add the cells of a piece, and their km2, to the combinations of `strata.table`."""
    from ecosg_update.judge.joint import joint  # noqa: PLC0415

    first, second = strata.combined(piece)
    rows, cols = (np.arange(count, dtype=np.intp) for count in strata.table.shape)
    joint(first, second, rows, cols, cell_km2(piece.grid), into)


def _by_stratum(strata: Stratification, values: NDArray[np.number]) -> NDArray[np.float64]:
    """Sums over the combinations of each stratum; counts of cells stay exact, below 2**53."""
    inside = strata.table >= 0
    sums = np.bincount(strata.table[inside], values[inside], minlength=len(strata.names))
    return sums.astype(np.float64, copy=False)


@dataclass(frozen=True)
class _Stratum:
    name: str
    cells: int
    km2: float
    sampled: int


def _site(source: Source, stratum: _Stratum, piece: Piece, row: int, col: int) -> Site:
    """The cell at a row and column of a piece, without an identity as yet."""
    grid, at = piece.grid, (row, col)
    return Site(
        id="",
        lon=float((grid.longitudes[col] + 180) % 360 - 180),
        lat=float(grid.latitudes[row]),
        row=grid.row - source.grid.row + row,
        col=col,
        cell_km2=float(cell_km2(grid)[row]),
        stratum=stratum.name,
        stratum_cells=stratum.cells,
        stratum_km2=stratum.km2,
        sampled=stratum.sampled,
        cover=int(piece.cover[at]),
        base=0 if piece.base is None else int(piece.base[at]),
        confidence=float("nan") if piece.confidence is None else float(piece.confidence[at]),
        reason="" if piece.reason is None else Reason(int(piece.reason[at])).label,
    )
