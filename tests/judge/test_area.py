"""Areas of cells against the ellipsoid's surface and against geodesic polygons."""

import numpy as np
import pyproj
import pytest

from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.area import cell_km2

EARTH_KM2 = 510_065_621.724
"""The surface of WGS84, as geodesy gives it."""


@pytest.mark.parametrize("per_degree", [1, 7, 360])
def test_all_cells_together_are_the_surface_of_the_earth(per_degree):
    globe = LatLonGrid.globe(per_degree)
    assert cell_km2(globe).sum() * globe.cols == pytest.approx(EARTH_KM2, rel=1e-12)


@pytest.mark.parametrize("lat", [-71.0, -0.5, 0.0, 52.2, 84.0])
@pytest.mark.parametrize("per_degree", [1, 360, 1800])
def test_a_cell_has_the_area_of_its_geodesic_polygon(lat, per_degree):
    row = int((90 - lat) * per_degree) - 1
    cell = LatLonGrid(per_degree, row, 0, 1, 1)
    east = np.linspace(cell.west, cell.east, 400)
    lons, lats = np.r_[east, east[::-1]], np.r_[np.full(400, cell.south), np.full(400, cell.north)]
    square_metres, _ = pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lons, lats)
    assert cell_km2(cell)[0] == pytest.approx(square_metres / 1e6, rel=1e-6)


def test_a_window_has_the_rows_of_the_globe():
    window = LatLonGrid(360, 13212, 61524, 5, 3)
    np.testing.assert_array_equal(cell_km2(window), cell_km2(LatLonGrid.globe(360))[13212:13217])


def test_north_and_south_are_alike_and_every_cell_has_an_area():
    areas = cell_km2(LatLonGrid.globe(3600))
    np.testing.assert_allclose(areas, areas[::-1], rtol=1e-6)
    assert areas.min() > 0
