"""The winner of a cell: the tie rule does not know the order of arrays."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import GridError
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import majority, majority_of_codes


def legend(codes, priority):
    count = len(codes)
    return Legend("made", tuple(codes), tuple(map(str, codes)), ((0, 0, 0),) * count, ("",) * count, tuple(priority))


def one_cell(values, kinds):
    """A prediction of a single cell."""
    values = np.array(values, np.float32).reshape(-1, 1, 1)
    return Prediction(values, (values.sum(axis=0) > 0).astype(np.float32), kinds, LatLonGrid(1, 40, 100, 1, 1), "")


def winner(values, kinds, base=None):
    return majority(one_cell(values, kinds), None if base is None else np.array([[base]], np.uint8))[0, 0]


def test_the_largest_part_wins():
    assert winner([0.2, 0.5, 0.3], legend((4, 9, 2), (1, 2, 3))) == 9


def test_of_tied_classes_the_base_is_kept():
    kinds = legend((4, 9, 2), (1, 2, 3))
    assert winner([0.4, 0.4, 0.2], kinds, base=9) == 9
    assert winner([0.4, 0.4, 0.2], kinds, base=2) == 4
    assert winner([0.4, 0.4, 0.2], kinds, base=0) == 4
    assert winner([0.4, 0.4, 0.2], kinds, base=77) == 4


def test_without_a_base_the_lowest_priority_wins_and_then_the_lowest_code():
    assert winner([0.5, 0.5], legend((4, 9), (2, 1))) == 9
    assert winner([0.5, 0.5], legend((9, 4), (1, 1))) == 4


def test_a_lead_beyond_the_tolerance_is_no_tie():
    kinds = legend((4, 9), (2, 1))
    assert winner([0.5 + 1e-6, 0.5 - 1e-6], kinds) == 4
    assert winner([0.5 + 2e-7, 0.5 - 2e-7], kinds) == 9


@given(
    st.permutations(range(4)), st.lists(st.sampled_from([0.0, 0.25, 0.5]), min_size=4, max_size=4), st.integers(0, 5)
)
def test_the_order_of_the_classes_decides_nothing(order, values, base):
    if sum(values) != 1:
        return
    codes, priority = (1, 2, 3, 4), (7, 5, 5, 9)
    shuffled = legend([codes[k] for k in order], [priority[k] for k in order])
    assert winner([values[k] for k in order], shuffled, base) == winner(values, legend(codes, priority), base)


def test_cells_without_evidence_are_zero_even_where_a_base_is():
    assert winner([0, 0], legend((4, 9), (1, 2)), base=4) == 0


def test_a_base_of_another_shape_is_refused():
    prediction = one_cell([1, 0], legend((4, 9), (1, 2)))
    with pytest.raises(GridError, match="base"):
        majority(prediction, np.ones((2, 1), np.uint8))


@pytest.mark.parametrize("kernel", ["numba", "numpy"])
@pytest.mark.parametrize("block", [[[9, 9], [4, 4]], [[4, 4], [9, 9]], [[9, 4], [4, 9]], [[4, 9], [9, 4]]])
def test_a_tied_map_is_settled_by_the_rule_wherever_the_pixels_lie(kernel, block):
    kinds = legend((4, 9), (2, 1))
    codes = np.tile(np.array(block, np.uint8), (3, 2))
    grid, target = LatLonGrid(720, 26424, 123048, 6, 4).geo(), LatLonGrid(360, 13212, 61524, 3, 2)
    base = np.array([[4, 9], [0, 4], [2, 9]], np.uint8)
    assert (majority_of_codes(codes, grid, kinds, target, kernel=kernel) == 9).all()
    found = majority_of_codes(codes, grid, kinds, target, base=base, kernel=kernel)
    assert found.tolist() == [[4, 9], [9, 4], [9, 9]]


def test_a_base_that_does_not_fit_the_target_is_refused():
    grid = GeoGrid("EPSG:32629", Affine(10, 0, 600000, 0, -10, 5900040), (3, 5))
    with pytest.raises(GridError, match="base"):
        majority_of_codes(
            np.ones((3, 5), np.uint8),
            grid,
            legend((1,), (1,)),
            LatLonGrid(1, 40, 100, 2, 2),
            base=np.ones((3, 1), np.uint8),
        )
