import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from ecosg_update.errors import GridError
from ecosg_update.judge.joint import empty, joint

PLAIN = np.arange(256, dtype=np.intp)


@st.composite
def pairs(draw):
    """Two maps of one shape with runs longer and shorter than what the kernel compares at once."""
    rows, cols = draw(st.integers(1, 4)), draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    length = draw(st.sampled_from([1, 3, 70]))
    made = [np.repeat(rng.integers(0, 5, (rows, cols // length + 1)), length, axis=1)[:, :cols] for _ in range(2)]
    return tuple(one.astype(np.uint8) for one in made)


@given(pairs())
def test_the_counts_are_those_of_scikit_learn(pair):
    first, second = pair
    into = empty(5, 5)
    joint(first, second, PLAIN % 5, PLAIN % 5, np.ones(len(first)), into)
    np.testing.assert_array_equal(into[0], confusion_matrix(first.ravel(), second.ravel(), labels=range(5)))
    np.testing.assert_array_equal(into[1], into[0])


@given(pairs(), st.integers(0, 299))
def test_parts_of_any_cut_add_up_to_the_whole_in_cells_and_in_area(pair, cut):
    first, second = pair
    areas = np.linspace(0.5, 0.75, len(first))
    whole, parts = empty(5, 5), empty(5, 5)
    joint(first, second, PLAIN % 5, PLAIN % 5, areas, whole)
    for cols in (slice(0, cut), slice(cut, None)):
        joint(first[:, cols], second[:, cols], PLAIN % 5, PLAIN % 5, areas, parts)
    np.testing.assert_array_equal(parts[0], whole[0])
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)
    expected = sum(confusion_matrix(a, b, labels=range(5)) * area for a, b, area in zip(*pair, areas, strict=True))
    np.testing.assert_allclose(whole[1], expected, rtol=1e-12)


def test_lookups_join_classes_and_wide_codes_serve_as_the_first():
    first, second = np.array([[70000, 3, 3]], np.uint32), np.array([[255, 0, 9]], np.uint8)
    to_first, to_second = np.zeros(70001, np.intp), np.zeros(256, np.intp)
    to_first[70000], to_second[[9, 255]] = 1, (1, 2)
    into = empty(2, 3)
    joint(first, second, to_first, to_second, np.full(1, 2.0), into)
    np.testing.assert_array_equal(into[0], [[1, 1, 0], [0, 0, 1]])
    assert into[1].sum() == 6


@pytest.mark.parametrize(
    ("second", "lookup", "areas"),
    [((3, 4), PLAIN % 5, np.ones(2)), ((2, 4), PLAIN, np.ones(2)), ((2, 4), PLAIN % 5, np.ones(4))],
)
def test_what_does_not_fit_is_refused(second, lookup, areas):
    with pytest.raises(GridError, match="joint histogram"):
        joint(np.zeros((2, 4), np.uint8), np.zeros(second, np.uint8), lookup, PLAIN % 5, areas, empty(5, 5))
