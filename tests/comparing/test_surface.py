"""Roughness and heights: the table against the formulas of SURFEX, the averages against sums by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.comparing.surface import COLUMNS, NATURE, UNITS, fields, surfaces, values
from ecosg_update.fractions import TILES
from ecosg_update.parameters.parameter import parameter
from ecosg_update.pgd.tiles import Arrangement

ROWS = {int(row["cover"]): row for row in tables.rows(tables.path("surface_values.csv"), COLUMNS)}
TREES = (*range(7, 16), 22)
LAI = {int(row["cover"]): float(row["default"]) for row in tables.rows(tables.path("parameters.csv"), ("cover",))
       if row["parameter"] == "lai"}  # fmt: skip


def only(*covers):
    """Cover fractions of a cell with equal parts of some covers."""
    cover = np.zeros(33)
    for code in covers:
        cover[code - 1] += 1 / len(covers)
    return cover


@pytest.mark.parametrize("code", range(4, 24))
def test_height_and_roughness_of_vegetation_follow_from_leaf_area_and_tree_height(code):
    """`veg_height_from_lai.F90` and `z0v_from_lai.F90`, written down once more."""
    constant = {4: 0.1, 5: 1.0, 6: 0.01}
    if code in constant:
        height = constant[code]
    elif code in TREES:
        height = parameter("tree-height").defaults[code]
    elif code in (19, 20, 21):
        height = min(2.5 if code == 21 else 1.0, math.exp((LAI[code] - 3.5) / 1.3))
    else:
        height = LAI[code] / 6
    row = ROWS[code]
    assert float(row["height"]) == pytest.approx(height, rel=1e-5)
    assert float(row["roughness"]) == pytest.approx(max(0.001, 0.13 * height), rel=1e-5)
    assert bool(row["tree_height"]) == (code in TREES)
    assert code not in TREES or float(row["tree_height"]) == height


def test_every_row_has_a_source_and_only_towns_have_buildings():
    assert all(row["source"] for row in ROWS.values())
    built = ~np.isnan(values().building_height)
    np.testing.assert_array_equal(built, np.arange(1, 34) >= 24)
    np.testing.assert_array_equal(built, ~np.isnan(values().building_share))


@pytest.mark.parametrize("arrangement", [Arrangement(), Arrangement(lgarden=True), Arrangement(ltown_to_rock=True)])
def test_surfaces_take_nothing_away_and_agree_with_the_tiles(arrangement):
    shares = surfaces(arrangement)
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    np.testing.assert_allclose(shares[23:].sum(axis=0), arrangement.tile[TILES.index("TOWN")])
    if not arrangement.lgarden:
        np.testing.assert_allclose(shares[NATURE].sum(axis=0), arrangement.tile[TILES.index("NATURE")])


@pytest.mark.parametrize("code", [1, 4, 8, 17, 23])
def test_a_cell_of_one_cover_has_the_roughness_of_the_table(code):
    found = fields(only(code), Arrangement())
    assert float(found["roughness_length"]) == pytest.approx(values().roughness[code - 1])


def test_the_roughness_of_a_mixture_is_that_of_the_mean_drag_at_20_metres():
    drag = 0.5 / math.log(20 / 0.001) ** 2 + 0.5 / math.log(20 / 1.3) ** 2
    found = fields(only(1, 8), Arrangement())
    assert float(found["roughness_length"]) == pytest.approx(20 * math.exp(-1 / math.sqrt(drag)))


def test_a_garden_counts_as_its_vegetation():
    found = fields(only(27), Arrangement())
    parts = {17: 0.3 * 0.4, 4: 0.3 * 0.2, 8: 0.3 * 0.4}
    drag = 0.7 / math.log(20 / 2.0) ** 2 + sum(
        part / math.log(20 / values().roughness[code - 1]) ** 2 for code, part in parts.items()
    )
    assert float(found["roughness_length"]) == pytest.approx(20 * math.exp(-1 / math.sqrt(drag)))
    assert float(found["tree_height"]) == 10 and float(found["building_height"]) == 75


def test_building_height_is_the_mean_over_the_ground_built_on():
    assert float(fields(only(24, 32), Arrangement())["building_height"]) == pytest.approx(
        (0.5 * 75 + 0.1 * 5) / (0.5 + 0.1)
    )


def test_a_cell_without_trees_or_buildings_has_no_height_of_them():
    found = fields(np.stack([only(17), only(1)], axis=1), Arrangement())
    assert set(found) == set(UNITS) and found["tree_height"].shape == (2,)
    assert np.isnan(found["tree_height"]).all() and np.isnan(found["building_height"]).all()


@given(st.lists(st.integers(1, 33), min_size=1, max_size=6))
def test_every_average_lies_between_its_parts(codes):
    found = fields(only(*codes), Arrangement())
    known = values()
    parts = surfaces(Arrangement()) @ only(*codes) > 0
    low, high = known.roughness[parts].min(), known.roughness[parts].max()
    assert low * (1 - 1e-9) <= float(found["roughness_length"]) <= high * (1 + 1e-9)
    heights = known.tree_height[parts & ~np.isnan(known.tree_height)]
    assert np.isnan(found["tree_height"]) == (heights.size == 0)
    assert heights.size == 0 or heights.min() - 1e-9 <= float(found["tree_height"]) <= heights.max() + 1e-9
