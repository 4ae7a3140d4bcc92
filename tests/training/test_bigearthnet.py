import shutil

import numpy as np
import pytest
import rasterio

from ecosg_update import tables
from ecosg_update.errors import FormatError, SceneError
from ecosg_update.training import bigearthnet
from ecosg_update.training.bigearthnet import Patches
from ecosg_update.training.labelling import to_level
from ecosg_update.training.scenes import Wanted
from tests.conftest import shared

WANTED = Wanted(("B04", "B08", "B11"), 10.0, 64, "L2A")
AUSTRIA = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_26_57"


def labelling(level):
    return to_level(tables.legend("corine-l3"), level)


def v1(level, **known):
    return Patches("ben", bigearthnet.patches(shared("bigearthnet_s2_patches")), WANTED, labelling(level), **known)


@pytest.fixture
def v2(tmp_path):
    """The published layout of version 2: the real map of a patch, under the pixels of another patch."""
    tile = AUSTRIA.rsplit("_", 2)[0]
    images, maps = tmp_path / "BigEarthNet-S2" / tile / AUSTRIA, tmp_path / "Reference_Maps" / tile / AUSTRIA
    images.mkdir(parents=True)
    maps.mkdir(parents=True)
    real = shared("bigearthnet_v2_reference_map_sample", f"{AUSTRIA}_reference_map.tif")
    shutil.copy(real, maps)
    with rasterio.open(real) as file:
        crs, place = file.crs, file.transform
    for path in shared("bigearthnet_s2_patches").glob("*_4_55/*.tif"):
        with rasterio.open(path) as file:
            pixels, profile = file.read(), file.profile
        scale = 120 / profile["width"]
        profile |= {"crs": crs, "transform": place @ place.scale(scale)}
        with rasterio.open(images / f"{AUSTRIA}_{path.stem.rsplit('_', 1)[1]}.tif", "w", **profile) as file:
            file.write(pixels)
    return tmp_path


def test_patches_of_one_class_are_labelled_everywhere():
    found = {piece.name[-5:]: np.unique(piece.labels).tolist() for piece in v1(1).pieces()}
    assert found == {
        "36_85": [1], "_4_55": [1], "56_35": [-1], "32_39": [-1], "43_47": [2], "41_29": [2], "47_56": [1],
    }  # fmt: skip


def test_the_labels_of_a_patch_are_its_present_classes():
    legend = tables.legend("corine-l2")
    (found,) = [piece for piece in v1(2).pieces() if piece.name.endswith("32_39")]
    assert [code for code, there in zip(legend.codes, found.present, strict=True) if there] == [21, 24, 31]


def test_pixels_are_those_of_the_files():
    (found,) = [piece for piece in v1(2).pieces() if piece.name.endswith("_4_55")]
    (path,) = shared("bigearthnet_s2_patches").glob("*_4_55/*_B08.tif")
    with rasterio.open(path) as file:
        np.testing.assert_allclose(found.values[1], file.read(1) / 10_000, atol=1e-6)
    assert found.valid.all() and found.level == "L2A"


def test_the_published_table_knows_both_names():
    table = bigearthnet.metadata(shared("bigearthnet_metadata", "metadata.parquet"))
    assert {piece.country for piece in v1(1, known=table).pieces()} == {"Ireland", "Portugal", "Serbia", "Finland"}
    assert [piece.split for piece in v1(1, known=table).pieces()].count("train") == 2
    assert table.of(AUSTRIA) == table.of("S2A_MSIL2A_20170613T101031_26_57") and table.of("none") == {}


def test_version_2_has_its_labels_from_the_reference_map(v2):
    folders = bigearthnet.patches(v2 / "BigEarthNet-S2")
    source = Patches("v2", folders, WANTED, labelling(2), maps=v2 / "Reference_Maps")
    (found,) = source.pieces()
    with rasterio.open(next((v2 / "Reference_Maps").rglob("*.tif"))) as file:
        codes = file.read(1)
    legend = labelling(2).target
    np.testing.assert_array_equal(np.array(legend.codes)[found.labels], codes // 10)
    assert found.present.sum() == len(np.unique(codes // 10))


def test_version_2_without_maps_says_what_is_present_where_that_is_certain(v2):
    table = bigearthnet.metadata(shared("bigearthnet_metadata", "metadata.parquet"))
    folders = bigearthnet.patches(v2 / "BigEarthNet-S2")
    (second,) = Patches("v2", folders, WANTED, labelling(2), known=table).pieces()
    codes = labelling(2).target.codes
    assert [code for code, there in zip(codes, second.present, strict=True) if there] == [21, 23, 31]
    assert (second.labels == -1).all() and (second.split, second.country) == ("test", "Austria")
    (third,) = Patches("v2", folders, WANTED, labelling(3), known=table).pieces()
    assert third.present is None


def test_what_is_missing_or_damaged_is_one_line(v2, tmp_path):
    with pytest.raises(FormatError, match="holds no patch of BigEarthNet"):
        bigearthnet.patches(v2 / "Reference_Maps")
    with pytest.raises(FormatError, match=r"has no column patch_id, labels, .*found patch_name"):
        bigearthnet.metadata(shared("bigearthnet_metadata", "bigearthnet_v1_spatial_32629.parquet"))
    (tmp_path / "x.parquet").write_text("PAR1")
    with pytest.raises(FormatError, match="is no Parquet table"):
        bigearthnet.metadata(tmp_path / "x.parquet")
    folders = bigearthnet.patches(v2 / "BigEarthNet-S2")
    with pytest.raises(FormatError, match="unpack Reference_Maps whole"):
        next(Patches("v2", folders, WANTED, labelling(2), maps=tmp_path / "none").pieces())
    with pytest.raises(SceneError, match=r'is L2A, the training set is L1C; .* state samples\.level = "mixed"'):
        next(Patches("v2", folders, Wanted(("B04",), 10.0, 64, "L1C"), labelling(2)).pieces())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no label file"),
        ('{"x": 1}', "is no label file"),
        ('{"labels": ["Moor"]}', "'Moor' is none of the 43"),
    ],
)
def test_a_damaged_label_file_is_named(tmp_path, text, message):
    (real,) = shared("bigearthnet_s2_patches").glob("*_4_55")
    folder = shutil.copytree(real, tmp_path / real.name)
    (folder / f"{real.name}_labels_metadata.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        next(Patches("v1", (folder,), WANTED, labelling(2)).pieces())
