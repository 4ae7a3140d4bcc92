"""NetCDF files of variables on lat-lon cells: stored and compared with what they should hold, opened by window.

A file is closed, opened again and compared before it gets its name: on a full disk HDF5 complains at the close
at best, and the broken file then reads as masked without an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import netCDF4
import numpy as np
import pyproj

from ecosg_update.errors import EcosgError, FormatError
from ecosg_update.formats import atomic, blocks, cf
from ecosg_update.grid import GEOGRAPHIC, LatLonGrid, Window
from ecosg_update.layers import CoverReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 512
"""Cells a side of a chunk of codes."""

CLASS_CHUNK = 128
"""Cells a side of a chunk of probabilities, which holds every class."""

LEVEL = 4
"""Of zlib, without shuffle (nothing to win on bytes). 9 takes 30 times as long; readers may lack zstd."""

Variable: TypeAlias = Any
"""netCDF4.Variable, whose annotations do not know what it holds."""

DECIDED = ("cover", "base_cover", "reason")
"""The codes that every patch has."""

CLASSED = (*DECIDED, "second_cover", "rule")
"""Variables of codes, in which 0 is no data."""


@dataclass(frozen=True, eq=False)
class Field:
    """A variable to store, and to find again when the file is opened."""

    name: str
    values: NDArray[Any]
    attributes: cf.Attributes
    dimensions: tuple[str, ...] = ("lat", "lon")


def store(part: Path, grid: LatLonGrid, fields: list[Field], about: cf.Attributes) -> None:
    """Write a file, close it, open it again and compare; OutputError where it holds anything else."""
    needed = sum(one.values.nbytes for one in fields)
    with _written(part, needed) as file:
        _begin(file, grid, about)
        for one in fields:
            _add(file, one)
    with _written(part, needed, "r") as file:
        damaged = [one.name for one in fields if not _holds(file[one.name], one.values)]
    if damaged:
        raise atomic.failure(part, needed, RuntimeError(f"{', '.join(damaged)} came back changed"))


def store_cover(part: Path, cover: CoverReader, attributes: cf.Attributes, about: cf.Attributes) -> None:
    """Write a file of one variable, `cover`, block by block; as `store`, whose bytes it makes."""
    grid, written = cover.grid, []
    with _written(part, grid.cells) as file:
        _begin(file, grid, about)
        variable = _created(file, "cover", np.dtype(np.uint8), ("lat", "lon"), grid.shape)
        variable.setncatts(attributes | {"grid_mapping": "crs"})
        for block in blocks.of_chunks(grid, CHUNK):
            codes = cover.read(block).codes
            variable[_place(block, grid)] = codes
            written.append(blocks.checksum(codes))
    with _written(part, grid.cells, "r") as file:
        found = (blocks.checksum(file["cover"][_place(block, grid)]) for block in blocks.of_chunks(grid, CHUNK))
        whole = file["cover"].shape == grid.shape and list(found) == written
    if not whole:
        raise atomic.failure(part, grid.cells, RuntimeError("cover came back changed"))


@contextmanager
def _written(part: Path, needed: int, mode: Literal["w", "r"] = "w") -> Iterator[netCDF4.Dataset]:
    """A file that is written, or looked at again; what the library complains of is an OutputError."""
    try:
        with netCDF4.Dataset(part, mode, format="NETCDF4") as file:
            file.set_auto_maskandscale(False)
            yield file
    except (OSError, RuntimeError) as error:
        raise atomic.failure(part, needed, error) from error


def _begin(file: netCDF4.Dataset, grid: LatLonGrid, about: cf.Attributes) -> None:
    file.setncatts(about)
    _addgrid_of(file, grid)


def _place(block: LatLonGrid, grid: LatLonGrid) -> Window:
    """Where a block lies in an array on `grid`."""
    ((_, window),) = block.windows_in(grid)
    return window


def _addgrid_of(file: netCDF4.Dataset, grid: LatLonGrid) -> None:
    """The axes with their bounds, from integers, and the datum; `crs` carries the grid's own numbers."""
    file.createDimension("bound", 2)
    step = 0.5 / grid.per_degree
    axes = (("lat", "Y", "latitude", grid.latitudes, step), ("lon", "X", "longitude", grid.longitudes, -step))
    for name, axis, long_name, centres, half in axes:
        file.createDimension(name, len(centres))
        units = "degrees_north" if name == "lat" else "degrees_east"
        attributes = {"standard_name": long_name, "long_name": long_name, "units": units, "axis": axis}
        _add(file, Field(name, centres, attributes | {"bounds": f"{name}_bounds"}, (name,)))
        edges = np.stack([centres + half, centres - half], axis=1)
        _add(file, Field(f"{name}_bounds", edges, {}, (name, "bound")))
    crs = pyproj.CRS(GEOGRAPHIC)
    variable = file.createVariable("crs", "i4")
    names = ("grid_mapping_name", "semi_major_axis", "inverse_flattening", "longitude_of_prime_meridian")
    variable.setncatts({name: crs.to_cf()[name] for name in names} | {"crs_wkt": crs.to_wkt()})
    variable.setncatts({name: np.int32(getattr(grid, name)) for name in ("per_degree", "row", "col")})


def _add(file: netCDF4.Dataset, one: Field) -> None:
    if "code" in one.dimensions and "code" not in file.dimensions:
        file.createDimension("code", len(one.values))
    variable = _created(file, one.name, one.values.dtype, one.dimensions, one.values.shape)
    variable.setncatts(one.attributes)
    if _on_grid(one.dimensions):
        variable.setncattr("grid_mapping", "crs")
    variable[:] = one.values


def _created(
    file: netCDF4.Dataset, name: str, dtype: np.dtype[Any], dimensions: tuple[str, ...], shape: tuple[int, ...]
) -> Variable:
    """A new variable: codes and fractions are packed in chunks with a checksum; axes lie as they are."""
    storage: dict[str, Any] = {"fill_value": 0 if name in CLASSED else False}
    if _on_grid(dimensions):
        side = CHUNK if len(shape) == 2 else CLASS_CHUNK
        chunks = (*shape[:-2], *(min(side, count) for count in shape[-2:]))
        storage |= {"compression": "zlib", "complevel": LEVEL, "shuffle": False, "fletcher32": True}
        storage |= {"chunksizes": chunks}
    return file.createVariable(name, dtype, dimensions, **storage)


def _on_grid(dimensions: tuple[str, ...]) -> bool:
    return dimensions[-2:] == ("lat", "lon")


def _holds(variable: Variable, values: NDArray[Any]) -> bool:
    """Whether a variable holds exactly `values`, compared by the chunk row."""
    if variable.shape != values.shape or variable.dtype != values.dtype:
        return False
    step = variable.chunking()[-2] if values.ndim > 1 else len(values)
    axis = max(0, values.ndim - 2)
    starts = range(0, values.shape[axis], step)
    pieces = [(slice(None),) * axis + (slice(start, start + step),) for start in starts]
    return all(np.array_equal(variable[piece], values[piece], equal_nan=values.dtype.kind == "f") for piece in pieces)


def grid_of(file: netCDF4.Dataset) -> LatLonGrid:
    """The lattice window of a file; FormatError where the axes say otherwise, as after a cut by another tool."""
    crs = variable(file, "crs")
    per_degree, row, col = (int(attribute(crs, name)) for name in ("per_degree", "row", "col"))
    latitudes, longitudes = variable(file, "lat")[:], variable(file, "lon")[:]
    grid = LatLonGrid(per_degree, row, col, len(latitudes), len(longitudes))
    close = 1e-3 / grid.per_degree
    if np.abs(latitudes - grid.latitudes).max() > close or np.abs(longitudes - grid.longitudes).max() > close:
        raise FormatError(
            "lat and lon are not where crs says; another tool cut or shifted it: use the file as written"
        )
    return grid


def window(file: netCDF4.Dataset, name: str, whole: LatLonGrid, part: LatLonGrid) -> NDArray[Any]:
    """The cells `part` of a variable (..., lat, lon) that lies on `whole`; FormatError for other dimensions."""
    found = variable(file, name)
    if found.dimensions[-2:] != ("lat", "lon"):
        raise FormatError(f"{name} has the dimensions {found.dimensions}, expected lat and lon last")
    values = np.empty((*found.shape[:-2], *part.shape), found.dtype)
    for (rows, cols), (from_rows, from_cols) in part.windows_in(whole):
        values[..., rows, cols] = found[..., from_rows, from_cols]
    return values


@contextmanager
def opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """A file to read, unmasked; whatever goes wrong in the block names the file."""
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            yield file
    except EcosgError as error:
        raise type(error)(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise FormatError(f"{path}: does not exist; check the path") from error
    except (OSError, RuntimeError) as error:
        raise FormatError(f"{path}: cannot be read as NetCDF ({error}); it is damaged or another format") from error


def variable(file: netCDF4.Dataset, name: str) -> Variable:
    """A variable by name; FormatError lists those of the file."""
    if name not in file.variables:
        raise FormatError(f"has no variable {name}, found {', '.join(file.variables)}; name a file of this tool")
    return file.variables[name]


def attribute(owner: netCDF4.Dataset | Variable, name: str) -> Any:
    """An attribute of a file or variable; FormatError where it is missing."""
    if name not in owner.ncattrs():
        raise FormatError(f"has no attribute {name}; name a file of this tool")
    return owner.getncattr(name)
