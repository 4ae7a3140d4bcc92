import numpy as np
import pytest

from ecosg_update.simulate.noise import block_means, blurred, fractal, ranks


def test_a_fractal_field_has_mean_0_and_deviation_1():
    field = fractal(np.random.default_rng(3), (35, 91), wavelength=12)
    assert field.shape == (35, 91)
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=1e-5)
    assert field.std() == pytest.approx(1, abs=1e-5)


def test_a_longer_wavelength_is_smoother():
    def roughness(wavelength: float) -> float:
        field = fractal(np.random.default_rng(3), (120, 121), wavelength=wavelength)
        return float(np.abs(np.diff(field, axis=1)).mean())

    assert roughness(60) < 0.5 * roughness(6)


def test_a_rank_below_a_share_holds_that_share_of_the_pixels():
    rng = np.random.default_rng(5)
    field = rng.lognormal(size=(61, 47)).astype(np.float32)
    within = rng.random((61, 47)) < 0.5
    share = (ranks(field, within)[within] < 0.3).mean()
    assert share == pytest.approx(0.3, abs=0.01)


def test_blurring_keeps_a_constant_and_the_total_of_a_point():
    assert np.allclose(blurred(np.full((2, 5, 7), 0.25, np.float32)), 0.25)
    point = np.zeros((1, 7, 9), np.float32)
    point[0, 3, 4] = 16
    assert blurred(point).sum() == pytest.approx(16)
    assert blurred(point)[0, 3, 4] == pytest.approx(4)


def test_block_means_keep_the_mean():
    values = np.random.default_rng(2).random((3, 12, 18), np.float32)
    means = block_means(values, 6)
    assert means.shape == (3, 2, 3)
    assert means[1, 0, 2] == pytest.approx(values[1, :6, 12:].mean(), abs=1e-6)
    assert np.array_equal(block_means(values, 1), values)
