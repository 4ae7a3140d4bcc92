"""A cover map as one file: cut, resampled, converted, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecosg_update.errors import CoverageError, OutputError
from ecosg_update.formats import atomic, covers, stac
from ecosg_update.formats.provenance import about
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader
from ecosg_update.legend import Legend
from ecosg_update.patch.resample import Resampled
from ecosg_update.progress import Progress, silent

TITLE = "ECOCLIMAP-SG cover"


@dataclass(frozen=True)
class Cut:
    """Which cells of a map are wanted.

    bounds: degrees; where None, the whole map. per_degree: cells a degree; where None, the map's own.
    """

    bounds: Bounds | None = None
    per_degree: int | None = None

    def view(self, found: covers.CoverFile) -> Resampled:
        """The wanted cells, snapped outward where the lattice changes; CoverageError for bounds beyond the map."""
        whole = found.grid
        wanted = self.per_degree or whole.per_degree
        if self.bounds is None:
            return Resampled(found, whole.at(wanted))
        asked = LatLonGrid.from_bounds(whole.per_degree, self.bounds)
        if not whole.contains(asked):
            raise CoverageError(f"{found.path}: holds {whole}, asked for {asked}; ask for less or use a larger map")
        return Resampled(found, LatLonGrid.from_bounds(wanted, self.bounds))


WHOLE = Cut()
"""Everything, on the map's own lattice."""


def export(
    source: Path,
    output: Path,
    cut: Cut = WHOLE,
    *,
    title: str | None = None,
    when: stac.Period | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> list[Path]:
    """Write a cover map in the format that the ending of `output` names, and return the paths.

    when: the time that the map stands for; where given, a STAC item (`formats.stac`) is written beside the map.

    The rules of finer and coarser lattices are those of `patch.resample.Resampled`; memory does not grow with the
    map. Raises FormatError where the source is no cover map, CoverageError for bounds that leave it, ConfigError for
    an ending that is no format, OutputError where the output is the source itself or cannot be written.
    """
    found = covers.opened(source)
    check_apart(found, *covers.targets(output))
    view = Watched(cut.view(found), progress, output.name)
    origin = about(title or TITLE, source.name, exact=title is not None)
    if when is None:
        return covers.write(view, output, origin, overwrite=overwrite)
    stem = output.with_suffix("")
    with atomic.parts(stac.beside(stem), overwrite=overwrite) as (part,):
        files = covers.write(view, output, origin, overwrite=overwrite)
        held = {file: file for file in files}
        part.write_text(stac.text(stem, view.grid, view.legend, held, about=origin, when=when), encoding="utf-8")
    return [*files, stac.beside(stem)]


def check_apart(found: covers.CoverFile, *outputs: Path) -> None:
    """Raise OutputError where writing `outputs`, files or folders, would touch a file of the source."""
    held = {file.resolve() for file in found.files}
    for output in outputs:
        if any(output.resolve() in (file, *file.parents) for file in held):
            raise OutputError(
                f"{output}: is or holds the source {found.path}; inputs are never changed, name another"
            )


class Watched:
    """A cover map that says how much of it was read: a `CoverReader`."""

    def __init__(self, cover: CoverReader, progress: Progress, what: str) -> None:
        self.cover, self.progress, self.what, self.done = cover, progress, what, 0

    @property
    def grid(self) -> LatLonGrid:
        """The map's."""
        return self.cover.grid

    @property
    def legend(self) -> Legend:
        """The map's."""
        return self.cover.legend

    def read(self, cells: LatLonGrid) -> CoverMap:
        """A window, as the map gives it."""
        found = self.cover.read(cells)
        self.done += cells.cells
        self.progress(self.what, self.done, self.grid.cells)
        return found
