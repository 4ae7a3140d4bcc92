"""The map whose classes are to be learned, by window: class probabilities of `predict`, or a raster of classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import ConfigError
from ecosg_update.formats import geotiff, netcdf
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Votes(Protocol):
    """A map of a legend's classes on `grid`, read by window of rows and columns (both ends named)."""

    @property
    def grid(self) -> GeoGrid: ...  # noqa: D102

    @property
    def legend(self) -> Legend: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    def probabilities(self, rows: slice, cols: slice, wanted: NDArray[np.bool_]) -> NDArray[np.float32]:
        """float32 (class, pixel) of the `wanted` pixels (y, x), weighted by what was seen of them; 0: nothing."""
        ...

    def tallied(
        self, rows: slice, cols: slice, wanted: NDArray[np.bool_], kinds: NDArray[np.intp], number: int
    ) -> NDArray[np.float64]:
        """float64 (class, kind): pixels of each class in each of `number` kinds (pixel,) of the `wanted` pixels."""
        ...


@dataclass(frozen=True, eq=False)
class SoftVotes:
    """What `predict` wrote."""

    path: Path
    cells: LatLonGrid
    legend: Legend

    @property
    def name(self) -> str:
        """The file."""
        return self.path.name

    @property
    def grid(self) -> GeoGrid:
        """The cells as a raster."""
        return self.cells.geo()

    def probabilities(self, rows: slice, cols: slice, wanted: NDArray[np.bool_]) -> NDArray[np.float32]:
        """The probabilities, weighted by the share of the cell that was seen."""
        whole = self.cells
        col = (whole.col + cols.start) % whole.world_cols
        part = LatLonGrid(
            whole.per_degree, whole.row + rows.start, col, rows.stop - rows.start, cols.stop - cols.start
        )
        found = netcdf.read_prediction(self.path, part)
        weighted: NDArray[np.float32] = found.values[:, wanted] * found.share[wanted]
        return weighted

    def tallied(
        self, rows: slice, cols: slice, wanted: NDArray[np.bool_], kinds: NDArray[np.intp], number: int
    ) -> NDArray[np.float64]:
        """Expected pixels: each votes for every class by its probability."""
        votes = self.probabilities(rows, cols, wanted)
        return np.stack([np.bincount(kinds, weights=vote, minlength=number) for vote in votes])


@dataclass(frozen=True, eq=False)
class HardVotes:
    """A raster of class codes: every pixel is certain."""

    raster: geotiff.CodeRaster
    legend: Legend

    @property
    def name(self) -> str:
        """The file."""
        return self.raster.path.name

    @property
    def grid(self) -> GeoGrid:
        """The raster's own."""
        return self.raster.grid

    def classes(self, rows: slice, cols: slice) -> NDArray[np.int16]:
        """The legend's array rows (y, x), -1 for no data; TableError for a code that is no class."""
        codes = np.maximum(self.raster.read(rows, cols), 0)
        found: NDArray[np.int16] = tables.code_rows(self.legend, np.unique(codes), self.raster.nodata)[codes]
        return found

    def probabilities(self, rows: slice, cols: slice, wanted: NDArray[np.bool_]) -> NDArray[np.float32]:
        """1 for the class of the pixel."""
        classes = self.classes(rows, cols)[wanted]
        return np.asarray(classes == np.arange(len(self.legend))[:, None], np.float32)

    def tallied(
        self, rows: slice, cols: slice, wanted: NDArray[np.bool_], kinds: NDArray[np.intp], number: int
    ) -> NDArray[np.float64]:
        """Whole pixels."""
        classes = self.classes(rows, cols)[wanted].astype(np.intp)
        known = classes >= 0
        pairs = np.bincount(classes[known] * number + kinds[known], minlength=len(self.legend) * number)
        return pairs.reshape(len(self.legend), number).astype(np.float64)


def votes(path: Path, legend: str | None = None) -> Votes:
    """The class probabilities of a NetCDF file of `predict`, or, with its legend, a GeoTIFF of classes.

    Raises ConfigError for a raster without a legend, FormatError, GridError or TableError for a file that is neither.
    """
    if path.suffix.lower() == ".nc":
        if legend is not None:
            raise ConfigError(f"{path}: names its legend itself; leave --legend out")
        return SoftVotes(path, netcdf.grid(path), netcdf.legend(path))
    if legend is None:
        raise ConfigError(
            f"{path}: is a raster of codes; name their --legend, one of {', '.join(tables.legend_names())}"
        )
    return HardVotes(geotiff.codes(path), tables.legend(legend))
