import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from ecosg_update.errors import GridError, TableError
from ecosg_update.judge.confusion import Confusion, confusion
from ecosg_update.judge.grouping import Grouping, grouping
from tests.judge.maps import L1, L2, L3, pairs


@given(pairs())
def test_counts_are_those_of_scikit_learn(pair):
    truth, said = pair
    known = truth >= 0
    expected = np.zeros((6, 6), int)
    if known.any():
        as_told = np.where(said < 0, 5, said)  # silence is one more class, which is never true
        expected = confusion_matrix(truth[known], as_told[known], labels=range(6))
    np.testing.assert_array_equal(confusion(truth, said, L1).counts, expected[:5])


@given(pairs(L2), st.integers(0, 9))
def test_blocks_add_up_to_the_whole(pair, cut):
    truth, said = pair
    parts = [confusion(truth[part], said[part], L2) for part in (slice(0, cut), slice(cut, None))]
    np.testing.assert_array_equal((parts[0] + parts[1]).counts, confusion(truth, said, L2).counts)
    np.testing.assert_array_equal((Confusion.empty(L2) + parts[0]).counts, parts[0].counts)


@given(pairs(L3), st.sampled_from([L1, L2, L3]))
def test_grouping_the_matrix_is_grouping_the_maps(pair, target):
    truth, said = pair
    by = grouping(L3, target)
    grouped = confusion(truth, said, L3).grouped(by)
    assert grouped.legend == target
    np.testing.assert_array_equal(grouped.counts, confusion(by.labels(truth), by.labels(said), target).counts)


def test_truth_without_a_group_is_lost_and_a_class_without_one_is_wrong():
    by = Grouping(L1, L2, np.array([0, -1, 8, 11, 13], np.int16))
    counts = confusion(np.array([0, 1, 2], np.int16), np.array([1, 0, 2], np.int16), L1).grouped(by)
    assert counts.total == 2
    assert counts.counts[0, -1] == 1
    assert counts.counts[8, 8] == 1


@pytest.mark.parametrize(
    ("truth", "said", "error", "message"),
    [
        (np.zeros((3, 5), np.int16), np.zeros((5, 3), np.int16), GridError, "bring both to one grid"),
        (np.full((3, 5), 5, np.int16), np.zeros((3, 5), np.int16), TableError, "truth reach from 5 to 5"),
        (np.zeros((3, 5), np.int16), np.full((3, 5), -2, np.int16), TableError, "classes reach from -2 to -2"),
    ],
)
def test_what_is_no_pair_of_maps_is_refused(truth, said, error, message):
    with pytest.raises(error, match=message):
        confusion(truth, said, L1)


def test_matrices_of_two_groupings_do_not_add_up():
    with pytest.raises(TableError, match="corine-l1 and corine-l2 do not add up"):
        Confusion.empty(L1) + Confusion.empty(L2)
    with pytest.raises(TableError, match="the grouping is one of corine-l3"):
        Confusion.empty(L2).grouped(grouping(L3, L1))


def test_a_matrix_of_the_wrong_kind_is_refused():
    with pytest.raises(TableError, match="expected int64"):
        Confusion(np.zeros((5, 5), np.int64), L1)
    with pytest.raises(TableError, match="below 0"):
        Confusion(np.full((5, 6), -1, np.int64), L1)
