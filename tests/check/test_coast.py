"""Real coasts and lakes, drawn at 300 m and finer from Natural Earth, raise no false alarm."""

import sqlite3
import struct

import numpy as np
import pytest
from rasterio.features import rasterize

from ecosg_update.checking import checked
from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from tests.check.maps import pair
from tests.conftest import shared

COASTS = {
    "fjords of Norway": (4.5, 58.5, 8.5, 62.5),
    "Denmark and its sounds": (8.0, 54.5, 13.0, 58.0),
    "Aegean": (22.5, 36.0, 27.5, 41.0),
    "Finland's lakes": (21.0, 60.0, 29.0, 63.0),
    "Sea of Marmara": (26.0, 39.8, 30.0, 41.5),
    "Dutch and Frisian islands": (3.0, 51.0, 8.5, 54.0),
}


def polygons(layer):
    """The polygons of a GeoPackage layer as GeoJSON: its blobs are a header, a box, and well-known binary."""
    path = shared("natural_earth_europe", "natural_earth_europe.gpkg")
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as database:
        blobs = [blob for (blob,) in database.execute(f"select geom from {layer}")]
    for blob in blobs:
        boxes = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[blob[3] >> 1 & 7]
        yield {"type": "Polygon", "coordinates": rings(blob[8 + boxes :])}


def rings(binary):
    assert binary[0] == 1 and struct.unpack_from("<I", binary, 1) == (3,), "a plain polygon, little-endian"
    (count,) = struct.unpack_from("<I", binary, 5)
    found, at = [], 9
    for _ in range(count):
        (points,) = struct.unpack_from("<I", binary, at)
        found.append(np.frombuffer(binary, "<f8", 2 * points, at + 4).reshape(-1, 2).tolist())
        at += 4 + 16 * points
    return found


@pytest.fixture(scope="module")
def shapes():
    return [*((shape, 17) for shape in polygons("ne_10m_land")), *((shape, 2) for shape in polygons("ne_10m_lakes"))]


def drawn(shapes, grid):
    return rasterize(shapes, grid.shape, fill=1, transform=grid.transform, dtype="uint8")


@pytest.mark.parametrize("per_degree", [360, 900])
@pytest.mark.parametrize("name", COASTS)
def test_a_real_coast_is_plausible(tmp_path, shapes, name, per_degree):
    grid = LatLonGrid.from_bounds(per_degree, COASTS[name])
    content = drawn(shapes, grid)
    assert {1, 2, 17} >= set(np.unique(content)) >= {1, 17}
    data = pair(tmp_path, header.text(Header(name, grid)), content)
    assert checked(data, base=data).faults == ()


def test_a_lake_out_at_sea_and_a_sea_in_the_mountains_are_found_on_a_real_coast(tmp_path, shapes):
    grid = LatLonGrid.from_bounds(360, COASTS["fjords of Norway"])
    content = drawn(shapes, grid)
    content[30:33, 30:35] = 2
    content[400:402, 1400:1403] = 1
    report = checked(pair(tmp_path, header.text(Header("Norway", grid)), content))
    found = {fault.rule: fault.what for fault in report.faults}
    assert "1 cluster (15 cells)" in found["lake-in-sea"] and "row 31 column 31" in found["lake-in-sea"]
    assert "1 cluster (6 cells)" in found["sea-inland"] and "row 401 column 1401" in found["sea-inland"]
