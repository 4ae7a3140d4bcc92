import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import FormatError, TableError
from ecosg_update.inspection.draw import Site
from ecosg_update.inspection.records import (
    Stratum,
    Verdict,
    read_design,
    read_sites,
    read_strata,
    read_verdicts,
    site_table,
    stratum_table,
    verdict_table,
)
from tests.inspection.made import ECOSG

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
FIGURES = st.floats(-180, 180)


def site(**more):
    plain = {
        "id": "s001", "lon": -8.5, "lat": 52.9, "row": 3, "col": 4, "cell_km2": 0.0577, "stratum": "17, changed",
        "stratum_cells": 40, "stratum_km2": 2.3, "sampled": 5, "cover": 17, "base": 29, "confidence": 0.9,
        "reason": "changed",
    }  # fmt: skip
    return Site(**plain | more)


@given(lon=FIGURES, km2=st.floats(1e-9, 1e9), stratum=TEXT, reason=TEXT)
def test_sites_are_read_as_they_were_written(tmp_path_factory, lon, km2, stratum, reason):
    file = tmp_path_factory.mktemp("sites") / "sites.csv"
    sites = (site(lon=lon, cell_km2=km2, stratum=stratum, reason=reason), site(id="s002"))
    file.write_text(site_table(sites), encoding="utf-8")
    assert read_sites(file) == sites


def test_what_a_bare_map_does_not_know_is_an_empty_field(tmp_path):
    (tmp_path / "sites.csv").write_text(site_table([site(confidence=float("nan"), reason="")]))
    assert ",0.9," not in (tmp_path / "sites.csv").read_text()
    (found,) = read_sites(tmp_path / "sites.csv")
    assert found.confidence != found.confidence and found.reason == ""


@given(
    st.lists(
        st.tuples(st.sampled_from((0, *ECOSG.codes)), st.sampled_from((0, 2, 33)), TEXT, TEXT, st.booleans()),
        min_size=1, max_size=5,
    )
)  # fmt: skip
def test_verdicts_are_read_as_they_were_written(tmp_path_factory, given_):
    file = tmp_path_factory.mktemp("verdicts") / "verdicts.csv"
    made = tuple(
        Verdict(f"s{number}", code, second, comment, expert, "2024-05-01T10:00:00Z", blind)
        for number, (code, second, comment, expert, blind) in enumerate(given_)
    )
    file.write_text(verdict_table(made), encoding="utf-8")
    assert read_verdicts(file, ECOSG, [one.id for one in made]) == made


def test_strata_are_read_as_they_were_written(tmp_path):
    strata = (Stratum('17 "grass", changed', 40, 2.345678901234567, 5), Stratum("1 sea", 10**10, 1e8, 3))
    (tmp_path / "strata.csv").write_text(stratum_table(strata))
    assert read_strata(tmp_path / "strata.csv") == strata


def test_a_verdict_that_went_through_a_spreadsheet_is_still_one(tmp_path):
    (tmp_path / "v.csv").write_text("id,verdict,extra\ns1,17.0,x\ns2,,y\ns3, 0,z\n")
    assert read_verdicts(tmp_path / "v.csv", ECOSG, ["s1", "s2", "s3"]) == (Verdict("s1", 17), Verdict("s3", 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,verdict\ns9,17\n", "line 2: site 's9' was not drawn"),
        ("id,verdict\ns1,17\ns1,19\n", "'s1' stands twice"),
        ("id,verdict\ns1,34\n", "line 2: verdict '34' is no class of ecosg, expected a code or 0"),
        ("id,verdict\ns1,grass\n", "verdict 'grass' is no class"),
        ("id,verdict\ns1,17.5\n", "verdict '17.5' is no class"),
        ("id,verdict,second\ns1,17,99\n", "second choice '99' is no class"),
        ("id,verdict\ns1,\n", "no line holds a verdict"),
        ("id,class\ns1,17\n", "verdict are missing"),
        ("id,verdict\n", "missing or the table is empty"),
    ],
)
def test_verdicts_that_cannot_be_are_one_line(tmp_path, text, message):
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(TableError, match=message) as refused:
        read_verdicts(tmp_path / "v.csv", ECOSG, ["s1", "s2"])
    assert "\n" not in str(refused.value)


def test_files_that_are_no_inspection_are_named(tmp_path):
    with pytest.raises(TableError, match=r"absent\.csv: is no file"):
        read_verdicts(tmp_path / "absent.csv", ECOSG, [])
    with pytest.raises(FormatError, match="give the folder of an inspection"):
        read_design(tmp_path / "design.json")
    for text in ("{", "[]", "{}"):
        (tmp_path / "design.json").write_text(text)
        with pytest.raises(FormatError, match="draw the inspection again"):
            read_design(tmp_path / "design.json")
    (tmp_path / "sites.csv").write_text(site_table([site()]).replace("52.9", "north"))
    with pytest.raises(TableError, match="'north', expected a number"):
        read_sites(tmp_path / "sites.csv")
