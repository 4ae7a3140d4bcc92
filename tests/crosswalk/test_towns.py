"""Rule R5: which local climate zone a town is."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.crosswalk.towns import towns_of_best_zone, towns_of_form, towns_of_zones
from ecosg_update.errors import GridError, TableError
from ecosg_update.formats import geotiff
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.patch.aggregate import aggregate_codes
from ecosg_update.patch.measure import mean, mean_of_positive
from tests.conftest import shared
from tests.crosswalk.test_rules import GRID, certain, covers_of, mixed, random_prediction

LCZ = tables.legend("lcz")


def zones(shares, grid=GRID):
    values = np.zeros((len(LCZ), *grid.shape), np.float32)
    for code, share in shares.items():
        values[LCZ.index(code)] = share
    return Prediction(values, np.ones(grid.shape, np.float32), LCZ, grid, "lcz")


def everywhere(value):
    return np.full(GRID.shape, value, np.float32)


def test_a_town_is_shared_out_in_the_proportions_of_the_zones():
    found = towns_of_zones(mixed({29: 0.6, 19: 0.4}), zones({2: 0.3, 5: 0.1, 14: 0.6})).prediction.values[:, 1, 1]
    assert found[24] == pytest.approx(0.45) and found[27] == pytest.approx(0.15)
    assert found[18] == pytest.approx(0.4) and found[28] == 0


def test_the_best_zone_takes_all_so_that_crops_do_not_win_over_a_town_of_three_zones():
    town, seen = mixed({29: 0.6, 19: 0.4}), zones({6: 0.3, 5: 0.25, 8: 0.25, 14: 0.2})
    assert (covers_of(towns_of_zones(town, seen).prediction) == 19).all()
    best = towns_of_best_zone(town, seen).prediction
    assert best.values[28, 0, 0] == pytest.approx(0.6) and (covers_of(best) == 29).all()


def test_a_prediction_that_sees_no_town_there_does_not_speak():
    for rule in (towns_of_zones, towns_of_best_zone):
        assert not rule(certain(29), zones({6: 0.05, 14: 0.95})).touched.any()
        assert not rule(certain(19), zones({6: 1})).touched.any()


@pytest.mark.parametrize("rule", [towns_of_zones, towns_of_best_zone])
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_town_as_a_whole_keeps_its_probability(rule, seed):
    prediction = random_prediction(seed)
    random = np.random.default_rng(seed).dirichlet(np.full(17, 0.3), GRID.shape).astype(np.float32)
    seen = Prediction(np.moveaxis(random, -1, 0).copy(), np.ones(GRID.shape, np.float32), LCZ, GRID, "random")
    found = rule(prediction, seen)
    assert np.allclose(found.prediction.values[23:].sum(axis=0), prediction.values[23:].sum(axis=0), atol=1e-6)
    assert np.array_equal(found.prediction.values[:23], prediction.values[:23])
    again = rule(found.prediction, seen).prediction
    assert np.allclose(again.values, found.prediction.values, atol=1e-6)


@pytest.mark.parametrize(
    ("sealed", "height", "own", "expected"),
    [
        (0.9, 5, 29, 26), (0.9, 15, 29, 25), (0.9, 40, 29, 24), (0.6, 5, 25, 29), (0.6, 15, 29, 28),
        (0.6, 40, 29, 27), (0.3, 5, 29, 32), (0.3, 15, 29, 28), (0.1, 15, 29, 28), (0.1, np.nan, 29, 29),
        (np.nan, 15, 25, 25),
        (np.nan, 5, 25, 26), (0.9, np.nan, 29, 25), (0.6, np.nan, 25, 29), (0.6, np.nan, 28, 28),
        (0.3, np.nan, 25, 32), (0.45, np.nan, 32, 29), (0.75, 10, 29, 25),
        (0.9, 25, 31, 31), (0.9, 25, 33, 33), (0.9, 25, 30, 30),
    ],
)  # fmt: skip
def test_density_and_height_give_the_zone_of_the_table(sealed, height, own, expected):
    found = towns_of_form(certain(own), everywhere(sealed), everywhere(height)).prediction
    assert (covers_of(found) == expected).all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["both", "sealed", "height"]))
def test_form_conserves_and_is_idempotent(seed, known):
    random = np.random.default_rng(seed)
    sealed = random.random(GRID.shape).astype(np.float32)
    height = (random.random(GRID.shape) * 50).astype(np.float32)
    sealed[0, 0] = height[2, 2] = np.nan
    given_ = (sealed if known != "height" else None, height if known != "sealed" else None)
    prediction = random_prediction(seed)
    found = towns_of_form(prediction, *given_)
    assert np.allclose(found.prediction.values[23:].sum(axis=0), prediction.values[23:].sum(axis=0), atol=1e-6)
    assert np.array_equal(found.prediction.values[:23], prediction.values[:23])
    assert not towns_of_form(found.prediction, *given_).touched.any()


def test_another_legend_or_grid_is_refused():
    with pytest.raises(TableError, match="expected lcz"):
        towns_of_best_zone(certain(29), certain(29))
    other = GRID.grown(1)
    with pytest.raises(GridError, match="expected"):
        towns_of_zones(certain(29), zones({1: 1}, other))


def test_means_of_a_raster_are_those_of_its_pixels(tmp_path):
    values = np.array([[0, 10, 30], [np.nan, 20, 0]], np.float32)
    transform = Affine(1 / 1080, 0, -9, 0, -1 / 720, 53)
    profile = {"driver": "GTiff", "height": 2, "width": 3, "count": 1, "dtype": "float32", "nodata": np.nan}
    with rasterio.open(tmp_path / "a.tif", "w", crs="EPSG:4326", transform=transform, **profile) as file:
        file.write(values, 1)
    cells = LatLonGrid.from_bounds(360, (-9, 53 - 1 / 360, -9 + 1 / 360, 53))
    raster = geotiff.numbers(tmp_path / "a.tif")
    assert mean(raster, cells, full=100) == pytest.approx(0.12, abs=1e-6)
    assert mean_of_positive(raster, cells, full=100) == pytest.approx(0.2, abs=1e-6)
    away = LatLonGrid.from_bounds(360, (10, 50, 10.01, 50.01))
    assert np.isnan(mean(raster, away, full=100)).all()


def test_belgium_is_sealed_where_its_cities_are():
    """GHSL built-up surface, m2 in cells of 1 km2, in Mollweide."""
    built = geotiff.numbers(shared("ghsl_belgium_1km", "BUILT_S.tif"))
    cells = LatLonGrid.from_bounds(60, (3.0, 49.8, 5.6, 51.3))
    sealed = mean(built, cells, full=1e6)
    row, col = int((cells.north - 50.85) * 60), int((4.35 - cells.west) * 60)
    ardennes = int((cells.north - 50.05) * 60), int((5.3 - cells.west) * 60)
    assert np.nanmax(sealed) < 0.6 and sealed[row, col] > 0.25 and sealed[ardennes] < 0.03
    found = covers_of(towns_of_form(certain(25, cells), sealed, None).prediction)
    assert found[row, col] in (29, 32) and found[ardennes] == 25


def test_the_lcz_map_of_berlin_decides_what_its_towns_are():
    path = shared("berlin_rotterdam_landcover_lcz_buildings", "lcz", "lcz_reference_berlin.tif")
    raster = geotiff.codes(path)
    west, south, east, north = raster.grid.lonlat_bounds()
    cells = LatLonGrid.from_bounds(360, (west + 0.005, south + 0.005, east - 0.005, north - 0.005))
    seen = aggregate_codes(raster.read().astype(np.uint8), raster.grid, LCZ, cells)
    found = covers_of(towns_of_best_zone(certain(29, cells), seen).prediction)
    built = seen.values[:10].sum(axis=0) >= 0.1
    assert built.mean() > 0.5 and np.array_equal(found[built], seen.values[:10].argmax(axis=0)[built] + 24)
    assert (found[~built] == 29).all() and len(set(found[built].tolist())) >= 3
