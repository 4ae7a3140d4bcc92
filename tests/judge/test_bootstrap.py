import math

import numpy as np
import pytest
from scipy import stats

from ecosg_update.errors import TableError
from ecosg_update.judge.bootstrap import (
    Bootstrap,
    accuracy_gain,
    class_intervals,
    overall_intervals,
    replicates,
)
from ecosg_update.judge.confusion import Confusion, confusion
from ecosg_update.judge.scores import overall_scores
from tests.judge.maps import L1


def block(right, wrong, row=0):
    """A block of one class of which so many pixels are right, the others called another class."""
    counts = np.zeros((5, 6), np.int64)
    counts[row, row], counts[row, (row + 1) % 5] = right, wrong
    return Confusion(counts, L1)


def blocks(number, seed=0):
    """Blocks of 40 pixels whose accuracy differs from block to block."""
    rng = np.random.default_rng(seed)
    return [block(right, 40 - right, row % 5) for row, right in enumerate(rng.integers(5, 40, number).tolist())]


def test_intervals_are_those_of_scipy_over_blocks_of_equal_size():
    made = blocks(30)
    each = np.array([overall_scores(one.counts)["accuracy"] for one in made])
    found = overall_intervals(made, Bootstrap(times=4000, seed=3))["accuracy"]
    peer = stats.bootstrap((each,), np.mean, n_resamples=4000, method="percentile", rng=5).confidence_interval
    assert found.low == pytest.approx(peer.low, abs=0.01)
    assert found.high == pytest.approx(peer.high, abs=0.01)


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    """90 % of 200 draws of 25 blocks each, of which the mean accuracy is known; percentiles are a little narrow."""
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(200):
        rights = rng.integers(10, 41, 25)  # of 40: mean 25 / 40
        bounds = overall_intervals([block(right, 40 - right) for right in rights.tolist()], Bootstrap(300, 0.9))
        hits += bounds["accuracy"].low <= 25 / 40 <= bounds["accuracy"].high
    assert 0.80 < hits / 200 < 0.96


def test_replicates_hold_whole_blocks_and_as_many_as_there_are():
    sizes = [3**power for power in range(6)]  # base 3 and six draws: each sum tells which blocks were drawn
    for counts in replicates([block(size, 0) for size in sizes], Bootstrap(times=50)):
        assert counts.shape == (50, 5, 6)
        drawn = np.array([total.sum() for total in counts])
        assert drawn.min() >= 6 * sizes[0]
        assert drawn.max() <= 6 * sizes[-1]
        assert len(set(drawn.tolist())) > 10


def test_pieces_are_the_same_draws_whatever_their_size(monkeypatch):
    made, how = blocks(11), Bootstrap(times=100, seed=4)
    whole = np.concatenate(list(replicates(made, how)))
    monkeypatch.setattr("ecosg_update.judge.bootstrap.CHUNK", 7 * 30)
    np.testing.assert_array_equal(np.concatenate(list(replicates(made, how))), whole)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    made = blocks(12)
    first, again, other = (overall_intervals(made, Bootstrap(200, seed=seed))["macro_iou"] for seed in (1, 1, 2))
    assert first == again != other


def test_the_score_lies_inside_its_interval_and_equal_blocks_leave_none():
    made = blocks(20)
    total = overall_scores(sum(made[1:], made[0]).counts)
    for name, bounds in overall_intervals(made, Bootstrap(500)).items():
        assert bounds.low <= total[name] <= bounds.high, name
    alike = overall_intervals([block(3, 1)] * 6, Bootstrap(50))["accuracy"]
    assert alike.low == alike.high == 0.75


@pytest.mark.parametrize("made", [[block(3, 1)], [block(3, 1), Confusion.empty(L1)], [Confusion.empty(L1)]])
def test_less_than_two_blocks_with_pixels_tell_nothing_of_the_spread(made):
    assert all(math.isnan(bounds.low) for bounds in overall_intervals(made, Bootstrap(50)).values())


def test_classes_that_never_occur_have_no_interval():
    found = class_intervals([block(3, 1), block(2, 2)], Bootstrap(50))
    assert found["producer"][0].low == 0.5
    assert found["producer"][0].high == 0.75
    assert math.isnan(found["iou"][4].low)


def test_the_gain_is_paired():
    """Blocks differ much, the second map is better by the same step in each: the gain is sure, the scores are not."""
    rights = np.random.default_rng(2).integers(5, 36, 15).tolist()
    worse, better = ([block(right + more, 40 - right - more) for right in rights] for more in (0, 4))
    gain = accuracy_gain(worse, better, Bootstrap(200))
    assert gain.low == pytest.approx(0.1)
    assert gain.high == pytest.approx(0.1)
    spread = overall_intervals(worse, Bootstrap(200))["accuracy"]
    assert spread.high - spread.low > 0.1


def test_maps_on_different_pixels_are_not_compared():
    truth = np.zeros(4, np.int16)
    one = confusion(truth, truth, L1)
    with pytest.raises(TableError, match="different pixels"):
        accuracy_gain([one], [one + one], Bootstrap(10))


@pytest.mark.parametrize("wrong", [{"times": 0}, {"level": 1.0}, {"level": 0.0}])
def test_a_bootstrap_of_nothing_is_refused(wrong):
    with pytest.raises(TableError, match="bootstrap"):
        Bootstrap(**wrong)


def test_no_block_at_all_is_refused():
    with pytest.raises(TableError, match="no block"):
        overall_intervals([], Bootstrap(10))
