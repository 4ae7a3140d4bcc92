"""A few cells of a map of any size, evenly spread: for a picture, in the memory of the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ecosg_update.formats import direct, geotiff, netcdf, typed
from ecosg_update.formats.ncfile import CHUNK, CLASS_CHUNK, grid_of, opened, window
from ecosg_update.formats.typed import Typed
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

Cell = TypeVar("Cell", np.uint8, np.uint16, np.float32)

Shape = tuple[int, int]
"""(rows, columns) at most: a map that is smaller is taken whole."""


def places(count: int, most: int) -> NDArray[np.intp]:
    """Which of `count` cells in a line are taken: all, or the middles of `most` equal parts."""
    parts = min(count, most)
    return (2 * np.arange(parts) + 1) * count // (2 * parts)


def covers(path: Path, grid: LatLonGrid, shape: Shape) -> NDArray[np.uint8]:
    """uint8 (y, x): covers of the cover map of a file, which lies on `grid`; raises as the format's reader.

    Of a `.dir` the rows that are taken are read and no others; of a `.tif` its overviews.
    """
    if path.suffix == ".tif":
        return np.asarray(geotiff.codes(path).thinned(shape), np.uint8)
    if path.suffix == ".nc":
        return np.asarray(layers(path, ("cover",), shape)[0], np.uint8)
    return _gathered(grid, shape, 1, lambda band: direct.read(path, band).codes)


def pixels(source: Typed, shape: Shape) -> NDArray[np.uint16]:
    """uint16 (y, x): pixels of a typed map, 100 x cover + value; raises as `typed.read`."""
    return _gathered(source.grid, shape, 1, lambda band: typed.read(source, band))


def layers(path: Path, names: Sequence[str], shape: Shape) -> NDArray[np.float32]:
    """float32 (name, y, x): variables of a NetCDF file of this tool; FormatError for another file."""
    with opened(path) as file:
        whole = grid_of(file)

        def read(band: LatLonGrid) -> NDArray[np.float32]:
            return np.stack([window(file, name, whole, band).astype(np.float32) for name in names])

        return _gathered(whole, shape, CHUNK, read)


def likeliest(path: Path, shape: Shape) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """int16 and float32 (y, x): the code of the most probable class, and its probability; 0 without evidence."""

    def read(band: LatLonGrid) -> NDArray[np.float32]:
        found = netcdf.read_prediction(path, band)
        codes = np.array(found.legend.codes)[found.values.argmax(axis=0)]
        return np.stack([np.where(found.share > 0, codes, 0).astype(np.float32), found.values.max(axis=0)])

    codes, chance = _gathered(netcdf.grid(path), shape, CLASS_CHUNK, read)
    return codes.astype(np.int16), chance


def _gathered(
    grid: LatLonGrid, shape: Shape, height: int, read: Callable[[LatLonGrid], NDArray[Cell]]
) -> NDArray[Cell]:
    """The cells (..., y, x) that are taken, out of bands of `height` whole rows that `read` gives."""
    rows, cols = places(grid.rows, shape[0]), places(grid.cols, shape[1])
    pieces = []
    for top in np.unique(rows // height * height).tolist():
        taken = rows[(rows >= top) & (rows < top + height)] - top
        band = LatLonGrid(grid.per_degree, grid.row + top, grid.col, min(height, grid.rows - top), grid.cols)
        pieces.append(read(band)[..., taken, :][..., cols])
    return np.concatenate(pieces, axis=-2)
