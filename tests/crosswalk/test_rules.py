"""Probability that moves is never lost, and a cell remembers the rule that chose its cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.crosswalk.crops import crops
from ecosg_update.crosswalk.rules import applied, moved, notes, recorded
from ecosg_update.crosswalk.snow import snow
from ecosg_update.crosswalk.wetlands import wetlands
from ecosg_update.errors import GridError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Context, CoverMap, Prediction, Reason
from ecosg_update.patch.decide import Policy, decided

ECOSG = tables.legend("ecosg")
GRID = LatLonGrid(360, 13212, 61524, 3, 5)


def random_prediction(seed, grid=GRID):
    """Probabilities of all covers, with an unseen cell and covers that never occur."""
    random = np.random.default_rng(seed)
    values = random.random((33, *grid.shape), np.float32) ** 4
    values[random.random((33, *grid.shape)) < 0.4] = 0
    values[16] += 0.01
    values /= values.sum(axis=0)
    share = random.random(grid.shape, np.float32) + np.float32(0.01)
    values[:, 1, 2], share[1, 2] = 0, 0
    return Prediction(values, np.minimum(share, 1), ECOSG, grid, "random")


def certain(covers, grid=GRID):
    """A prediction that is sure of `covers`, one number or (y, x)."""
    codes = np.broadcast_to(covers, grid.shape)
    values = (np.arange(1, 34)[:, None, None] == codes).astype(np.float32)
    return Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "certain")


def mixed(shares, grid=GRID):
    """The same probabilities {cover: share} everywhere."""
    values = np.zeros((33, *grid.shape), np.float32)
    for cover, share in shares.items():
        values[cover - 1] = share
    return Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "mixed")


def around(base, grid=GRID):
    """A context that holds the base only."""
    return Context(0, np.broadcast_to(np.uint8(base), grid.shape).copy(), {}, grid)


def covers_of(prediction):
    return np.array(ECOSG.codes)[prediction.values.argmax(axis=0)]


def one_rule(name, seed):
    """A rule of random circumstances."""
    random = np.random.default_rng(seed + 1)
    base = around(random.integers(0, 34, GRID.shape))
    return {
        "snow": lambda found: snow(found, base, random.random(GRID.shape) < 0.0 if seed % 2 else base.base == 6),
        "crops": lambda found: crops(found, np.resize(np.uint8([0, 19, 20, 21]), GRID.shape)),
        "wetlands": lambda found: wetlands(found, base, np.linspace(0, 1, 15, dtype=np.float32).reshape(GRID.shape)),
    }[name]


@pytest.mark.parametrize("name", ["snow", "crops", "wetlands"])
@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_rule_conserves_probability_touches_only_what_it_says_and_is_idempotent(name, seed):
    prediction = random_prediction(seed)
    ruled = one_rule(name, seed)(prediction)
    assert np.allclose(ruled.prediction.values.sum(axis=0), prediction.values.sum(axis=0), atol=1e-6)
    assert np.array_equal(ruled.prediction.share, prediction.share)
    differs = (ruled.prediction.values != prediction.values).any(axis=0)
    assert np.array_equal(differs, ruled.touched)
    again = one_rule(name, seed)(ruled.prediction)
    assert not again.touched.any()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_moving_is_what_a_loop_over_cells_does(seed):
    random = np.random.default_rng(seed)
    prediction = random_prediction(seed)
    origins = tuple(int(cover) for cover in random.choice(np.arange(1, 34), 4, replace=False))
    destination = random.choice(np.uint8([0, origins[0], 17, 30]), GRID.shape)
    expected = prediction.values.astype(np.float64)
    for row, col in np.ndindex(*GRID.shape):
        if destination[row, col]:
            mass = sum(expected[cover - 1, row, col] for cover in origins)
            for cover in origins:
                expected[cover - 1, row, col] = 0
            expected[destination[row, col] - 1, row, col] += mass
    found = moved(prediction, origins, destination, Reason.RULE_CROPS)
    assert np.allclose(found.prediction.values, expected, atol=1e-6)
    mirrored = Prediction(
        prediction.values[:, ::-1, ::-1].copy(), prediction.share[::-1, ::-1].copy(), ECOSG, GRID, ""
    )
    turned = moved(mirrored, origins, destination[::-1, ::-1].copy(), Reason.RULE_CROPS)
    assert np.array_equal(turned.prediction.values, found.prediction.values[:, ::-1, ::-1])


def test_the_prediction_that_is_given_is_not_altered():
    prediction = certain(6)
    before = prediction.values.copy()
    snow(prediction, around(17), np.zeros(GRID.shape, np.bool_))
    assert np.array_equal(prediction.values, before)


def test_destinations_of_another_shape_are_refused():
    with pytest.raises(GridError, match="expected"):
        moved(certain(6), (6,), np.zeros((2, 2), np.uint8), Reason.RULE_SNOW)


def test_snow_in_the_lowlands_uncovers_what_the_original_has():
    lasting = np.zeros(GRID.shape, np.bool_)
    lasting[0] = True
    found = covers_of(snow(certain(6), around(17), lasting).prediction)
    assert (found[0] == 6).all() and (found[1:] == 17).all()
    assert (covers_of(snow(certain(6), around(0), ~lasting).prediction)[0] == 5).all()


def test_the_kind_of_crop_comes_from_the_map_and_how_much_crop_does_not():
    maize = np.zeros(GRID.shape, np.uint8)
    maize[:, 2:] = 21
    found = crops(mixed({19: 0.5, 20: 0.2, 17: 0.3}), maize).prediction
    assert found.values[20, 0, 3] == pytest.approx(0.7) and found.values[16, 0, 3] == pytest.approx(0.3)
    assert found.values[18, 0, 0] == pytest.approx(0.5) and found.values[20, 0, 0] == 0


def test_heath_on_peat_is_bog_and_pasture_on_peat_is_pasture_unless_it_was_bog():
    peat = np.zeros(GRID.shape, np.float32)
    peat[:, 2:] = 0.75
    heath = covers_of(wetlands(certain(15), around(17), peat).prediction)
    assert (heath[:, 2:] == 23).all() and (heath[:, :2] == 15).all()
    assert (covers_of(wetlands(certain(17), around(17), peat).prediction) == 17).all()
    assert (covers_of(wetlands(certain(17), around(23), peat).prediction)[:, 2:] == 23).all()
    assert (covers_of(wetlands(certain(8), around(23), peat).prediction) == 8).all()


def test_the_last_rule_that_chose_the_cover_is_recorded_where_evidence_decided():
    base = around(23)
    peat = np.ones(GRID.shape, np.float32)
    rules = [lambda found: wetlands(found, base, peat), lambda found: crops(found, np.full(GRID.shape, 21, np.uint8))]
    codes = np.where(np.arange(5) < 2, 15, np.where(np.arange(5) == 2, 8, 19))
    found, chosen = applied(certain(codes), rules)
    assert chosen[0].tolist() == [48, 48, 0, 43, 43]
    share = found.share.copy()
    share[0] = 0.1
    seen = Prediction(found.values, share, ECOSG, GRID, "")
    patch = recorded(decided(seen, CoverMap(base.base, GRID, ECOSG), Policy()), chosen)
    assert patch.reason[0].tolist() == [48, 48, 4, 4, 4] or patch.reason[0, 3] == Reason.KEPT_LOW_SHARE
    assert patch.reason[1].tolist() == [48, 48, 2, 43, 43]
    assert notes(patch) == ("rule R3 (crops): 4 cells", "rule R8 (wetlands): 6 cells")


def test_a_rule_that_moves_little_is_not_given_as_the_reason():
    found, chosen = applied(mixed({8: 0.6, 15: 0.4}), [lambda one: wetlands(one, around(17), np.ones(GRID.shape))])
    assert found.values[22, 0, 0] == pytest.approx(0.4) and not chosen.any()
