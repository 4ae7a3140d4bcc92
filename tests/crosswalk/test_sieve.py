"""Rule R7: new specks join the neighbour that their own evidence finds most probable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ecosg_update.crosswalk.sieve import margin_rows, sieved
from ecosg_update.errors import GridError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from tests.crosswalk.test_rules import ECOSG


def grid_of(shape, row=13212):
    return LatLonGrid(360, row, 61524, *shape)


def patch_of(codes, base, row=13212):
    codes, base = np.asarray(codes, np.uint8), np.asarray(base, np.uint8)
    reason = np.where(codes == base, Reason.UNCHANGED, Reason.CHANGED).astype(np.uint8)
    cover = CoverMap(codes, grid_of(codes.shape, row), ECOSG)
    return Patch(cover, base, reason, np.ones(codes.shape, np.float32))


def evidence(values, row=13212):
    values = np.asarray(values, np.float32)
    shape = values.shape[1:]
    return Prediction(values, np.ones(shape, np.float32), ECOSG, grid_of(shape, row), "test")


def spread_over(shape, shares):
    values = np.zeros((33, *shape), np.float32)
    for cover, share in shares.items():
        values[cover - 1] = share
    return values


def test_a_speck_takes_the_neighbour_of_the_largest_summed_probability_not_the_nearest_or_commonest():
    base = np.full((5, 6), 17)
    base[2, 4:] = 8
    now = base.copy()
    now[2, 2:4] = 28
    values = spread_over(base.shape, {28: 0.5, 17: 0.2, 8: 0.3})
    values[[16, 7], 2, 2] = 0.4, 0.1
    found = sieved(patch_of(now, base), evidence(values), 3)
    assert found.cover.codes[2, 2:4].tolist() == [17, 17]
    values[[16, 7], 2, 2] = 0.25, 0.25
    found = sieved(patch_of(now, base), evidence(values), 3)
    assert found.cover.codes[2, 2:4].tolist() == [8, 8]
    assert found.confidence[2, 2:4].tolist() == pytest.approx([0.25, 0.3])
    assert (found.reason[2, 2:4] == Reason.RULE_PATCH_SIZE).all() and (found.reason == 47).sum() == 2


def test_patches_of_the_size_and_specks_of_the_original_stay():
    base = np.full((5, 6), 17)
    base[0, 0] = 2
    now = base.copy()
    now[2, 1:4] = 28
    now[0, 1] = 2
    patch = patch_of(now, base)
    assert np.array_equal(sieved(patch, evidence(spread_over(now.shape, {28: 1})), 3).cover.codes, now)
    assert sieved(patch, evidence(spread_over(now.shape, {28: 1})), 1) is patch


def test_without_a_likely_neighbour_the_original_comes_back():
    base = np.full((3, 5), 19)
    now = base.copy()
    now[1, 2] = 28
    found = sieved(patch_of(now, base), evidence(spread_over(now.shape, {28: 1})), 2)
    assert found.cover.codes[1, 2] == 19 and found.confidence[1, 2] == 0


def test_a_cover_that_never_appears_is_not_taken():
    base = np.full((3, 5), 17)
    base[:, 3:] = 1
    now = base.copy()
    now[1, 2] = 28
    values = spread_over(now.shape, {28: 0.5, 1: 0.4, 17: 0.1})
    assert sieved(patch_of(now, base), evidence(values), 2).cover.codes[1, 2] == 1
    assert sieved(patch_of(now, base), evidence(values), 2, never_new=(1,)).cover.codes[1, 2] == 17


def random_case(seed, shape=(13, 11)):
    random = np.random.default_rng(seed)
    base = np.repeat(random.choice([8, 17, 19], (shape[0], 1 + shape[1] // 4)), 4, axis=1)[:, : shape[1]]
    values = random.random((33, *shape), np.float32)
    values[~np.isin(np.arange(1, 34), [8, 17, 19, 28])] = 0
    values /= values.sum(axis=0)
    best = np.arange(1, 34)[values.argmax(axis=0)]
    now = np.where(random.random(shape) < 0.6, best, base)
    return base, now, values


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_no_new_speck_is_left_and_a_second_time_changes_nothing(seed, cells):
    base, now, values = random_case(seed)
    once = sieved(patch_of(now, base), evidence(values), cells)
    for cover in (8, 17, 19, 28):
        label, count = ndimage.label(once.cover.codes == cover)
        for piece in range(1, count + 1):
            at = label == piece
            assert at.sum() >= cells or not once.changed[at].all()
    assert np.array_equal(sieved(once, evidence(values), cells).cover.codes, once.cover.codes)
    untouched = once.cover.codes == now
    assert np.array_equal(once.confidence[untouched], np.ones(untouched.sum(), np.float32))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.booleans())
def test_the_answer_turns_and_mirrors_with_the_map(seed, turns, mirror):
    base, now, values = random_case(seed)

    def turned(layer):
        layer = np.rot90(layer, turns, axes=(-2, -1))
        return (layer[..., ::-1] if mirror else layer).copy()

    expected = turned(sieved(patch_of(now, base), evidence(values), 4).cover.codes)
    found = sieved(patch_of(turned(now), turned(base)), evidence(turned(values)), 4).cover.codes
    assert np.array_equal(found, expected)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_with_its_margin_a_part_is_settled_as_in_the_whole(seed, cells):
    base, now, values = random_case(seed, (70, 9))
    whole = sieved(patch_of(now, base), evidence(values), cells).cover.codes
    margin = margin_rows(cells)
    rows = slice(30 - margin, 40 + margin)
    part = patch_of(now[rows], base[rows], 13212 + rows.start)
    found = sieved(part, evidence(values[:, rows], 13212 + rows.start), cells).cover.codes
    assert np.array_equal(found[margin:-margin], whole[30:40])


def test_a_prediction_on_other_cells_is_refused():
    patch = patch_of(np.full((3, 5), 28), np.full((3, 5), 17))
    with pytest.raises(GridError, match="crop the prediction"):
        sieved(patch, evidence(spread_over((3, 6), {17: 1})), 2)


def globe_at(turn):
    """A random patch around the globe in five rows, and its evidence, turned by some columns."""
    random = np.random.default_rng(5)
    shape, grid = (5, 360), LatLonGrid(1, 40, 0, 5, 360)
    base = random.integers(16, 19, (5, 18)).astype(np.uint8).repeat(20, axis=1)
    now = np.where(random.random(shape) < 0.3, np.uint8(28), base)
    values = np.moveaxis(random.dirichlet(np.ones(33), shape), -1, 0).astype(np.float32)
    base, now, values = (np.roll(layer, turn, axis=-1) for layer in (base, now, values))
    reason = np.where(now == base, Reason.UNCHANGED, Reason.CHANGED).astype(np.uint8)
    patch = Patch(CoverMap(now, grid, ECOSG), base, reason, np.ones(shape, np.float32))
    return patch, Prediction(values, np.ones(shape, np.float32), ECOSG, grid, "test")


@pytest.mark.parametrize("turn", [1, 7, 100, 359])
def test_the_answer_does_not_know_where_the_globe_is_cut(turn):
    found, turned = (sieved(*globe_at(by), 4).cover.codes for by in (0, turn))
    assert np.array_equal(turned, np.roll(found, turn, axis=1))
    assert (found != globe_at(0)[0].cover.codes).any()
