"""Fractions of a model's cells as NetCDF with the names of PGD's own file (PGD.nc of the offline SURFEX).

Dimensions yy (from the south) and xx; COVERnnn for each cover that occurs, COVER_LIST, FRAC_SEA, FRAC_NATURE,
FRAC_WATER, FRAC_TOWN, XLAT and XLON as PGD writes them; VEGTYPE1 to VEGTYPE20 as SURFEX's diagnostics name them,
parts of the nature tile; `map_pixels` and `filled`, which PGD keeps to itself. It is for people and tools: no SURFEX
run starts from it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import netCDF4
import numpy as np

from ecosg_update import tables
from ecosg_update.domain import Domain
from ecosg_update.formats import atomic, cf
from ecosg_update.formats.ncfile import CHUNK, Field, opened, variable
from ecosg_update.formats.provenance import Provenance
from ecosg_update.fractions import COVERS, TILES, Fractions

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNDEFINED = 1e20
"""What stands where there is no value (`XUNDEF`): vegetation types where a cell has no nature."""

LEVEL = 1
"""Of zlib: fractions of 8 bytes are 7 % smaller at 4, which takes twice as long."""

CELLS = ("yy", "xx")
COVER_LIST = "Number_of_covers"


def write(
    fractions: Fractions,
    path: Path | str,
    *,
    provenance: Provenance,
    settings: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write fractions and return the path. settings: further global attributes, such as the keys of NAM_COVER.

    Raises OutputError for all that `atomic.parts` refuses and where the file does not hold what was written.
    """
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=_size(fractions)) as (part,):
        encode(fractions, part, provenance=provenance, settings=settings)
    return path


def encode(
    fractions: Fractions, part: Path, *, provenance: Provenance, settings: Mapping[str, str] | None = None
) -> None:
    """Fill `part` with fractions and verify it; `write` makes it land."""
    about = cf.about(provenance, **(settings or {}))
    sizes = {COVER_LIST: COVERS}
    store(part, fractions.domain, lambda: _fields(fractions), about, needed=_size(fractions), sizes=sizes)


def store(
    part: Path,
    domain: Domain,
    fields: Callable[[], Iterator[Field]],
    about: cf.Attributes,
    *,
    needed: int,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Fill `part` with variables on the cells of a domain, read it again and compare; raises OutputError.

    fields: makes the variables, one at a time, as often as it is called; XLAT and XLON come of themselves. sizes: of
    dimensions beside those of `CELLS`. A variable's attribute `_FillValue` is its value for none.
    """
    try:
        with netCDF4.Dataset(part, "w", format="NETCDF4") as file:
            file.set_auto_maskandscale(False)
            file.setncatts(about)
            for name, size in (*zip(CELLS, domain.shape, strict=True), *(sizes or {}).items()):
                file.createDimension(name, size)
            for one in chain(_places(domain), fields()):
                _add(file, one)
        with netCDF4.Dataset(part) as file:
            file.set_auto_maskandscale(False)
            variables = chain(_places(domain), fields())
            damaged = [one.name for one in variables if not np.array_equal(file[one.name][:], one.values)]
    except (OSError, RuntimeError) as error:
        raise atomic.failure(part, needed, error) from error
    if damaged:
        raise atomic.failure(part, needed, RuntimeError(f"{', '.join(damaged)} came back changed"))


def cell(long_name: str, units: str = "1") -> cf.Attributes:
    """The attributes of a number that each cell of a domain has."""
    return {"long_name": long_name, "units": units, "coordinates": "XLON XLAT"}


def holds_fractions(path: Path | str) -> bool:
    """Whether a NetCDF file holds fractions of a model's cells as `write` lays them out."""
    with opened(Path(path)) as file:
        names = {f"FRAC_{tile}" for tile in TILES}
        return names <= set(file.variables) and file["FRAC_SEA"].dimensions == CELLS


@dataclass(frozen=True, eq=False)
class CellField:
    """Numbers on a model's cells. values: float64 (yy, xx) from the south, not a number where there is no value."""

    name: str
    values: NDArray[np.float64]
    unit: str


def on_cells(path: Path | str) -> bool:
    """Whether a NetCDF file lies on a model's cells, as `write` lays them out."""
    with opened(Path(path)) as file:
        return set(CELLS) <= set(file.dimensions)


def fields(path: Path | str, most: int) -> list[CellField]:
    """The fractions of the tiles or, for want of them, the first `most` variables of real numbers on the cells."""
    with opened(Path(path)) as file:
        real = [name for name, one in file.variables.items() if one.dimensions == CELLS and one.dtype.kind == "f"]
        tiles = [f"FRAC_{tile}" for tile in TILES if f"FRAC_{tile}" in real]
        names = tiles or [name for name in real if name not in ("XLAT", "XLON")][:most]
        return [_cell_field(file, name) for name in names]


def bounds(path: Path | str) -> tuple[float, float, float, float]:
    """(west, south, east, north) of the centres of the cells, degrees; FormatError where the file does not say."""
    with opened(Path(path)) as file:
        lon, lat = (variable(file, name)[:] for name in ("XLON", "XLAT"))
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


def _cell_field(file: netCDF4.Dataset, name: str) -> CellField:
    found = file[name]
    values = np.array(found[:], np.float64)
    values[np.abs(values) >= UNDEFINED] = np.nan
    return CellField(name, values, str(getattr(found, "units", "")))


def means(path: Path | str) -> tuple[tuple[int, int], dict[str, float], list[int]]:
    """The shape (ny, nx), the mean of each tile, and the covers that occur."""
    with opened(Path(path)) as file:
        shape = (file.dimensions["yy"].size, file.dimensions["xx"].size)
        tiles = {tile: float(np.mean(file[f"FRAC_{tile}"][:])) for tile in TILES}
        covers = [int(name[5:]) for name in file.variables if re.fullmatch(r"COVER\d{3}", name)]
    return shape, tiles, covers


def _size(fractions: Fractions) -> int:
    return fractions.cover.nbytes + fractions.tile.nbytes + fractions.vegtype.nbytes


def _add(file: netCDF4.Dataset, one: Field) -> None:
    packed: dict[str, Any] = {}
    if one.dimensions == CELLS:
        chunks = tuple(min(CHUNK, count) for count in one.values.shape)
        packed = {"compression": "zlib", "complevel": LEVEL, "fletcher32": True, "chunksizes": chunks}
    attributes = dict(one.attributes)
    fill = attributes.pop("_FillValue", False)
    made: Any = file.createVariable(one.name, one.values.dtype, one.dimensions, fill_value=fill, **packed)
    made.setncatts(attributes)
    made[:] = one.values


def _fields(fractions: Fractions) -> Iterator[Field]:
    """The variables, one at a time: a large domain has gigabytes of them."""
    legend = tables.legend("ecosg")
    present = (fractions.cover != 0).any(axis=(1, 2))
    listed = {"long_name": "whether each cover occurs, T or F; the covers that do have a variable"}
    yield Field("COVER_LIST", np.where(present, b"T", b"F").astype("S1"), listed, (COVER_LIST,))
    for code, name, values in zip(legend.codes, legend.names, fractions.cover, strict=True):
        if present[code - 1]:
            yield Field(f"COVER{code:03d}", values, _part(f"part of the cell with cover {code}, {name}"), CELLS)
    for name, values in zip(TILES, fractions.tile, strict=True):
        yield Field(f"FRAC_{name}", values, _part(f"part of the cell in the tile {name}"), CELLS)
    for number, values in enumerate(fractions.vegtype, 1):
        kind = legend.names[legend.columns["vegtype"].index(str(number))]
        text = _part(f"part of the tile NATURE with vegetation type {number}, {kind}") | {"_FillValue": UNDEFINED}
        yield Field(f"VEGTYPE{number}", np.nan_to_num(values, nan=UNDEFINED), text, CELLS)
    yield Field("map_pixels", fractions.pixels, cell("number of map pixels with data in the cell"), CELLS)
    flags = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "from_the_map from_the_nearest_cells"}
    text = cell("where the cell's fractions come from") | flags
    del text["units"]
    yield Field("filled", fractions.filled.astype(np.int8), text, CELLS)


def _places(domain: Domain) -> Iterator[Field]:
    lon, lat = domain.centres()
    yield Field("XLAT", lat, _place("latitude", "degrees_north"), CELLS)
    yield Field("XLON", lon, _place("longitude", "degrees_east"), CELLS)


def _place(standard_name: str, units: str) -> cf.Attributes:
    return {"standard_name": standard_name, "long_name": f"{standard_name} of the cell's centre", "units": units}


def _part(long_name: str) -> cf.Attributes:
    return cell(long_name) | {"valid_range": np.array([0, 1], np.float64)}
