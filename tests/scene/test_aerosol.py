import numpy as np
import pytest
import rasterio

from ecosg_update.errors import SceneError
from ecosg_update.scene.aerosol import aerosol, optical_thickness, water_vapour_cm
from ecosg_update.scene.discover import open_scene
from tests.scene.made import ireland, shrunk, sicily


def read(rasters, pixel_m):
    with rasterio.open(rasters[pixel_m].file.gdal) as dataset:
        return dataset.read(1)


def test_the_means_are_those_of_the_ground():
    scene = open_scene(ireland())
    scl, thickness, vapour = (read(files, 60.0) for files in (scene.scl, scene.aot, scene.wvp))
    ground = np.isin(scl, [2, 4, 5, 6, 7])
    found = aerosol(scene)
    assert found.optical_thickness == pytest.approx(thickness[ground & (thickness > 0)].mean() / 1000, rel=1e-6)
    assert found.water_vapour_cm == pytest.approx(vapour[ground & (vapour > 0)].mean() / 1000, rel=1e-6)
    assert 0.05 < found.optical_thickness < 0.2 and 0.5 < found.water_vapour_cm < 3


def test_maps_lie_on_the_grid_that_is_asked_for():
    scene = open_scene(ireland())
    grid = scene.aot[60.0].grid.window(slice(290, 310), slice(700, 740))
    raw = read(scene.aot, 60.0)[290:310, 700:740]
    np.testing.assert_allclose(optical_thickness(scene, grid), raw / 1000, rtol=1e-6)
    outside = scene.wvp[60.0].grid.window(slice(-3, 2), slice(-3, 2))
    assert np.isnan(water_vapour_cm(scene, outside)).sum() == 25 - (read(scene.wvp, 60.0)[:2, :2] > 0).sum()


def test_a_scene_under_cloud_still_has_means():
    found = aerosol(open_scene(shrunk()))
    assert 0 < found.optical_thickness < 1 and 0 < found.water_vapour_cm < 5


def test_a_product_without_maps_says_so():
    with pytest.raises(SceneError, match="carries no AOT map; state the value instead"):
        aerosol(open_scene(sicily()))
