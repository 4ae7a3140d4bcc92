import pickle
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from affine import Affine

from ecosg_update.errors import GridError, SceneError
from ecosg_update.scene.discover import open_scene
from tests.conftest import shared
from tests.scene.made import copied, ireland, noise, shrunk, sicily, tiff, zipped

TEN = ["B02", "B03", "B04", "B08"]
TWENTY = ["B05", "B06", "B07", "B8A", "B11", "B12"]
ALL_L1C = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]


def sizes(scene) -> dict[float, set[str]]:
    found: dict[float, set[str]] = {}
    for band, files in scene.files.items():
        for size in files:
            found.setdefault(round(size), set()).add(band)
    return found


def test_a_real_safe_is_opened_with_all_that_it_states():
    scene = open_scene(ireland())
    assert (scene.level, scene.tile, scene.baseline, scene.quantification) == ("L2A", "29UNU", "04.00", 10_000)
    assert set(scene.offset) == set(scene.bands) and set(scene.offset.values()) == {-1000}
    assert sizes(scene) == {60: {"B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12"}}
    assert sorted(scene.scl) == [20, 60] and sorted(scene.aot) == sorted(scene.wvp) == [60]
    assert len(scene.clouds) == 3
    assert scene.assumed == ()


def test_the_zip_of_a_safe_is_the_same_scene(tmp_path):
    inside, outside = open_scene(zipped(sicily(), tmp_path / "scene.zip")), open_scene(sicily())
    for field in ("product", "level", "acquired", "tile", "baseline", "offset", "angles", "bands", "inventory"):
        assert getattr(inside, field) == getattr(outside, field), field


def test_tiffs_in_the_place_of_jp2_and_one_true_pixel_size_are_a_scene():
    scene = open_scene(shrunk())
    assert sizes(scene) == {1098: set(ALL_L1C) - {"B10"}}
    assert "R10m" in str(scene.files["B02"][1098.0].file)
    assert set(scene.offset.values()) == {0}


def test_a_cropped_safe_with_only_a_tile_document_is_a_scene():
    scene = open_scene(sicily())
    assert sizes(scene) == {10: set(TEN), 20: set(TWENTY), 60: {"B01", "B09"}}
    assert (scene.baseline, set(scene.offset.values()), scene.scl) == ("02.11", {0}, {})
    assert open_scene(sicily().parent).inventory == scene.inventory


def test_a_product_name_above_band_files_tells_level_and_offset():
    scene = open_scene(next(shared("majortom_s2_l2a").glob("S2A*")))
    assert (scene.level, scene.baseline, set(scene.offset.values())) == ("L2A", "04.00", {-1000})
    assert scene.acquired == datetime(2022, 7, 6, 8, 56, 11, tzinfo=UTC)
    assert sizes(scene) == {10: set(TEN), 20: set(TWENTY), 60: {"B01", "B09"}}
    assert scene.assumed == ("quantification 10000: the product names none",)


def test_an_early_date_without_a_baseline_is_offset_0_on_record():
    scene = open_scene(shared("bigearthnet_s2_patches", "S2A_MSIL2A_20170617T113321_4_55"))
    assert set(scene.offset.values()) == {0}
    assert "offset 0: no baseline is named and 2017-06-17 is before 04.00" in scene.assumed


def test_spellings_without_the_zero_in_degrees_are_a_scene():
    scene = open_scene(next(shared("ssl4eo_s2", "s2c").glob("*/20200604*")), level="L1C")
    assert set(scene.bands) == set(ALL_L1C)
    assert (scene.tile, scene.level) == ("43RCP", "L1C")
    assert 9.5 < min(scene.files["B02"]) < 10 and 58 < min(scene.files["B10"]) < 60


def test_a_level_that_nothing_states_must_be_given():
    folder = shared("s2_l1c_brandenburg_jp2")
    with pytest.raises(SceneError, match="state it with level="):
        open_scene(folder)
    assert open_scene(folder, level="L1C").level == "L1C"


def test_a_level_against_the_products_own_is_refused():
    with pytest.raises(SceneError, match="the product is L2A, not L1C"):
        open_scene(sicily(), level="L1C")


def test_the_layers_of_one_geotiff_are_named_by_the_caller():
    file = shared("s2_l1c_offset_n0400_tiny", "S2B_MSIL1C_20220615T101559_N0400_R065_T32UPC_20220615T122549.tif")
    scene = open_scene(file, bands=ALL_L1C)
    assert (scene.level, scene.tile, set(scene.offset.values())) == ("L1C", "32UPC", {-1000})
    assert scene.files["B8A"][10.0].layer == 9
    with pytest.raises(SceneError, match="13 layers without band names"):
        open_scene(file)
    with pytest.raises(SceneError, match="13 layers, bands are B02"):
        open_scene(file, bands=["B02"])


def test_layers_that_carry_band_names_need_no_list(tmp_path):
    file = tiff(tmp_path / "T33UUU_20170216T102101.tif", np.stack([noise((3, 5)), noise((3, 5), 1)]))
    with rasterio.open(file, "r+") as dataset:
        dataset.descriptions = ("B8", "B04")
    assert open_scene(file, level="L2A").bands == ("B08", "B04")


def test_stored_units_of_another_sensor_must_be_stated():
    file, bands = shared("landsat8_clc_lanjaron", "landsat8_6band.tif"), ["B02", "B03", "B04", "B8A", "B11", "B12"]
    with pytest.raises(SceneError, match="stored units are not known"):
        open_scene(file, bands=bands, level="L2A")
    with pytest.raises(SceneError, match="state offset=0 or offset=-1000"):
        open_scene(file, bands=bands, level="L2A", quantification=10_000)
    scene = open_scene(file, bands=bands, level="L2A", quantification=55_000, offset=-5_000)
    assert scene.quantification == 55_000 and set(scene.offset.values()) == {-5_000}


def test_a_late_date_without_a_baseline_needs_an_offset(tmp_path):
    file = tiff(tmp_path / "T30SVF_20230905T105621_B02_10m.tif", noise((3, 5)))
    with pytest.raises(SceneError, match="baseline is not known"):
        open_scene(file, level="L2A")
    assert open_scene(file, level="L2A", offset=-1000).offset == {"B02": -1000}


def test_two_tiles_in_one_folder_are_not_mixed():
    with pytest.raises(SceneError, match="are both B0"):
        open_scene(shared("s2_l2a_1km_granada"), level="L2A", offset=-1000)


def test_one_tile_of_degraded_files_keeps_its_true_pixel_size(tmp_path):
    for file in shared("s2_l2a_1km_granada").glob("T30SVF*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    scene = open_scene(tmp_path, level="L2A", offset=-1000)
    assert sorted(scene.files["B02"]) == [1000, 2000] and sorted(scene.files["B05"]) == [2000]


def test_a_late_product_whose_document_lists_no_offset_is_refused(tmp_path):
    folder = copied(shrunk(), tmp_path / "late.SAFE")
    document = folder / "MTD_MSIL2A.xml"
    document.write_text(document.read_text().replace("02.12</PROCESSING_BASELINE>", "05.10</PROCESSING_BASELINE>"))
    with pytest.raises(SceneError, match=r"baseline 05\.10 but no offset"):
        open_scene(folder)
    assert set(open_scene(folder, offset=-1000).offset.values()) == {-1000}


@pytest.mark.parametrize("tile", ["T46RER", "T22HBD", "T01KAB"])
def test_a_safe_of_metadata_alone_is_incomplete(tile):
    with pytest.raises(SceneError, match=r"no band of Sentinel-2 among .* the product is incomplete"):
        open_scene(next(shared("safe_metadata_variants").glob(f"*_{tile}_*.SAFE")))


def test_a_folder_that_is_no_scene_says_what_would_be():
    with pytest.raises(SceneError, match=r"give a \.SAFE folder or zip"):
        open_scene(shared("eolearn_slovenia"))


def test_band_names_make_no_sense_for_a_folder_of_band_files():
    with pytest.raises(SceneError, match="bands= names the layers of one GeoTIFF"):
        open_scene(sicily(), bands=["B02"])


def test_a_raster_without_a_place_on_earth_is_a_grid_error(tmp_path):
    file = tiff(tmp_path / "T30SVF_20200905T105621_B02.tif", noise((3, 5)), crs=None)
    with pytest.raises(GridError, match=r"B02\.tif: has no coordinate reference system"):
        open_scene(file, level="L2A")


def test_a_raster_that_is_not_north_up_is_a_grid_error_with_its_name(tmp_path):
    turned = Affine(10, 2, 0, 2, -10, 0)
    file = tiff(tmp_path / "T30SVF_20200905T105621_B02.tif", noise((3, 5)), transform=turned)
    with pytest.raises(GridError, match=r"B02\.tif: .*not north-up"):
        open_scene(file, level="L2A")


def test_every_message_is_one_line(tmp_path):
    for path in (tmp_path, tmp_path / "absent", shared("eolearn_slovenia"), shared("bigearthnet_s2_patches")):
        with pytest.raises(SceneError) as caught:
            open_scene(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_scene_travels_to_another_process():
    scene = open_scene(sicily())
    assert pickle.loads(pickle.dumps(scene)) == scene
