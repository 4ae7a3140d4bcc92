"""Parameters and covers together: what the commands `params check` and `params fill` do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import tables
from ecosg_update.domain import Domain
from ecosg_update.errors import CoverageError, OutputError
from ecosg_update.fault import Fault
from ecosg_update.formats import atomic, covers, folder
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.manifest import sha256, tool
from ecosg_update.parameters import faults
from ecosg_update.parameters.band import Covers, Target, bands
from ecosg_update.parameters.files import ParameterFile, found, gaps
from ecosg_update.parameters.fill import Filled
from ecosg_update.parameters.fill import fill as filled
from ecosg_update.parameters.nearest import Search
from ecosg_update.parameters.survey import Survey, survey
from ecosg_update.parameters.threads import threads
from ecosg_update.patch.resample import Resampled
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANIFEST = "manifest.json"
"""In the folder of filled parameters, written last."""

NATURE = np.isin(np.arange(256), range(4, 24))
"""By cover: whether PGD uses some parameter of it."""


@dataclass(frozen=True, eq=False)
class Covering:
    """The covers that parameters must follow. base: where it is the same, they need not. bounds, domain: where."""

    new: Path
    base: Path | None = None
    bounds: Bounds | None = None
    domain: Domain | None = None

    def cells(self, per_degree: int) -> LatLonGrid:
        """The asked part of the cover map on a lattice; CoverageError where the map has none of it."""
        whole = covers.opened(self.new).grid.at(per_degree)
        box = self.domain.box(1) if self.domain else self.bounds
        if box is None:
            return whole
        asked = LatLonGrid.from_bounds(per_degree, box)
        part = whole.intersection(asked)
        if part is None:
            raise CoverageError(f"{self.new}: lies in {whole}, asked is {asked}; they do not meet; name another map")
        return part

    def target(self, cells: LatLonGrid) -> Target:
        """What the parameters must follow on some of `cells`."""
        base = on_lattice(self.base) if self.base else None
        inside = _inside(self.domain) if self.domain else None
        return Target(cells, on_lattice(self.new), base, inside)

    def target_on(self, grid: LatLonGrid) -> Target | None:
        """What a file on `grid` must follow; None where it lies elsewhere."""
        part = self.cells(grid.per_degree).intersection(grid)
        return self.target(part) if part is not None else None


@dataclass(frozen=True, eq=False)
class Check:
    """What `check` found. beyond: changed cells with vegetation, rock or ice outside the files."""

    surveys: tuple[Survey, ...]
    beyond: int
    gaps: dict[str, list[str]]
    search: Search

    @property
    def absent(self) -> dict[str, list[int]]:
        """For each variable of `NAM_DATA_ISBA` the covers that one of its files lacks: there PGD needs `XUNIF_`."""
        lacking: dict[str, set[int]] = {}
        for one in self.surveys:
            for variable, absent in one.file.parameter.lacking(one.absent).items():
                lacking.setdefault(variable, set()).update(absent)
        return {variable: sorted(absent) for variable, absent in lacking.items()}

    @property
    def faults(self) -> list[Fault]:
        """What PGD aborts on, then what it makes up, then the rest."""
        return (
            faults.of_surveys(self.surveys, self.search) + faults.of_gaps(self.gaps) + faults.of_beyond(self.beyond)
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "files": [one.as_dict() for one in self.surveys],
            "absent": self.absent,
            "beyond_the_files": self.beyond,
            "faults": [fault.as_dict() for fault in self.faults],
        }


def check(
    covering: Covering, given: Path, search: Search | None = None, *, jobs: int = 2, progress: Progress = silent
) -> Check:
    """How far the parameter files of the folder `given` are out of step with a cover.

    Raises FormatError for files that cannot be read, CoverageError where cover and files do not meet.
    """
    files, search = found(given), search or Search()
    _check_met(covering, files)
    surveys = survey(files, covering.target_on, search, jobs=jobs, progress=progress)
    return Check(tuple(surveys), _outside(covering, files), gaps(files), search)


def fill(
    covering: Covering,
    given: Path,
    output: Path,
    search: Search | None = None,
    *,
    jobs: int = 2,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the parameter files of the folder `given` anew to `output`, in step with a cover; returns the manifest.

    The new folder holds the same names, headers byte for byte, and `manifest.json`; it is complete or absent. Raises
    OutputError where it cannot be written, and as `check`.
    """
    if output.resolve() == given.resolve() or given.resolve() in output.resolve().parents:
        raise OutputError(f"{output}: is the folder of the inputs or inside it; name another")
    started = datetime.now(UTC)
    files, search = found(given), search or Search()
    _check_met(covering, files)
    _check_replaceable(output)
    with folder.part(output, overwrite=overwrite) as part:
        tallies = filled(files, covering.target_on, part, search, jobs=jobs, progress=progress)
        with threads(jobs) as pool:
            entries = dict(pool.map(lambda tally: (tally.file.name, _entry(tally, part)), tallies))
        manifest = {
            "tool": tool(),
            "started": started.isoformat(timespec="seconds"),
            "wall_seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
            "cover": _named(covering.new),
            "base": _named(covering.base) if covering.base else None,
            "neighbours": search.neighbours,
            "radius_km": search.radius_km,
            "defaults": tables.checksums()["parameters.csv"],
            "beyond_the_files": _outside(covering, files),
            "files": entries,
        }
        with atomic.reported(output):
            (part / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def on_lattice(path: Path) -> Covers:
    """The covers of a map on the cells of a lattice: by exact majority where that is coarser, else repeated."""
    source = covers.opened(path)

    def found(cells: LatLonGrid) -> NDArray[np.uint8]:
        return Resampled(source, cells).read(cells).codes

    return found


def _check_replaceable(output: Path) -> None:
    """Raise OutputError for a folder that holds anything but what an earlier filling wrote: it would be lost."""
    if not output.is_dir():
        return
    try:
        names = json.loads((output / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{output}: holds no {MANIFEST} of filled parameters; remove it or name another") from error
    known = {MANIFEST, *names, *(f"{name.removesuffix('.dir')}.hdr" for name in names)}
    held = {path.relative_to(output).as_posix() for path in output.rglob("*") if not path.is_dir()}
    if held - known:
        raise OutputError(f"{output}: holds {min(held - known)}, which no filling wrote; name another folder")


def _inside(domain: Domain) -> Callable[[LatLonGrid], NDArray[np.bool_]]:
    """Whether PGD puts a pixel into a cell of the domain: by the centre."""

    def inside(cells: LatLonGrid) -> NDArray[np.bool_]:
        return np.asarray(domain.index(cells.longitudes[np.newaxis], cells.latitudes[:, np.newaxis]) >= 0)

    return inside


def _check_met(covering: Covering, files: Sequence[ParameterFile]) -> None:
    for grid, file in {file.source.grid: file for file in files}.items():
        cells = covering.cells(grid.per_degree)
        if cells.intersection(grid) is None:
            raise CoverageError(f"{file.source.data}: lies in {grid}, the cover in {cells}; name files that meet it")


def _outside(covering: Covering, files: Sequence[ParameterFile]) -> int:
    """The changed cells of vegetation, rock or ice that the smallest of the files' lattices does not reach."""
    worst = 0
    for grid in dict.fromkeys(file.source.grid for file in files):
        cells, count = covering.cells(grid.per_degree), 0
        for piece in _pieces_outside(cells, grid):
            for band in bands(covering.target(piece)):
                count += int(np.count_nonzero(NATURE[band.covers] & band.chosen))
        worst = max(worst, count)
    return worst


def _pieces_outside(cells: LatLonGrid, grid: LatLonGrid) -> Iterable[LatLonGrid]:
    """The parts of `cells` north, south, west and east of `grid`."""
    held = cells.intersection(grid)
    if held is None:
        return [cells]
    edges = (
        (cells.row, held.row, cells.col, cells.cols),
        (held.row + held.rows, cells.row + cells.rows, cells.col, cells.cols),
        (held.row, held.row + held.rows, cells.col, (held.col - cells.col) % cells.world_cols),
        (
            held.row,
            held.row + held.rows,
            held.col + held.cols,
            cells.cols - held.cols - (held.col - cells.col) % cells.world_cols,
        ),
    )
    return [
        LatLonGrid(cells.per_degree, top, col % cells.world_cols, end - top, cols)
        for top, end, col, cols in edges
        if end > top and cols > 0
    ]


def _entry(tally: Filled, part: Path) -> dict[str, Any]:
    """What the manifest says of a file."""
    counts = {
        source: {str(cover): int(counts[cover]) for cover in np.flatnonzero(counts)}
        for source, counts in (
            ("from_neighbours", tally.neighbours),
            ("from_default", tally.default),
            ("set_to_no_data", tally.emptied),
        )
    }
    return {
        "parameter": tally.file.parameter.name,
        "decade": tally.file.decade or None,
        "changed": tally.changed,
        **counts,
        "sha256_in": sha256(tally.file.source.data),
        "sha256_out": sha256(part / tally.file.name),
    }


def _named(path: Path) -> dict[str, str]:
    return {str(file): sha256(file) for file in covers.opened(path).files}
