"""NAM_COVER: PGD's rules, cell by cell and slowly, against ours."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError
from ecosg_update.pgd import rules as module
from ecosg_update.pgd.rules import NamCover, rounded, ruled

LIMITS = st.sampled_from([0.0, 1e-6, 0.05, 0.2, 0.25, 0.5, 0.8, 1.0])


def one_cell(cover, rules):
    """The rules of `pgd_cover.F90` for one cell, a dictionary of cover numbers; None where nothing is left."""
    cell = {number: part for number, part in enumerate(cover, 1) if part}
    largest = min(number for number in cell if cell[number] == max(cell.values()))
    for number in list(cell):
        if number != largest and nearest(cell[number]) <= rules.xrm_cover:
            del cell[number]
    if rules.lrm_river and largest != 3:
        cell.pop(3, None)
    for number in (2, 3):
        if rules.xrm_lake > 0 and nearest(cell.get(number, 0)) <= rules.xrm_lake:
            cell.pop(number, None)
    if rules.xrm_sea > 0 and nearest(cell.get(1, 0)) <= rules.xrm_sea:
        cell.pop(1, None)
    if rules.xrm_coast < 1:
        for number in (1, 2, 3):
            if nearest(cell.get(number, 0)) >= rules.xrm_coast:
                cell = {number: 1.0}
    if rules.xrm_wm > 0:
        cell = settled(cell, rules.xrm_wm)
    total = sum(cell.values())
    return [cell.get(number, 0) / total for number in range(1, 34)] if total else None


def settled(cell, limit):
    water = {number: part for number, part in cell.items() if number <= 3}
    land = {number: part for number, part in cell.items() if number > 3}
    total = sum(water.values())
    if abs(total - 1) <= 1e-7 or abs(total) <= 1e-7:
        return cell
    if total > 1 - limit:
        most = min(number for number in water if water[number] == max(water.values()))
        return water | {most: water[most] + 1 - total}
    if total < limit and not land:
        return {}
    if total < limit:
        most = min(number for number in land if land[number] == max(land.values()))
        return land | {most: land[most] + total}
    return cell


def nearest(part):
    return math.floor(part * 1e8 + 0.5) / 1e8


@st.composite
def cells(draw):
    """Fractions of a cell as PGD averages them: counts over their sum, to 1e-8."""
    counts = np.zeros(33)
    for number in draw(st.lists(st.sampled_from([1, 2, 3, 3, 5, 17, 29, 33]), min_size=1, max_size=6)):
        counts[number - 1] += draw(st.sampled_from([1, 1, 2, 5, 20, 10**6]))
    parts = np.floor(counts / counts.sum() * 1e8 + 0.5) / 1e8
    return parts / parts.sum()


rules = st.builds(
    NamCover,
    xrm_cover=LIMITS,
    xrm_coast=LIMITS,
    xrm_lake=LIMITS,
    lrm_river=st.booleans(),
    xrm_sea=LIMITS,
    xrm_wm=LIMITS,
)


@given(st.lists(cells(), min_size=1, max_size=5), rules)
def test_every_cell_is_what_the_rules_make_of_it_one_by_one(parts, nam_cover):
    expected = [one_cell(cell, nam_cover) for cell in parts]
    empty = sum(cell is None for cell in expected)
    if empty:
        with pytest.raises(ConfigError, match=f"every cover of {empty} cells"):
            ruled(np.array(parts).T.copy(), nam_cover)
        return
    found = ruled(np.array(parts).T.copy(), nam_cover)
    np.testing.assert_allclose(found.T, expected, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-15)


def test_cells_are_ruled_by_themselves_in_blocks_of_any_size(monkeypatch):
    parts = np.random.default_rng(0).random((33, 20))
    parts[1:, 3::7] = 0
    parts /= parts.sum(axis=0)
    nam_cover = NamCover(xrm_cover=0.02, xrm_lake=0.03)
    whole = ruled(parts.copy(), nam_cover)
    monkeypatch.setattr(module, "BLOCK", 6)
    np.testing.assert_array_equal(ruled(parts.copy(), nam_cover), whole)
    with pytest.raises(ConfigError, match="every cover of 3 cells"):
        ruled(parts, NamCover(xrm_sea=1))


def test_the_defaults_remove_only_specks():
    parts = np.zeros((33, 2))
    parts[[4, 16], 0], parts[[0, 4], 1] = [0.3, 0.7], [1e-6, 1 - 1e-6]
    found = ruled(parts.copy(), NamCover())
    np.testing.assert_array_equal(found[:, 0], parts[:, 0])
    assert found[0, 1] == 0 and found[4, 1] == 1


def test_the_largest_cover_stays_however_small():
    parts = np.full((33, 1), 1 / 33)
    found = ruled(parts, NamCover(xrm_cover=0.5))
    assert found[0, 0] == 1 and found[1:].sum() == 0


def test_halves_are_rounded_up_as_fortran_does():
    assert rounded(np.array([195312.5e-8, 0.5e-8, 0.49e-8, 1.0])).tolist() == [195313e-8, 1e-8, 0, 1]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["XRM_SEA=0.2", "LRM_RIVER=T"], NamCover(xrm_sea=0.2, lrm_river=True)),
        (["xrm_cover = 1.D-3", "lrm_river = .false."], NamCover(xrm_cover=1e-3)),
        (
            ["XRM_COAST=.5", "XRM_LAKE=5e-2", "LRM_RIVER=.TRUE."],
            NamCover(xrm_coast=0.5, xrm_lake=0.05, lrm_river=True),
        ),
        (["XRM_WM=1.", "LRM_RIVER=f", "LRM_RIVER=true"], NamCover(xrm_wm=1, lrm_river=True)),
        ([], NamCover()),
    ],
)
def test_values_are_read_as_fortran_reads_them(texts, expected):
    assert NamCover.parsed(texts) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("XRM_TOWN=0.2", "with a key of XRM_COVER, XRM_COAST"),
        ("XRM_SEA", "KEY=VALUE"),
        ("XRM_SEA=lots", "XRM_SEA: found 'lots'"),
        ("XRM_SEA=nan", "XRM_SEA: found 'nan'"),
        ("XRM_SEA=20", "expected a fraction 0..1"),
        ("XRM_SEA=-0.1", "expected a fraction 0..1"),
        ("LRM_RIVER=1", "expected .TRUE. or .FALSE."),
        ("=0.2", "KEY=VALUE"),
    ],
)
def test_a_key_or_value_that_is_not_pgds_is_refused_in_one_line(text, words):
    with pytest.raises(ConfigError) as caught:
        NamCover.parsed([text])
    assert words in str(caught.value) and "\n" not in str(caught.value)
