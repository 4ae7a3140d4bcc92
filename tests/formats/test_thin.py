"""A thinned map is exactly some of the cells of the map, evenly spread, whatever the format."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.formats import covers, direct, netcdf, thin, typed
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Prediction
from tests.formats.maps import DATELINE, ECOSG, IRELAND, PROVENANCE, cover, patch

TALL = LatLonGrid(360, 13000, 61000, 1100, 37)


@given(st.integers(1, 5000), st.integers(1, 700))
def test_places_are_evenly_spread_and_all_where_there_is_room(count, most):
    found = thin.places(count, most)
    assert len(found) == min(count, most) and found[0] >= 0 and found[-1] < count
    if count <= most:
        assert found.tolist() == list(range(count))
    else:
        steps = np.diff(found)
        assert steps.size == 0 or steps.max() - steps.min() <= 1
        assert abs(found[0] - (count - 1 - found[-1])) <= 1


@pytest.mark.parametrize("ending", [".dir", ".nc"])
@pytest.mark.parametrize("grid", [IRELAND, DATELINE, TALL])
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (2000, 4), (7, 2000)])
def test_covers_are_cells_of_the_map(tmp_path, ending, grid, shape):
    made = cover(grid)
    path, *_ = covers.write(made, tmp_path / f"a{ending}", about("x", "y"))
    found = thin.covers(path, grid, shape)
    rows, cols = thin.places(grid.rows, shape[0]), thin.places(grid.cols, shape[1])
    np.testing.assert_array_equal(found, made.codes[np.ix_(rows, cols)])


def test_covers_of_a_geotiff_are_whole_where_there_is_room_and_as_asked_else(tmp_path):
    made = cover(TALL)
    path, *_ = covers.write(made, tmp_path / "a.tif", about("x", "y"))
    np.testing.assert_array_equal(thin.covers(path, TALL, (5000, 5000)), made.codes)
    assert thin.covers(path, TALL, (100, 11)).shape == (100, 11)


@pytest.mark.parametrize("compress", [True, False])
def test_pixels_of_a_typed_map_are_its_pixels(tmp_path, compress):
    pixels = (100 * cover(TALL).codes.astype(np.uint16)) + 7
    pixels[pixels < 100] = 0
    typed.write(pixels, TALL, tmp_path / "a", title="t", compress=compress)
    found = thin.pixels(typed.opened(tmp_path / "a"), (9, 10))
    np.testing.assert_array_equal(found, pixels[np.ix_(thin.places(1100, 9), thin.places(37, 10))])


def test_layers_and_the_likeliest_class_are_those_of_the_file(tmp_path):
    made = patch(TALL)
    netcdf.write(made, tmp_path / "a.nc", provenance=PROVENANCE)
    confidence, reason = thin.layers(tmp_path / "a.nc", ("confidence", "reason"), (50, 37))
    rows = thin.places(1100, 50)
    np.testing.assert_array_equal(confidence, made.confidence[rows])
    np.testing.assert_array_equal(reason, made.reason[rows])
    share = (made.confidence > 0.2).astype(np.float32)
    values = np.zeros((33, *TALL.shape), np.float32)
    values[4] = share
    found = Prediction(values, share, ECOSG, TALL, "x")
    netcdf.write_prediction(found, tmp_path / "p.nc", provenance=PROVENANCE)
    codes, chance = thin.likeliest(tmp_path / "p.nc", (50, 37))
    np.testing.assert_array_equal(codes, np.where(share[rows] > 0, 5, 0))
    np.testing.assert_array_equal(chance, share[rows])


def test_only_the_rows_that_are_taken_are_read(tmp_path):
    direct.write(cover(TALL), tmp_path / "a", title="t")
    with (tmp_path / "a.dir").open("r+b") as stream:
        stream.seek(3 * TALL.cols)
        stream.write(b"\xff")  # no cover: a reader that meets it refuses the map
    assert thin.covers(tmp_path / "a.dir", TALL, (2, 2)).shape == (2, 2)
