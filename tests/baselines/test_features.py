import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.baselines.features import deviation, spectral, textured
from ecosg_update.errors import ModelError


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 5]), st.integers(1, 7), st.integers(1, 6))
def test_deviation_is_numpy_s_over_the_measured_pixels_of_the_window(seed, side, rows, cols):
    rng = np.random.default_rng(seed)
    layer, measured = rng.random((rows, cols), dtype=np.float32), rng.random((rows, cols)) < 0.7
    half = side // 2
    for row, col in np.ndindex(rows, cols):
        window = slice(max(0, row - half), row + half + 1), slice(max(0, col - half), col + half + 1)
        inside = layer[window][measured[window]]
        expected = inside.std() if inside.size else 0
        assert deviation(layer, measured, side=side)[row, col] == pytest.approx(expected, abs=1e-4)


def test_indices_are_those_of_the_papers_and_follow_the_bands_by_name():
    values = np.array([0.1, 0.3, 0.05, 0.2], np.float32)[:, None, None]
    found = spectral(values, ("B04", "B08", "B03", "B11"))[:, 0, 0]
    ndvi, ndwi, mndwi = 0.2 / 0.4, -0.25 / 0.35, -0.15 / 0.25
    np.testing.assert_allclose(found, [*values[:, 0, 0], ndvi, ndwi, mndwi], rtol=1e-6)
    swapped = spectral(values[::-1], ("B11", "B03", "B08", "B04"))[4:, 0, 0]
    np.testing.assert_array_equal(swapped, found[4:])


def test_b8a_stands_in_for_b08_and_an_index_without_its_bands_is_left_out():
    values = np.full((2, 3, 5), 0.2, np.float32)
    assert spectral(values, ("B04", "B8A")).shape == (3, 3, 5)
    assert spectral(values, ("B04", "B02")).shape == (2, 3, 5)
    assert textured(values, ("B04", "B02")).shape == (4, 3, 5)
    assert textured(values, ("B04", "B08")).shape == (7, 3, 5)


def test_pixels_without_data_have_finite_features():
    assert np.isfinite(textured(np.zeros((4, 3, 5), np.float32), ("B03", "B04", "B08", "B11"))).all()


def test_no_band_is_refused():
    with pytest.raises(ModelError, match="no band"):
        spectral(np.zeros((0, 3, 5), np.float32), ())


def test_what_an_absent_band_would_tell_is_nan_and_all_else_is_as_without_the_band():
    values = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    values[:, 1, 2] = 0
    lacking = values.copy()
    lacking[1] = np.nan
    found = textured(lacking, ("B08", "B02", "B04"))  # three bands, NDVI, brightness twice, NDVI twice
    fewer = textured(values[[0, 2]], ("B08", "B04"))
    assert np.isnan(found[1]).all()
    np.testing.assert_allclose(np.delete(found, 1, axis=0), fewer, atol=1e-6)
    lacking[1], lacking[2] = values[1], np.nan
    assert np.isnan(textured(lacking, ("B08", "B02", "B04"))[[2, 3, 6, 7]]).all()
