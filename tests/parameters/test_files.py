"""Which files are parameters, by name, and what the table of defaults must hold."""

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import FormatError, TableError
from ecosg_update.formats import typed
from ecosg_update.parameters import parameter as module
from ecosg_update.parameters.files import found, gaps
from ecosg_update.parameters.parameter import DECADES, VARIABLES, parameter
from tests.parameters.made import GRID, covers, write_cover, write_tree

TREES = {
    "Deode, pysurfex": [
        "LAI_SAT/LAI_SAT_0105_c",
        "ALB_SAT/ALB_SAT_NI_0105_c",
        "ALB_SAT/ALB_SAT_VI_0105_c",
        "HT/new_ht_c",
    ],
    "HARMONIE": [
        "LAI_SAT/LAI_SAT_0105_c",
        "ALBNIR_SAT/ALB_SAT_NI_0105_c",
        "ALBVIS_SAT/ALB_SAT_VI_0105_c",
        "HT/new_ht_c",
    ],
    "ECOCLIMAP-SG-ML": [
        "LAI/60M/LAI_SAT_0105_c",
        "ALBNIR_SAT/ALB_SAT_NI_0105_c",
        "ALBVIS_SAT/ALB_SAT_VI_0105_c",
        "HT/new_ht_c",
    ],
    "one folder": ["LAI_0105_c", "AL_BH_NI_0105_c", "AL_BH_VI_0105_c", "new_ht_c"],
}


@pytest.mark.parametrize("tree", TREES)
def test_parameters_are_found_under_the_names_of_each_workflow(tmp_path, tree):
    for name in TREES[tree]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        typed.write(np.full(GRID.shape, 1701, np.uint16), GRID, tmp_path / name, title="Made up")
    files = found(tmp_path)
    assert [file.parameter.name for file in files] == list(VARIABLES)
    assert [file.name for file in files] == [f"{name}.dir" for name in TREES[tree]]
    assert [file.decade for file in files] == ["0105", "0105", "0105", ""]


def test_all_36_decades_are_found_in_order_and_links_are_followed(tmp_path):
    write_tree(tmp_path / "real", covers(), decades=list(DECADES))
    (tmp_path / "tree").mkdir()
    for name in ("LAI_SAT", "ALB_SAT", "HT"):
        (tmp_path / "tree" / name).symlink_to(tmp_path / "real" / name)
    files = found(tmp_path / "tree")
    assert len(files) == 3 * 36 + 1 and gaps(files) == {}
    assert [file.decade for file in files[:36]] == list(DECADES)


def test_other_files_are_passed_over(tmp_path):
    write_tree(tmp_path, covers(), decades=["0105"])
    (tmp_path / "COVER").mkdir()
    write_cover(tmp_path / "COVER" / "ecosg_final_map", covers())
    (tmp_path / "LAI_SAT" / "LAI_SAT_0105_c_old.dir").write_bytes(b"")
    (tmp_path / "README").write_text("no map")
    assert len(found(tmp_path)) == 4


def test_a_decade_that_does_not_exist_is_refused(tmp_path):
    write_tree(tmp_path, covers(), decades=["0105"])
    for suffix in (".dir", ".hdr"):
        path = tmp_path / "LAI_SAT" / f"LAI_SAT_0105_c{suffix}"
        path.rename(path.with_name(f"LAI_SAT_0107_c{suffix}"))
    with pytest.raises(FormatError, match="decade 0107 does not exist"):
        found(tmp_path)


def test_every_default_has_a_source():
    rows = tables.rows(tables.path("parameters.csv"), module.COLUMNS)
    assert len(rows) == 17 + 20 + 20 + 10
    assert all(row["source"].startswith(("SURFEX 8.1 ini_data_cover.F90", "no source: ")) for row in rows)
    assert [row["cover"] for row in rows if row["source"].startswith("no source")] == ["22"]


def test_gardens_take_the_values_of_bare_land_trees_and_grass():
    """Design document, A5: LCZ 1-3 trees; 4-6 and 9 all three; 7, 8 and 10 bare land and grass."""
    three = dict.fromkeys((27, 28, 29, 32), (4, 8, 17))
    assert module.gardens() == dict.fromkeys((24, 25, 26), (8,)) | three | dict.fromkeys((30, 31, 33), (4, 17))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("lai,17,three,m2/m2,x", "is not a number"),
        ("lai,34,3,m2/m2,x", "found cover 34"),
        ("lai,17,0,m2/m2,x", "more than 0"),
        ("lay,17,3,m2/m2,x", "parameter 'lay' is none of lai"),
        ("tree-height,8,3,m,x", "found no row of 'lai'"),
    ],
)
def test_a_wrong_row_of_the_table_is_refused(tmp_path, monkeypatch, row, message):
    (tmp_path / "parameters.csv").write_text(f"parameter,cover,default,unit,source\n{row}\n")
    real = tables.path
    monkeypatch.setattr(
        tables, "path", lambda *parts: tmp_path / parts[0] if parts == ("parameters.csv",) else real(*parts)
    )
    with pytest.raises(TableError, match=message):
        parameter.__wrapped__("lai")
