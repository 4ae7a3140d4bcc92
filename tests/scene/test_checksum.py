import shutil

import pytest

from ecosg_update.errors import SceneError
from ecosg_update.scene.checksum import checksum_faults
from tests.scene.made import ireland, sicily, zipped


@pytest.fixture
def small(tmp_path):
    """The manifest of a real product and one of its images."""
    folder = tmp_path / "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"
    image = next(ireland().glob("GRANULE/*/IMG_DATA/R60m/*_AOT_60m.jp2")).relative_to(ireland())
    (folder / image).parent.mkdir(parents=True)
    shutil.copyfile(ireland() / image, folder / image)
    shutil.copyfile(ireland() / "manifest.safe", folder / "manifest.safe")
    return folder, folder / image


def test_the_files_of_a_real_product_are_what_its_manifest_says(small):
    assert checksum_faults(small[0]) == ()


def test_one_flipped_bit_is_found_and_the_file_named(small):
    folder, image = small
    data = bytearray(image.read_bytes())
    data[len(data) // 2] ^= 1
    image.write_bytes(data)
    (fault,) = checksum_faults(folder)
    assert image.name in fault and "\n" not in fault


def test_a_zip_is_compared_like_a_folder(small, tmp_path):
    folder, image = small
    assert checksum_faults(zipped(folder, tmp_path / "good.zip")) == ()
    image.write_bytes(image.read_bytes()[:-1])
    assert len(checksum_faults(zipped(folder, tmp_path / "bad.zip"))) == 1


def test_without_a_manifest_there_is_nothing_to_compare_with():
    with pytest.raises(SceneError, match=r"no manifest\.safe"):
        checksum_faults(sicily())
