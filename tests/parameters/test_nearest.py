"""The nearest cells of a type are those of a k-d tree on the sphere, around the globe and next to the pole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from ecosg_update.errors import ConfigError
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.nearest import EARTH_KM, Search, averaged, nearest, surroundings

GRIDS = [
    LatLonGrid(360, 12_960, 61_000, 19, 33),
    LatLonGrid(4, 3, 11, 40, 90),  # up to 89 N
    LatLonGrid(1, 0, 77, 60, 360),  # once around, with the pole
    LatLonGrid(1, 95, 0, 40, 359),  # all but one column
    LatLonGrid(2, 300, 718, 30, 5),  # across the dateline
    LatLonGrid(1, 0, 0, 180, 1),
]


def unit_vectors(grid, rows, cols):
    lat, lon = np.radians(grid.latitudes[rows]), np.radians(grid.longitudes[cols])
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


@given(
    st.sampled_from(GRIDS),
    st.integers(0, 999),
    st.integers(1, 5),
    st.sampled_from([60.0, 700.0, 5000.0, 20_015.0]),
    st.sampled_from([0.002, 0.05, 0.5]),
)
def test_the_distances_are_those_of_a_tree_on_the_sphere(grid, seed, count, radius, share):
    rng = np.random.default_rng(seed)
    types = np.where(rng.random(grid.shape) < share, 8, 17).astype(np.uint8)
    targets = np.nonzero(types == 17)
    picked = rng.choice(targets[0].size, min(20, targets[0].size), replace=False)
    rows, cols = targets[0][picked], targets[1][picked]
    found = nearest(types, grid, (rows, cols), np.full(rows.size, 8, np.uint8), Search(count, radius))
    donors = np.nonzero(types == 8)
    assert found.any.tolist() == (np.isfinite(found.km[:, 0])).tolist()
    if not donors[0].size:
        assert not found.any.any()
        return
    chords, _ = cKDTree(unit_vectors(grid, *donors)).query(
        unit_vectors(grid, rows, cols), k=list(range(1, count + 1))
    )
    km = np.where(np.isfinite(chords), 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1)), np.inf)
    near = np.where(km <= radius, km, np.inf)
    edge = np.abs(km - radius) < 1e-6 * radius  # a cell on the circle itself may be in or out
    np.testing.assert_allclose(found.km[~edge], near[~edge], rtol=1e-7)
    held = found.places >= 0
    assert (types.ravel()[found.places[held]] == 8).all()
    assert all(len(set(line[line >= 0])) == (line >= 0).sum() for line in found.places)


def test_every_target_finds_its_own_type():
    grid = GRIDS[0]
    types = np.zeros(grid.shape, np.uint8)
    types[2, 3], types[10, 20], types[4, 5] = 8, 17, 15
    rows, cols = np.array([2, 2, 0]), np.array([4, 4, 0])
    found = nearest(types, grid, (rows, cols), np.array([8, 17, 9], np.uint8), Search(2, 100))
    assert found.places[:, 0].tolist() == [2 * 33 + 3, 10 * 33 + 20, -1]
    assert found.places[:, 1].tolist() == [-1, -1, -1]


def test_ties_go_to_the_north_and_then_to_the_west():
    grid = LatLonGrid(1, 80, 100, 5, 5)
    types = np.zeros(grid.shape, np.uint8)
    types[1, 2] = types[3, 2] = types[2, 1] = types[2, 3] = 8
    found = nearest(types, grid, (np.array([2]), np.array([2])), np.array([8], np.uint8), Search(4, 500))
    places = [divmod(place, 5) for place in found.places[0]]
    assert places == [(2, 1), (2, 3), (1, 2), (3, 2)]  # along the parallel is nearer at 7 N


def test_a_mean_is_weighted_by_distance_and_stays_between_its_values():
    grid = LatLonGrid(1, 90, 0, 1, 7)
    types = np.array([[8, 0, 0, 8, 0, 0, 8]], np.uint8)
    values = np.array([[10, 0, 0, 40, 0, 0, 99]], np.uint16)
    found = nearest(types, grid, (np.array([0]), np.array([1])), np.array([8], np.uint8), Search(2, 400))
    assert averaged(found, values).tolist() == [20]  # (10 / 1 + 40 / 2) / (1 / 1 + 1 / 2)
    alone = nearest(types, grid, (np.array([0]), np.array([1])), np.array([8], np.uint8), Search(2, 120))
    assert averaged(alone, values).tolist() == [10]
    none = nearest(types, grid, (np.array([0]), np.array([1])), np.array([9], np.uint8), Search(2, 400))
    assert averaged(none, values).tolist() == [0]


@given(st.data())
def test_the_surroundings_hold_every_cell_within_the_radius(data):
    whole = data.draw(st.sampled_from(GRIDS))
    rows, cols = data.draw(st.integers(1, min(3, whole.rows))), data.draw(st.integers(1, min(3, whole.cols)))
    top = data.draw(st.integers(0, whole.rows - rows))
    left = data.draw(st.integers(0, whole.cols - cols))
    col = (whole.col + left) % whole.world_cols
    cells = LatLonGrid(whole.per_degree, whole.row + top, col, rows, cols)
    radius = data.draw(st.sampled_from([1.0, 50.0, 500.0, 9000.0]))
    window = surroundings(cells, whole, radius)
    assert whole.contains(window) and window.contains(cells)
    grid_rows, grid_cols = np.divmod(np.arange(whole.rows * whole.cols), whole.cols)
    inside = np.zeros(whole.shape, np.bool_)
    for _, (at_rows, at_cols) in window.windows_in(whole):
        inside[at_rows, at_cols] = True
    corner = unit_vectors(whole, np.array([top, top + rows - 1]), np.array([left, left + cols - 1]))
    everywhere = unit_vectors(whole, grid_rows, grid_cols)
    chords = np.linalg.norm(everywhere[:, None] - corner, axis=2).min(axis=1)
    near = 2 * EARTH_KM * np.arcsin(np.minimum(chords / 2, 1)) <= radius
    assert inside.ravel()[near].all()


@pytest.mark.parametrize(("neighbours", "radius"), [(0, 50), (3, 0), (3, -1), (3, float("nan")), (3, 30_000)])
def test_a_search_for_nothing_is_refused(neighbours, radius):
    with pytest.raises(ConfigError, match="neighbours within"):
        Search(neighbours, radius)
