import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torchmetrics.functional.classification import multiclass_calibration_error

from ecosg_update.errors import GridError, TableError
from ecosg_update.judge.calibration import Reliability, reliability

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, pixels=200):
    """Truth, classes, probabilities (class, pixel) of a made-up engine."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(5, 0.4), pixels).astype(np.float32).T
    return rng.integers(0, 5, pixels).astype(np.int16), probabilities.argmax(axis=0).astype(np.int16), probabilities


@given(SEEDS)
def test_the_error_is_that_of_torchmetrics(seed):
    truth, said, probabilities = drawn(seed)
    peer = multiclass_calibration_error(
        torch.from_numpy(probabilities.T.copy()), torch.from_numpy(truth.astype(np.int64)), 5, n_bins=15, norm="l1"
    )
    found = reliability(truth, said, probabilities.max(axis=0))
    sure = (probabilities.max(axis=0) == 1).sum() / len(truth)  # torchmetrics gives probability 1 a bin of its own
    assert found.error == pytest.approx(peer.item(), abs=1e-5 + sure)


@given(SEEDS)
def test_bins_are_those_of_scikit_learn(seed):
    truth, said, probabilities = drawn(seed)
    confidence = probabilities.max(axis=0)
    accuracy, mean = calibration_curve(said == truth, confidence, n_bins=7)
    bins = reliability(truth, said, confidence, bins=7).bins()
    np.testing.assert_allclose([held["accuracy"] for held in bins], accuracy)
    np.testing.assert_allclose([held["confidence"] for held in bins], mean, rtol=1e-6)
    assert sum(held["count"] for held in bins) == len(truth)


@given(SEEDS, st.integers(0, 200))
def test_bins_add_up_over_blocks(seed, cut):
    truth, said, probabilities = drawn(seed)
    truth[::7], said[::11] = -1, -1
    confidence = probabilities.max(axis=0)
    parts = [slice(0, cut), slice(cut, None)]
    found = sum((reliability(truth[at], said[at], confidence[at]) for at in parts), Reliability.empty())
    whole = reliability(truth, said, confidence)
    np.testing.assert_array_equal(found.count, whole.count)
    np.testing.assert_array_equal(found.right, whole.right)
    assert found.error == pytest.approx(whole.error)
    assert whole.count.sum() == ((truth >= 0) & (said >= 0)).sum()


def test_honest_probabilities_have_a_small_error_and_boastful_ones_a_large_one():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 20_000).astype(np.float32)
    said = np.zeros(20_000, np.int16)
    truth = (rng.random(20_000) > confidence).astype(np.int16)
    assert reliability(truth, said, confidence).error < 0.02
    assert reliability(truth, said, np.ones_like(confidence)).error == pytest.approx(0.25, abs=0.02)


def test_nothing_has_no_error_and_probability_one_has_a_bin():
    assert math.isnan(Reliability.empty().error)
    one = np.zeros(1, np.int16)
    assert reliability(one, one, np.ones(1, np.float32), bins=4).count.tolist() == [0, 0, 0, 1]


def test_what_is_no_probability_is_refused():
    one = np.zeros(2, np.int16)
    with pytest.raises(TableError, match=r"expected 0\.\.1"):
        reliability(one, one, np.array([0.2, 1.2], np.float32))
    with pytest.raises(GridError, match="one grid"):
        reliability(one, one, np.ones(3, np.float32))
    with pytest.raises(TableError, match="do not add up"):
        Reliability.empty(3) + Reliability.empty(4)
    with pytest.raises(TableError, match="unequal number"):
        Reliability(np.zeros(2, np.int64), np.zeros(3, np.int64), np.zeros(2))
