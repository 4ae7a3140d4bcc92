"""Members are drawn with the posterior's chances, smooth in space, and never where the policy forbids it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import ConfigError, GridError
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap, Prediction
from ecosg_update.patch.decide import Policy, decided
from ecosg_update.patch.ensemble import Ensemble, drawn, posterior
from ecosg_update.patch.field import field

ECOSG = tables.legend("ecosg")


def prediction(values, grid, share=None):
    """Chances (33, y, x), scaled to sum to 1 where share is not 0."""
    share = np.ones(grid.shape, np.float32) if share is None else share
    values = np.where(share > 0, values / values.sum(axis=0), 0)
    return Prediction(values.astype(np.float32), share, ECOSG, grid, "test")


def uneven(grid, seed=5, covers=(2, 8, 17, 19, 29)):
    """A few covers of uneven chances, others in each cell."""
    values = np.zeros((33, *grid.shape))
    values[np.array(covers) - 1] = np.random.default_rng(seed).random((len(covers), *grid.shape)) ** 3 + 1e-3
    return prediction(values, grid)


def random_patch(seed, policy, grid):
    """A patch of random base and chances, some of the cells holes, unseen or partly seen."""
    random = np.random.default_rng(seed)
    share = np.round(random.random(grid.shape, np.float32), 1)
    found = prediction(random.random((33, *grid.shape)) ** 8, grid, share)
    base = CoverMap(random.integers(0, 34, grid.shape).astype(np.uint8), grid, ECOSG)
    return found, decided(found, base, policy)


def test_the_members_mean_is_the_posterior_and_their_spread_its_entropy():
    """Far-apart members of one cell are independent: counts of each cover pass chi-square at 1 in 1000 overall."""
    grid = LatLonGrid(360, 13000, 60000, 3, 5)
    chances = uneven(grid)
    counts = np.zeros((33, *grid.shape))
    draws = 0
    for seed in range(40):
        codes = drawn(chances, Ensemble(100, 5.0, seed))
        draws += len(codes)
        for cover in (2, 8, 17, 19, 29):
            counts[cover - 1] += (codes == cover).sum(axis=0)
    assert counts.sum() == draws * grid.cells, "a cover that the posterior lacks was drawn"
    p = chances.values.astype(np.float64)
    deviation = (counts - draws * p) / np.sqrt(np.maximum(draws * p * (1 - p), 1e-9))
    assert np.abs(deviation[p > 0]).max() < 4.5
    frequency = counts / draws
    assert np.abs(entropy(frequency) - entropy(p)).max() < 0.05


def entropy(p):
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=0)


def test_two_covers_of_even_chances_agree_as_often_as_their_fields_correlate():
    """An oracle: E_1 < E_2 is z_1 > z_2, so that two places agree with chance 1/2 + asin(exp(-(d/L)^2/2)) / pi."""
    grid = LatLonGrid.from_bounds(36, (-9.0, 52.0, -1.0, 57.0))
    chances = prediction(np.isin(np.arange(1, 34), (8, 19))[:, None, None] * np.ones((33, *grid.shape)), grid)
    length = 10.0
    codes = drawn(chances, Ensemble(40, length, seed=2))
    for lag in (1, 2, 3, 4, 8):
        km = lag * 111.2 / 36
        agree = (codes[:, lag:] == codes[:, :-lag]).mean()
        assert agree == pytest.approx(0.5 + math.asin(math.exp(-((km / length) ** 2) / 2)) / math.pi, abs=0.012)


def test_a_draw_is_the_shortest_wait_of_independent_exponentials():
    """The compiled race against the rule written out, with the fields of numpy."""
    grid = LatLonGrid(360, 13000, 129595, 23, 31)
    chances = uneven(grid, covers=tuple(range(1, 34)))
    wait = np.full((33, *grid.shape), np.inf)
    for row, cover in enumerate(ECOSG.codes):
        z = field(grid, 7.0, seed=11, member=1, cover=cover)
        phi = np.vectorize(lambda value: 0.5 * math.erfc(-value / math.sqrt(2)))(z.astype(np.float64))
        wait[row] = -np.log(phi) / chances.values[row]
    two = np.partition(wait, 1, axis=0)[:2]
    clear = two[1] - two[0] > 1e-4 * two[1]
    codes = drawn(chances, Ensemble(2, 7.0, seed=11))[0]
    assert clear.mean() > 0.99
    assert np.array_equal(codes[clear], (wait.argmin(axis=0) + 1)[clear])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_windows_threads_and_the_number_of_members_do_not_show(threads, monkeypatch):
    monkeypatch.setattr("ecosg_update.patch.ensemble.WORTH_A_THREAD", 1)
    monkeypatch.setattr("ecosg_update.patch.ensemble.FIELD_VALUES", 5 * 31 * 20)
    grid = LatLonGrid(360, 13000, 129590, 17, 31)
    chances = uneven(grid)
    whole = drawn(chances, Ensemble(4, 5.0, seed=3), threads=threads)
    part = LatLonGrid(360, 13005, 2, 7, 9)
    piece = Prediction(cut(chances.values, grid, part), cut(chances.share, grid, part), ECOSG, part, "part")
    assert np.array_equal(cut(whole, grid, part)[:2], drawn(piece, Ensemble(3, 5.0, seed=3)))
    assert not np.array_equal(whole, drawn(chances, Ensemble(4, 5.0, seed=4)))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_what_the_policy_keeps_is_kept_by_every_member(seed):
    grid = LatLonGrid(360, 5, 6, 4, 7)
    policy = Policy()
    found, patch = random_patch(seed, policy, grid)
    codes = drawn(posterior(found, patch, policy), Ensemble(6, 5.0, seed))
    protected = np.isin(patch.base, (1, 2, 3))
    unseen = found.share == 0
    assert (codes == patch.base)[:, protected | unseen].all()
    assert np.array_equal(codes == 0, np.broadcast_to(patch.cover.codes == 0, codes.shape))
    new = codes != patch.base
    assert not np.isin(codes[new], (1, 6)).any()
    rows = np.maximum(codes.astype(int) - 1, 0)
    possible = np.take_along_axis(found.values, rows, axis=0) > 0
    assert possible[new].all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_the_posterior_is_the_prediction_where_it_was_seen_and_the_base_where_not(seed):
    grid = LatLonGrid(360, 5, 6, 4, 7)
    free = Policy(protect=(), never_new=())
    found, patch = random_patch(seed, free, grid)
    base = (np.arange(1, 34)[:, None, None] == patch.base).astype(np.float32)
    expected = found.share * found.values + (1 - found.share) * base
    there = patch.base > 0
    assert np.allclose(posterior(found, patch, free).values[:, there], expected[:, there], atol=1e-6)
    barred = posterior(found, patch, Policy())
    assert (barred.values[0][patch.base != 1] == 0).all() and (barred.values[5][patch.base != 6] == 0).all()
    assert np.array_equal(barred.share == 0, patch.cover.codes == 0)


def test_a_certain_posterior_leaves_no_doubt():
    grid = LatLonGrid(360, 5, 6, 4, 7)
    values = np.zeros((33, *grid.shape))
    values[16] = 1
    assert (drawn(prediction(values, grid), Ensemble(5, 5.0)) == 17).all()


def test_wrong_numbers_and_grids_are_refused():
    with pytest.raises(ConfigError, match="members: found 0, expected 1 to 100"):
        Ensemble(0)
    with pytest.raises(ConfigError, match="seed: found -1"):
        Ensemble(3, seed=-1)
    with pytest.raises(ConfigError, match="correlation_km: found 0"):
        Ensemble(3, 0.0)
    grid = LatLonGrid(360, 5, 6, 4, 7)
    found, patch = random_patch(1, Policy(), grid)
    elsewhere = Prediction(found.values, found.share, ECOSG, LatLonGrid(360, 6, 6, 4, 7), "elsewhere")
    with pytest.raises(GridError, match="different grids"):
        posterior(elsewhere, patch, Policy())
    with pytest.raises(ConfigError, match=r"the cells are 11\.1 km high"):
        drawn(uneven(LatLonGrid(10, 5, 6, 4, 7)), Ensemble(2, 5.0))
