import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import example, given
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from ecosg_update.grid import GeoGrid
from ecosg_update.scene.resample import averaging, axes, nearest, weighted
from tests.scene.made import UTM, noise


def grid(shape, pixel, west=0.0, north=0.0) -> GeoGrid:
    return GeoGrid(UTM, Affine(pixel, 0, west, 0, -pixel, north), shape)


def resampled(values, source, target):
    rows, cols = axes(source, target)
    down, across = averaging(rows, slice(0, target.shape[0])), averaging(cols, slice(0, target.shape[1]))
    return weighted(values[down.span, across.span], down, across)


def warped(values, source, target, method):
    """The same by GDAL's warper."""
    out = np.zeros(target.shape, np.float32)
    with rasterio.Env():
        reproject(
            values.astype(np.float32), out, src_transform=source.transform, src_crs=source.crs,
            dst_transform=target.transform, dst_crs=target.crs, resampling=method,
        )  # fmt: skip
    return out


def test_the_same_grid_gives_the_same_numbers():
    values = noise((5, 7))
    assert np.array_equal(resampled(values, grid((5, 7), 10), grid((5, 7), 10)), values)


def test_a_grid_shifted_by_whole_pixels_is_a_crop():
    values = noise((6, 9))
    assert np.array_equal(resampled(values, grid((6, 9), 20), grid((3, 4), 20, 40, -20)), values[1:4, 2:6])


def test_a_coarser_grid_holds_the_means():
    values = noise((6, 9))
    expected = values.reshape(2, 3, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(resampled(values, grid((6, 9), 10), grid((2, 3), 30)), expected, rtol=1e-6)


def test_a_grid_whose_pixels_cut_through_weighs_by_area():
    values = np.array([[10, 20, 30, 40, 50]], np.uint16)
    covered = 10 / 25  # of the height of a target pixel
    found = resampled(values, grid((1, 5), 10), grid((1, 2), 25, 0, 7.5))
    np.testing.assert_allclose(found, [[(10 + 20 + 15) / 2.5 * covered, (15 + 40 + 50) / 2.5 * covered]], rtol=1e-5)


@pytest.mark.parametrize(
    ("pixel", "west", "north"), [(10, 0, 0), (10, 10, -10), (5, 60, -40), (60, 0, 0), (40, 20, -20)]
)
def test_the_interior_is_what_gdal_makes_of_it(pixel, west, north):
    source = grid((12, 18), 20)
    target = grid((int(200 // pixel), int(280 // pixel)), pixel, west, north)
    values = noise((12, 18), 3)
    method = Resampling.average if pixel > 20 else Resampling.bilinear
    found, expected = resampled(values, source, target), warped(values, source, target, method)
    inner = (slice(4, -4), slice(4, -4)) if pixel < 20 else (slice(0, None), slice(0, None))
    np.testing.assert_allclose(found[inner], expected[inner], rtol=2e-4)


@given(
    pixel=st.sampled_from([3.0, 10.0, 17.5, 20.0, 33.0, 60.0]),
    west=st.floats(-50, 40),
    value=st.integers(1, 65534),
)
@example(pixel=33.0, west=-0.015625, value=1)
def test_a_constant_stays_constant_where_the_source_covers(pixel, west, value):
    source = grid((11, 13), 20, -100, 100)
    target = grid((2, 2), pixel, west, 0)
    np.testing.assert_allclose(resampled(np.full((11, 13), value, np.uint16), source, target), value, rtol=1e-6)


def test_a_plane_stays_a_plane_when_made_finer():
    x, y = np.meshgrid(np.arange(9) * 20 + 10.0, -np.arange(7) * 20 - 10.0)
    target = grid((8, 10), 10, 40, -30)
    found = resampled(3 * x - 2 * y, grid((7, 9), 20), target)
    column, row = np.meshgrid(np.arange(10) * 10 + 45.0, -np.arange(8) * 10 - 35.0)
    np.testing.assert_allclose(found, 3 * column - 2 * row, rtol=1e-5)


def test_outside_the_source_nothing_weighs():
    rows, cols = axes(grid((4, 4), 20), grid((6, 6), 20, -20, 20))
    for taps in (averaging(rows, slice(0, 6)), nearest(cols, slice(0, 6))):
        assert taps.weight.sum(axis=1).tolist() == [0, 1, 1, 1, 1, 0]
        assert taps.span == slice(0, 4)


def test_nearest_takes_the_pixel_that_holds_the_centre():
    rows, _ = axes(grid((3, 3), 60), grid((18, 18), 10))
    assert nearest(rows, slice(0, 18)).index[:, 0].tolist() == [0] * 6 + [1] * 6 + [2] * 6


@given(first=st.integers(0, 20), count=st.integers(1, 12), pixel=st.sampled_from([10.0, 7.3, 60.0, 43.0]))
def test_the_weights_of_a_pixel_do_not_depend_on_the_window(first, count, pixel):
    rows, _ = axes(grid((200, 5), 20), grid((40, 5), pixel, 0, -13.0))
    whole, part = averaging(rows, slice(0, 40)), averaging(rows, slice(first, first + count))
    assert np.array_equal(whole.index[first : first + count], part.index)
    assert np.array_equal(whole.weight[first : first + count], part.weight)
