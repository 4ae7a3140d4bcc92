"""Parameter files in which every changed cell has a value of its new cover.

A cell whose cover needs a value and whose pixel is of another type takes the mean of the nearest pixels of its type
in the same file, weighted by 1/distance; beyond the radius the default of `tables/parameters.csv`. A cell whose cover
needs none (water and towns; bare land, rock and snow but for the albedo; all but trees for the height) and whose
pixel is of another type becomes 0, no data. All other pixels stay.

A mean lies between the values that it is made of. A default is at least 1 and at most 99 in units of the file: of a
packed file SURFEX drops the value 0, and with it the type that was to be given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.formats import atomic, typed, typed_edit
from ecosg_update.formats.typed import Typed
from ecosg_update.formats.typed_edit import Edits
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.band import Band, Step, Target, bands, cropped, each, height, step
from ecosg_update.parameters.files import ParameterFile
from ecosg_update.parameters.nearest import Search, averaged
from ecosg_update.parameters.threads import threads
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDITS = ".edits"
"""What follows the name of a new file while its changed rows are gathered."""

STRIP = 64
"""Whole rows of a file that are put together at a time."""

LEAST, MOST = 1, 99
"""Of a default, in units of the file."""


def _none() -> NDArray[np.int64]:
    return np.zeros(typed.COVERS + 1, np.int64)


@dataclass(frozen=True, eq=False)
class Filled:
    """What was changed in a file, by new cover, int64 (34,): pixels from neighbours, from the default, and emptied,
    that is set to no data."""

    file: ParameterFile
    neighbours: NDArray[np.int64] = field(default_factory=_none)
    default: NDArray[np.int64] = field(default_factory=_none)
    emptied: NDArray[np.int64] = field(default_factory=_none)

    @property
    def changed(self) -> int:
        """Pixels in all."""
        return int((self.neighbours + self.default + self.emptied).sum())


def fill(
    files: Sequence[ParameterFile],
    target_on: Callable[[LatLonGrid], Target | None],
    folder: Path,
    search: Search,
    *,
    jobs: int = 2,
    progress: Progress = silent,
) -> list[Filled]:
    """Write each file anew below `folder`, under the name that it has, and return what was changed.

    target_on: what the parameters must follow on the lattice of a grid, None where nothing of it is there. Memory is
    that of a band of rows with its surroundings, whatever the size of the files.
    """
    tallies = {file.name: Filled(file) for file in files}
    edits = {file.name: Edits(folder / (file.name + EDITS)) for file in files}
    with threads(jobs) as pool:
        work = list(_work(files, target_on, folder))
        total = sum(pieces for _, _, pieces in work) + len(files)
        done = 0
        for target, group, pieces in work:
            for number, band in enumerate(bands(target), 1):
                _fill_band(group, band, search, tallies, edits, pool)
                progress("filling", done + number * len(group), total)
            done += pieces
        for file in pool.map(lambda file: _written(file, edits[file.name], folder / file.name), files):
            done += 1
            progress(f"writing {file.name}", done, total)
    return list(tallies.values())


def _work(
    files: Sequence[ParameterFile], target_on: Callable[[LatLonGrid], Target | None], folder: Path
) -> Iterator[tuple[Target, list[ParameterFile], int]]:
    """The files of each grid with their target, and how many steps they are; makes the folders of all."""
    for file in files:
        with atomic.reported(folder / file.name):
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
    for grid in dict.fromkeys(file.source.grid for file in files):
        target = target_on(grid)
        group = [file for file in files if file.source.grid == grid]
        if target is not None:
            yield target, group, -(-target.cells.rows // height(target.cells)) * len(group)


def _fill_band(
    files: Iterable[ParameterFile],
    band: Band,
    search: Search,
    tallies: dict[str, Filled],
    edits: dict[str, Edits],
    pool: ThreadPoolExecutor,
) -> None:
    """Gather the changed rows of every file."""
    part = cropped(band)
    if part is None:
        return

    def one(file: ParameterFile, known: Step | None) -> Step:
        found = step(file, part, search, known)
        _gather(found, part, tallies[file.name], edits[file.name])
        return found

    each(files, one, pool)


def _gather(found: Step, band: Band, tally: Filled, edits: Edits) -> None:
    """Put the changed rows of one file into its spool, and count."""
    changed = found.missing | found.left
    rows = np.flatnonzero(changed.any(axis=1))
    if not rows.size:
        return
    source = tally.file.source
    pixels = found.pixels.copy()
    pixels[found.left] = 0
    tally.emptied[:] += _by_cover(band.covers[found.left])
    if found.nearest is not None and found.around is not None:
        wanted, near = band.covers[found.missing], found.nearest.any
        values = averaged(found.nearest, found.around % typed.STEP)
        values = np.where(near, values, defaults(tally.file)[wanted])
        pixels[found.missing] = wanted.astype(np.uint16) * typed.STEP + values
        tally.neighbours[:] += _by_cover(wanted[near])
        tally.default[:] += _by_cover(wanted[~near])
    for part in np.array_split(rows, -(-rows.size // STRIP)):
        _spool(pixels, part, band.cells, source, edits)


def _spool(
    pixels: NDArray[np.uint16], rows: NDArray[np.intp], cells: LatLonGrid, source: Typed, edits: Edits
) -> None:
    """Put some rows of a band into the spool, with the file's pixels west and east of it."""
    first, count, whole = int(rows[0]), int(rows[-1] - rows[0]) + 1, source.grid
    full = typed.read(source, LatLonGrid(whole.per_degree, cells.row + first, whole.col, count, whole.cols))
    band = LatLonGrid(whole.per_degree, cells.row, whole.col, cells.rows, whole.cols)
    for (_, cols), (_, to_cols) in cells.windows_in(band):
        full[:, to_cols] = pixels[first : first + count, cols]
    numbers = rows + cells.row - whole.row
    typed_edit.add(edits, source, numbers.tolist(), full[rows - first])


def defaults(file: ParameterFile) -> NDArray[np.uint16]:
    """The default of each cover in units of the file, uint16 (256,), 0 where none is needed."""
    values = np.zeros(256, np.uint16)
    for cover, value in file.parameter.defaults.items():
        values[cover] = min(MOST, max(LEAST, round(value * file.source.header.fact)))
    return values


def _written(file: ParameterFile, edits: Edits, target: Path) -> ParameterFile:
    """The new file: its header byte for byte, its rows with the changed ones in place."""
    typed_edit.rewrite(file.source, edits, target)
    edits.spool.unlink(missing_ok=True)
    text = file.source.data.with_suffix(".hdr").read_bytes()
    with atomic.reported(target.with_suffix(".hdr"), len(text)):
        target.with_suffix(".hdr").write_bytes(text)
    return file


def _by_cover(covers: NDArray[np.uint8]) -> NDArray[np.intp]:
    return np.bincount(covers, minlength=typed.COVERS + 1)
