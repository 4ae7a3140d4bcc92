"""A raster of classes as evidence: no engine, every pixel is certain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.config import LabelsSection
from ecosg_update.formats import geotiff
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.patch.aggregate import Mass
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 2048
"""Rows of the raster that are read together."""


@dataclass(frozen=True, eq=False)
class Labels:
    """A raster of classes: every pixel is certain."""

    raster: geotiff.CodeRaster
    legend: Legend

    @classmethod
    def opened(cls, section: LabelsSection) -> Labels:
        """The raster of a configuration; FormatError or GridError where it cannot serve."""
        return cls(geotiff.codes(section.path), tables.legend(section.legend))

    @property
    def name(self) -> str:
        """The file."""
        return self.raster.path.name

    @property
    def grid(self) -> GeoGrid:
        """The raster's own grid."""
        return self.raster.grid

    @property
    def acquired(self) -> None:
        """A raster of classes does not say."""
        return None

    @property
    def inputs(self) -> list[Path]:
        """The raster."""
        return [self.raster.path]

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing is assumed of a class raster."""
        return ()

    @property
    def engine(self) -> None:
        """No engine is needed."""

    def on(self, cells: LatLonGrid, progress: Progress = silent) -> Prediction:
        """The class fractions of `cells`, exact."""
        mass = Mass.zero(self.legend, cells)
        window = self.grid.covering(cells, margin=1)
        for rows, cols in _bands(window, ROWS):
            codes = self.raster.read(rows, cols)
            mass.add_codes(self._as_legend(codes), self.grid.window(rows, cols))
            progress("aggregating classes", rows.stop, window[0].stop if window else 0)
        return mass.prediction(f"{self.legend.name}: {self.raster.path.name}")

    def image(self, size: tuple[int, int], cells: LatLonGrid) -> None:  # noqa: ARG002
        """A class raster is no image."""
        return

    def _as_legend(self, codes: NDArray[np.integer]) -> NDArray[np.uint16]:
        """The legend's codes, 0 for no data; TableError for a code that is neither."""
        present = np.unique(codes)
        rows = tables.code_rows(self.legend, present, self.raster.nodata)
        known = np.array([0, *self.legend.codes], np.uint16)
        coded: NDArray[np.uint16] = known[rows[np.maximum(codes, 0)] + 1]
        return coded


def _bands(window: tuple[slice, slice] | None, height: int) -> Iterator[tuple[slice, slice]]:
    """A window in pieces of at most `height` rows."""
    if window is None:
        return
    rows, cols = window
    for top in range(rows.start, rows.stop, height):
        yield slice(top, min(top + height, rows.stop)), cols
