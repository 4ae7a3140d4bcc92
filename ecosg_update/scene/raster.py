"""One layer of one JP2 or GeoTIFF: what its header says, and its pixels tile by tile.

The driver is pinned to the file's ending and side files are ignored, so that a VRT that calls itself .jp2
opens no other file and no network address.
"""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from ecosg_update.errors import GridError, SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.scene.codestream import tile_lengths
from ecosg_update.scene.store import File

if TYPE_CHECKING:
    from numpy.typing import NDArray

JP2 = "JP2OpenJPEG"
DRIVERS = {".jp2": JP2, ".tif": "GTiff", ".tiff": "GTiff"}

METRES_PER_DEGREE = 111_320.0
"""Of latitude, on a sphere of the equator's radius: only to give a raster in degrees a pixel size in metres."""

LEAST_TILE = 512
"""Small blocks of a file are read together up to this many pixels a side."""

CACHE_BYTES = 48 * 2**20
"""Kept for one raster: two rows of 1024 x 1024 tiles of a 10 m band (10,980 pixels wide) are 45 MB."""

EMPTY_TILE = 512
"""Bytes: a JP2 tile coded in no more is taken for truly empty where it decodes to zeros.

Measured on products of 2022: empty tiles have up to 459 bytes (1024 x 1024 pixels), others hundreds to thousands.
"""

MOST_THREADS = 8
"""JP2 tiles decoded at once; a window rarely holds more."""

FETCH = "fetch the product again"


@dataclass(frozen=True)
class Raster:
    """One layer of a raster file, without its pixels.

    `layer` counts from 1; `pixel_m` is the height of a pixel in metres; `block` the (rows, columns) that are
    decoded together; `nodata` as the file states it.
    """

    file: File
    layer: int
    grid: GeoGrid
    pixel_m: float
    block: tuple[int, int]
    nodata: float | None


def rasters(file: File) -> tuple[tuple[Raster, str], ...]:
    """The layers of a file and their descriptions ("" where there is none).

    Raises SceneError for a file that is not what its ending says, GridError where it has no place on earth.
    """
    with gdal(threads=1), _opened(file) as dataset:
        grid = _grid(file, dataset)
        size = pixel_metres(grid)
        return tuple(
            (
                Raster(file, layer, grid, size, dataset.block_shapes[layer - 1], dataset.nodatavals[layer - 1]),
                dataset.descriptions[layer - 1] or "",
            )
            for layer in dataset.indexes
        )


def pixel_metres(grid: GeoGrid) -> float:
    """The height of a pixel in metres."""
    return grid.pixel[1] * (METRES_PER_DEGREE if grid.is_geographic else 1.0)


def decoders() -> int:
    """How many threads decode JP2 tiles: the cores there are, 2 to 8.

    Two also on one core: GDAL then takes another way through the file (measured on a 60 m band of 100 tiles,
    GDAL 3.10: 0.5 s of CPU against 1.6 s with one thread).
    """
    return max(2, min(MOST_THREADS, os.cpu_count() or 1))


def gdal(*, threads: int) -> Any:
    """The surroundings in which GDAL reads: no side files, no network, `threads` to decode JP2."""
    return rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_PAM_ENABLED="NO",
        GDAL_GEOREF_SOURCES="INTERNAL",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS="{none}",
        GDAL_NUM_THREADS=str(threads),
    )


class Tiles:
    """The pixels of a raster as stored: `window` decodes each tile once while windows move on row by row.

    `decoded_pixels` counts what was decoded: more than the raster holds is work done twice.
    """

    def __init__(self, raster: Raster, *, threads: int) -> None:
        """Opens the file; SceneError where it is damaged or cut short."""
        self.raster = raster
        self._threads = threads
        self._coded = _coded_sizes(raster.file) if _driver(raster.file) == JP2 else {}
        with gdal(threads=threads):
            self._dataset = _opened(raster.file)
        rows, cols = raster.block
        self._tile = rows * -(-LEAST_TILE // rows), cols * -(-LEAST_TILE // cols)
        self._kept: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self.decoded_pixels = 0

    def close(self) -> None:
        """Closes the file and forgets the tiles."""
        self._dataset.close()
        self._kept.clear()

    def window(self, rows: slice, cols: slice) -> NDArray[Any]:
        """The stored values of rows and columns inside the raster, (y, x), in the file's own type."""
        height, width = self._tile
        needed = [
            (row, col)
            for row in range(rows.start // height, -(-rows.stop // height))
            for col in range(cols.start // width, -(-cols.stop // width))
        ]
        self._decode([key for key in needed if key not in self._kept])
        values = np.empty((rows.stop - rows.start, cols.stop - cols.start), self._dataset.dtypes[0])
        for row, col in needed:
            tile = self._kept[row, col]
            self._kept.move_to_end((row, col))
            top, left = row * height, col * width
            inner_rows, outer_rows = _overlap(rows, top, tile.shape[0])
            inner_cols, outer_cols = _overlap(cols, left, tile.shape[1])
            values[outer_rows, outer_cols] = tile[inner_rows, inner_cols]
        self._forget()
        return values

    def _decode(self, keys: list[tuple[int, int]]) -> None:
        """Reads the rectangle around the missing tiles in one call, so that GDAL decodes them in parallel."""
        if not keys:
            return
        height, width = self._tile
        first_row, first_col = min(row for row, _ in keys), min(col for _, col in keys)
        last_row, last_col = max(row for row, _ in keys), max(col for _, col in keys)
        rows = slice(first_row * height, min((last_row + 1) * height, self.raster.grid.shape[0]))
        cols = slice(first_col * width, min((last_col + 1) * width, self.raster.grid.shape[1]))
        values = self._read(self._dataset, rows, cols, self._threads)
        self._check_zeros(values, rows, cols)
        for row, col in keys:
            top, left = row * height - rows.start, col * width - cols.start
            self._kept[row, col] = values[top : top + height, left : left + width].copy()

    def _forget(self) -> None:
        size = sum(tile.nbytes for tile in self._kept.values())
        while size > CACHE_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.nbytes

    def _check_zeros(self, values: NDArray[Any], rows: slice, cols: slice) -> None:
        """A damaged JP2 tile is zeros to several threads and an error to one: suspect zeros are read again."""
        across = -(-self.raster.grid.shape[1] // self.raster.block[1])
        for block_rows, block_cols in _blocks(self.raster.block, rows, cols):
            number = block_rows.start // self.raster.block[0] * across + block_cols.start // self.raster.block[1]
            if self._coded.get(number, 0) <= EMPTY_TILE:
                continue
            if not values[_within(block_rows, rows), _within(block_cols, cols)].any():
                with gdal(threads=1), _opened(self.raster.file) as again:
                    self._read(again, block_rows, block_cols, 1)

    def _read(self, dataset: Any, rows: slice, cols: slice, threads: int) -> NDArray[Any]:
        window = RasterioWindow.from_slices(rows, cols)
        try:
            with gdal(threads=threads):
                values: NDArray[Any] = dataset.read(self.raster.layer, window=window)
        except RasterioError as error:
            where = f"rows {rows.start}..{rows.stop}, columns {cols.start}..{cols.stop}"
            raise SceneError(f"{self.raster.file}: {where} cannot be decoded; {FETCH}") from error
        self.decoded_pixels += values.size
        return values


def _overlap(wanted: slice, start: int, size: int) -> tuple[slice, slice]:
    """Where a tile and the wanted pixels meet, seen from the tile and from the wanted window."""
    first, last = max(wanted.start, start), min(wanted.stop, start + size)
    return slice(first - start, last - start), slice(first - wanted.start, last - wanted.start)


def _blocks(block: tuple[int, int], rows: slice, cols: slice) -> Iterator[tuple[slice, slice]]:
    """The blocks within rows and columns that start on a block."""
    for top in range(rows.start, rows.stop, block[0]):
        for left in range(cols.start, cols.stop, block[1]):
            yield slice(top, min(top + block[0], rows.stop)), slice(left, min(left + block[1], cols.stop))


def _within(part: slice, whole: slice) -> slice:
    return slice(part.start - whole.start, part.stop - whole.start)


def _driver(file: File) -> str:
    ending = "." + file.name.rsplit(".", 1)[-1].lower()
    if ending not in DRIVERS:
        raise SceneError(f"{file}: ends in {ending!r}, expected {', '.join(DRIVERS)}")
    return DRIVERS[ending]


def _opened(file: File) -> Any:
    driver = _driver(file)
    try:
        with warnings.catch_warnings():
            # What it warns of is an error here, and raised with the file's name by `_grid`.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            return rasterio.open(file.gdal, driver=driver)
    except RasterioError as error:
        raise SceneError(f"{file}: is no {driver} raster that GDAL can open; {FETCH}") from error


def _grid(file: File, dataset: Any) -> GeoGrid:
    if dataset.crs is None:
        raise GridError(f"{file}: has no coordinate reference system; assign one (gdal_edit.py -a_srs EPSG:...)")
    try:
        return GeoGrid(dataset.crs.to_string(), Affine(*dataset.transform[:6]), dataset.shape)
    except GridError as error:
        raise GridError(f"{file}: {error}") from error


def _coded_sizes(file: File) -> dict[int, int]:
    """Bytes of each tile of a JP2 file; SceneError where the file is cut short."""
    with file.stream() as (stream, size):
        try:
            return tile_lengths(stream, size)
        except ValueError as error:
            raise SceneError(f"{file}: the JPEG 2000 file {error}; {FETCH}") from error
