from datetime import UTC, datetime

import pytest

from ecosg_update.scene.naming import ImageName, image_name, named


def test_a_product_name_says_level_baseline_time_and_tile():
    name = named(["S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"])
    assert (name.level, name.baseline, name.tile) == ("L2A", "04.00", "29UNU")
    assert name.acquired == datetime(2022, 10, 5, 11, 54, 11, tzinfo=UTC)
    assert name.product == "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454"


def test_a_prefix_does_not_hide_the_name():
    name = named(["esa_S2B_MSIL2A_20210122T133229_N0214_R081_T22HBD_20210122T155500.SAFE"])
    assert (name.level, name.baseline, name.tile) == ("L2A", "02.14", "22HBD")


def test_the_baseline_of_a_local_sen2cor_says_nothing():
    assert named(["S2A_MSIL2A_20170613T101031_N9999_R022_T34VER"]).baseline is None


def test_an_hour_without_its_leading_zero_is_understood():
    assert named(["S2B_MSIL2A_20170924T93021_41_29"]).acquired == datetime(2017, 9, 24, 9, 30, 21, tzinfo=UTC)


def test_an_impossible_date_is_no_date():
    assert named(["T33UUU_20171340T102101_B02.jp2"]).acquired is None


def test_a_tile_at_the_end_of_a_name_is_found():
    assert named(["B2.tif", "20200604T054639_20200604T054831_T43RCP"]).tile == "43RCP"


def test_a_plain_folder_says_nothing():
    name = named(["data", "l1c_and_l2a", "B02.tif"])
    assert (name.product, name.level, name.baseline, name.acquired, name.tile) == ("", None, None, None, None)


@pytest.mark.parametrize(
    ("file", "image"),
    [
        ("GRANULE/x/IMG_DATA/R10m/T29UNU_20221005T115411_B02_10m.jp2", ImageName("B02", 10)),
        ("IMG_DATA/T33UUU_20170216T102101_B8A.jp2", ImageName("B8A", 0)),
        ("T30SVF_20230905T105621_B02_10m.jp2.TIF", ImageName("B02", 10)),
        ("B2.tif", ImageName("B2", 0)),
        ("B12.tiff", ImageName("B12", 0)),
        ("R20m/T29UNU_20221005T115411_SCL_20m.jp2", ImageName("SCL", 20)),
        ("AOT.tif", ImageName("AOT", 0)),
    ],
)
def test_an_image_name_says_its_layer_and_pixel_size(file, image):
    assert image_name(file) == image


@pytest.mark.parametrize(
    "file",
    [
        "GRANULE/x/QI_DATA/MSK_DETFOO_B8A.jp2",
        "GRANULE/x/QI_DATA/T29UNU_20221005T115411_B02_10m.jp2",
        "MSK_QUALIT_B02.jp2",
        "T29UNU_20221005T115411_TCI_60m.jp2",
        "cloud_mask.tif",
        "B02.png",
        "B02.tif.aux.xml",
        "S2A_B02_labels_metadata.json",
    ],
)
def test_other_files_are_no_images(file):
    assert image_name(file) is None
