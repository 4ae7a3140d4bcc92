import numpy as np
import pytest
from affine import Affine

from ecosg_update.errors import GridError, SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Reflectance
from ecosg_update.scene.surround import surround, whole

UTM = GeoGrid("EPSG:32629", Affine(60.0, 0.0, 500000.0, 0.0, -60.0, 5900000.0), (70, 93))


def seen(values, valid=None):
    values = np.asarray(values, np.float32)
    valid = np.ones(values.shape[1:], bool) if valid is None else valid
    return Reflectance(np.where(valid, values, 0).astype(np.float32), valid, ("B04", "B08"), UTM, "L2A")


def random_scene(seed=0):
    rng = np.random.default_rng(seed)
    return seen(rng.uniform(0, 0.6, (2, *UTM.shape)), rng.uniform(size=UTM.shape) > 0.3)


def fine(rows, cols):
    """A window of the 10 m grid over the scene."""
    grid = GeoGrid(UTM.crs, Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 5900000.0), (420, 558))
    return grid.window(rows, cols)


def test_uniform_ground_is_its_own_surroundings_whatever_is_masked():
    field = surround(seen(np.full((2, *UTM.shape), 0.25), random_scene().valid))
    np.testing.assert_allclose(field.on(UTM, "B08"), 0.25, rtol=1e-5)


def test_the_field_of_a_window_is_that_of_the_scene():
    field = surround(random_scene())
    everything = field.on(fine(slice(0, 420), slice(0, 558)), "B04")
    part = field.on(fine(slice(37, 301), slice(411, 558)), "B04")
    np.testing.assert_allclose(part, everything[37:301, 411:558], atol=1e-6)


def test_the_field_is_the_mean_of_the_square_around():
    scene = random_scene(1)
    field = surround(scene, reach_m=960.0).on(UTM, "B08")
    # Cells of 4 pixels: the square around the cell of pixels 32..35 spans 4 cells on each side.
    square = np.s_[16:52, 16:52]
    mean = scene.values[1][square][scene.valid[square]].mean()
    assert field[32:36, 32:36].mean() == pytest.approx(mean, abs=0.002)


def test_nothing_valid_near_is_nan_and_spoils_nothing_else():
    valid = np.ones(UTM.shape, bool)
    valid[:, :60] = False
    field = surround(seen(np.full((2, *UTM.shape), 0.1), valid)).on(UTM, "B04")
    assert np.isnan(field[:, :30]).all()
    np.testing.assert_allclose(field[valid], 0.1, rtol=1e-5)


def test_every_valid_pixel_has_surroundings():
    scene = random_scene(2)
    assert np.isfinite(surround(scene).on(UTM, "B04")[scene.valid]).all()


def test_a_reader_gives_what_its_whole_gives():
    scene = random_scene()

    class Whole:
        grid, bands, level = scene.grid, scene.bands, scene.level

        def read(self, rows, cols):
            assert (rows, cols) == (slice(0, UTM.shape[0]), slice(0, UTM.shape[1]))
            return scene

    np.testing.assert_array_equal(whole(Whole()).values, surround(scene).values)


def test_another_projection_and_another_band_are_refused():
    field = surround(random_scene())
    with pytest.raises(GridError, match="EPSG:32630"):
        field.on(GeoGrid("EPSG:32630", UTM.transform, UTM.shape), "B04")
    with pytest.raises(SceneError, match="B11"):
        field.on(UTM, "B11")
