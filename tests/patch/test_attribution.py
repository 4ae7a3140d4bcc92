"""Each change is applied in the map of its owner, once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.patch.attribution import SUFFIXES, applied, attributed

ECOSG = tables.legend("ecosg")
OWNERS = ("urban-only", "nature-only", "water-only")


def patch(before, after):
    """A patch from two arrays of covers (y, x)."""
    before, after = np.atleast_2d(np.asarray(before, np.uint8)), np.atleast_2d(np.asarray(after, np.uint8))
    grid = LatLonGrid(360, 5, 6, *before.shape)
    reason = np.full(before.shape, Reason.CHANGED, np.uint8)
    return Patch(CoverMap(after, grid, ECOSG), before, reason, np.ones(before.shape, np.float32))


EVERY = patch(*np.meshgrid(np.arange(34), np.arange(1, 34)))
"""Every cover, and a hole, against every new cover."""


def test_three_owners_share_all_changes_and_no_change_has_two():
    owned = np.sum([applied(EVERY, product) for product in OWNERS], axis=0)
    assert np.array_equal(owned, EVERY.changed)


def test_the_changes_of_all_owners_one_after_the_other_make_the_full_map():
    codes = EVERY.base
    for product in OWNERS:
        part = attributed(EVERY, product).codes
        codes = np.where(part == EVERY.base, codes, part)
    assert np.array_equal(codes, EVERY.cover.codes)
    assert np.array_equal(attributed(EVERY, "full").codes, EVERY.cover.codes)


def test_the_definition_cover_by_cover():
    """Written out by the numbers of the covers: 1..3 water, 4..23 nature, 24..33 towns."""
    for old, new, urban, nature, water, extent in zip(
        EVERY.base.flat,
        EVERY.cover.codes.flat,
        *(applied(EVERY, product).flat for product in (*OWNERS, "extent")),
        strict=True,
    ):
        town = old >= 24 or new >= 24
        wet = old in (1, 2, 3) or new in (1, 2, 3)
        assert urban == (old != new and town)
        assert water == (old != new and wet and not town)
        assert nature == (old != new and not wet and not town)
        assert extent == (tile(old) != tile(new))


def tile(cover):
    return ("none", "sea", "water", "water")[cover] if cover < 4 else "nature" if cover < 24 else "town"


@given(st.lists(st.tuples(st.integers(0, 33), st.integers(1, 33)), min_size=1, max_size=12))
def test_a_map_holds_the_old_or_the_new_cover_and_nothing_else(pairs):
    found = patch(*zip(*pairs, strict=True))
    for product in SUFFIXES:
        codes = attributed(found, product).codes
        mask = applied(found, product)
        assert np.array_equal(codes[mask], found.cover.codes[mask])
        assert np.array_equal(codes[~mask], found.base[~mask])
        assert not (mask & ~found.changed).any()


@pytest.mark.parametrize(
    ("old", "new", "owner"),
    [(29, 2, "urban-only"), (2, 29, "urban-only"), (1, 17, "water-only"), (0, 8, "nature-only")],
)
def test_a_change_between_two_kinds_has_the_stated_owner(old, new, owner):
    assert [product for product in OWNERS if applied(patch(old, new), product).any()] == [owner]
