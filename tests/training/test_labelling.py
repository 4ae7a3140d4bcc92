import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.training import labelling
from ecosg_update.training.bigearthnet import nomenclature

L3 = tables.legend("corine-l3")


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_level_keeps_the_first_digits_of_the_code(level):
    found = labelling.to_level(L3, level)
    kinds = found.kinds(np.array(L3.codes))
    assert [found.target.codes[row] for row in kinds] == [int(str(code)[:level]) for code in L3.codes]


def test_grid_codes_mean_the_same_as_their_three_digits():
    found = labelling.to_level(L3, 2)
    np.testing.assert_array_equal(found.kinds(np.arange(1, 45)), found.kinds(np.array(L3.codes)))
    assert found.kinds(np.array([[0, 48, 255]])).tolist() == [[-1, -1, -1]]


def test_a_coarse_legend_has_no_finer_level():
    with pytest.raises(TableError, match="corine-l1 has no CORINE level 2; give a grouping"):
        labelling.to_level(tables.legend("corine-l1"), 2)


@pytest.fixture
def own(tmp_path):
    (tmp_path / "mine.csv").write_text("code,name,colour\n5,wet,#0000ff\n9,wood,\n")
    (tmp_path / "groups.csv").write_text("code,group\n511,wet\n512,5\n311,wood\n312,9\n313,-\n231,\n")
    return tmp_path


def test_a_users_legend_and_grouping_need_no_code(own):
    legend = labelling.legend(own / "mine.csv")
    found = labelling.grouped(L3, legend, own / "groups.csv")
    assert legend.codes == (5, 9) and legend.colours[0] == (0, 0, 255)
    assert found.kinds(np.array([511, 512, 311, 312, 313, 231, 111, 0])).tolist() == [0, 0, 1, 1, -2, -2, -2, -1]
    assert found.grouping == {"wet": [511, 512], "wood": [311, 312]}


def test_a_grouping_alone_implies_its_legend(tmp_path):
    (tmp_path / "three.csv").write_text("code,group\n511,water\n112,town\n312,0\n512,water\n")
    legend = labelling.legend_of_groups(tmp_path / "three.csv")
    assert (legend.name, legend.codes, legend.names) == ("three", (1, 2), ("water", "town"))


def test_a_merged_class_means_what_all_its_members_share():
    level2, (_, merged) = labelling.to_level(L3, 2), nomenclature()
    assert level2.target.codes[level2.row(merged["Arable land"])] == 21
    assert level2.row(merged["Permanent crops"]) == -1
    level1 = labelling.to_level(L3, 1)
    assert all(level1.row(codes) >= 0 for name, codes in merged.items() if name)


def test_the_names_of_bigearthnet_cover_corine_but_for_glaciers():
    first, second = nomenclature()
    assert sorted(first.values()) == [code for code in L3.codes if code != 335]
    assert len(first) == 43 and len([name for name in second if name]) == 19


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,group\n511,lake\n", "'lake' is no class of mine; it has wet, wood"),
        ("code,group\n599,wet\n", "599 is no class"),
        ("code,group\nx,wet\n", "'x' is not a whole number"),
        ("code\n511\n", "columns group"),
    ],
)
def test_a_wrong_grouping_is_one_line(own, text, message):
    (own / "groups.csv").write_text(text)
    with pytest.raises(TableError, match=message) as raised:
        labelling.grouped(L3, labelling.legend(own / "mine.csv"), own / "groups.csv")
    assert "\n" not in str(raised.value)
