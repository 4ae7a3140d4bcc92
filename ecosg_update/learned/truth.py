"""Where the truth is known: CORINE as raster or polygons, or the covers of an original map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecosg_update import tables
from ecosg_update.formats import direct
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.judge.grouping import grouping
from ecosg_update.legend import Legend
from ecosg_update.sample import UNLABELLED
from ecosg_update.training.labelling import Labelling
from ecosg_update.training.labelmap import LabelMap, label_map, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Truth(Protocol):
    """A map of true classes."""

    @property
    def target(self) -> Legend: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    def on(self, grid: GeoGrid) -> NDArray[np.int16]:
        """int16 (y, x): rows of `target` at the pixel centres of `grid`, -1 where nothing is known."""
        ...


@dataclass(frozen=True, eq=False)
class _Codes:
    """The codes of a label map at pixel centres."""

    map: LabelMap

    @property
    def target(self) -> Legend:
        return self.map.labelling.target

    @property
    def name(self) -> str:
        return self.map.path.name

    def on(self, grid: GeoGrid) -> NDArray[np.int16]:
        return self.map.on(grid).labels


@dataclass(frozen=True, eq=False)
class _CoverRaster:
    """A `.dir` as a raster that is read by window."""

    path: Path
    cells: LatLonGrid

    @property
    def grid(self) -> GeoGrid:
        return self.cells.geo()

    def read(self, rows: slice, cols: slice) -> NDArray[np.uint8]:
        whole = self.cells
        col = (whole.col + cols.start) % whole.world_cols
        shape = rows.stop - rows.start, cols.stop - cols.start
        return direct.read(self.path, LatLonGrid(whole.per_degree, whole.row + rows.start, col, *shape)).codes


@dataclass(frozen=True, eq=False)
class _Covers:
    """The covers of an original map at pixel centres."""

    raster: _CoverRaster
    labelling: Labelling

    @property
    def target(self) -> Legend:
        return self.labelling.target

    @property
    def name(self) -> str:
        return self.raster.path.name

    def on(self, grid: GeoGrid) -> NDArray[np.int16]:
        return np.maximum(self.labelling.kinds(nearest(self.raster, grid)), np.int16(UNLABELLED))


def corine(path: Path, legend: str = "corine-l3", *, to: str | None = None, attribute: str | None = None) -> Truth:
    """A GeoTIFF or polygons of the codes of a legend, in the classes of `to` (default: its own).

    Raises FormatError or GridError for another file, TableError where no grouping leads to `to`.
    """
    source = tables.legend(legend)
    labelling = _labelling(source, tables.legend(to) if to else source)
    return _Codes(label_map(path, labelling, attribute=attribute))


def original(path: Path, *, to: str | None = None) -> Truth:
    """The covers of a `.dir`, in the classes of `to` (default: the covers); raises FormatError as `direct.info`."""
    source = tables.legend("ecosg")
    raster = _CoverRaster(direct.pair(path)[0], direct.cover_info(path).grid)
    return _Covers(raster, _labelling(source, tables.legend(to) if to else source))


def _labelling(source: Legend, target: Legend) -> Labelling:
    return Labelling(source, target, np.append(grouping(source, target).rows, np.int16(UNLABELLED)))
