"""One layer of one JP2 or GeoTIFF: what its header says, and its pixels tile by tile.

The driver is pinned to the file's ending and side files are ignored, so that a VRT that calls itself .jp2
opens no other file and no network address.
"""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from ecosg_update.errors import GridError, SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.scene.codestream import truncation
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

MOST_THREADS = 8
"""Tiles decoded at once; a window rarely holds more."""

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
    with gdal(), _opened_quietly(file) as dataset:
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


def gdal() -> Any:
    """The surroundings in which GDAL reads: no side files, no network, one thread of its own.

    With more threads of its own GDAL 3.10 returns a JP2 tile that cannot be decoded as zeros or as
    whatever was in memory, without an error; with one it raises. `Tiles` brings the threads.
    """
    return rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
        GDAL_PAM_ENABLED="NO",
        GDAL_GEOREF_SOURCES="INTERNAL",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS="{none}",
        GDAL_NUM_THREADS="1",
    )


def decoders() -> int:
    """How many threads decode tiles: the cores that this process may use, 8 at most."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_THREADS, cores)


class Tiles:
    """The pixels of a raster as stored: `window` decodes each tile once while windows move on row by row.

    `decoded_pixels` counts what was decoded: more than the raster holds is work done twice.
    """

    def __init__(self, raster: Raster, *, threads: int) -> None:
        """Checks that the file is whole, SceneError where it is cut short; it is opened by the first window."""
        if _driver(raster.file) == JP2:
            _check_whole(raster.file)
        self.raster = raster
        self.decoded_pixels = 0
        self._threads = threads
        self._idle: SimpleQueue[Any] = SimpleQueue()
        rows, cols = raster.block
        self._tile = rows * -(-LEAST_TILE // rows), cols * -(-LEAST_TILE // cols)
        self._kept: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()

    def close(self) -> None:
        """Closes the file and forgets the tiles."""
        while not self._idle.empty():
            self._idle.get().close()
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
        values = np.empty((rows.stop - rows.start, cols.stop - cols.start), self._kept[needed[0]].dtype)
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
        """Reads the missing tiles side by side, each thread through a handle of its own.

        A lone tile needs no thread: to start one, and GDAL in it, takes longer than a small chip.
        """
        if len(keys) < 2:
            self._keep(keys, map(self._read, keys))
            return
        with ThreadPoolExecutor(min(self._threads, len(keys))) as pool:
            self._keep(keys, pool.map(self._read, keys))

    def _keep(self, keys: list[tuple[int, int]], tiles: Iterable[NDArray[Any]]) -> None:
        for key, tile in zip(keys, tiles, strict=True):
            self._kept[key] = tile
            self.decoded_pixels += tile.size

    def _read(self, key: tuple[int, int]) -> NDArray[Any]:
        rows, cols = (
            slice(number * size, min((number + 1) * size, whole))
            for number, size, whole in zip(key, self._tile, self.raster.grid.shape, strict=True)
        )
        try:
            with gdal(), self._handle() as dataset:
                tile: NDArray[Any] = dataset.read(self.raster.layer, window=RasterioWindow.from_slices(rows, cols))
        except RasterioError as error:
            where = f"rows {rows.start}..{rows.stop}, columns {cols.start}..{cols.stop}"
            raise SceneError(f"{self.raster.file}: {where} cannot be decoded; {FETCH}") from error
        return tile

    @contextmanager
    def _handle(self) -> Iterator[Any]:
        """An open dataset that no other thread uses meanwhile."""
        try:
            dataset = self._idle.get_nowait()
        except Empty:
            dataset = _opened(self.raster.file)
        try:
            yield dataset
        finally:
            self._idle.put(dataset)

    def _forget(self) -> None:
        size = sum(tile.nbytes for tile in self._kept.values())
        while size > CACHE_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.nbytes


def _overlap(wanted: slice, start: int, size: int) -> tuple[slice, slice]:
    """Where a tile and the wanted pixels meet, seen from the tile and from the wanted window."""
    first, last = max(wanted.start, start), min(wanted.stop, start + size)
    return slice(first - start, last - start), slice(first - wanted.start, last - wanted.start)


def _driver(file: File) -> str:
    ending = "." + file.name.rsplit(".", 1)[-1].lower()
    if ending not in DRIVERS:
        raise SceneError(f"{file}: ends in {ending!r}, expected {', '.join(DRIVERS)}")
    return DRIVERS[ending]


def _opened(file: File) -> Any:
    driver = _driver(file)
    try:
        return rasterio.open(file.gdal, driver=driver)
    except RasterioError as error:
        raise SceneError(f"{file}: is no {driver} raster that GDAL can open; {FETCH}") from error


def _opened_quietly(file: File) -> Any:
    """Without rasterio's warning of a raster that lies nowhere: `_grid` raises an error that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return _opened(file)


def _grid(file: File, dataset: Any) -> GeoGrid:
    if dataset.crs is None:
        raise GridError(f"{file}: has no coordinate reference system; assign one (gdal_edit.py -a_srs EPSG:...)")
    try:
        return GeoGrid(dataset.crs.to_string(), Affine(*dataset.transform[:6]), dataset.shape)
    except GridError as error:
        raise GridError(f"{file}: {error}") from error


def _check_whole(file: File) -> None:
    with file.stream() as (stream, size):
        fault = truncation(stream, size)
    if fault:
        raise SceneError(f"{file}: the JPEG 2000 file {fault}; {FETCH}")
