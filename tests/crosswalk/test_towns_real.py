"""Rule R5 on real cities: sealing, building heights and local climate zones that others mapped.

Sealing is what ESA WorldCover has as built-up, a stand-in for an imperviousness layer. Heights are those of the
buildings of Overture, 3 m a storey where only storeys are known. The figures stand in docs/rules.md.
"""

import json
from typing import NamedTuple

import numpy as np
import pyarrow.parquet
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine

from ecosg_update import tables
from ecosg_update.crosswalk.towns import TOWNS, towns_of_best_zone, towns_of_form
from ecosg_update.formats import geotiff
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.patch.aggregate import aggregate_codes
from ecosg_update.patch.measure import mean, mean_of_positive
from tests.conftest import shared
from tests.crosswalk.test_rules import certain, covers_of

LCZ = tables.legend("lcz")
CITIES = "berlin_rotterdam_landcover_lcz_buildings"
OPEN_LOW = 29
"""What the crosswalk makes of CORINE 112 where nothing else is known."""
STOREY_M = 3.0
FINER = 4
"""Buildings are drawn on so many pixels along a WorldCover pixel: 2.3 m."""


class City(NamedTuple):
    """All float32 (y, x): sealed and roofed fractions, height in m; zone: uint8, 0 for unknown."""

    cells: LatLonGrid
    sealed: np.ndarray
    roofed: np.ndarray
    height: np.ndarray
    zone: np.ndarray

    def zones_by(self, sealed, height):
        """uint8 (y, x): the zones that the rule finds where the crosswalk says open and low."""
        return covers_of(towns_of_form(certain(OPEN_LOW, self.cells), sealed, height).prediction) - 23


def written(path, values, grid):
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "height": grid.shape[0], "width": grid.shape[1]}
    with rasterio.open(path, "w", crs=grid.crs, transform=grid.transform, **profile) as file:
        file.write(values.astype(np.float32), 1)
    return geotiff.numbers(path)


def city(name, footprints, folder, per_degree=360):
    with rasterio.open(shared(CITIES, "landcover", f"worldcover_{name}.tif")) as file:
        pixels, cover = GeoGrid("EPSG:4326", file.transform, file.shape), file.read(1)
    west, south, east, north = pixels.bounds
    half = 0.5 / per_degree
    cells = LatLonGrid.from_bounds(per_degree, (west + half, south + half, east - half, north - half))
    shape = (pixels.shape[0] * FINER, pixels.shape[1] * FINER)
    fine = GeoGrid(pixels.crs, pixels.transform @ Affine.scale(1 / FINER), shape)
    table = pyarrow.parquet.read_table(shared(CITIES, footprints, "buildings.parquet")).to_pydict()
    shapes = shapely.from_wkb(table["geometry"])
    metres = [
        tall or STOREY_M * (storeys or 0) for tall, storeys in zip(table["height"], table["num_floors"], strict=True)
    ]
    burnt = [
        rasterio.features.rasterize(zip(shapes, what, strict=True), shape, transform=fine.transform, dtype="float32")
        for what in (np.ones(len(shapes)), metres)
    ]
    roofs, heights = (written(folder / f"{n}.tif", values, fine) for n, values in enumerate(burnt))
    lcz = geotiff.codes(shared(CITIES, "lcz", f"lcz_reference_{name}.tif"))
    mapped = aggregate_codes(lcz.read().astype(np.uint8), lcz.grid, LCZ, cells)
    zone = np.where(mapped.share >= 0.5, mapped.values.argmax(axis=0) + 1, 0).astype(np.uint8)
    sealed = mean(written(folder / "sealed.tif", 100 * (cover == 50), pixels), cells, full=100)
    roofed = mean(roofs, cells, full=1)
    return City(cells, sealed, roofed, mean_of_positive(heights, cells, full=1000) * 1000, zone)


@pytest.fixture(scope="module")
def berlin(tmp_path_factory):
    return city("berlin", "overture", tmp_path_factory.mktemp("berlin"))


def labelled_by_people(cells):
    """uint8 (y, x): the zone of the So2Sat squares that hold each cell's centre, 0 for none."""
    table = pyarrow.parquet.read_table(shared(CITIES, "lcz", "so2sat_berlin.parquet")).to_pydict()
    lon, lat = np.meshgrid(cells.longitudes, cells.latitudes)
    found = np.zeros(cells.shape, np.uint8)
    for square, zone in zip(shapely.from_wkb(table["geometry"]), table["LCZ_class"], strict=True):
        found[shapely.contains_xy(square, lon, lat)] = zone
    return found


def right(found, truth):
    return float((found == truth)[truth > 0].mean())


def test_sealing_and_height_find_the_zones_that_people_saw_in_berlin(berlin):
    """102 cells of compact and of open mid-rise, from a default that is right in none of them."""
    truth = labelled_by_people(berlin.cells)
    assert np.unique(truth, return_counts=True)[1].tolist() == [58, 78, 24]
    both = right(berlin.zones_by(berlin.sealed, berlin.height), truth)
    sealed = right(berlin.zones_by(berlin.sealed, None), truth)
    tall = right(berlin.zones_by(None, berlin.height), truth)
    mapped = right(berlin.zone, truth)
    assert both == pytest.approx(0.706, abs=0.005) and sealed == pytest.approx(0.667, abs=0.005)
    assert tall == pytest.approx(0.176, abs=0.005) and mapped == pytest.approx(0.510, abs=0.005)
    assert right(np.full(truth.shape, 6), truth) == 0


def test_the_rule_knows_compact_from_open_better_than_the_map_of_zones_and_no_better_than_a_good_guess(berlin):
    """A guess of compact everywhere is right in 78 of 102 cells; the rule's strength is in both zones together."""
    truth = labelled_by_people(berlin.cells)

    def of_each(found):
        return [right(found, np.where(truth == zone, truth, 0)) for zone in (2, 5)]

    rule, mapped = of_each(berlin.zones_by(berlin.sealed, berlin.height)), of_each(berlin.zone)
    assert rule == pytest.approx([0.833, 0.292], abs=0.005) and mapped == pytest.approx([0.615, 0.167], abs=0.005)
    assert right(np.full(truth.shape, 2), truth) > right(berlin.zones_by(berlin.sealed, berlin.height), truth)
    assert np.median(berlin.sealed[truth == 5]) > 0.8


def test_the_mapped_zones_of_berlin_agree_in_density_more_than_in_height(berlin):
    """The map calls blocks of 20 m high-rise: their median height in its zone 1, where the table wants 25."""
    truth = np.where(np.isin(berlin.zone, (1, 2, 3, 4, 5, 6, 9)), berlin.zone, 0)
    found = berlin.zones_by(berlin.sealed, berlin.height)
    built = truth > 0
    density, storeys = ((found - 1) // 3 == (truth - 1) // 3)[built], ((found - 1) % 3 == (truth - 1) % 3)[built]
    assert built.sum() == 150 and right(found, truth) == pytest.approx(0.507, abs=0.005)
    assert density.mean() == pytest.approx(0.793, abs=0.005) and storeys.mean() == pytest.approx(0.613, abs=0.005)
    assert np.median(berlin.height[truth == 1]) == pytest.approx(20.2, abs=0.5)


def test_roofs_are_no_measure_of_sealing(berlin):
    """Half of what is sealed in a town is streets and yards: a raster of roofs makes compact blocks open."""
    truth = labelled_by_people(berlin.cells)
    found = berlin.zones_by(berlin.roofed, berlin.height)
    assert right(found, truth) < 0.25 and not np.isin(found, (1, 2, 3)).any()
    assert np.median(berlin.roofed / berlin.sealed) == pytest.approx(0.42, abs=0.01)
    scaled = [
        right(berlin.zones_by(np.minimum(1, berlin.roofed / full), berlin.height), truth) for full in (0.5, 0.4)
    ]
    assert scaled == pytest.approx([0.559, 0.716], abs=0.005)


def test_cells_of_60_m_are_less_than_a_block_and_its_yard(tmp_path):
    fine = city("berlin", "overture", tmp_path, 1800)
    truth = labelled_by_people(fine.cells)
    assert right(fine.zones_by(fine.sealed, fine.height), truth) == pytest.approx(0.60, abs=0.01)


def test_halls_and_works_of_rotterdam_come_from_their_class_and_not_from_sealing(tmp_path):
    """Few heights are known there, and most of it is harbour: the rule neither makes halls nor takes them away."""
    port = city("rotterdam", "overture_industry", tmp_path)
    industry = np.isin(port.zone, (8, 10))
    assert industry.sum() == 45 and np.isfinite(port.height).mean() < 0.2
    assert not (port.zones_by(port.sealed, port.height) == port.zone)[industry].any()
    for cover in (31, 33):
        assert not towns_of_form(certain(cover, port.cells), port.sealed, port.height).touched.any()


def test_two_maps_of_zones_of_redon_disagree_and_the_rule_follows_the_one_that_it_is_given():
    """The European map against GeoClimate's units: open low-rise in the one is sparse in the other."""
    units = json.loads(shared("lcz_redon", "osm_rsu_lcz.geojson").read_text(encoding="utf-8"))["features"]
    shapes = [shapely.geometry.shape(unit["geometry"]) for unit in units]
    west, south, east, north = shapely.total_bounds(shapes)
    pixels = GeoGrid(
        "EPSG:32630", Affine(20, 0, west, 0, -20, north), (int(north - south) // 20, int(east - west) // 20)
    )
    zones = [unit["properties"]["LCZ_PRIMARY"] for unit in units]
    codes = [zone if zone <= 10 else zone - 90 for zone in zones]
    burnt = rasterio.features.rasterize(
        zip(shapes, codes, strict=True), pixels.shape, transform=pixels.transform, dtype="uint8"
    )
    european = geotiff.numbers(shared("lcz_redon", "redonWudapt.tif"))
    raster = np.nan_to_num(european.read(*(slice(0, size) for size in european.grid.shape))).astype(np.uint8)
    cells = LatLonGrid.from_bounds(360, pixels.lonlat_bounds())
    geoclimate, seen = (
        aggregate_codes(values, grid, LCZ, cells) for values, grid in ((burnt, pixels), (raster, european.grid))
    )
    found = covers_of(towns_of_best_zone(certain(OPEN_LOW, cells), seen).prediction)
    told = seen.values[: len(TOWNS)].sum(axis=0) >= 0.1
    assert np.array_equal(found[told], seen.values[:10].argmax(axis=0)[told] + TOWNS[0])
    town = (geoclimate.values[:10].sum(axis=0) > 0.5) & (np.minimum(geoclimate.share, seen.share) > 0.9)
    truth = np.where(town, geoclimate.values[:10].argmax(axis=0) + 1, 0)
    assert town.sum() == 71 and right(found - 23, truth) == pytest.approx(0.155, abs=0.005)
