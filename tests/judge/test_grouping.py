import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.judge.grouping import Grouping, grouping, tabled
from tests.judge.maps import L1, L2, L3

DYNAMICWORLD, ECOSG = tables.legend("dynamicworld"), tables.legend("ecosg")


@pytest.mark.parametrize(("source", "target", "divisor"), [(L3, L2, 10), (L3, L1, 100), (L2, L1, 10)])
def test_levels_of_corine_are_the_first_digits_of_the_codes(source, target, divisor):
    by = grouping(source, target)
    assert [target.codes[row] for row in by.rows] == [code // divisor for code in source.codes]


@pytest.mark.parametrize("source", [DYNAMICWORLD, ECOSG])
def test_level_1_of_another_legend_is_level_1_of_its_level_2(source):
    direct, fine, coarse = grouping(source, L1), grouping(source, L2), grouping(L2, L1)
    np.testing.assert_array_equal(direct.rows, coarse.rows[fine.rows])


@pytest.mark.parametrize("source", [L1, L2, L3, DYNAMICWORLD, ECOSG])
def test_vegetation_is_classes_2_to_4_of_level_1_and_water_class_5(source):
    target = tables.legend("water-vegetation")
    level1 = np.array(L1.codes)[grouping(source, L1).rows]
    expected = np.select([level1 == 1, level1 == 5], ["Artificial", "Water"], "Vegetation")
    assert [target.names[row] for row in grouping(source, target).rows] == expected.tolist()


def test_each_table_of_groupings_can_be_read_and_names_each_class():
    files = sorted(tables.path("groupings").glob("*.csv"))
    assert files
    for file in files:
        source, target = (tables.legend(name) for name in file.stem.split("--"))
        assert (tabled(source, target, file).rows >= 0).all()


@given(st.integers(0, 2**32 - 1))
def test_probability_is_conserved_and_a_sure_class_stays_sure(seed):
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(9), (3, 5)).astype(np.float32).transpose(2, 0, 1)
    by = grouping(DYNAMICWORLD, L1)
    np.testing.assert_allclose(by.probabilities(values).sum(axis=0), 1, atol=1e-6)
    labels = rng.integers(0, 9, (3, 5)).astype(np.int16)
    sure = (labels == np.arange(9)[:, None, None]).astype(np.float32)
    np.testing.assert_array_equal(by.probabilities(sure).argmax(axis=0), by.labels(labels))


def test_the_name_tells_how_many_classes_there_are():
    assert grouping(L3, L1).name == "corine-l1, 5 classes"


def test_no_data_stays_no_data():
    assert grouping(L3, L1).labels(np.array([-1, 0, 43], np.int16)).tolist() == [-1, 0, 4]


def test_a_users_table_may_leave_classes_out(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("code,group\n3,1\n4,-\n5,Water bodies\n")
    assert tabled(L1, L1, file).rows.tolist() == [-1, -1, 0, -1, 4]


@pytest.mark.parametrize("level", [1, 2])
def test_covers_of_the_crosswalk_go_back_to_the_class_they_came_from(level):
    """Urban green, mines, permanent crops, mosaics and salt marsh have no cover of their own and do not."""
    crosswalk = tables.crosswalk(f"corine-l{level}")
    back = grouping(crosswalk.target, crosswalk.source)
    covers = crosswalk.weights[0].argmax(axis=1)  # temperate
    lost = {1: set(), 2: {13, 14, 22, 24, 42}}[level]
    for code, cover in zip(crosswalk.source.codes, covers, strict=True):
        assert (crosswalk.source.codes[back.rows[cover]] == code) != (code in lost), code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,reference\n1,1\n", "columns group are missing"),
        ("code,group\n1,x\n", "found 'x', expected a code or the name"),
        ("code,group\nx,1\n", "found 'x', expected a code or the name"),
        ("code,group\n7,1\n", "7 is no class of it"),
        ("code,group\n1,9\n", "9 is no class of it"),
        ("code,group\n1,1\n1,2\n", "code 1 stands twice"),
        ("code,group\n1,0\n1,2\n", "code 1 stands twice"),
        ("code,group\n1\n", "another number of fields"),
    ],
)
def test_a_damaged_table_is_named_with_its_fault(tmp_path, text, message):
    file = tmp_path / "mine.csv"
    file.write_text(text)
    with pytest.raises(TableError, match=message):
        tabled(L1, L1, file)


def test_legends_without_a_table_between_them_are_refused():
    with pytest.raises(TableError, match="none from corine-l1 to corine-l2"):
        grouping(L1, L2)


def test_rows_that_are_no_rows_are_refused():
    with pytest.raises(TableError, match="expected int16"):
        Grouping(L1, L1, np.zeros(4, np.int16))
    with pytest.raises(TableError, match="outside corine-l1"):
        Grouping(L1, L1, np.full(5, 5, np.int16))
