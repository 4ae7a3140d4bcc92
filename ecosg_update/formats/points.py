"""Points with a class that was seen there, such as LUCAS: CSV as Eurostat publishes it, or vector files."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read

from ecosg_update.errors import FormatError, GridError
from ecosg_update.formats.polygons import is_vector
from ecosg_update.grid import GEOGRAPHIC, projection

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGITUDES = ("point_long", "th_long", "gps_long", "longitude", "lon", "x_wgs84")
LATITUDES = ("point_lat", "th_lat", "gps_lat", "latitude", "lat", "y_wgs84")
"""The place of the design before that of the surveyor: the class holds for the former."""

CLASSES = ("survey_lc1", "lc1", "code", "class")
DISTANCES = ("survey_obs_dist", "obs_dist")
PARCELS = ("survey_parcel_area_ha", "parcel_area_ha", "parcel_are")
WEST_OR_EAST = ("gps_ew",)

NOT_MEASURED = 88.0
"""Degrees from which a GPS latitude of LUCAS (88.888888) means that there was no fix."""


@dataclass(frozen=True, eq=False)
class Points:
    """Points, and columns beside them as text ("" where empty).

    lon, lat: float64 (point,), degrees, not a number where the file has none. classes, distances, parcels: (point,)
    as written; the latter two are None where the file has no such column. column: the name of the classes' column.
    """

    path: Path
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    classes: tuple[str, ...]
    column: str
    distances: tuple[str, ...] | None
    parcels: tuple[str, ...] | None


def is_points(path: Path) -> bool:
    """Whether a file is one of points: a CSV, or a vector file whose geometry is points."""
    if path.suffix.lower() in (".csv", ".txt"):
        return True
    if not is_vector(path) or not path.is_file():
        return False
    with _named(path):
        return "Point" in str(pyogrio.read_info(path)["geometry_type"])


def points(path: Path | str, column: str | None = None) -> Points:
    """The points of a file; column: that of the classes, default the first of `CLASSES` that it has.

    Columns are found whatever their case. A vector file's points are its geometry. Raises FormatError where the file
    cannot be read or lacks a column, GridError without a reference system.
    """
    path = Path(path)
    wanted = (column.lower(),) if column else CLASSES
    return _of_vector(path, wanted) if is_vector(path) else _of_csv(path, wanted)


def _of_csv(path: Path, wanted: Sequence[str]) -> Points:
    groups = {"lon": LONGITUDES, "lat": LATITUDES, "class": wanted, "far": DISTANCES, "parcel": PARCELS}
    with _named(path), path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        names = next(csv.reader([head], delimiter=_separator(head)), [])
        at = {key: _found(names, group) for key, group in (groups | {"side": WEST_OR_EAST}).items()}
        for key in ("lon", "lat", "class"):
            if at[key] is None:
                raise FormatError(_lacking(path, groups[key], names))
        kept = [
            [line[place] if place is not None and place < len(line) else "" for place in at.values()]
            for line in csv.reader(file, delimiter=_separator(head))
            if line
        ]
    cells = dict(zip(at, zip(*kept, strict=True), strict=True)) if kept else dict.fromkeys(at, ())
    lon, lat = _numbers(cells["lon"]), _numbers(cells["lat"])
    if at["lon"] is not None and names[at["lon"]].lower() == "gps_long":
        lon *= np.where(np.array([side.strip().upper() == "W" for side in cells["side"]], np.bool_), -1.0, 1.0)
    gone = (np.abs(lat) > NOT_MEASURED) | (np.abs(lon) > 360)
    lon[gone], lat[gone] = math.nan, math.nan
    return Points(
        path, lon, lat, tuple(cells["class"]), names[at["class"] or 0],
        tuple(cells["far"]) if at["far"] is not None else None,
        tuple(cells["parcel"]) if at["parcel"] is not None else None,
    )  # fmt: skip


def _of_vector(path: Path, wanted: Sequence[str]) -> Points:
    with _named(path):
        info = pyogrio.read_info(path)
        names = [str(name) for name in info["fields"]]
        at = [_found(names, group) for group in (wanted, DISTANCES, PARCELS)]
        if at[0] is None:
            raise FormatError(_lacking(path, wanted, names))
        if not info["crs"]:
            raise GridError(f"{path}: has no coordinate reference system; assign one (ogr2ogr -a_srs)")
        columns = [None if place is None else names[place] for place in at]
        meta, _, shapes, fields = read(path, columns=[name for name in columns if name is not None])
        where = shapely.from_wkb(shapes)
    lon, lat = projection(str(info["crs"]), GEOGRAPHIC).transform(shapely.get_x(where), shapely.get_y(where))
    held = dict(zip((str(name) for name in meta["fields"]), fields, strict=True))
    classes, distances, parcels = (None if name is None else tuple(map(_text, held[name])) for name in columns)
    lon, lat = (np.where(np.isfinite(axis), axis, math.nan) for axis in (lon, lat))
    return Points(path, lon, lat, classes or (), str(columns[0]), distances, parcels)


def _found(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    lower = [name.strip().lower() for name in names]
    return next((lower.index(name) for name in wanted if name in lower), None)


def _lacking(path: Path, wanted: Sequence[str], names: Sequence[str]) -> str:
    shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    return f"{path}: has no column {' or '.join(wanted)}, found {shown or 'none'}; give the published table"


def _separator(head: str) -> str:
    return max(",;\t", key=head.count)


def _numbers(cells: Sequence[str]) -> NDArray[np.float64]:
    return np.array([_number(cell) for cell in cells], np.float64)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _text(value: Any) -> str:
    """A field as text: empty for what is missing, 3 for the 3.0 of a column with gaps."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value).strip()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """A block whose failures name `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise FormatError(f"{path}: is no file; check the path") from error
    except (OSError, UnicodeDecodeError, csv.Error, DataSourceError, DataLayerError) as error:
        raise FormatError(f"{path}: cannot be read as points ({error}); check the file") from error
