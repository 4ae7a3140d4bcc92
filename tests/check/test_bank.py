"""Every header of the bank is judged as PGD judged it, and mended where what was meant is plain."""

import numpy as np
import pytest

from ecosg_update.check import header_rules, text_rules
from ecosg_update.checking import checked, mended
from ecosg_update.fault import Severity
from ecosg_update.formats import direct
from tests import oracle_surfex
from tests.check.bank import CLEAN, SPOILT, TOLERATED
from tests.check.maps import GRID, codes, pair

EVERY = [*CLEAN, *TOLERATED, *SPOILT]
OWN_GRID = {"pixels that are not square", "a grid of its own"}


def names(cases):
    return [case.name for case in cases]


def found(report):
    return {fault.rule for fault in report.faults}


def is_right(data, expected):
    """Whether the independent reader has the grid and the covers that are meant; where it stops, it has not."""
    try:
        seen = oracle_surfex.surfex(data.with_suffix(".hdr"))
        rows = np.array(seen.covers(data))
    except (ValueError, ZeroDivisionError):
        return False
    near = 2e-5 / 360
    return (
        (seen.kind, seen.bits, seen.fact, seen.compress) == ("integer", 8, 1, False)
        and rows.shape == GRID.shape
        and np.allclose(seen.lats, GRID.latitudes, rtol=0, atol=near)
        and np.allclose((np.array(seen.lons) - GRID.longitudes + 180) % 360, 180, rtol=0, atol=near)
        and np.array_equal(np.where(rows == seen.nodata, 0, rows), expected)
    )


@pytest.mark.parametrize("case", CLEAN, ids=names(CLEAN))
def test_what_pgd_reads_right_has_no_fault(tmp_path, case):
    data = pair(tmp_path, case.text)
    assert checked(data).faults == ()
    assert is_right(data, codes())


@pytest.mark.parametrize("case", TOLERATED, ids=names(TOLERATED))
def test_what_pgd_tolerates_is_a_warning(tmp_path, case):
    data = pair(tmp_path, case.text)
    report = checked(data)
    assert found(report) == case.rules
    assert {fault.severity for fault in report.faults} == {Severity.WARNING}
    assert case.name in OWN_GRID or is_right(data, codes())


@pytest.mark.parametrize("case", SPOILT, ids=names(SPOILT))
def test_what_pgd_stops_on_or_misreads_is_an_error(tmp_path, case):
    data = pair(tmp_path, case.text)
    report = checked(data)
    errors = {fault.rule for fault in report.faults if fault.severity is Severity.ERROR}
    assert errors == case.rules
    assert not is_right(data, codes())


@pytest.mark.parametrize("case", EVERY, ids=names(EVERY))
def test_every_fault_says_where_what_why_and_the_cure_in_one_line(tmp_path, case):
    for fault in checked(pair(tmp_path, case.text)).faults:
        assert all((fault.rule, fault.where, fault.what, fault.effect, fault.cure))
        assert "\n" not in str(fault) and fault.where.startswith("map.")


@pytest.mark.parametrize("case", EVERY, ids=names(EVERY))
def test_a_mended_map_checks_clean_and_surfex_reads_what_was_meant(tmp_path, case):
    data = pair(tmp_path, case.text)
    before = data.read_bytes(), data.with_suffix(".hdr").read_bytes()
    made = mended(data, tmp_path / "out.dir")
    assert (data.read_bytes(), data.with_suffix(".hdr").read_bytes()) == before
    if not case.fixable:
        assert made.paths == () and made.left
        assert not (tmp_path / "out.dir").exists() and not (tmp_path / "out.hdr").exists()
        return
    assert made.paths == direct.pair(tmp_path / "out.dir"), made.left
    assert checked(tmp_path / "out.dir").faults == () == made.left
    expected = codes()[::-1] if case.name == "south above north" else codes()
    assert is_right(tmp_path / "out.dir", expected)


def test_every_rule_of_the_header_has_a_case():
    named = set().union(*(case.rules for case in EVERY))
    table = (*header_rules.RULES, *text_rules.ALONE)
    assert {rule.name for rule in table} <= named
