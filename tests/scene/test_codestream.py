import io

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.scene.codestream import truncation
from tests.conftest import shared
from tests.scene.made import UTM, ireland, sicily


def fault(data: bytes) -> str | None:
    return truncation(io.BytesIO(data), len(data))


@pytest.fixture(scope="module")
def tiled(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("jp2") / "small.jp2"
    values = np.random.default_rng(1).integers(0, 4000, (1, 70, 130), dtype=np.uint16)
    size = {"height": 70, "width": 130, "count": 1, "dtype": "uint16"}
    size |= {"crs": UTM, "transform": Affine(10, 0, 0, 0, -10, 0)}
    with rasterio.open(path, "w", driver="JP2OpenJPEG", blockxsize=64, blockysize=32, **size) as dataset:
        dataset.write(values)
    return path.read_bytes()


def test_all_real_files_are_whole():
    files = [*ireland().rglob("*.jp2"), *sicily().rglob("*.jp2"), *shared("s2_l1c_brandenburg_jp2").rglob("*.jp2")]
    assert len(files) > 50
    assert [file.name for file in files if fault(file.read_bytes())] == []


@settings(max_examples=200, deadline=None)
@given(part=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_not_whole(tiled, part):
    assert fault(tiled) is None
    assert fault(tiled[: int(part * len(tiled))]) is not None


def test_a_file_without_its_last_byte_is_not_whole(tiled):
    assert fault(tiled[:-1]) is not None


def test_a_bare_codestream_is_judged_like_a_boxed_one(tiled):
    bare = tiled[tiled.index(b"\xff\x4f\xff\x51") :]
    assert fault(bare) is None
    assert fault(bare[: len(bare) // 2]) is not None


def test_zeros_in_the_place_of_the_end_are_seen(tiled):
    padded = tiled[: len(tiled) // 2].ljust(len(tiled), b"\0")
    assert fault(padded) is not None


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_judged_without_a_crash(data):
    assert fault(data) is not None


@settings(max_examples=200, deadline=None)
@given(where=st.integers(0, 400), value=st.integers(0, 255))
def test_a_damaged_header_ends_in_a_verdict(tiled, where, value):
    damaged = bytearray(tiled)
    damaged[where] = value
    assert fault(bytes(damaged)) is None or isinstance(fault(bytes(damaged)), str)
