import os
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from ecosg_update.errors import GridError, SceneError
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from tests.conftest import shared
from tests.scene.made import copied, ireland, noise, shrunk, sicily, tiff, zipped

MIXED = ("B04", "B8A", "B01", "B12")


def everything(source):
    rows, cols = source.grid.shape
    return source.read(slice(0, rows), slice(0, cols))


def stored(scene, band, pixel_m):
    with rasterio.open(scene.files[band][pixel_m].file.gdal) as dataset:
        return dataset.read(1)


def made(folder, **bands):
    """A scene of 2020 (offset 0) from arrays: B02=(values, pixel)."""
    for band, (values, pixel) in bands.items():
        tiff(folder / f"T33UUU_20200216T102101_{band}.tif", values, pixel=pixel)
    return open_scene(folder, level="L2A")


def chips():
    return {
        "shifted": (open_scene(sicily()), 10.0),
        "coarse": (open_scene(sicily()), 30.0),
        "degrees": (open_scene(next(shared("ssl4eo_s2", "s2a").glob("*/20200604*")), level="L2A"), 10.0),
    }


@pytest.fixture(scope="module")
def wholes():
    found = {}
    for name, (scene, pixel_m) in chips().items():
        source = reader(scene, MIXED, pixel_m)
        found[name] = source, everything(source)
    return found


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(["shifted", "coarse", "degrees"]), data=st.data())
def test_a_window_is_the_whole_cut_out_to_the_last_bit(wholes, name, data):
    source, whole = wholes[name]
    slices = []
    for size in source.grid.shape:
        first = data.draw(st.integers(0, size - 1))
        slices.append(slice(first, data.draw(st.integers(first + 1, size))))
    part = source.read(*slices)
    assert np.array_equal(part.values, whole.values[:, slices[0], slices[1]])
    assert np.array_equal(part.valid, whole.valid[slices[0], slices[1]])
    assert part.grid == source.grid.window(*slices)
    assert (part.bands, part.level, part.acquired) == (MIXED, whole.level, whole.acquired)


def test_a_zip_reads_as_its_folder(tmp_path):
    packed = open_scene(zipped(sicily(), tmp_path / "scene.zip"))
    with reader(packed, MIXED, 10) as inside, reader(open_scene(sicily()), MIXED, 10) as outside:
        assert inside.grid == outside.grid
        assert np.array_equal(everything(inside).values, everything(outside).values)


def test_bands_shifted_against_each_other_meet_on_the_ground():
    """The 10 m files start 10 m east of the 20 m files: the oracle is GDAL's warper, which knows only places."""
    scene = open_scene(sicily())
    with reader(scene, ["B02", "B8A"], 10) as source:
        found = everything(source)
    assert source.grid.bounds[0] == 419_170 and source.grid.shape == (246, 191)
    blue = stored(scene, "B02", 10.0)[:, :191]
    assert np.array_equal(found.values[0], np.where(found.valid, blue / np.float32(1e4), 0).astype(np.float32))
    coarse, expected = scene.files["B8A"][20.0].grid, np.zeros(source.grid.shape, np.float32)
    reproject(
        stored(scene, "B8A", 20.0).astype(np.float32), expected, resampling=Resampling.bilinear,
        src_transform=coarse.transform, src_crs=coarse.crs, dst_transform=source.grid.transform, dst_crs=coarse.crs,
    )  # fmt: skip
    inner = found.valid[2:-2, 2:-2]
    assert inner.mean() > 0.99
    np.testing.assert_allclose(found.values[1, 2:-2, 2:-2][inner], expected[2:-2, 2:-2][inner] / 1e4, rtol=1e-4)


def test_a_real_scene_is_reflectance_on_voting_ground():
    scene = open_scene(ireland())
    with reader(scene, ["B02", "B8A"], 60) as source:
        part = source.read(slice(150, 450), slice(600, 1100))
        classes = source.classification(slice(150, 450), slice(600, 1100))
    with rasterio.open(scene.scl[60.0].file.gdal) as dataset:
        scl = dataset.read(1)[150:450, 600:1100]
    blue, infrared = (stored(scene, band, 60.0)[150:450, 600:1100] for band in ("B02", "B8A"))
    assert np.array_equal(classes, scl)
    measured = (blue > 0) & (infrared > 0)
    expected = np.isin(scl, [2, 4, 5, 6, 7]) & measured
    assert 0.1 < expected.mean() < 1
    assert np.array_equal(part.valid, expected)
    np.testing.assert_allclose(part.values[0][measured], (blue[measured] - 1000.0) / 10_000, atol=1e-7)
    assert not part.values[:, ~measured].any()


@pytest.mark.parametrize(
    ("name", "pixel_m"),
    [
        ("S2B_MSIL1C_20220615T101559_N0400_R065_T32UPC_20220615T122549", 10),
        ("S2B_MSIL1C_20200406T101559_N0209_R065_T32UPC_20200406T130159", 60),
    ],
)
def test_the_offset_of_each_baseline_gives_what_another_tool_made_of_it(name, pixel_m):
    bands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
    folder = shared("s2_l1c_offset_n0400_tiny")
    with reader(open_scene(folder / f"{name}.tif", bands=bands), bands, pixel_m) as source:
        found = everything(source)
    with rasterio.open(folder / f"{name}_toa.tif") as dataset:
        expected = dataset.read()
    np.testing.assert_allclose(found.values[:, found.valid], expected[:, found.valid], atol=1e-6)
    assert found.valid.mean() > 0.9 and found.level == "L1C"


def test_coarser_pixels_hold_the_mean_of_finer_ones():
    scene = open_scene(next(shared("majortom_s2_l2a").glob("S2A*")))
    with reader(scene, ["B02", "B05"], 20) as source:
        found = everything(source)
    fine = stored(scene, "B02", scene.files["B02"][10.0].pixel_m).astype(np.float64)
    means = fine.reshape(534, 2, 534, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(found.values[0], (means - 1000) / 1e4, rtol=1e-5)
    assert np.array_equal(found.values[1], (stored(scene, "B05", 20.0) - np.float32(1000)) / np.float32(1e4))


def test_the_mean_of_a_scene_survives_being_made_coarser():
    scene = open_scene(next(shared("majortom_s2_l2a").glob("S2A*")))
    with reader(scene, ["B04"], 10) as fine, reader(scene, ["B04"], 120) as coarse:
        assert coarse.grid.shape == (89, 89)
        whole, means = everything(fine).values, everything(coarse).values
    np.testing.assert_allclose(means.mean(), whole[:, : 89 * 12, : 89 * 12].mean(), rtol=1e-5)


def test_chips_in_degrees_keep_the_lattice_of_their_finest_band():
    scene = open_scene(next(shared("ssl4eo_s2", "s2c").glob("*/20200604*")), level="L1C")
    native = scene.files["B02"][min(scene.files["B02"])].grid
    with reader(scene, ["B02", "B05"], 10) as source:
        grid, found = source.grid, everything(source)
    assert grid.crs == "EPSG:4326" and grid.pixel == native.pixel
    assert 255 <= min(grid.shape) <= max(grid.shape) <= 264
    col, row = ~native.transform @ (grid.bounds[0], grid.bounds[3])
    cut = stored(scene, "B02", min(scene.files["B02"]))[round(row) :, round(col) :][: grid.shape[0], : grid.shape[1]]
    assert np.array_equal(found.values[0], (cut / np.float32(1e4)).astype(np.float32))
    with reader(scene, ["B02"], 20) as coarse:
        assert coarse.grid.pixel[1] == pytest.approx(20 / 111_320)


def test_an_absent_band_is_named_with_what_was_found():
    with pytest.raises(SceneError, match=r"B08 wanted at 60 m, found B01 .*B12 at 60 m") as caught:
        reader(open_scene(ireland()), ["B02", "B08"], 60)
    assert "\n" not in str(caught.value)


def test_sixty_metre_files_are_not_ten_metre_pixels_unless_allowed():
    scene = open_scene(ireland())
    with pytest.raises(SceneError, match="10 m wanted, found only B02 at 60 m, B8A at 60 m"):
        reader(scene, ["B02", "B8A"], 10)
    with reader(scene, ["B02"], 10, resample=True) as source:
        assert source.grid.shape == (10_980, 10_980) and source.grid.transform.a == 10
        part = source.read(slice(1470, 1530), slice(30, 90))
    assert part.valid.all()
    native = (stored(scene, "B02", 60.0)[244:256, 4:16] - 1000.0) / 1e4
    # The four 10 m pixels around the centre of a 60 m pixel lie 1/12 of it off: bilinear is then this filter.
    smooth = np.array([1, 22, 1]) / 24
    rows = sum(weight * native[first : first + 10] for first, weight in enumerate(smooth))
    expected = sum(weight * rows[:, first : first + 10] for first, weight in enumerate(smooth))
    centres = part.values[0].reshape(10, 6, 10, 6)[:, 2:4, :, 2:4].mean(axis=(1, 3))
    np.testing.assert_allclose(centres, expected, rtol=1e-5)


def test_a_stand_in_is_read_only_where_it_is_needed_and_said():
    scene = open_scene(ireland())
    spare = {"B8": "B8A", "B02": "B03"}
    with reader(scene, ["B02", "B08"], 60, stand_ins=spare) as source, reader(scene, ["B8A"], 60) as other:
        assert source.stand_ins == {"B08": "B8A"}
        assert source.bands == ("B02", "B08")
        window = slice(200, 260), slice(650, 700)
        mine, theirs = source.read(*window), other.read(*window)
        assert np.array_equal(mine.values[1], np.where((mine.values != 0).any(axis=0), theirs.values[0], 0))
        assert mine.valid.any()


def test_an_optional_band_is_left_out_only_where_it_is_absent():
    scene, window = open_scene(ireland()), (slice(200, 260), slice(650, 700))
    with (
        reader(scene, ["B08", "B02", "B04"], 60, optional=["B8", "B2"]) as source,
        reader(scene, ["B02", "B04"], 60) as other,
    ):
        assert source.bands == ("B02", "B04") and source.grid == other.grid
        assert np.array_equal(source.read(*window).values, other.read(*window).values)
    with reader(scene, ["B08", "B02"], 60, optional=["B08"], stand_ins={"B08": "B8A"}) as source:
        assert source.stand_ins == {"B08": "B8A"}
    with pytest.raises(SceneError, match="B08 wanted at 60 m"):
        reader(scene, ["B08"], 60, optional=["B08"])


def test_sixty_metre_bands_belong_to_a_ten_metre_stack():
    with reader(open_scene(sicily()), ["B02", "B01", "B05"], 10) as source:
        assert source.grid.pixel == (10, 10)


def test_no_data_does_not_bleed_into_its_neighbours(tmp_path):
    values = np.full((4, 6), 5000, np.uint16)
    values[1, 2] = 0
    values[3, 5] = 65535
    with reader(made(tmp_path, B05=(values, 20)), ["B05"], 10) as source:
        found = everything(source)
    assert set(np.unique(found.values).tolist()) == {0, 0.5}
    expected = (values == 5000).repeat(2, 0).repeat(2, 1)
    assert np.array_equal(found.valid, expected)


def test_a_pixel_counts_where_half_of_it_is_measured(tmp_path):
    values = np.full((4, 6), 4000, np.uint16)
    values[0, 0] = values[0, 2] = values[1, 2] = values[2, 4] = values[2, 5] = values[3, 4] = 0
    with reader(made(tmp_path, B02=(values, 10)), ["B02"], 20) as source:
        assert everything(source).valid.tolist() == [[True, True, True], [True, True, False]]


def test_a_larger_pixel_partly_under_cloud_does_not_vote(tmp_path):
    scl = np.full((2, 3), 4, np.uint8)
    scl[0, 1] = 9
    scene = made(tmp_path, B02=(np.full((4, 6), 900, np.uint16), 10), SCL=(scl, 20))
    with reader(scene, ["B02"], 10) as fine, reader(scene, ["B02"], 40) as coarse:
        assert everything(fine).valid.tolist() == (scl == 4).repeat(2, 0).repeat(2, 1).tolist()
        assert coarse.grid.shape == (1, 1) and everything(coarse).valid.tolist() == [[False]]


def test_without_a_scene_classification_the_cloud_mask_decides():
    scene = replace(open_scene(ireland()), scl={})
    flags = np.zeros((1830, 1830), bool)
    with rasterio.open(scene.clouds[0].file.gdal) as dataset:
        flags |= dataset.read().any(axis=0)
    window = slice(150, 450), slice(600, 1100)
    with reader(scene, ["B02"], 60) as source:
        part = source.read(*window)
        assert not source.classification(*window).any()
    data = stored(scene, "B02", 60.0)[window] > 0
    assert np.array_equal(part.valid, data & ~flags[window])
    assert 0.2 < part.valid.mean() < 1


def test_bands_of_two_projections_are_not_mixed(tmp_path):
    tiff(tmp_path / "T33UUU_20200216T102101_B02.tif", noise((4, 6)))
    tiff(tmp_path / "T33UUU_20200216T102101_B03.tif", noise((4, 6)), crs="EPSG:32632")
    with pytest.raises(GridError, match="warp one of them"):
        reader(open_scene(tmp_path, level="L2A"), ["B02", "B03"], 10)


def test_bands_that_do_not_meet_are_not_a_scene(tmp_path):
    tiff(tmp_path / "T33UUU_20200216T102101_B02.tif", noise((4, 6)))
    tiff(tmp_path / "T33UUU_20200216T102101_B03.tif", noise((4, 6)), west=60)
    with pytest.raises(GridError, match="covered by all bands"):
        reader(open_scene(tmp_path, level="L2A"), ["B02", "B03"], 10)


@pytest.mark.parametrize("rows", [slice(-1, 5), slice(0, 101), slice(5, 5), slice(0, None), slice(0, 10, 2)])
def test_a_window_outside_the_grid_is_refused(rows):
    with reader(open_scene(shrunk()), ["B02"], 1098) as source, pytest.raises(GridError, match="not inside"):
        source.read(rows, slice(0, 5))


@pytest.mark.parametrize("names", [[], ["B02", "B2"]])
def test_each_band_is_wanted_once(names):
    with pytest.raises(SceneError, match="name each band once"):
        reader(open_scene(shrunk()), names, 1098)


@pytest.mark.parametrize("part", [0.2, 0.9])
def test_a_scene_with_a_band_cut_short_gives_no_pixel(tmp_path, part):
    folder = copied(sicily(), tmp_path / "cut.SAFE")
    image = next(folder.rglob("*_B04_10m.jp2"))
    os.truncate(image, int(part * image.stat().st_size))
    with pytest.raises(SceneError, match=r"B04_10m\.jp2.*fetch the product again"):
        everything(reader(open_scene(folder), ["B02", "B04"], 10))


def test_other_sensors_are_read_in_the_units_that_were_stated():
    file, names = shared("landsat8_clc_lanjaron", "landsat8_6band.tif"), ["B02", "B03", "B04", "B8A", "B11", "B12"]
    scene = open_scene(file, bands=names, level="L2A", quantification=1 / 2.75e-5, offset=-0.2 / 2.75e-5)
    with reader(scene, ["B12", "B02"], 30) as source:
        found = everything(source)
    with rasterio.open(file) as dataset:
        expected = dataset.read([6, 1]) * 2.75e-5 - 0.2
    np.testing.assert_allclose(found.values[:, found.valid], expected[:, found.valid], atol=1e-6)
