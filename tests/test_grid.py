"""Laws of the lattices: cutting, pasting and snapping are exact everywhere on the globe."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import CoverageError, GridError
from ecosg_update.grid import GeoGrid, LatLonGrid, cut, pasted


@st.composite
def grids(draw):
    """Any window of a coarse lattice, also across the dateline and around the globe."""
    n = draw(st.sampled_from([1, 2]))
    rows = draw(st.integers(1, 180 * n))
    cols = draw(st.integers(1, 360 * n))
    return LatLonGrid(n, draw(st.integers(0, 180 * n - rows)), draw(st.integers(0, 360 * n - 1)), rows, cols)


@st.composite
def grids_and_parts(draw):
    """A window and a window inside it."""
    whole = draw(grids())
    rows, cols = draw(st.integers(1, whole.rows)), draw(st.integers(1, whole.cols))
    row = whole.row + draw(st.integers(0, whole.rows - rows))
    col = whole.col + draw(st.integers(0, whole.cols - cols))
    return whole, LatLonGrid(whole.per_degree, row, col % whole.world_cols, rows, cols)


def numbered(grid):
    """Each cell holds its own number on the global lattice."""
    row = grid.row + np.arange(grid.rows)[:, np.newaxis]
    col = (grid.col + np.arange(grid.cols)) % grid.world_cols
    return row * grid.world_cols + col


@given(grids_and_parts())
def test_a_cut_holds_the_cells_that_its_grid_names(pair):
    whole, part = pair
    assert np.array_equal(cut(numbered(whole), whole, part), numbered(part))


@given(grids_and_parts())
def test_pasting_what_was_cut_changes_nothing(pair):
    whole, part = pair
    values = numbered(whole)
    assert np.array_equal(pasted(values, whole, part, cut(values, whole, part)), values)


@given(grids_and_parts())
def test_pasting_changes_the_part_and_nothing_else(pair):
    whole, part = pair
    values = pasted(numbered(whole), whole, part, np.full(part.shape, -1))
    assert (cut(values, whole, part) == -1).all()
    assert (values == -1).sum() == part.rows * part.cols


@given(grids())
def test_a_grid_is_found_again_from_its_bounds(grid):
    again = LatLonGrid.from_bounds(grid.per_degree, grid.bounds)
    assert (again.row, again.rows, again.cols) == (grid.row, grid.rows, grid.cols)
    assert again.col == grid.col


@given(
    st.floats(-180, 179),
    st.floats(0.01, 300),
    st.floats(-89, 88),
    st.floats(0.01, 90),
    st.sampled_from([1, 360, 1800]),
)
def test_snapping_goes_outward_by_less_than_a_cell(west, width, south, height, per_degree):
    north = min(90.0, south + height)
    grid = LatLonGrid.from_bounds(per_degree, (west, south, west + width, north))
    slack = 2e-3 / per_degree
    assert grid.west <= west + slack and grid.east >= west + width - slack
    assert grid.south <= south + slack and grid.north >= north - slack
    assert west - grid.west < 1 / per_degree + slack and grid.east - west - width < 1 / per_degree + slack
    assert south - grid.south < 1 / per_degree + slack and grid.north - north < 1 / per_degree + slack


@given(grids())
def test_latitudes_and_longitudes_are_the_cell_centres(grid):
    lon, _ = grid.transform @ (0.5, 0.5)
    _, lat = grid.transform @ (grid.cols - 0.5, grid.rows - 0.5)
    assert grid.longitudes[0] == pytest.approx(lon)
    assert grid.latitudes[-1] == pytest.approx(lat)
    assert (np.diff(grid.longitudes) > 0).all() and (np.diff(grid.latitudes) < 0).all()


@given(grids(), grids())
def test_an_intersection_is_inside_both(one, other):
    if one.per_degree != other.per_degree:
        with pytest.raises(GridError):
            one.intersection(other)
        return
    both = one.intersection(other)
    shared = np.intersect1d(numbered(one), numbered(other)) if one.rows * other.rows * one.cols < 1e6 else None
    if both is None:
        assert shared is None or shared.size == 0
        return
    assert one.contains(both) and other.contains(both)
    assert shared is None or both.rows * both.cols <= shared.size


def test_bounds_across_the_dateline_make_one_window():
    grid = LatLonGrid.from_bounds(360, (177.7, -18.0, -179.3, -16.5))
    assert grid.cols == 3 * 360
    assert grid.west == pytest.approx(177.7) and grid.east == pytest.approx(180.7)
    assert grid.north == -16.5


def test_a_dateline_window_lies_in_two_pieces_of_the_globe():
    grid = LatLonGrid.from_bounds(2, (179, -10, -179, -9))
    pieces = list(grid.windows_in(LatLonGrid.globe(2)))
    assert [(to.start, to.stop) for _, (_, to) in pieces] == [(718, 720), (0, 2)]


def test_the_header_edges_of_real_maps_snap_to_their_lattice():
    assert LatLonGrid.from_bounds(360, (-3.5777777778, 36.8222222222, -3.3416666667, 37.0055555556)).shape == (66, 85)


def test_the_global_map_has_the_size_of_ecoclimap_sg():
    assert LatLonGrid.globe(360) == LatLonGrid(360, 0, 0, 64800, 129600)
    assert LatLonGrid.from_bounds(360, (-180, -90, 180, 90)) == LatLonGrid.globe(360)


def test_a_finer_lattice_covers_the_same_area():
    grid = LatLonGrid(360, 13212, 61524, 396, 648)
    assert grid.at(1800).bounds == grid.bounds
    assert grid.at(1800).at(360) == grid


def test_a_part_outside_the_map_is_a_coverage_error():
    with pytest.raises(CoverageError, match="is not inside"):
        cut(np.zeros((3, 5)), LatLonGrid(1, 0, 0, 3, 5), LatLonGrid(1, 2, 3, 2, 2))


@pytest.mark.parametrize(
    "bounds", [(0, 1, 2, 1), (0, 5, 2, 1), (1, 0, 1, 2), (0, -91, 1, 0), (0, float("nan"), 1, 2), (-200, 0, 200, 1)]
)
def test_impossible_bounds_are_refused(bounds):
    with pytest.raises(GridError):
        LatLonGrid.from_bounds(360, bounds)


def utm(rows=3, cols=5, zone=32629, west=300000.0, north=5900040.0, pixel=10.0):
    return GeoGrid(f"EPSG:{zone}", Affine(pixel, 0, west, 0, -pixel, north), (rows, cols))


def test_a_raster_needs_a_reference_system_and_north_up():
    with pytest.raises(GridError, match="no coordinate reference system"):
        GeoGrid("", Affine(10, 0, 0, 0, -10, 0), (3, 5))
    with pytest.raises(GridError, match="not north-up"):
        GeoGrid("EPSG:32629", Affine(10, 0, 0, 0, 10, 0), (3, 5))
    with pytest.raises(GridError, match="no coordinate reference system that PROJ knows"):
        GeoGrid("EPSG:123456", Affine(10, 0, 0, 0, -10, 0), (3, 5)).lonlat_bounds()


@pytest.mark.parametrize(
    "zone, north", [(32629, 5900040.0), (32733, 9400000.0), (32601, 1100000.0), (32760, 8200000.0)]
)
def test_the_window_over_a_cell_holds_all_of_its_pixels(zone, north):
    grid = utm(200, 300, zone=zone, north=north)
    west, south, east, north_lat = grid.lonlat_bounds()
    middle = (west + ((east - west) % 360) / 2, (south + north_lat) / 2)
    cells = LatLonGrid.from_bounds(360, (middle[0], middle[1], middle[0] + 0.001, middle[1] + 0.001))
    rows, cols = grid.covering(cells)
    corners = grid.window(rows, cols).lonlat_bounds()
    assert corners[1] <= cells.south + 1e-4 and corners[3] >= min(cells.north, north_lat) - 1e-4
    assert rows.stop - rows.start < 60 and cols.stop - cols.start < 60


def test_a_raster_far_away_covers_nothing():
    assert utm().covering(LatLonGrid.from_bounds(360, (20, 50, 21, 51))) is None


def test_a_tile_across_the_dateline_has_west_beyond_east():
    west, _, east, _ = utm(1000, 1000, zone=32601, west=199980.0, north=5000000.0).lonlat_bounds()
    assert west > 170 and west < east + 360
