"""When a cell changes, and what it says about why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import ConfigError, GridError, TableError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction, Reason
from ecosg_update.patch.decide import Policy, decided

ECOSG = tables.legend("ecosg")


DEFAULT = Policy()


def one_cell(probabilities, base, share=1.0, policy=DEFAULT):
    """The decision for a single cell: {cover: probability} against a base cover."""
    grid = LatLonGrid(360, 1, 2, 1, 1)
    values = np.zeros((33, 1, 1), np.float32)
    for cover, probability in probabilities.items():
        values[cover - 1] = probability
    prediction = Prediction(values, np.full((1, 1), share, np.float32), ECOSG, grid, "test")
    patch = decided(prediction, CoverMap(np.full((1, 1), base, np.uint8), grid, ECOSG), policy)
    return int(patch.cover.codes[0, 0]), Reason(patch.reason[0, 0]), float(patch.confidence[0, 0])


def test_good_evidence_changes_the_cover():
    assert one_cell({8: 0.75, 17: 0.25}, base=19) == (8, Reason.CHANGED, 0.75)


def test_evidence_for_the_base_leaves_it():
    assert one_cell({8: 0.75, 17: 0.25}, base=8) == (8, Reason.UNCHANGED, 0.75)


def test_no_evidence_keeps_the_base():
    assert one_cell({}, base=19, share=0.0) == (19, Reason.KEPT_NO_DATA, 0.0)


def test_too_little_of_the_cell_seen_keeps_the_base():
    assert one_cell({8: 1.0}, base=19, share=0.25)[:2] == (19, Reason.KEPT_LOW_SHARE)
    assert one_cell({8: 1.0}, base=19, share=0.25, policy=Policy(min_share=0.2))[:2] == (8, Reason.CHANGED)


def test_too_little_confidence_keeps_the_base():
    assert one_cell({8: 0.4, 17: 0.35, 4: 0.25}, base=19)[:2] == (19, Reason.KEPT_LOW_CONFIDENCE)


WOOD = {8: 0.48, 13: 0.5, 17: 0.02}


@pytest.mark.parametrize(
    ("base", "sure_of", "expected"),
    [
        (19, "group", (13, Reason.CHANGED)),
        (19, "cover", (19, Reason.KEPT_LOW_CONFIDENCE)),
        (8, "group", (8, Reason.KEPT_LOW_CONFIDENCE)),
        (13, "group", (13, Reason.UNCHANGED)),
        (0, "group", (13, Reason.CHANGED)),
    ],
)
def test_a_wood_of_doubtful_leaves_replaces_crops_but_not_another_wood(base, sure_of, expected):
    policy = Policy(min_confidence=0.6, sure_of=sure_of)
    assert one_cell(WOOD, base=base, policy=policy)[:2] == expected


@given(st.integers(0, 2**32 - 1), st.sampled_from(["always", "confident", "agreement"]))
def test_to_be_sure_of_the_group_changes_whatever_to_be_sure_of_the_cover_does(seed, mode):
    random = np.random.default_rng(seed)
    grid = LatLonGrid(360, 1, 2, 5, 7)
    values = random.dirichlet(np.full(33, 0.1), grid.shape).transpose(2, 0, 1).astype(np.float32)
    prediction = Prediction(values, np.ones(grid.shape, np.float32), ECOSG, grid, "random")
    base = CoverMap(random.integers(0, 34, grid.shape).astype(np.uint8), grid, ECOSG)
    by_group, by_cover = (decided(prediction, base, Policy(mode=mode, sure_of=what)) for what in ("group", "cover"))
    assert by_group.changed[by_cover.changed].all()
    for row, col in zip(*np.nonzero(by_group.changed & ~by_cover.changed), strict=True):
        new, old = by_group.cover.codes[row, col], base.codes[row, col]
        group = ECOSG.group[ECOSG.index(int(new))]
        assert old == 0 or group != ECOSG.group[ECOSG.index(int(old))]
        assert sum(values[ECOSG.index(code), row, col] for code in ECOSG.members("group", group)) > 0.5 - 1e-6
        assert by_group.confidence[row, col] < 0.5


@pytest.mark.parametrize("water", [1, 2, 3])
def test_sea_and_inland_water_are_protected(water):
    assert one_cell({8: 1.0}, base=water)[:2] == (water, Reason.KEPT_PROTECTED)
    assert one_cell({8: 1.0}, base=water, policy=Policy(protect=()))[:2] == (8, Reason.CHANGED)


@pytest.mark.parametrize("cover", [1, 6])
def test_sea_and_snow_do_not_appear_where_the_base_has_none(cover):
    assert one_cell({cover: 1.0}, base=17)[:2] == (17, Reason.KEPT_PROTECTED)


def test_a_new_lake_may_appear():
    assert one_cell({2: 1.0}, base=17)[:2] == (2, Reason.CHANGED)


def test_a_hole_in_the_base_is_filled_by_good_evidence_only():
    assert one_cell({8: 1.0}, base=0)[:2] == (8, Reason.CHANGED)
    assert one_cell({8: 0.4, 17: 0.3, 4: 0.3}, base=0)[:2] == (0, Reason.KEPT_LOW_CONFIDENCE)


def test_a_tie_goes_to_the_base_and_else_to_the_priority_of_the_legend():
    assert one_cell({8: 0.5, 19: 0.5}, base=19)[:2] == (19, Reason.UNCHANGED)
    assert one_cell({8: 0.5, 17: 0.5}, base=19)[0] == 17


def test_always_takes_the_best_cover_however_improbable():
    assert one_cell({8: 0.4, 17: 0.35, 4: 0.25}, base=19, policy=Policy(mode="always"))[:2] == (8, Reason.CHANGED)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_every_cell_has_a_reason_and_only_changed_cells_differ(seed, min_share, min_confidence):
    random = np.random.default_rng(seed)
    grid = LatLonGrid(360, 5, 6, 3, 5)
    values = random.random((33, 3, 5), np.float32) ** 8
    values /= values.sum(axis=0)
    share = np.round(random.random((3, 5), np.float32), 1)
    values[:, share == 0] = 0
    base = CoverMap(random.integers(0, 34, (3, 5)).astype(np.uint8), grid, ECOSG)
    policy = Policy(min_share=min_share, min_confidence=min_confidence, sure_of="cover")
    prediction = Prediction(values, share, ECOSG, grid, "random")
    patch = decided(prediction, base, policy)
    assert set(np.unique(patch.reason).tolist()) <= {reason.value for reason in Reason}
    assert np.array_equal(patch.changed, patch.reason == Reason.CHANGED)
    assert (patch.confidence[patch.changed] >= min_confidence).all()
    assert (share[patch.changed] >= min_share).all()
    again = decided(prediction, patch.cover, policy)
    assert np.array_equal(again.cover.codes, patch.cover.codes)


def test_wrong_options_grids_and_legends_are_refused():
    grid = LatLonGrid(360, 1, 2, 3, 5)
    base = CoverMap(np.full((3, 5), 17, np.uint8), grid, ECOSG)
    values = np.zeros((33, 3, 5), np.float32)
    empty = Prediction(values, np.zeros((3, 5), np.float32), ECOSG, grid, "none")
    with pytest.raises(ConfigError, match=r"expected 0\.\.1"):
        Policy(min_share=1.5)
    with pytest.raises(ConfigError, match="mode is 'never', expected one of always, confident, agreement"):
        Policy(mode="never")
    with pytest.raises(ConfigError, match="'ocean' is no family"):
        decided(empty, base, Policy(protect=("ocean",)))
    elsewhere = CoverMap(base.codes, LatLonGrid(360, 2, 2, 3, 5), ECOSG)
    with pytest.raises(GridError):
        decided(empty, elsewhere, Policy())
    corine = tables.legend("corine-l1")
    other = Prediction(values[:5], np.zeros((3, 5), np.float32), corine, grid, "none")
    with pytest.raises(TableError, match="expected ecosg"):
        decided(other, base, Policy())
