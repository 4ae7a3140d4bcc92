from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import ModelError
from ecosg_update.grid import GeoGrid
from ecosg_update.training import balance
from ecosg_update.training.entry import Entry
from ecosg_update.training.noise import Noise
from ecosg_update.training.piece import Piece
from ecosg_update.training.select import BORDER, CLOUD, MIXED, NO_DATA, NOISE, UNKNOWN, Rules, selected

SHAPE = (6, 7)
STRICT = Rules(border_m=30, mixed=True, least_labelled=0)


def piece(seed, **changes):
    """A piece in which every rule has something to drop."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.01, 0.5, (2, *SHAPE)).astype(np.float32)
    values[:, rng.random(SHAPE) < 0.2] = 0
    grid = GeoGrid("EPSG:32632", Affine(10, 0, 4e5, 0, -10, 5e6), SHAPE)
    labels = rng.integers(-1, 3, SHAPE).astype(np.int16)
    edge = rng.uniform(0, 100, SHAPE).astype(np.float32)
    made = Piece("p", values, rng.random(SHAPE) < 0.7, labels, edge, rng.random(SHAPE) < 0.7, grid, "L2A")
    return replace(made, **changes)


@given(st.integers(0, 200), st.sampled_from(["train", "test"]))
def test_every_pixel_is_kept_or_dropped_once(seed, split):
    found = selected(piece(seed), split, replace(STRICT, noise=Noise(agreement=0.4)))
    assert (found.labels >= 0).sum() + sum(found.dropped.values()) == found.labels.size


@given(st.integers(0, 200))
def test_what_is_kept_breaks_no_rule(seed):
    made = piece(seed)
    found = selected(made, "train", STRICT)
    kept = found.labels >= 0
    assert (found.labels[kept] == made.labels[kept]).all()
    assert made.valid[kept].all() and made.pure[kept].all() and made.values[:, kept].any(axis=0).all()
    assert (made.edge_m[kept] >= 30).all()
    good = made.valid & made.pure & made.values.any(axis=0) & (made.edge_m >= 30) & (made.labels >= 0)
    if not found.lost:
        np.testing.assert_array_equal(kept, good)


def test_the_first_rule_claims_a_pixel():
    made = piece(1)
    found = selected(made, "train", STRICT).dropped
    empty = ~made.values.any(axis=0)
    assert found[NO_DATA] == empty.sum()
    assert found[CLOUD] == (~made.valid & ~empty).sum()
    assert found[UNKNOWN] == ((made.labels < 0) & made.valid & ~empty).sum()
    assert found[BORDER] and found[MIXED]


def test_splits_that_judge_keep_doubtful_pixels():
    made = piece(1)
    assert set(selected(made, "test", STRICT).dropped) == {NO_DATA, CLOUD, UNKNOWN}
    assert BORDER in selected(made, "test", replace(STRICT, splits=frozenset({"train", "test"}))).dropped


def halves(noisy=3):
    """Two classes of different colour, and some pixels of each with the other's label."""
    rng = np.random.default_rng(0)
    labels = np.zeros((20, 20), np.int16)
    labels[:, 10:] = 1
    colours = np.array([[0.05, 0.4], [0.3, 0.1]])
    values = (colours[labels].transpose(2, 0, 1) + rng.normal(0, 0.01, (2, 20, 20))).astype(np.float32)
    wrong = np.zeros(labels.shape, np.bool_)
    wrong.ravel()[rng.choice(400, noisy, replace=False)] = True
    grid = GeoGrid("EPSG:32632", Affine(10, 0, 4e5, 0, -10, 5e6), labels.shape)
    flat = np.ones(labels.shape, np.bool_)
    given_labels = np.where(wrong, 1 - labels, labels).astype(np.int16)
    edge = np.full(labels.shape, np.inf, np.float32)
    return Piece("h", values, flat, given_labels, edge, flat, grid, "L2A"), labels, wrong


def test_labels_that_look_like_another_class_are_dropped():
    made, _, wrong = halves()
    found = selected(made, "train", Rules(noise=Noise()))
    np.testing.assert_array_equal(found.labels < 0, wrong)
    assert found.dropped == {NOISE: 3} and found.suspects == 3 and found.trust == 1


def test_a_model_that_agrees_with_a_label_saves_it():
    made, truth, wrong = halves()
    kept = selected(made, "train", Rules(noise=Noise()), lambda _: made.labels)
    assert kept.suspects == 0
    dropped = selected(made, "train", Rules(noise=Noise()), lambda _: truth)
    np.testing.assert_array_equal(dropped.labels < 0, wrong)
    with pytest.raises(ModelError, match="opinion on h: has shape"):
        selected(made, "train", Rules(noise=Noise()), lambda _: truth[:3])


def test_noise_may_lower_the_weight_in_place_of_the_label():
    made, _, _ = halves(noisy=20)
    found = selected(made, "train", Rules(noise=Noise(action="weight")))
    assert found.trust == 1 - 20 / 400 and found.suspects == 20
    np.testing.assert_array_equal(found.labels, made.labels)


def test_patches_of_one_class_are_thinned_in_training_alone():
    made, _, _ = halves(noisy=0)
    one = replace(made, labels=np.zeros_like(made.labels))
    rules = Rules(dominant_share=0.9, dominant_keep=0.25)
    named = [replace(one, name=str(number)) for number in range(400)]
    kept = [not selected(each, "train", rules).lost for each in named]
    assert 70 < sum(kept) < 130
    assert kept == [not selected(each, "train", rules).lost for each in named]
    assert not any(selected(each, "val", rules).lost for each in named)
    assert not selected(made, "train", replace(rules, dominant_keep=0)).lost


def test_a_piece_without_labels_stays_if_its_classes_are_known():
    made = piece(1, labels=np.full(SHAPE, -1, np.int16))
    assert selected(made, "train", STRICT).lost == "too few labels"
    known = replace(made, present=np.array([True, False, True]))
    assert not selected(known, "train", STRICT).lost
    flagged = selected(replace(known, flags=frozenset({"cloud"})), "train", STRICT)
    assert flagged.lost == "flagged by the publisher" and sum(flagged.dropped.values()) == 42


def entry(counts, split="train", present=None):
    return Entry("n", split, "s", "a", "L2A", "b", "", 0, 0, (1, 1), 0, present, counts)


def test_full_balance_draws_pure_samples_of_each_class_equally_often():
    index = [
        *(entry((9, 0, 0)) for _ in range(6)),
        *(entry((0, 4, 0)) for _ in range(2)),
        entry((0, 0, 0), present=(7,)),
    ]
    found = balance.weights(index, (1, 2, 7), [1.0] * 9, power=1)
    assert found[:6].sum() == pytest.approx(found[6:8].sum()) == pytest.approx(found[8])
    assert found.mean() == pytest.approx(1)


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=9), st.sampled_from([0, 0.5, 1]))
def test_weights_are_finite_and_have_mean_one_in_each_split(counts, power):
    index = [entry(count, split=("train", "val")[at % 2]) for at, count in enumerate(counts)]
    found = balance.weights(index, (1, 2, 7), [1.0] * len(index), power=power)
    assert np.isfinite(found).all() and (found >= 0).all()
    assert found[::2].mean() == pytest.approx(1)
    if power == 0:
        assert np.ptp(found) < 1e-9
