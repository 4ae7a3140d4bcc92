"""Patches and predictions as CF-1.11 NetCDF: for people, plotting tools and the stages themselves.

No public SURFEX reads covers from NetCDF: the `.dir` is what PGD reads. A file is closed, opened again and
compared with what it should hold before it gets its name: on a full disk HDF5 complains at the close at
best, and the broken file then reads as masked without an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import netCDF4
import numpy as np
import pyproj

from ecosg_update import tables
from ecosg_update.errors import EcosgError, FormatError, GridError
from ecosg_update.formats import atomic, cf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import GEOGRAPHIC, LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 512
"""Cells a side of a chunk of codes."""

CLASS_CHUNK = 128
"""Cells a side of a chunk of probabilities, which holds every class."""

LEVEL = 4
"""Of zlib, without shuffle (nothing to win on bytes). 9 takes 30 times as long; readers may lack zstd."""

_Variable: TypeAlias = Any
"""netCDF4.Variable, whose annotations do not know what it holds."""

_CLASSED = ("cover", "base_cover", "reason")


@dataclass(frozen=True, eq=False)
class _Field:
    """A variable to store, and to find again when the file is opened."""

    name: str
    values: NDArray[Any]
    attributes: cf.Attributes
    dimensions: tuple[str, ...] = ("lat", "lon")


def write(
    patch: Patch,
    path: Path | str,
    *,
    provenance: Provenance,
    share: NDArray[np.float32] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a patch and return the path. Variables: cover, base_cover, reason, confidence and, if given, share.

    share: float32 (y, x), the part (0..1) of each cell that valid evidence covers. Raises OutputError for all
    that `atomic.parts` refuses and where the file does not hold what was written, GridError for a share of
    another shape.
    """
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=_size(patch)) as (part,):
        encode(patch, part, provenance=provenance, share=share)
    return path


def encode(patch: Patch, part: Path, *, provenance: Provenance, share: NDArray[np.float32] | None = None) -> None:
    """Fill `part` with a patch and verify it; `write` makes it land."""
    grid, legend = patch.cover.grid, patch.cover.legend
    beside = [
        _Field("base_cover", patch.base, cf.flags(legend, "land cover before the update")),
        _Field("reason", patch.reason, cf.reasons()),
        _Field("confidence", patch.confidence, cf.fraction("probability of the best cover given the evidence")),
    ]
    if share is not None:
        if share.shape != grid.shape or share.dtype != np.float32:
            raise GridError(f"share: found {share.dtype} of {share.shape}, expected float32 of {grid.shape}")
        beside.append(_Field("share", share, cf.fraction("part of the cell that valid evidence covers")))
    names = " ".join(one.name for one in beside)
    cover = _Field("cover", patch.cover.codes, cf.flags(legend, "land cover") | {"ancillary_variables": names})
    _store(part, grid, [cover, *beside], cf.about(provenance, legend=legend.name))


def read(path: Path | str, cells: LatLonGrid | None = None) -> Patch:
    """The patch of a file that `write` made, or the window `cells` of it.

    Raises FormatError for another file, CoverageError for a window that it does not hold.
    """
    with _opened(Path(path)) as file:
        whole = _grid(file)
        part = cells or whole
        covers, base, reason = (_window(file, name, whole, part) for name in _CLASSED)
        legend = tables.legend(str(_attribute(file, "legend")))
        cover = CoverMap(covers, part, legend)
        return Patch(cover, base, reason, _window(file, "confidence", whole, part))


def write_cover(cover: CoverMap, path: Path | str, *, provenance: Provenance, overwrite: bool = False) -> Path:
    """Write a bare cover map (variable cover) and return the path; raises OutputError as `write`."""
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=cover.codes.size) as (part,):
        field = _Field("cover", cover.codes, cf.flags(cover.legend, "land cover"))
        _store(part, cover.grid, [field], cf.about(provenance, legend=cover.legend.name))
    return path


def read_cover(path: Path | str, cells: LatLonGrid | None = None) -> CoverMap:
    """The cover map, or the window `cells` of it, of a file that `write` or `write_cover` made; raises as `read`."""
    with _opened(Path(path)) as file:
        whole = _grid(file)
        legend = tables.legend(str(_attribute(file, "legend")))
        return CoverMap(_window(file, "cover", whole, cells or whole), cells or whole, legend)


def grid(path: Path | str) -> LatLonGrid:
    """The cells of a file of this tool; FormatError for another file."""
    with _opened(Path(path)) as file:
        return _grid(file)


def holds_prediction(path: Path | str) -> bool:
    """Whether a NetCDF file holds class probabilities rather than a cover map."""
    with _opened(Path(path)) as file:
        return "probability" in file.variables


def write_prediction(
    prediction: Prediction, path: Path | str, *, provenance: Provenance, overwrite: bool = False
) -> Path:
    """Write class probabilities on a lat-lon grid and return the path; `read_prediction` returns the same.

    Variables: probability (code, lat, lon) and share (lat, lon), both float32, and the class codes. Raises
    GridError for a prediction that is not on a lat-lon grid, OutputError as `write`.
    """
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=prediction.values.nbytes) as (part,):
        encode_prediction(prediction, part, provenance=provenance)
    return path


def encode_prediction(prediction: Prediction, part: Path, *, provenance: Provenance) -> None:
    """Fill `part` with class probabilities and verify it; `write_prediction` makes it land."""
    if not isinstance(prediction.grid, LatLonGrid):
        raise GridError(
            f"{part}: the prediction is on pixels of {prediction.grid.crs[:40]}; aggregate it to cells first"
        )
    legend = prediction.legend
    codes = {"long_name": f"class of the legend {legend.name}", "flag_values": np.array(legend.codes, np.int16)}
    fields = [
        _Field("code", np.array(legend.codes, np.int16), codes | {"flag_meanings": cf.meanings(legend)}, ("code",)),
        _Field("probability", prediction.values, cf.fraction("probability of a class"), ("code", "lat", "lon")),
        _Field("share", prediction.share, cf.fraction("part of the cell that valid evidence covers")),
    ]
    _store(part, prediction.grid, fields, cf.about(provenance, legend=legend.name, origin=prediction.origin))


def read_prediction(path: Path | str, cells: LatLonGrid | None = None, *, legend: Legend | None = None) -> Prediction:
    """The prediction of a file that `write_prediction` made, or the window `cells` of it.

    legend: where None, the table of the name that the file gives. Raises FormatError for another file or
    where the legend's codes are not the file's, CoverageError for a window that it does not hold.
    """
    with _opened(Path(path)) as file:
        whole = _grid(file)
        known = legend or tables.legend(str(_attribute(file, "legend")))
        codes = tuple(_variable(file, "code")[:].tolist())
        if codes != known.codes:
            raise FormatError(
                f"found {len(codes)} classes {codes[:6]}..., the legend {known.name} has others; name it"
            )
        part = cells or whole
        values, share = (_window(file, name, whole, part) for name in ("probability", "share"))
        return Prediction(values, share, known, part, str(_attribute(file, "origin")))


def _store(part: Path, grid: LatLonGrid, fields: list[_Field], about: cf.Attributes) -> None:
    """Write a file, close it, open it again and compare; OutputError where it holds anything else."""
    needed = sum(one.values.nbytes for one in fields)
    try:
        with netCDF4.Dataset(part, "w", format="NETCDF4") as file:
            file.set_auto_maskandscale(False)
            file.setncatts(about)
            _add_grid(file, grid)
            for one in fields:
                _add(file, one)
        with netCDF4.Dataset(part) as file:
            file.set_auto_maskandscale(False)
            damaged = [one.name for one in fields if not _holds(file[one.name], one.values)]
    except (OSError, RuntimeError) as error:
        raise atomic.failure(part, needed, error) from error
    if damaged:
        raise atomic.failure(part, needed, RuntimeError(f"{', '.join(damaged)} came back changed"))


def _add_grid(file: netCDF4.Dataset, grid: LatLonGrid) -> None:
    """The axes with their bounds, from integers, and the datum; `crs` carries the grid's own numbers."""
    file.createDimension("bound", 2)
    step = 0.5 / grid.per_degree
    axes = (("lat", "Y", "latitude", grid.latitudes, step), ("lon", "X", "longitude", grid.longitudes, -step))
    for name, axis, long_name, centres, half in axes:
        file.createDimension(name, len(centres))
        units = "degrees_north" if name == "lat" else "degrees_east"
        attributes = {"standard_name": long_name, "long_name": long_name, "units": units, "axis": axis}
        _add(file, _Field(name, centres, attributes | {"bounds": f"{name}_bounds"}, (name,)))
        edges = np.stack([centres + half, centres - half], axis=1)
        _add(file, _Field(f"{name}_bounds", edges, {}, (name, "bound")))
    crs = pyproj.CRS(GEOGRAPHIC)
    variable = file.createVariable("crs", "i4")
    names = ("grid_mapping_name", "semi_major_axis", "inverse_flattening", "longitude_of_prime_meridian")
    variable.setncatts({name: crs.to_cf()[name] for name in names} | {"crs_wkt": crs.to_wkt()})
    variable.setncatts({name: np.int32(getattr(grid, name)) for name in ("per_degree", "row", "col")})


def _add(file: netCDF4.Dataset, one: _Field) -> None:
    if "code" in one.dimensions and "code" not in file.dimensions:
        file.createDimension("code", len(one.values))
    variable: _Variable = file.createVariable(one.name, one.values.dtype, one.dimensions, **_storage(one))
    variable.setncatts(one.attributes)
    if _on_grid(one):
        variable.setncattr("grid_mapping", "crs")
    variable[:] = one.values


def _storage(one: _Field) -> dict[str, Any]:
    """Codes and fractions are packed in chunks with a checksum; axes lie as they are."""
    fill = 0 if one.name in _CLASSED else False
    if not _on_grid(one):
        return {"fill_value": fill}
    shape = one.values.shape
    side = CHUNK if len(shape) == 2 else CLASS_CHUNK
    chunks = (*shape[:-2], *(min(side, count) for count in shape[-2:]))
    return {
        "compression": "zlib",
        "complevel": LEVEL,
        "shuffle": False,
        "fletcher32": True,
        "chunksizes": chunks,
        "fill_value": fill,
    }


def _on_grid(one: _Field) -> bool:
    return one.dimensions[-2:] == ("lat", "lon")


def _holds(variable: _Variable, values: NDArray[Any]) -> bool:
    """Whether a variable holds exactly `values`, compared by the chunk row."""
    if variable.shape != values.shape or variable.dtype != values.dtype:
        return False
    step = variable.chunking()[-2] if values.ndim > 1 else len(values)
    axis = max(0, values.ndim - 2)
    starts = range(0, values.shape[axis], step)
    pieces = [(slice(None),) * axis + (slice(start, start + step),) for start in starts]
    return all(np.array_equal(variable[piece], values[piece], equal_nan=values.dtype.kind == "f") for piece in pieces)


def _grid(file: netCDF4.Dataset) -> LatLonGrid:
    """The lattice window of a file; FormatError where the axes say otherwise, as after a cut by another tool."""
    crs = _variable(file, "crs")
    per_degree, row, col = (int(_attribute(crs, name)) for name in ("per_degree", "row", "col"))
    latitudes, longitudes = _variable(file, "lat")[:], _variable(file, "lon")[:]
    grid = LatLonGrid(per_degree, row, col, len(latitudes), len(longitudes))
    close = 1e-3 / grid.per_degree
    if np.abs(latitudes - grid.latitudes).max() > close or np.abs(longitudes - grid.longitudes).max() > close:
        raise FormatError(
            "lat and lon are not where crs says; another tool cut or shifted it: use the file as written"
        )
    return grid


def _window(file: netCDF4.Dataset, name: str, whole: LatLonGrid, part: LatLonGrid) -> NDArray[Any]:
    variable = _variable(file, name)
    if variable.dimensions[-2:] != ("lat", "lon"):
        raise FormatError(f"{name} has the dimensions {variable.dimensions}, expected lat and lon last")
    values = np.empty((*variable.shape[:-2], *part.shape), variable.dtype)
    for (rows, cols), (from_rows, from_cols) in part.windows_in(whole):
        values[..., rows, cols] = variable[..., from_rows, from_cols]
    return values


@contextmanager
def _opened(path: Path) -> Iterator[netCDF4.Dataset]:
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


def _variable(file: netCDF4.Dataset, name: str) -> _Variable:
    if name not in file.variables:
        raise FormatError(f"has no variable {name}, found {', '.join(file.variables)}; name a file of this tool")
    return file.variables[name]


def _attribute(owner: netCDF4.Dataset | _Variable, name: str) -> Any:
    if name not in owner.ncattrs():
        raise FormatError(f"has no attribute {name}; name a file of this tool")
    return owner.getncattr(name)


def _size(patch: Patch) -> int:
    return sum(part.nbytes for part in (patch.cover.codes, patch.base, patch.reason, patch.confidence))
