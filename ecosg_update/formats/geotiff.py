"""Cover maps as Cloud-Optimised GeoTIFF, and label rasters of any legend read by window.

GDAL's driver is always named: a file whose content is another format than its ending says is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.windows import Window

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError, TableError
from ecosg_update.formats import atomic, blocks, qml
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 512
"""Pixels a side of a tile."""

CACHE = 64 * 2**20
"""Bytes of GDAL's cache while a map is written; its own default is a share of the machine's memory."""

_FAILURES = (RasterioError, CPLE_BaseError, OSError)
"""What reading and writing raise; the close of a COG on a full disk lets GDAL's own error through."""

_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}
"""A file is read and written by itself: nothing that lies beside it has a say."""

_PIXELS = {"count": 1, "dtype": "uint8", "nodata": 0, "crs": GEOGRAPHIC}

_FLAT = {
    "driver": "GTiff",
    "tiled": True,
    "blockxsize": BLOCK,
    "blockysize": BLOCK,
    "compress": "DEFLATE",
    "zlevel": 1,
    "bigtiff": "IF_SAFER",
}
"""A COG cannot be written by window: it is copied from this, which lies beside it meanwhile."""

_COG = {
    "driver": "COG",
    "blocksize": BLOCK,
    "compress": "DEFLATE",
    "overview_resampling": "MODE",
    "overviews": "IGNORE_EXISTING",
    "num_threads": "1",
    "bigtiff": "IF_SAFER",
}
"""Overviews by majority: an average of codes is another class."""


def write(
    cover: CoverReader, path: Path | str, *, provenance: Provenance, overwrite: bool = False
) -> tuple[Path, Path, Path]:
    """Write `cover`, block by block, as a COG, and beside it its class names and style; return the three paths.

    uint8, 0 is no data, the legend's colours as palette. Raises OutputError for all that `atomic.parts`
    refuses and where the file does not hold what was written.
    """
    path, names, style = targets(path)
    with atomic.parts(names, style, path, overwrite=overwrite, needed=cover.grid.cells) as (*beside, part):
        encode(cover, part, *beside, provenance=provenance)
    return path, names, style


def targets(path: Path | str) -> tuple[Path, Path, Path]:
    """The raster, and what lies beside it: class names for GDAL (`.aux.xml`), a style for QGIS (`.qml`)."""
    path = Path(path)
    return path, path.with_name(f"{path.name}.aux.xml"), path.with_suffix(".qml")


def encode(cover: CoverReader, part: Path, names: Path, style: Path, *, provenance: Provenance) -> None:
    """Fill three files with the raster, the names and the style of `cover` and verify it; `write` makes them land."""
    flat = part.with_name(f"{part.name}.flat")
    try:
        with rasterio.Env(**_ALONE, GDAL_CACHEMAX=CACHE):
            written = _fill(flat, cover, provenance)
            rasterio.shutil.copy(flat, part, **_COG)
    except _FAILURES as error:
        raise atomic.failure(part, cover.grid.cells, error) from error
    finally:
        flat.unlink(missing_ok=True)
    if not _holds(part, cover.grid, written):
        raise atomic.failure(part, cover.grid.cells, RuntimeError("it came back changed"))
    with atomic.reported(names):
        names.write_text(_category_names(cover.legend), encoding="utf-8")
    with atomic.reported(style):
        style.write_text(qml.style(cover.legend), encoding="utf-8")


def _fill(flat: Path, cover: CoverReader, provenance: Provenance) -> list[int]:
    """Write the raster by window; the checksum of each block."""
    rows, cols = cover.grid.shape
    written = []
    layout = _PIXELS | _FLAT
    with rasterio.open(flat, "w", width=cols, height=rows, transform=cover.grid.transform, **layout) as file:
        for block in blocks.of_chunks(cover.grid, BLOCK):
            codes = cover.read(block).codes
            file.write(codes, 1, window=_place(block, cover.grid))
            written.append(blocks.checksum(codes))
        file.write_colormap(1, _palette(cover.legend))
        file.update_tags(TITLE=provenance.title, SOURCE=provenance.source, LEGEND=cover.legend.name)
        file.set_band_description(1, "cover")
    return written


@dataclass(frozen=True)
class CodeRaster:
    """A raster of class codes that is read by window.

    grid: where its pixels lie. nodata: the value that the file declares, None where it declares none.
    """

    path: Path
    grid: GeoGrid
    nodata: int | None

    def read(self, rows: slice | None = None, cols: slice | None = None) -> NDArray[np.integer]:
        """The codes (y, x) of a window, in the integer type of the file; the slices name both ends.

        Raises CoverageError for a window that leaves the raster, FormatError for a damaged file.
        """
        height, width = self.grid.shape
        rows, cols = rows or slice(0, height), cols or slice(0, width)
        if not (0 <= rows.start < rows.stop <= height and 0 <= cols.start < cols.stop <= width):
            raise CoverageError(
                f"{self.path}: rows {rows}, columns {cols} leave its {height} x {width} pixels; ask for less"
            )
        with _opened(self.path) as file:
            values: NDArray[np.integer] = file.read(1, window=Window.from_slices(rows, cols))
        return values

    def thinned(self, shape: tuple[int, int]) -> NDArray[np.integer]:
        """The codes at (rows, columns) at most, spread over the whole raster; from its overviews, if it has some."""
        with _opened(self.path) as file:
            values: NDArray[np.integer] = file.read(1, out_shape=_most(file.shape, shape))
        return values

    @property
    def legend_name(self) -> str | None:
        """The legend that the file names (those of this tool do), None where it names none."""
        with _opened(self.path) as file:
            name: str | None = file.tags().get("LEGEND")
        return name

    @property
    def palette(self) -> dict[int, tuple[int, int, int]]:
        """The colours that the file gives to codes, none where it has no colour table."""
        with _opened(self.path) as file:
            if file.colorinterp[0].name != "palette":
                return {}
            return {code: colour[:3] for code, colour in file.colormap(1).items()}


def holds_codes(path: Path | str) -> bool:
    """Whether a GeoTIFF holds whole numbers, which may be codes; FormatError for another file."""
    with _opened(Path(path)) as file:
        return bool(np.issubdtype(np.dtype(file.dtypes[0]), np.integer))


def codes(path: Path | str) -> CodeRaster:
    """A GeoTIFF of class codes (one band of integers) of any legend and projection, to be read by window.

    Raises FormatError for another kind of file, GridError for one without a reference system or not north-up.
    """
    path = Path(path)
    with _opened(path) as file:
        if file.count != 1 or not np.issubdtype(np.dtype(file.dtypes[0]), np.integer):
            raise FormatError(
                f"{path}: found {file.count} bands of {file.dtypes[0]}, expected one band of class codes"
            )
        try:
            grid = GeoGrid(file.crs.to_wkt() if file.crs else "", file.transform, file.shape)
        except GridError as error:
            raise GridError(f"{path}: {error}") from error
        declared = file.nodata
    return CodeRaster(path, grid, int(declared) if declared is not None and declared == int(declared) else None)


def legend_name(path: Path | str) -> str | None:
    """The legend that a GeoTIFF says its codes are of, as `write` does; None where it does not say."""
    with _opened(Path(path)) as file:
        found = file.tags().get("LEGEND")
    return str(found) if found else None


@dataclass(frozen=True)
class NumberRaster:
    """A raster of one number a pixel (a share, a height, a mask) that is read by window."""

    path: Path
    grid: GeoGrid

    def read(self, rows: slice, cols: slice) -> NDArray[np.float32]:
        """float32 (y, x) of a window inside the grid, not a number where there is no data; FormatError if damaged."""
        with _opened(self.path) as file:
            found = file.read(1, window=Window.from_slices(rows, cols), masked=True)
        numbers: NDArray[np.float32] = found.astype(np.float32).filled(np.nan)
        return numbers

    def thinned(self, shape: tuple[int, int]) -> NDArray[np.float32]:
        """As `read`, at (rows, columns) at most, spread over the whole raster."""
        with _opened(self.path) as file:
            found = file.read(1, out_shape=_most(file.shape, shape), masked=True)
        numbers: NDArray[np.float32] = found.astype(np.float32).filled(np.nan)
        return numbers

    @property
    def unit(self) -> str:
        """The unit that the file names, "" where it names none."""
        with _opened(self.path) as file:
            return str(file.units[0] or "")


def numbers(path: Path | str) -> NumberRaster:
    """A GeoTIFF of one band of numbers, in any projection, to be read by window.

    Raises FormatError for another kind of file, GridError for one without a reference system or not north-up.
    """
    path = Path(path)
    with _opened(path) as file:
        if file.count != 1 or np.dtype(file.dtypes[0]).kind not in "iuf":
            raise FormatError(f"{path}: found {file.count} bands of {file.dtypes[0]}, expected one band of numbers")
        try:
            grid = GeoGrid(file.crs.to_wkt() if file.crs else "", file.transform, file.shape)
        except GridError as error:
            raise GridError(f"{path}: {error}") from error
    return NumberRaster(path, grid)


def _most(whole: tuple[int, int], shape: tuple[int, int]) -> tuple[int, int]:
    return min(whole[0], shape[0]), min(whole[1], shape[1])


def cover_grid(path: Path | str) -> LatLonGrid:
    """The lat-lon cells of a cover map; FormatError where its pixels do not lie on a lattice of 1/N degree."""
    found = codes(path).grid
    per_degree = round(1 / found.pixel[0])
    if found.is_geographic and per_degree > 0:
        grid = LatLonGrid.from_bounds(per_degree, found.bounds)
        if grid.shape == found.shape and found.transform.almost_equals(grid.transform, precision=1e-6):
            return grid
    raise FormatError(
        f"{path}: its pixels are no cells of 1/N degree, so it is no cover map; use `map` to bring it there"
    )


def read_cover(path: Path | str, cells: LatLonGrid | None = None) -> CoverMap:
    """A cover map that `write` made, or the window `cells` of it; FormatError for another raster."""
    whole = cover_grid(path)
    part = cells or whole
    covers = np.empty(part.shape, np.uint8)
    raster = codes(path)
    for (rows, cols), window in part.windows_in(whole):
        covers[rows, cols] = raster.read(*window)
    try:
        return CoverMap(covers, part, tables.legend("ecosg"))
    except TableError as error:
        raise FormatError(f"{path}: {error}; name a cover map") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise FormatError(f"{path}: is no file; check the path")
    try:
        with rasterio.Env(**_ALONE), rasterio.open(path, driver="GTiff") as file:
            yield file
    except _FAILURES as error:
        raise FormatError(f"{path}: cannot be read as GeoTIFF ({error}); it is damaged or another format") from error


def _holds(part: Path, grid: LatLonGrid, written: list[int]) -> bool:
    """Whether a file that was just closed lies on `grid` and holds the blocks of these checksums."""
    try:
        found = codes(part)
        if found.grid.transform != grid.transform or found.grid.shape != grid.shape or found.nodata != 0:
            return False
        pieces = (found.read(*_place(block, grid).toslices()) for block in blocks.of_chunks(grid, BLOCK))
        return all(blocks.checksum(piece) == known for piece, known in zip(pieces, written, strict=True))
    except FormatError as error:
        raise atomic.failure(part, grid.cells, error) from error


def _place(block: LatLonGrid, grid: LatLonGrid) -> Window:
    """Where a block lies in the raster of `grid`."""
    ((_, (rows, cols)),) = block.windows_in(grid)
    return Window.from_slices(rows, cols)


def _palette(legend: Legend) -> dict[int, tuple[int, int, int, int]]:
    colours = {code: (*colour, 255) for code, colour in zip(legend.codes, legend.colours, strict=True)}
    return {0: (0, 0, 0, 0), **colours}


def _category_names(legend: Legend) -> str:
    """GDAL's side file: the n-th name belongs to the value n."""
    names = {0: "no data", **dict(zip(legend.codes, legend.names, strict=True))}
    lines = [f"      <Category>{escape(names.get(value, ''))}</Category>" for value in range(max(names) + 1)]
    head = '<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>\n'
    return head + "\n".join(lines) + "\n    </CategoryNames>\n  </PAMRasterBand>\n</PAMDataset>\n"
