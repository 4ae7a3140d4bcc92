"""The shipped tables have no fault, and every kind of fault is found by its name."""

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from ecosg_update import tables
from ecosg_update.table_check import checked
from tests.conftest import say
from tests.test_tables_own import put, put_crosswalk, put_legend

GOOD = ("7", "*", "17", "1", "cover", "cover", "c", "A", "r")
OTHER = ("9", "*", "29", "1", "cover", "cover", "c", "A", "r")


def rules(folder):
    """The kinds of fault that the check finds with a folder over the tables."""
    with tables.overlaid(folder):
        return {fault.rule for fault in checked().faults}


def changed(row, **cells):
    return tuple(str(cells.get(column, cell)) for column, cell in zip(tables.CROSSWALK_COLUMNS, row, strict=True))


def test_the_shipped_tables_have_no_fault_and_make_or_inherit_all_33_covers():
    report = checked()
    assert report.faults == () and report.together.never == ()
    assert report.together.by_context == (9, 11, 14, 18)
    for forms in report.reach.values():
        for reach in forms.values():
            assert sorted((*reach.by_table, *reach.by_context, *reach.never)) == list(range(1, 34))


def test_a_sound_table_of_one_s_own_has_no_fault(tmp_path):
    put_legend(tmp_path)
    put_crosswalk(tmp_path, GOOD, OTHER, name="farm--ecosg")
    assert rules(tmp_path) == set()


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([changed(GOOD, source=8), OTHER], "code"),
        ([changed(GOOD, target=34), OTHER], "code"),
        ([changed(GOOD, weight=0.9), OTHER], "sum"),
        ([changed(GOOD, weight="half"), OTHER], "weight"),
        ([GOOD], "gap"),
        ([changed(GOOD, zone="boreal"), OTHER], "gap"),
        ([changed(GOOD, weight=0.5), changed(GOOD, weight=0.5), OTHER], "twice"),
        ([changed(GOOD, weight=0.5), changed(GOOD, weight=0.5, target=18, inherit="group"), OTHER], "rules"),
        ([changed(GOOD, inherit="tribe"), OTHER], "rule"),
        ([changed(GOOD, confidence="D"), OTHER], "confidence"),
        ([changed(GOOD, reference=" "), OTHER], "missing"),
    ],
)
def test_a_fault_of_a_crosswalk_is_found(tmp_path, rows, rule):
    put_legend(tmp_path)
    put_crosswalk(tmp_path, *rows, name="farm--ecosg")
    assert rule in rules(tmp_path)


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        (("7", "hay", "green", "g", "1", "us"), "colour"),
        (("0", "hay", "#00ff00", "g", "1", "us"), "code"),
        (("9", "hay", "#00ff00", "g", "1", "us"), "twice"),
        (("7", "barn", "#00ff00", "g", "1", "us"), "twice"),
        (("7", "hay", "#00ff00", "g", "2", "us"), "priority"),
        (("7", "hay", "#00ff00", "g", "1", ""), "missing"),
    ],
)
def test_a_fault_of_a_legend_is_found(tmp_path, cells, rule):
    put(tmp_path, "legends/farm.csv", tables.LEGEND_COLUMNS, cells, ("9", "barn", "#ff0000", "town", "2", "us"))
    assert rule in rules(tmp_path)


def test_fractions_without_a_hard_table_and_unknown_legends_are_found(tmp_path):
    put_legend(tmp_path)
    put_crosswalk(tmp_path, GOOD, OTHER, name="farm--ecosg.fractional")
    put_crosswalk(tmp_path, GOOD, name="wood--ecosg")
    assert {"no-hard", "legend"} <= rules(tmp_path)


def test_groupings_that_come_back_to_their_beginning_are_found(tmp_path):
    put(tmp_path, "groupings/corine-l1--ecosg.csv", ("code", "group", "reference"), ("1", "29", "r"))
    assert rules(tmp_path) == {"cycle"}
    put(tmp_path, "groupings/corine-l1--ecosg.csv", ("code", "group", "reference"), ("6", "99", ""))
    assert rules(tmp_path) == {"cycle", "code", "missing"}


def test_the_command_prints_a_line_a_fault_and_exits_6(tmp_path):
    put_crosswalk(tmp_path, changed(("322", *GOOD[1:]), confidence="X", reference=""))
    said = say("tables", "check", "--tables", tmp_path)
    assert said.code == 6 and len(said.out.splitlines()) == 2 and "line 2: confidence 'X'" in said.out
    found = json.loads(say("tables", "check", "--tables", tmp_path, "--json").out)
    assert [fault["rule"] for fault in found["faults"]] == ["confidence", "missing"]
    sound = say("tables", "check")
    assert sound.code == 0 and "from the original only 9, 11, 14, 18" in sound.out.splitlines()[-1]


def test_show_puts_names_beside_codes_and_fills_fractions_up_with_hard_rows():
    rows = json.loads(say("tables", "show", "corine-l3--ecosg.fractional", "--json").out)
    mixed = [
        (row["class"], row["cover"], row["weight"]) for row in rows if row["source"] == "313" and row["zone"] == "*"
    ]
    assert mixed == [
        ("Mixed forest", "temperate broadleaf deciduous", "0.5"),
        ("Mixed forest", "temperate needleleaf evergreen", "0.5"),
    ]
    assert {row["source"] for row in rows} == {str(code) for code in tables.legend("corine-l3").codes}
    assert "Mixed forest" in say("tables", "show", "corine-l3--ecosg").out
    assert "\x1b" not in say("tables", "show", "ecosg").out
    assert say("tables", "show", "absent").code == 3


@pytest.mark.parametrize(("extra", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_the_colours_of_the_legend_unless_no_color_is_set(extra, coloured):
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "200"} | extra
    ours, theirs = pty.openpty()
    code = "from ecosg_update.cli import main; main(['tables', 'show', 'worldcover'])"
    subprocess.run([sys.executable, "-c", code], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 1 << 16):
            text += piece
    except OSError:  # Linux ends a pty that way
        pass
    os.close(ours)
    assert (b"38;2;0;100;0m" in text) is coloured and b"Tree cover" in text


def test_a_whole_copy_of_a_shipped_table_changes_nothing(tmp_path):
    (tmp_path / "crosswalks").mkdir()
    shutil.copy(tables.path("crosswalks", "corine-l3--ecosg.csv"), tmp_path / "crosswalks")
    before = tables.crosswalk("corine-l3")
    with tables.overlaid(tmp_path):
        assert (tables.crosswalk("corine-l3").weights == before.weights).all()
