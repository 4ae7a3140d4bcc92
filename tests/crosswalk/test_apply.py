"""Rule R1 and the conservation of probability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.crosswalk.apply import classes, covers
from ecosg_update.crosswalk.context import context, majorities
from ecosg_update.errors import CoverageError, GridError, TableError
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction
from ecosg_update.patch.resample import resampled

ECOSG = tables.legend("ecosg")
GRID = LatLonGrid(360, 13212, 61524, 7, 9)


def base_map(codes, grid=GRID):
    return CoverMap(np.broadcast_to(np.asarray(codes, np.uint8), grid.shape).copy(), grid, ECOSG)


def certain(legend_name, code, grid=GRID):
    """A prediction that is sure of one class everywhere."""
    legend = tables.legend(legend_name)
    values = np.zeros((len(legend), *grid.shape), np.float32)
    values[legend.index(code)] = 1
    return Prediction(values, np.ones(grid.shape, np.float32), legend, grid, "test")


def crossed(prediction, base, zone="temperate", **options):
    crosswalk = tables.crosswalk(prediction.legend.name)
    number = crosswalk.zones.index(zone)
    original = resampled(base, prediction.grid)
    return covers(prediction, crosswalk, context(original, base, crosswalk, zone=number, **options))


def cover_of(prediction):
    """The certain cover of every cell."""
    assert prediction.values.max() == pytest.approx(1)
    return np.array(ECOSG.codes)[prediction.values.argmax(axis=0)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(tables.crosswalk_names()))
def test_probability_is_conserved_whatever_the_base(seed, pair):
    random = np.random.default_rng(seed)
    legend = tables.legend(pair[0])
    values = random.random((len(legend), *GRID.shape), np.float32)
    values /= values.sum(axis=0)
    share = random.random(GRID.shape, np.float32)
    share[0, 0], values[:, 0, 0] = 0, 0
    base = base_map(random.integers(0, 34, GRID.shape))
    result = crossed(Prediction(values, share, legend, GRID, "random"), base)
    assert np.allclose(result.values.sum(axis=0), share > 0, atol=1e-5)
    assert np.array_equal(result.share, share)


@pytest.mark.parametrize("cover", [12, 13, 14, 7])
def test_the_sub_type_of_the_original_is_kept_where_the_group_agrees(cover):
    assert (cover_of(crossed(certain("dynamicworld", 2), base_map(cover))) == cover).all()


@pytest.mark.parametrize("cover", range(24, 34))
def test_a_town_keeps_its_local_climate_zone(cover):
    assert (cover_of(crossed(certain("corine-l3", 112), base_map(cover))) == cover).all()


@pytest.mark.parametrize("cover", [1, 8, 19, 24, 33])
@pytest.mark.parametrize("zone", range(1, 11))
def test_a_seen_local_climate_zone_replaces_that_of_the_original(zone, cover):
    assert (cover_of(crossed(certain("lcz", zone), base_map(cover))) == 23 + zone).all()


@pytest.mark.parametrize("cover", [16, 17, 18, 19, 20, 21, 23])
def test_low_plants_stay_the_grass_or_the_crops_that_they_were(cover):
    assert (cover_of(crossed(certain("lcz", 14), base_map(cover))) == cover).all()


@pytest.mark.parametrize(("around", "expected"), [(20, 20), (17, 17), (8, 17)])
def test_new_low_plants_are_what_grows_around_them(around, expected):
    codes = np.full(GRID.shape, around, np.uint8)
    codes[3, 4] = 13
    assert cover_of(crossed(certain("lcz", 14), base_map(codes)))[3, 4] == expected


@pytest.mark.parametrize("code", [511, 512, 523])
@pytest.mark.parametrize("cover", [1, 2, 3])
def test_water_stays_the_kind_of_water_that_it_was(code, cover):
    assert (cover_of(crossed(certain("corine-l3", code), base_map(cover))) == cover).all()


def test_a_new_group_takes_the_majority_sub_type_around():
    codes = np.full(GRID.shape, 19)
    codes[0, :2] = 12
    codes[6, 8] = 13
    result = cover_of(crossed(certain("dynamicworld", 2), base_map(codes)))
    assert result[3, 4] == 12
    assert result[6, 8] == 13


def test_a_new_group_without_neighbours_takes_the_choice_of_the_table():
    assert (cover_of(crossed(certain("dynamicworld", 2), base_map(19))) == 8).all()
    assert (cover_of(crossed(certain("dynamicworld", 2), base_map(19), zone="boreal")) == 12).all()


def test_broadleaf_does_not_turn_into_needleleaf_where_corine_tells_them_apart():
    assert (cover_of(crossed(certain("corine-l3", 311), base_map(13))) == 8).all()
    assert (cover_of(crossed(certain("corine-l3", 313), base_map(13))) == 13).all()


def test_a_lake_by_the_coast_does_not_become_sea():
    codes = np.full(GRID.shape, 17)
    codes[:, :4] = 1
    result = cover_of(crossed(certain("corine-l3", 512), base_map(codes)))
    assert (result[:, 4:] == 2).all() and (result[:, :4] == 1).all()


def test_the_radius_limits_whose_sub_type_counts():
    grid = LatLonGrid(360, 13212, 61524, 3, 200)
    codes = np.full(grid.shape, 19)
    codes[:, 0] = 12
    result = cover_of(crossed(certain("dynamicworld", 2, grid), base_map(codes, grid), radius_km=5))
    reach = np.flatnonzero(result[1] == 12).max()
    assert reach * 111.195 / 360 * np.cos(np.radians(53.3)) == pytest.approx(5, abs=0.4)


def test_a_finer_target_inherits_from_the_cell_that_holds_it():
    codes = np.full(GRID.shape, 19)
    codes[2, 3] = 14
    fine = GRID.at(1800)
    result = cover_of(crossed(certain("dynamicworld", 2, fine), base_map(codes)))
    assert (result == 14).all()


def test_a_majority_is_counted_like_a_loop_counts_it():
    random = np.random.default_rng(5)
    base = base_map(random.choice([12, 13, 14, 17], GRID.shape))
    found = majorities(base, [(12, 13, 14)], radius_km=0.6)[(12, 13, 14)]
    half_rows, half_cols = 2, 4
    priority = dict(zip(ECOSG.codes, ECOSG.priority, strict=True))
    for row, col in np.ndindex(*GRID.shape):
        box = base.codes[max(0, row - half_rows) : row + half_rows + 1, max(0, col - half_cols) : col + half_cols + 1]
        counts = {code: int((box == code).sum()) for code in (12, 13, 14)}
        assert found[row, col] == min(counts, key=lambda code: (-counts[code], priority[code]))


def test_a_majority_does_not_depend_on_how_the_map_is_cut():
    grid = LatLonGrid(2, 20, 30, 60, 40)
    codes = np.random.default_rng(1).choice([12, 13, 14, 17], grid.shape)
    whole = majorities(base_map(codes, grid), [(12, 13, 14)], radius_km=200)[(12, 13, 14)]
    part = LatLonGrid(2, 40, 30, 30, 40)
    cut_out = majorities(base_map(codes[20:50], part), [(12, 13, 14)], radius_km=200)[(12, 13, 14)]
    assert np.array_equal(cut_out[4:-4], whole[24:46])


def test_another_legend_grid_or_an_uncovered_target_is_refused():
    crosswalk = tables.crosswalk("dynamicworld")
    here = context(base_map(17), base_map(17), crosswalk)
    with pytest.raises(TableError, match="expected dynamicworld"):
        covers(certain("corine-l1", 1), crosswalk, here)
    with pytest.raises(GridError, match="different grids"):
        covers(certain("dynamicworld", 1, GRID.at(720)), crosswalk, here)
    with pytest.raises(CoverageError):
        context(base_map(17, GRID.grown(1)), base_map(17), crosswalk)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_table_without_context_mixes_classes_by_its_weights(seed):
    random = np.random.default_rng(seed)
    crosswalk = tables.crosswalk("dynamicworld")
    share = (random.random(GRID.shape) > 0.3).astype(np.float32)
    values = random.dirichlet(np.ones(9), GRID.shape).transpose(2, 0, 1).astype(np.float32) * share
    found = classes(Prediction(values, share, crosswalk.source, GRID, "test"), crosswalk)
    np.testing.assert_allclose(found.values.sum(axis=0), share, atol=1e-5)
    row, col = 3, 5
    for at in range(len(ECOSG)):
        by_hand = sum(
            float(crosswalk.weights[0, source, at]) * float(values[source, row, col]) for source in range(9)
        )
        assert found.values[at, row, col] == pytest.approx(by_hand, abs=1e-6)


def test_a_table_without_context_refuses_another_legend():
    with pytest.raises(TableError, match="found a prediction in lcz, expected dynamicworld"):
        classes(certain("lcz", 1), tables.crosswalk("dynamicworld"))
