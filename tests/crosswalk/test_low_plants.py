"""Rule R9: low plants are which of them the original has, and nothing else moves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.crosswalk.context import most_frequent
from ecosg_update.crosswalk.low_plants import covers, low_plants
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Context, CoverMap, Prediction, Reason

ECOSG = tables.legend("ecosg")
GRID = LatLonGrid(360, 13212, 61524, 6, 8)
PLANTS = covers(ECOSG)


def mixed(parts):
    """A prediction that gives each cell the same parts: {cover: probability}."""
    values = np.zeros((33, *GRID.shape), np.float32)
    for cover, part in parts.items():
        values[ECOSG.index(cover)] = part
    return Prediction(values, np.ones(GRID.shape, np.float32), ECOSG, GRID, "test")


def ruled(prediction, base, radius_km=1.0):
    codes = np.broadcast_to(np.asarray(base, np.uint8), GRID.shape).copy()
    near = most_frequent(CoverMap(codes, GRID, ECOSG), GRID, PLANTS, radius_km)
    return low_plants(prediction, Context(0, codes, {}, GRID), near)


def test_grass_and_crops_are_of_every_climate_and_season():
    assert PLANTS == (16, 17, 18, 19, 20, 21)


def test_flooded_grass_that_is_seen_stays_seen():
    found = ruled(mixed({23: 0.75, 19: 0.25}), 17).prediction.values
    assert (found[ECOSG.index(23)] == 0.75).all() and (found[ECOSG.index(17)] == 0.25).all()


@pytest.mark.parametrize("own", [*PLANTS, 23])
def test_pasture_that_looks_like_crops_stays_what_it_was(own):
    found = ruled(mixed({19: 0.75, 17: 0.125, 8: 0.125}), own).prediction
    assert (found.values[ECOSG.index(own)] == 0.875).all() and (found.values[ECOSG.index(8)] == 0.125).all()


def test_new_low_plants_are_what_grows_around_and_none_around_leaves_them():
    base = np.full(GRID.shape, 13)
    base[:, 0] = 17
    found = ruled(mixed({19: 1.0}), base).prediction.values
    assert (found[ECOSG.index(17), :, :5] == 1).all() and (found[ECOSG.index(19), :, 7] == 1).all()


@given(st.integers(0, 2**32 - 1))
def test_probability_is_conserved_and_only_low_plants_move_once(seed):
    random = np.random.default_rng(seed)
    values = random.dirichlet(np.ones(33), GRID.shape).transpose(2, 0, 1).astype(np.float32)
    prediction = Prediction(values, np.ones(GRID.shape, np.float32), ECOSG, GRID, "random")
    base = random.integers(0, 34, GRID.shape)
    once = ruled(prediction, base)
    others = [ECOSG.index(code) for code in ECOSG.codes if code not in (*PLANTS, 23)]
    assert once.reason == Reason.RULE_LOW_PLANTS
    assert np.array_equal(once.prediction.values[others], values[others])
    assert np.allclose(once.prediction.values.sum(axis=0), 1, atol=1e-5)
    again = ruled(once.prediction, base)
    assert not again.touched.any() and np.array_equal(again.prediction.values, once.prediction.values)
