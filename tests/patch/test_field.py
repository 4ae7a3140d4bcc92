"""Fields have exact variance and the asked covariance, and depend on the place alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.patch.field import NEAR, PERIMETER_KM, field, stencil

KM_A_DEGREE = PERIMETER_KM / 360


def covariances(cells, correlation_km):
    """(cell, node) of every node's weight in every cell of a window: its product with itself is the covariance."""
    hears = stencil(cells, correlation_km)
    start = [int(nodes.min()) for nodes in hears.nodes]
    most = max(int(nodes.max()) + NEAR - first for nodes, first in zip(hears.nodes, start, strict=True))
    weights = np.zeros((cells.rows, cells.cols, len(hears.rings), most))
    for row in range(cells.rows):
        for near in range(NEAR):
            ring = hears.first[row] + near
            for col in range(cells.cols):
                at = hears.nodes[ring, col] - start[ring]
                weights[row, col, ring, at : at + NEAR] += hears.across[row, near] * hears.along[ring, :, col]
    weights = weights.reshape(cells.cells, -1)
    return weights @ weights.T


def kilometres(cells):
    """(cell, cell): great-circle distances."""
    lat, lon = np.meshgrid(np.radians(cells.latitudes), np.radians(cells.longitudes), indexing="ij")
    point = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1).reshape(-1, 3)
    chord = np.linalg.norm(point[:, None] - point[None], axis=-1)
    return 2 * np.arcsin(chord / 2) * KM_A_DEGREE * 180 / math.pi


@pytest.mark.parametrize("latitude", [0.0, 53.2, -71.0])
@pytest.mark.parametrize("correlation_km", [5.0, 17.0])
def test_the_covariance_is_that_of_the_great_circle_distance(latitude, correlation_km):
    """Exact, from the weights: no sampling. A lattice of 12 a degree spans several lengths in a few cells."""
    step = 24 if correlation_km < 10 else 12
    cells = LatLonGrid.from_bounds(step, (178.5, latitude - 0.3, -178.7, latitude + 0.3))
    found, km = covariances(cells, correlation_km), kilometres(cells)
    assert np.abs(found - np.exp(-np.square(km / correlation_km) / 2)).max() < 0.003


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.5, 400))
def test_the_variance_is_one_at_every_cell_of_the_globe(per_degree, row, col, correlation_km):
    cells = LatLonGrid(per_degree, row % (180 * per_degree - 2), col % (360 * per_degree), 3, 5)
    if correlation_km < KM_A_DEGREE / per_degree:
        with pytest.raises(ConfigError, match="km high"):
            stencil(cells, correlation_km)
        return
    hears = stencil(cells, correlation_km)
    assert np.allclose(np.square(hears.across, dtype=np.float64).sum(axis=1), 1, atol=1e-6)
    assert np.allclose(np.square(hears.along, dtype=np.float64).sum(axis=1), 1, atol=1e-6)
    assert np.isfinite(field(cells, correlation_km, seed=1)).all()
    for nodes, around in zip(hears.nodes, hears.around, strict=True):
        assert around >= NEAR, "a node that is heard twice would count double"
        assert nodes.shape == (5,)


@settings(max_examples=25)
@given(st.data())
def test_windows_agree_to_the_bit_where_they_overlap(data):
    """Over the dateline, at the poles and anywhere else."""
    per_degree = data.draw(st.sampled_from([30, 360]))
    rows, cols = data.draw(st.integers(2, 30)), data.draw(st.integers(2, 40))
    top = data.draw(st.integers(0, 180 * per_degree - rows))
    left = (data.draw(st.integers(-45, 45)) - 20) % (360 * per_degree)
    whole = LatLonGrid(per_degree, top, left, rows, cols)
    high, wide = data.draw(st.integers(1, rows)), data.draw(st.integers(1, cols))
    down, right = data.draw(st.integers(0, rows - high)), data.draw(st.integers(0, cols - wide))
    part = LatLonGrid(per_degree, top + down, (left + right) % whole.world_cols, high, wide)
    one, other = field(whole, 8.0, seed=3, member=2, cover=7), field(part, 8.0, seed=3, member=2, cover=7)
    assert np.array_equal(cut(one, whole, part), other)


def test_finer_cells_hold_the_same_field():
    coarse = LatLonGrid.from_bounds(360, (5.9, 60.0, 6.0, 60.05))
    found = field(coarse.at(1800), 5.0, seed=1)
    assert np.allclose(found[2::5, 2::5], field(coarse, 5.0, seed=1), atol=1e-5)


def test_the_margins_are_normal_and_fields_of_other_numbers_are_independent():
    """4900 nearly independent places, 12 lengths apart, of each of four fields."""
    cells = LatLonGrid.from_bounds(2, (-17.5, 17.5, 17.5, 52.5))
    numbers = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1)]
    fields = [field(cells, 60.0, seed=s, member=m, cover=c)[::2, ::2].ravel() for s, m, c in numbers]
    for values in fields:
        sorted_ = np.sort(values)
        normal = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in sorted_])
        steps = np.arange(1, values.size + 1) / values.size
        assert np.abs(normal - steps).max() < 1.95 / math.sqrt(values.size)  # Kolmogorov-Smirnov, 1 in 1000
    table = np.corrcoef(fields)
    assert np.abs(table[np.triu_indices(4, 1)]).max() < 4 / math.sqrt(fields[0].size)


@pytest.mark.parametrize("length", [0.0, -5.0, 0.05, 501.0, math.nan, math.inf])
def test_a_length_that_nodes_cannot_carry_is_refused(length):
    with pytest.raises(ConfigError, match="correlation_km"):
        field(LatLonGrid(360, 1, 2, 3, 5), length, seed=1)
