import os
import zipfile

import pytest

from ecosg_update.errors import SceneError
from ecosg_update.scene import store as module
from ecosg_update.scene.store import File, store
from tests.scene.made import shrunk, zipped


def test_a_zip_and_its_folder_hold_the_same_names_and_bytes(tmp_path):
    folder = shrunk()
    inside, outside = store(zipped(folder, tmp_path / "scene.zip", zipfile.ZIP_DEFLATED)), store(folder)
    assert tuple(name.removeprefix(f"{folder.name}/") for name in inside.names) == outside.names
    name = "MTD_MSIL2A.xml"
    assert inside.file(f"{folder.name}/{name}").content() == outside.file(name).content()


def test_a_path_inside_a_safe_stands_for_the_safe():
    folder = shrunk()
    assert store(folder / "MTD_MSIL2A.xml") == store(folder / "GRANULE") == store(folder)


def test_nothing_at_the_path_is_an_error(tmp_path):
    with pytest.raises(SceneError, match="no such file or folder"):
        store(tmp_path / "absent.SAFE")


def test_a_network_path_of_gdal_is_only_an_absent_file():
    with pytest.raises(SceneError, match="no such file or folder"):
        store(module.Path("/vsicurl/http://127.0.0.1:9/scene.tif"))


def test_half_a_zip_is_an_error(tmp_path):
    whole = zipped(shrunk(), tmp_path / "scene.zip")
    os.truncate(whole, whole.stat().st_size // 2)
    with pytest.raises(SceneError, match="not a whole zip"):
        store(whole)


def test_a_member_with_flipped_bytes_is_an_error(tmp_path):
    path = zipped(shrunk(), tmp_path / "scene.zip")
    data = bytearray(path.read_bytes())
    at = data.index(b"<n1:Level-2A_User_Product")
    data[at + 100] ^= 0xFF
    path.write_bytes(data)
    found = store(path)
    name = next(name for name in found.names if name.endswith("MTD_MSIL2A.xml"))
    with pytest.raises(SceneError, match="cannot be read"):
        found.file(name).content()


def test_metadata_larger_than_any_real_one_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "MTD_MSIL2A.xml"
    path.touch()
    os.truncate(path, module.LARGEST_TEXT + 1)
    with pytest.raises(SceneError, match="expected at most"):
        File(path).content()


def test_a_folder_of_far_too_many_files_is_no_product(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    for number in range(4):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(SceneError, match="expected one product"):
        store(tmp_path)


def test_names_below_the_deepest_folder_are_not_looked_for(tmp_path):
    deep = tmp_path.joinpath(*"abcdefghij")
    deep.mkdir(parents=True)
    (deep / "B02.tif").touch()
    (tmp_path / "a" / "B03.tif").touch()
    assert store(tmp_path).names == ("a/B03.tif",)
