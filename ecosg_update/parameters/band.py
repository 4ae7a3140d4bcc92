"""The cells that parameters must follow, in bands of rows, and how far each file is from doing so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ecosg_update.formats import typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.files import ParameterFile
from ecosg_update.parameters.nearest import Nearest, Search, nearest, surroundings

if TYPE_CHECKING:
    from numpy.typing import NDArray

Covers: TypeAlias = "Callable[[LatLonGrid], NDArray[np.uint8]]"
"""The covers of cells of the parameters' lattice, uint8 (y, x), 0 where the map has none."""

Inside: TypeAlias = "Callable[[LatLonGrid], NDArray[np.bool_]]"
"""Whether cells count, bool (y, x): those of a model's domain."""

CELLS = 8_000_000
"""Of a band of rows, at most."""

ROWS = (64, 512)
"""Of a band, at least and at most: each is read with the radius of the search around it."""


@dataclass(frozen=True, eq=False)
class Target:
    """What the parameters must follow: the covers `new` of `cells`, where they differ from `base` if there is one."""

    cells: LatLonGrid
    new: Covers
    base: Covers | None = None
    inside: Inside | None = None


@dataclass(frozen=True, eq=False)
class Band:
    """Some rows of a target. covers: uint8 (y, x). inside: bool (y, x). chosen: bool (y, x), inside and changed."""

    cells: LatLonGrid
    covers: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    chosen: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Step:
    """How a file follows a band.

    pixels: uint16 (y, x) of the band. missing: bool (y, x), the cover needs a value and the pixel's type is another.
    left: bool (y, x), a pixel of another type where the cover needs no value. window, around: the surroundings of the
    missing cells and their pixels, nearest: what is near each missing cell (row-major); None where none is missing.
    """

    pixels: NDArray[np.uint16]
    missing: NDArray[np.bool_]
    left: NDArray[np.bool_]
    around: NDArray[np.uint16] | None = None
    nearest: Nearest | None = None


def height(cells: LatLonGrid) -> int:
    """The rows of a band."""
    return max(ROWS[0], min(ROWS[1], CELLS // cells.cols))


def bands(target: Target) -> Iterator[Band]:
    """The target from north to south; bands without a cover are given as well."""
    for part in target.cells.blocks(height(target.cells), target.cells.cols):
        covers = target.new(part)
        inside = covers != 0
        if target.inside is not None:
            inside &= target.inside(part)
        chosen = inside if target.base is None else inside & (covers != target.base(part))
        yield Band(part, covers, inside, chosen)


def cropped(band: Band) -> Band | None:
    """The least window that holds the chosen cells; None where there is none."""
    if not band.chosen.any():
        return None
    rows, cols = np.flatnonzero(band.chosen.any(axis=1)), np.flatnonzero(band.chosen.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
    return Band(_part(band.cells, *window), band.covers[window], band.inside[window], band.chosen[window])


def step(file: ParameterFile, band: Band, search: Search, known: Step | None = None) -> Step:
    """How `file` follows `band`; a cover without a value there is looked for around it.

    known: the step of another file of the same parameter and lattice on this band. Where the types are the same, the
    nearest cells are, too, and are not searched for again.
    """
    needed = file.parameter.needed
    pixels = typed.read(file.source, band.cells)
    types = of(pixels)
    other = band.chosen & (types != band.covers)
    missing, left = other & needed[band.covers], other & ~needed[band.covers] & (types != 0)
    if not missing.any():
        return Step(pixels, missing, left)
    rows, cols = np.flatnonzero(missing.any(axis=1)), np.flatnonzero(missing.any(axis=0))
    box = _part(band.cells, slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    window = surroundings(box, file.source.grid, search.radius_km)
    around = typed.read(file.source, window)
    near = of(around)
    if known is not None and _alike(known, missing, near):
        return Step(pixels, missing, left, around, known.nearest)
    at_rows, at_cols = np.nonzero(missing)
    targets = (
        at_rows + band.cells.row - window.row,
        (at_cols + band.cells.col - window.col) % window.world_cols,
    )
    return Step(pixels, missing, left, around, nearest(near, window, targets, band.covers[missing], search))


def each(
    files: Iterable[ParameterFile], work: Callable[[ParameterFile, Step | None], Step], pool: ThreadPoolExecutor
) -> None:
    """Do `work` on every file; it is given the step of the first file of the same parameter, which is done alone."""

    def reuse(file: ParameterFile, known: Step) -> None:
        work(file, known)

    for _, group in groupby(files, key=lambda file: file.parameter.name):
        first, *others = group
        known = work(first, None)
        for done in [pool.submit(reuse, file, known) for file in others]:
            done.result()


def of(pixels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The types of pixels: their covers, 0 for no data."""
    return (pixels // typed.STEP).astype(np.uint8)


def _alike(known: Step, missing: NDArray[np.bool_], near: NDArray[np.uint8]) -> bool:
    if known.around is None or not np.array_equal(known.missing, missing):
        return False
    return np.array_equal(of(known.around), near)


def _part(cells: LatLonGrid, rows: slice, cols: slice) -> LatLonGrid:
    """A window of a grid by rows and columns from 0."""
    col = (cells.col + int(cols.start)) % cells.world_cols
    return LatLonGrid(
        cells.per_degree, cells.row + int(rows.start), col, int(rows.stop - rows.start), int(cols.stop - cols.start)
    )
