"""Polygons with a class or a name, in any vector file that GDAL reads: GeoPackage, shapefile, GeoJSON.

Read with pyogrio (the GeoPandas project's binding of GDAL's vector side), by window, into plain arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import rasterio.features
import shapely
from affine import Affine
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read

from ecosg_update.errors import FormatError, GridError
from ecosg_update.grid import Bounds, GeoGrid, projection

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRIVERS = {
    ".gpkg": "GPKG",
    ".shp": "ESRI Shapefile",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON",
    ".fgb": "FlatGeobuf",
}


@dataclass(frozen=True)
class Polygons:
    """A layer of polygons in a file; none is in memory. column: the attribute that is read with them."""

    path: Path
    layer: str
    column: str
    crs: str

    def within(self, bounds: Bounds, crs: str) -> tuple[NDArray[np.object_], NDArray[Any]]:
        """The shapes in `crs` that touch `bounds` (in it too), and their attribute; the order is the file's.

        Raises FormatError for a damaged file.
        """
        there = projection(crs, self.crs).transform_bounds(*bounds, densify_pts=21)
        if not np.isfinite(there).all():
            return np.empty(0, object), np.empty(0, object)
        try:
            _, _, shapes, fields = read(self.path, layer=self.layer, columns=[self.column], bbox=there)
        except (DataSourceError, DataLayerError, ValueError) as error:
            raise FormatError(f"{self.path}: layer {self.layer} cannot be read ({error}); repair the file") from error
        found = shapely.from_wkb(shapes)
        if self.crs != crs and len(found):
            to = projection(self.crs, crs)
            found = shapely.transform(found, lambda points: np.column_stack(to.transform(points[:, 0], points[:, 1])))
        return found, fields[0]


def polygons(path: Path | str, columns: Sequence[str], layer: str | None = None) -> Polygons:
    """The first of `columns` (whatever their case) that a layer has, with its polygons; a lone layer needs no name.

    Raises FormatError where there is no such file, layer, column or polygon, GridError without a reference system.
    """
    path = Path(path)
    layer = layer or _lone_layer(path)
    try:
        info = pyogrio.read_info(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        raise FormatError(f"{path}: layer {layer} cannot be read ({error}); it has {_layers(path)}") from error
    if "Polygon" not in str(info["geometry_type"]):
        raise FormatError(f"{path}: layer {layer} holds {info['geometry_type']}, expected polygons; name another")
    if not info["crs"]:
        raise GridError(f"{path}: layer {layer} has no coordinate reference system; assign one (ogr2ogr -a_srs)")
    lower = {str(field).lower(): str(field) for field in info["fields"]}
    column = next((lower[name.lower()] for name in columns if name.lower() in lower), None)
    if column is None:
        raise FormatError(
            f"{path}: layer {layer} has no attribute {' or '.join(columns)}, found "
            f"{', '.join(lower.values()) or 'none'}; name the one that holds the class"
        )
    return Polygons(path, layer, column, str(info["crs"]))


def extent(source: Polygons) -> GeoGrid:
    """The box around all polygons of a layer, as one pixel; FormatError where it holds none."""
    try:
        west, south, east, north = pyogrio.read_bounds(source.path, layer=source.layer)[1]
    except (DataSourceError, DataLayerError, ValueError) as error:
        raise FormatError(f"{source.path}: layer {source.layer} cannot be read ({error}); repair the file") from error
    if not len(west):
        raise FormatError(f"{source.path}: layer {source.layer} holds no polygon; name another")
    left, top = float(np.nanmin(west)), float(np.nanmax(north))
    wide, high = float(np.nanmax(east)) - left, top - float(np.nanmin(south))
    return GeoGrid(source.crs, Affine(wide, 0.0, left, 0.0, -high, top), (1, 1))


def is_vector(path: Path) -> bool:
    """Whether the name of a file is that of a vector file."""
    return path.suffix.lower() in _DRIVERS


def burnt(source: Polygons, grid: GeoGrid) -> NDArray[np.uint16]:
    """uint16 (y, x): the code of the polygon around the centre of each pixel of `grid`, 0 where there is none.

    Where polygons overlap the later one in the file holds. Raises FormatError for an attribute that is no whole
    number of 1..65535 (text such as "311" is one).
    """
    shapes, values = source.within(grid.bounds, grid.crs)
    if not len(shapes):
        return np.zeros(grid.shape, np.uint16)
    codes = _codes(source, values)
    near = shapely.clip_by_rect(shapes, *_wider(grid))
    inside = ~(shapely.is_missing(near) | shapely.is_empty(near))
    if not inside.any():
        return np.zeros(grid.shape, np.uint16)
    burning = rasterio.features.rasterize(
        zip(near[inside], codes[inside].tolist(), strict=True),
        out_shape=grid.shape,
        transform=grid.transform,
        fill=0,
        dtype="uint16",
    )
    return np.asarray(burning, np.uint16)


def _wider(grid: GeoGrid) -> Bounds:
    """The bounds with a pixel around: where polygons of a whole country are cut off, out of sight of any centre."""
    west, south, east, north = grid.bounds
    width, height = grid.pixel
    return west - width, south - height, east + width, north + height


def _codes(source: Polygons, values: NDArray[Any]) -> NDArray[np.int64]:
    try:
        codes = np.array([int(value) for value in values], np.int64)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{source.path}: {source.column} holds what is no code ({error}); name another") from error
    if codes.min() < 1 or codes.max() > np.iinfo(np.uint16).max:
        raise FormatError(f"{source.path}: {source.column} reaches {codes.min()}..{codes.max()}, expected 1..65535")
    return codes


def _lone_layer(path: Path) -> str:
    names = _layers(path)
    if len(names) != 1:
        raise FormatError(f"{path}: has the layers {', '.join(names) or 'none'}; name one of them")
    return names[0]


def _layers(path: Path) -> list[str]:
    if not path.is_file():
        raise FormatError(f"{path}: is no file; check the path")
    try:
        return [str(name) for name, _ in pyogrio.list_layers(path)]
    except DataSourceError as error:
        raise FormatError(f"{path}: is no vector file that GDAL reads ({error}); check it") from error
