"""The posterior of image and base: its laws, an independent enumeration, and whether 80 % means 80 %."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.calibration import reliability
from ecosg_update.layers import CoverMap, Prediction, Reason
from ecosg_update.legend import Legend
from ecosg_update.patch.confusion import Belief, Confusion, believed, shipped
from ecosg_update.patch.decide import Policy, decided
from ecosg_update.patch.majority import majority
from ecosg_update.patch.posterior import LOOKS, entropy, likeliest_other, posterior

ECOSG = tables.legend("ecosg")
SHIPPED = shipped(ECOSG)
SEEDS = st.integers(0, 2**32 - 1)
FREE = Policy(min_share=0, mode="always", protect=(), never_new=())


def grid(shape):
    return LatLonGrid(360, 13000, 61000, *shape)


def a_belief(seed=0, confusion=SHIPPED):
    return believed(confusion, np.random.default_rng(seed).integers(0, 3000, 33).astype(float))


def drawn(seed, shape=(3, 5)):
    """Random covers, some without evidence, and a base with holes."""
    rng = np.random.default_rng(seed)
    share = np.where(rng.random(shape) < 0.2, 0, rng.random(shape)).astype(np.float32)
    values = (rng.random((33, *shape)) ** 8).astype(np.float32) * (rng.random((33, *shape)) < 0.4) + 1e-6
    values = (values / values.sum(axis=0) * (share > 0)).astype(np.float32)
    base = CoverMap(rng.integers(0, 34, shape, dtype=np.uint8), grid(shape), ECOSG)
    return Prediction(values, share, ECOSG, grid(shape), "random"), base


def certain(codes, share=1.0):
    """An image that says one cover of each cell for certain."""
    values = (np.arange(1, 34)[:, None, None] == codes).astype(np.float32)
    return Prediction(values, np.full(codes.shape, share, np.float32), ECOSG, grid(codes.shape), "certain")


def enumerated(values, share, base, belief):
    """One cell by hand, in plain Python floats: sums over every cover and every base."""
    family, covers = ECOSG.columns["family"], range(33)
    number = {name: at for at, name in enumerate(belief.confusion.families)}
    rate = [[float(belief.confusion.rates[number[c], number[b]]) for b in family] for c in family]
    share_of = [float(part) for part in belief.covers]
    prior = [float(belief.families[number[family[c]]]) * share_of[c] for c in covers]

    def shows(b, c):
        if family[b] != family[c]:
            return rate[c][b] * share_of[b]
        exact = float(belief.confusion.cover[number[family[c]]])
        if b == c:
            return rate[c][b] * exact
        return (
            rate[c][b]
            * (1 - exact)
            * share_of[b]
            / sum(share_of[o] for o in covers if family[o] == family[c] and o != c)
        )

    if base == 0:
        seen = [float(q) ** LOOKS for q in values]
        return [one / math.fsum(seen) for one in seen] if share else [0.0] * 33
    alone = [shows(base - 1, c) * prior[c] for c in covers]
    alone = [one / math.fsum(alone) for one in alone]
    if not share:
        return alone
    seen = [float(values[c]) ** LOOKS * rate[c][base - 1] for c in covers]
    seen = [one / math.fsum(seen) for one in seen]
    return [share * one + (1 - share) * other for one, other in zip(seen, alone, strict=True)]


@given(SEEDS)
def test_the_posterior_is_that_of_an_enumeration_by_hand(seed):
    prediction, base = drawn(seed)
    belief = a_belief(seed)
    found = posterior(prediction, base, belief)
    for y, x in itertools.product(range(3), range(5)):
        wanted = enumerated(prediction.values[:, y, x], float(prediction.share[y, x]), int(base.codes[y, x]), belief)
        assert np.allclose(found.values[:, y, x], wanted, atol=2e-6)


@given(SEEDS)
def test_probabilities_sum_to_one_wherever_anything_is_known(seed):
    prediction, base = drawn(seed)
    found = posterior(prediction, base, a_belief(seed))
    known = (base.codes > 0) | (prediction.share > 0)
    assert np.abs(found.values.sum(axis=0) - known).max() < 1e-5
    assert found.values.min() >= 0


def test_without_evidence_a_cell_is_the_base_and_its_doubt():
    codes = np.arange(1, 34, dtype=np.uint8).reshape(3, 11)
    nothing = Prediction(
        np.zeros((33, 3, 11), np.float32), np.zeros((3, 11), np.float32), ECOSG, grid((3, 11)), "none"
    )
    belief = a_belief()
    patch = decided(nothing, CoverMap(codes, grid((3, 11)), ECOSG), FREE, belief)
    assert np.array_equal(patch.cover.codes, codes) and (patch.reason == Reason.KEPT_NO_DATA).all()
    assert np.allclose(patch.confidence.ravel(), np.diag(belief.of_base), atol=1e-6)
    assert (patch.confidence < 1).all() and (patch.entropy > 0).all()


def test_a_certain_engine_over_whole_cells_is_itself_without_doubt():
    rng = np.random.default_rng(3)
    truth = rng.integers(1, 34, (7, 9), dtype=np.uint8)
    base = CoverMap(rng.integers(0, 34, (7, 9), dtype=np.uint8), grid((7, 9)), ECOSG)
    patch = decided(certain(truth), base, FREE, a_belief())
    assert np.array_equal(patch.cover.codes, truth)
    assert (patch.confidence == 1).all() and (patch.entropy == 0).all() and (patch.second == 0).all()


@given(SEEDS)
def test_a_base_that_says_nothing_leaves_the_best_cover_to_the_engine(seed):
    prediction, base = drawn(seed)
    prediction = replace(prediction, share=(prediction.share > 0).astype(np.float32))
    count = len(SHIPPED.families)
    mute = Confusion(ECOSG, np.full((count, count), 1 / count), SHIPPED.cover)
    found = posterior(prediction, base, a_belief(seed, mute))
    seen = prediction.share > 0
    assert np.array_equal(majority(found)[seen], majority(prediction)[seen])


@given(SEEDS)
def test_the_second_best_is_never_the_cover_and_nothing_else_is_more_probable(seed):
    prediction, base = drawn(seed)
    belief = a_belief(seed)
    patch = decided(prediction, base, Policy(), belief)
    found = posterior(prediction, base, belief)
    assert (patch.second != patch.cover.codes)[patch.second > 0].all()
    for y, x in itertools.product(range(3), range(5)):
        others = {
            c: p for c, p in zip(ECOSG.codes, found.values[:, y, x], strict=True) if c != patch.cover.codes[y, x]
        }
        if patch.second[y, x]:
            assert others[int(patch.second[y, x])] == max(others.values())
        else:
            assert max(others.values()) == 0


def test_entropy_is_zero_for_certain_one_bit_for_even_odds_and_the_most_for_nothing():
    values = np.zeros((33, 1, 3), np.float32)
    values[4, 0, 0], values[4, 0, 1], values[6, 0, 1] = 1, 0.5, 0.5
    share = np.array([[1, 1, 0]], np.float32)
    found = entropy(Prediction(values, share, ECOSG, grid((1, 3)), "by hand"))
    assert found[0].tolist() == pytest.approx([0, 1, math.log2(33)])


def test_equal_others_go_to_the_first_and_a_cell_of_no_cover_has_a_second():
    values = np.zeros((33, 1, 2), np.float32)
    values[[3, 8, 20]] = 1 / 3
    made = Prediction(values, np.ones((1, 2), np.float32), ECOSG, grid((1, 2)), "by hand")
    assert likeliest_other(made, np.array([[4, 0]], np.uint8)).tolist() == [[9, 4]]


@given(SEEDS)
def test_a_patch_by_fixed_rates_patched_again_is_unchanged(seed):
    prediction, base = drawn(seed)
    belief = a_belief(seed)
    once = decided(prediction, base, Policy(), belief)
    again = decided(prediction, once.cover, Policy(), belief)
    assert np.array_equal(again.cover.codes, once.cover.codes)


def test_in_the_shipped_table_each_family_is_the_best_argument_for_itself():
    rates = SHIPPED.rates
    for c, d in itertools.permutations(range(len(rates)), 2):
        assert (rates[c, c] * rates[d] >= rates[d, c] * rates[c] * (1 - 1e-9)).all()


def test_a_weak_image_gives_way_to_the_base_and_says_so():
    values = np.zeros((33, 1, 1), np.float32)
    values[7], values[16], values[18] = 0.45, 0.35, 0.2
    weak = Prediction(values, np.ones((1, 1), np.float32), ECOSG, grid((1, 1)), "weak")
    patch = decided(weak, CoverMap(np.full((1, 1), 17, np.uint8), grid((1, 1)), ECOSG), Policy(), a_belief())
    assert (patch.cover.codes.item(), patch.reason.item(), patch.second.item()) == (17, Reason.KEPT_BASE_LIKELIER, 8)


@given(SEEDS)
def test_agreement_changes_less_than_either_and_always_changes_most(seed):
    prediction, base = drawn(seed)
    belief = a_belief(seed)
    changed = {
        mode: decided(prediction, base, Policy(mode=mode), belief).changed
        for mode in ("always", "confident", "agreement")
    }
    alone = decided(prediction, base, Policy(evidence="engine"))
    assert (changed["confident"] <= changed["always"]).all()
    assert (changed["agreement"] <= changed["confident"]).all()
    assert (changed["agreement"] <= alone.changed).all()


SIX = Legend(
    "six",
    (1, 2, 3, 4, 5, 6),
    ("one", "two", "three", "four", "five", "six"),
    ((0, 0, 0),) * 6,
    ("one", "two", "three", "four", "five", "six"),
    (1, 2, 3, 4, 5, 6),
)


def drawn_from_the_model(seed, shape):
    """Truth, and the patch of what image and base say of it, with cells that are seen in part.

    A point of each cell is asked for: it lies in the seen part with the probability of the share. Both parts are
    drawn given the base; the image is a look at the seen one, and q the LOOKS-th root of its word.
    """
    rng, count = np.random.default_rng(seed), math.prod(shape)
    rates = 0.3 * rng.dirichlet(np.full(6, 0.6), 6) + 0.7 * np.eye(6) + 1e-3
    confusion = Confusion(SIX, rates / rates.sum(axis=1, keepdims=True), np.ones(6))
    belief = Belief(confusion, np.array([0.35, 0.3, 0.15, 0.1, 0.07, 0.03]), np.ones(6))
    looks = 0.4 * rng.dirichlet(np.full(6, 0.5), 6) + 0.6 * np.eye(6)

    def draw(rows):
        return np.minimum((rows.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1), 5)

    base = draw(np.tile(belief.families @ confusion.rates, (count, 1)))
    seen, unseen = draw(belief.of_base[base]), draw(belief.of_base[base])
    looked = draw(looks[seen])
    share = rng.choice([0, 0.3, 0.7, 1], count).astype(np.float32)
    truth = np.where(rng.random(count) < share, seen, unseen)
    values = (looks[:, looked] * belief.families[:, None]) ** (1 / LOOKS)
    values = (values / values.sum(axis=0) * (share > 0)).astype(np.float32).reshape(6, *shape)
    prediction = Prediction(values, share.reshape(shape), SIX, grid(shape), "model")
    shown = CoverMap((base + 1).astype(np.uint8).reshape(shape), grid(shape), SIX)
    return truth.reshape(shape) + 1, decided(prediction, shown, ALWAYS_SIX, belief)


ALWAYS_SIX = Policy(min_share=0, mode="always", protect=(), never_new=())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_cells_drawn_from_the_model_those_given_80_percent_are_right_80_percent_of_the_time(seed):
    truth, patch = drawn_from_the_model(seed, (200, 300))
    found = reliability(truth.astype(np.int16), patch.cover.codes.astype(np.int16), patch.confidence, bins=20).bins()
    assert len(found) > 8
    for one in found:
        sure = one["confidence"]
        spread = 4 * math.sqrt(max(sure * (1 - sure), 1e-4) / one["count"])
        assert abs(one["accuracy"] - sure) < spread, one
