"""Maps of classes on the disk, read on the pixels of another grid: every one by the centre of the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeGuard

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import ConfigError, TableError
from ecosg_update.formats import covers, geotiff
from ecosg_update.grid import LatLonGrid
from ecosg_update.legend import Legend
from ecosg_update.scoring import places
from ecosg_update.scoring.ground import Ground, window

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVER_ENDINGS = (".dir", ".hdr", ".nc")
"""Files that say themselves what their codes mean."""

MOST_CLASSES = 254


class Layer(Protocol):
    """Classes that can be asked for on any ground.

    `on` gives uint8 (y, x): the row of `legend` plus 1, 0 for no class.
    """

    @property
    def legend(self) -> Legend: ...  # noqa: D102

    def on(self, ground: Ground) -> NDArray[np.uint8]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Map:
    """A map of classes, in a file that is read by window."""

    name: str
    legend: Legend
    source: covers.CoverFile | geotiff.CodeRaster

    @property
    def grid(self) -> Ground:
        """Where its pixels lie."""
        return self.source.grid

    def on(self, ground: Ground) -> NDArray[np.uint8]:
        """uint8 (y, x): the class at the centre of each pixel of `ground`, row of the legend plus 1, 0 for none."""
        if not isinstance(self.source, geotiff.CodeRaster) and _is_inside(ground, self.source.grid):
            return self._covers(self.source, ground)
        found = places.axes(ground, self.grid)
        if found is not None:
            return self._along(*found)
        return self._picked(*places.scattered(ground, self.grid))

    def at(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
        """uint8 (point,): the class of the pixel that holds each point, degrees; 0 for none."""
        return self._picked(*places.of_points(lon, lat, self.grid))

    def _along(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.uint8]:
        down, across = _span(rows), _span(cols)
        if down is None or across is None:
            return np.zeros((len(rows), len(cols)), np.uint8)
        block = self._read(down, across)
        if _is_whole(rows) and _is_whole(cols):
            return block
        known = np.ix_(rows >= 0, cols >= 0)
        found = np.zeros((len(rows), len(cols)), np.uint8)
        found[known] = block[np.ix_(rows[rows >= 0] - down.start, cols[cols >= 0] - across.start)]
        return found

    def _picked(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.uint8]:
        found = np.zeros(rows.shape, np.uint8)
        down, across = _span(rows), _span(cols)
        if down is not None and across is not None:
            known = rows >= 0
            found[known] = self._read(down, across)[rows[known] - down.start, cols[known] - across.start]
        return found

    def _read(self, rows: slice, cols: slice) -> NDArray[np.uint8]:
        """The classes of a window of the file."""
        if isinstance(self.source, geotiff.CodeRaster):
            return classes(self.source.read(rows, cols), self.legend, self.source.nodata)
        part = window(self.source.grid, rows, cols)
        assert isinstance(part, LatLonGrid)  # a window of lat-lon cells is one
        return self._covers(self.source, part)

    def _covers(self, source: covers.CoverFile, cells: LatLonGrid) -> NDArray[np.uint8]:
        """The classes of cells of the map's own lattice."""
        codes = source.read(cells).codes
        if self.legend.codes == tuple(range(1, len(self.legend) + 1)):
            return codes
        return classes(codes, self.legend, None)


def classes(codes: NDArray[np.integer], legend: Legend, nodata: int | None) -> NDArray[np.uint8]:
    """uint8: the row of `legend` plus 1 for each code, 0 for no data; TableError for a code that is neither."""
    known = np.maximum(codes, 0)
    present = np.zeros(int(known.max(initial=0)) + 1, np.bool_)
    present[known] = True
    lookup = tables.code_rows(legend, np.flatnonzero(present), nodata) + 1
    found: NDArray[np.uint8] = lookup.astype(np.uint8)[known]
    return found


def opened(path: Path, *, legend: str | None = None, name: str | None = None) -> Map:
    """The map of a file.

    legend: what the codes of a raster mean; None for a cover map, and for a raster of ECOCLIMAP-SG covers. name: as
    it stands beside scores, default the stem. Raises FormatError for what cannot be read, TableError for a legend
    that does not exist, ConfigError for a legend that is not the file's own.
    """
    name = name or path.stem
    if path.suffix == ".tif" and legend is not None:
        found = tables.legend(legend)
        if len(found) > MOST_CLASSES:
            raise TableError(f"legend {legend}: has {len(found)} classes, a score takes {MOST_CLASSES} at most")
        return Map(name, found, geotiff.codes(path))
    cover = covers.opened(path)
    if legend not in (None, cover.legend.name):
        raise ConfigError(f"{path}: holds classes of {cover.legend.name}, not of {legend}; leave its legend out")
    return Map(name, cover.legend, cover)


def _is_inside(ground: Ground, cells: LatLonGrid) -> TypeGuard[LatLonGrid]:
    """Whether a ground is a window of these cells: then nothing needs placing."""
    return isinstance(ground, LatLonGrid) and cells.contains(ground)


def _span(places_: NDArray[np.int64]) -> slice | None:
    """From the first to the last place that is inside."""
    known = places_[places_ >= 0]
    return slice(int(known.min()), int(known.max()) + 1) if known.size else None


def _is_whole(places_: NDArray[np.int64]) -> bool:
    """Whether places follow one another, all of them inside."""
    return bool(places_[0] >= 0 and (np.diff(places_) == 1).all())
