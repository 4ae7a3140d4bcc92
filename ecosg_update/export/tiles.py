"""A cover map as a folder of tiles of whole degrees, with an index: complete, or absent."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError, GridError, OutputError
from ecosg_update.export import index
from ecosg_update.export.index import Tile
from ecosg_update.export.whole import TITLE, WHOLE, Cut, check_apart
from ecosg_update.formats import covers, folder
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader
from ecosg_update.legend import Legend
from ecosg_update.manifest import sha256
from ecosg_update.patch.resample import Resampled
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEGREES = tuple(degrees for degrees in range(1, 91) if 90 % degrees == 0)
"""Sides that a tile may have: the equator, the poles, Greenwich and the dateline are then edges of tiles."""

FORMATS = tuple(ending[1:] for ending in covers.ENDINGS)

WORKERS = 2
"""Tiles written at once; one where NetCDF is read or written, whose library serves one thread only."""

FIRST_LOOK = 64
"""Rows read at once in search of a first cover."""


def tiles(
    source: Path,
    output: Path,
    degrees: int,
    cut: Cut = WHOLE,
    *,
    kind: str = "dir",
    title: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Tile]:
    """Fill the folder `output` with a file for each tile of `degrees` x `degrees`, and an index; return the tiles.

    A file is named by the south-west corner of its tile: `N50W010.dir`. Tiles at the edge of the map are cut, not
    padded; those without any data are not written, only listed. `index.csv` and `index.geojson` name every tile. The
    folder is complete or absent. kind: one of `FORMATS`. Errors as for `export`; ConfigError for degrees that do not
    divide 90, OutputError for a folder that exists (without `overwrite`) or holds anything but tiles.
    """
    if degrees not in DEGREES or kind not in FORMATS:
        raise ConfigError(
            f"tiles: found {degrees} degrees as {kind}, expected one of {', '.join(map(str, DEGREES))} degrees "
            f"as {', '.join(FORMATS)}"
        )
    found = covers.opened(source)
    check_apart(found, output)
    view = cut.view(found)
    parts = dict(tile_grids(view.grid, degrees))
    workers = 1 if ".nc" in (source.suffix, f".{kind}") else WORKERS
    if overwrite:
        check_only_tiles(output)
    with folder.part(output, overwrite=overwrite) as filled, ThreadPoolExecutor(workers) as pool:
        made = []

        def written(name: str) -> Tile:
            heading = title or f"{TITLE} {name}"
            return _tile(Resampled(found, parts[name]), filled / f"{name}.{kind}", heading, source.name)

        for tile in pool.map(written, parts):
            made.append(tile)
            progress(f"tiles of {output.name}", len(made), len(parts))
        index.write(made, filled, found.legend)
    return made


def tile_grids(cells: LatLonGrid, degrees: int) -> Iterator[tuple[str, LatLonGrid]]:
    """(name, cells) of the tiles that a window meets, from the north-west; the name is the south-west corner.

    GridError where the two ends of a window, once around the globe, lie in one tile.
    """
    side = degrees * cells.per_degree
    if cells.cols == cells.world_cols:
        cells = LatLonGrid(cells.per_degree, cells.row, 0, *cells.shape)
    elif cells.col // side == (cells.col + cells.cols - 1) // side - cells.world_cols // side:
        raise GridError(
            f"tiles: {cells} begins and ends in one tile of {degrees} degrees; name smaller tiles or bounds"
        )
    for row, rows in _cuts(cells.row, cells.rows, side):
        for col, cols in _cuts(cells.col, cells.cols, side):
            at = col % cells.world_cols
            name = _corner(90 - (row // side + 1) * degrees, at // side * degrees - 180)
            yield name, LatLonGrid(cells.per_degree, row, at, rows, cols)


def check_only_tiles(output: Path) -> None:
    """Raise OutputError for a folder that holds anything but the tiles of its own index: it would be lost."""
    if not output.is_dir():
        return
    known = set(index.NAMES)
    for name in index.files(output):
        known |= {file.name for file in covers.targets(output / name)}
    other = sorted({path.name for path in output.iterdir()} - known)
    if other:
        raise OutputError(f"{output}: holds {other[0]}, which is no tile of its index; name another folder")


class _Counted:
    """A cover map that counts what is read of it: a `CoverReader`."""

    def __init__(self, cover: CoverReader) -> None:
        self.cover, self.counts = cover, np.zeros(256, np.int64)

    @property
    def grid(self) -> LatLonGrid:
        return self.cover.grid

    @property
    def legend(self) -> Legend:
        return self.cover.legend

    def read(self, cells: LatLonGrid) -> CoverMap:
        found = self.cover.read(cells)
        self.counts += counts(found.codes)
        return found


def counts(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """int64 (256,): cells of each code, counted row by row: `bincount` widens what it counts eightfold."""
    total = np.zeros(256, np.int64)
    for row in codes:
        total += np.bincount(row, minlength=256)
    return total


def _tile(cover: CoverReader, output: Path, title: str, source: str) -> Tile:
    if not _has_data(cover):
        return Tile(output.stem, cover.grid, (), "", np.zeros(256, np.int64))
    counted = _Counted(cover)
    files = covers.write(counted, output, about(title, source, exact=True))
    return Tile(output.stem, cover.grid, tuple(file.name for file in files), sha256(output), counted.counts)


def _has_data(cover: CoverReader) -> bool:
    grid = cover.grid
    return any(cover.read(block).codes.any() for block in grid.blocks(FIRST_LOOK, grid.cols))


def _cuts(start: int, count: int, side: int) -> Iterator[tuple[int, int]]:
    """(first, count) of the pieces of a stretch between multiples of `side`."""
    end = start + count
    while start < end:
        stop = min(end, (start // side + 1) * side)
        yield start, stop - start
        start = stop


def _corner(south: int, west: int) -> str:
    return f"{'S' if south < 0 else 'N'}{abs(south):02d}{'W' if west < 0 else 'E'}{abs(west):03d}"
