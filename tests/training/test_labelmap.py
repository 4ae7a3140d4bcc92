import numpy as np
import pytest
import rasterio
import rasterio.warp
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecosg_update import tables
from ecosg_update.errors import FormatError
from ecosg_update.formats import geotiff
from ecosg_update.grid import GeoGrid
from ecosg_update.training.labelling import to_level
from ecosg_update.training.labelmap import edge_distance, label_map, nearest
from tests.conftest import shared

L3 = tables.legend("corine-l3")


def grid_of(path):
    with rasterio.open(path) as file:
        return GeoGrid(file.crs.to_wkt(), file.transform, file.shape), file.read(1)


def test_polygons_give_the_raster_that_another_tool_made_of_them():
    grid, codes = grid_of(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
    meaning = to_level(L3, 3)
    found = label_map(shared("landsat8_clc_lanjaron", "clc2018_polygons.gpkg"), meaning).on(grid)
    np.testing.assert_array_equal(found.labels, np.maximum(meaning.kinds(codes), -1))


def test_a_raster_in_another_projection_is_looked_up_where_proj_says():
    path = shared("clc2018_guadeloupe_100m", "U2018_CLC2018_V2020_20u1_FR_GLP.tif")
    grid = GeoGrid("EPSG:4326", Affine(1e-3, 0, -61.7, 0, -1e-3, 16.3), (37, 53))
    with rasterio.open(path) as file:
        lon, lat = np.meshgrid(-61.7 + (np.arange(53) + 0.5) * 1e-3, 16.3 - (np.arange(37) + 0.5) * 1e-3)
        x, y = rasterio.warp.transform("EPSG:4326", file.crs, lon.ravel(), lat.ravel())
        expected = np.array([value[0] for value in file.sample(zip(x, y, strict=True))]).reshape(grid.shape)
    assert len(np.unique(expected)) > 3
    np.testing.assert_array_equal(nearest(geotiff.codes(path), grid), expected)


def test_outside_the_map_nothing_is_known():
    grid, _ = grid_of(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
    far = grid.window(slice(-500, -490), slice(0, 7))
    for name in ("clc2018_level3_30m.tif", "clc2018_polygons.gpkg"):
        known = label_map(shared("landsat8_clc_lanjaron", name), to_level(L3, 2)).on(far, reach_m=90, pure=True)
        assert (known.labels == -1).all() and np.isinf(known.edge_m).all() and known.pure.all()


def test_a_window_sees_the_edges_beyond_it():
    grid, _ = grid_of(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
    known = label_map(shared("landsat8_clc_lanjaron", "clc2018_polygons.gpkg"), to_level(L3, 2))
    window = slice(200, 231), slice(100, 117)
    part, whole = known.on(grid.window(*window), reach_m=200, pure=True), known.on(grid, reach_m=200, pure=True)
    np.testing.assert_array_equal(part.labels, whole.labels[window])
    np.testing.assert_array_equal(part.pure, whole.pure[window])
    near = whole.edge_m[window] < 200
    assert near.any() and not near.all()
    np.testing.assert_array_equal(part.edge_m[near], whole.edge_m[window][near])


def test_mixed_pixels_lie_on_edges():
    grid, _ = grid_of(shared("landsat8_clc_lanjaron", "clc2018_level3_30m.tif"))
    known = label_map(shared("landsat8_clc_lanjaron", "clc2018_polygons.gpkg"), to_level(L3, 2)).on(grid, pure=True)
    assert 0 < (~known.pure).sum() < 0.1 * known.pure.size
    assert (known.edge_m[~known.pure] < 45).mean() > 0.9


@given(arrays.arrays(np.int16, (5, 7), elements=st.integers(-2, 2)))
def test_the_distance_to_an_edge_is_that_of_a_search(kinds):
    beside = [
        (row, col)
        for row in range(5)
        for col in range(7)
        for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0))
        if 0 <= row + down < 5
        and 0 <= col + right < 7
        and kinds[row, col] != kinds[row + down, col + right]
        and -1 not in (kinds[row, col], kinds[row + down, col + right])
    ]
    found = edge_distance(kinds, 20.0)
    for row in range(5):
        for col in range(7):
            steps = [np.hypot(row - y, col - x) for y, x in beside]
            assert found[row, col] == pytest.approx((min(steps) + 0.5) * 20 if steps else np.inf)


def test_a_map_without_codes_names_what_it_has(tmp_path):
    with pytest.raises(FormatError, match="no attribute AREA, found CODE_18, AREA_HA"):
        label_map(shared("landsat8_clc_lanjaron", "clc2018_polygons.gpkg"), to_level(L3, 1), attribute="AREA")
    with pytest.raises(FormatError, match=r"has the layers ne_50m_land, .*name one"):
        label_map(shared("natural_earth_europe", "natural_earth_europe.gpkg"), to_level(L3, 1))
    with pytest.raises(FormatError, match=r"holds .*LineString, expected polygons"):
        label_map(
            shared("natural_earth_europe", "natural_earth_europe.gpkg"), to_level(L3, 1), layer="ne_10m_coastline"
        )
    with pytest.raises(FormatError, match="is no file"):
        label_map(tmp_path / "none.shp", to_level(L3, 1))
    (tmp_path / "bad.gpkg").write_bytes(b"SQLite format 3\0 no")
    with pytest.raises(FormatError, match="is no vector file that GDAL reads"):
        label_map(tmp_path / "bad.gpkg", to_level(L3, 1))
