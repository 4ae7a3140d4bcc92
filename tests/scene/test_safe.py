import time
from datetime import UTC, datetime

import pytest

from ecosg_update.errors import SceneError
from ecosg_update.scene.safe import metadata
from ecosg_update.scene.store import store
from tests.conftest import shared
from tests.scene.made import copied, ireland, shrunk, sicily

VARIANTS = {
    "T46RER": ("L1C", "03.01", None),
    "T22HBD": ("L2A", "02.14", None),
    "T07HFE": ("L2A", "02.12", None),
    "T43MDV": ("L2A", "02.12", None),
    "T01KAB": ("L2A", "05.09", -1000.0),
}


@pytest.mark.parametrize("tile", VARIANTS)
def test_every_baseline_says_its_level_and_offset(tile):
    folder = next(shared("safe_metadata_variants").glob(f"*_{tile}_*.SAFE"))
    known = metadata(store(folder))
    level, baseline, offset = VARIANTS[tile]
    assert (known.level, known.baseline, f"T{known.tile}") == (level, baseline, tile)
    assert known.quantification == 10_000
    assert (known.offset is None) == (offset is None)
    assert set((known.offset or {}).values()) <= {offset}
    assert known.product == folder.name.removeprefix("esa_").removesuffix(".SAFE")


def test_maps_have_their_own_quantification():
    known = metadata(store(ireland()))
    assert (known.aot_quantification, known.wvp_quantification) == (1000, 1000)


def test_the_tile_says_when_it_was_sensed_and_under_which_angles():
    known = metadata(store(ireland()))
    assert known.acquired == datetime(2022, 10, 5, 11, 56, 49, 581767, tzinfo=UTC)
    assert known.angles.sun_zenith == pytest.approx(57.8206, abs=1e-4)
    assert len(known.angles.view_zenith) == len(known.angles.view_azimuth) == 13
    assert known.angles.view_zenith["B02"] == pytest.approx(9.1579, abs=1e-4)


def test_band_number_eight_is_the_narrow_near_infrared():
    angles = metadata(store(shrunk())).angles
    assert angles.view_zenith["B8A"] == pytest.approx(10.8667503672554)  # bandId="8" of the file
    assert angles.view_zenith["B12"] == pytest.approx(10.8717150734)  # bandId="12"


def test_without_a_tile_document_the_datatake_says_when():
    folder = next(shared("safe_metadata_variants").glob("*_T43MDV_*.SAFE"))
    known = metadata(store(folder))
    assert known.acquired == datetime(2018, 7, 21, 5, 37, 21, 24000, tzinfo=UTC)
    assert known.angles is None


def test_a_tile_document_in_the_place_of_the_products_is_known_by_its_root():
    known = metadata(store(sicily()))
    assert (known.level, known.baseline, known.tile) == ("L2A", "02.11", "33SVB")
    assert known.quantification is None
    assert known.angles.sun_zenith == pytest.approx(62.4964, abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"<n1:Level-2A_User_Product", b"\x00\x01", b"PK\x03\x04"])
def test_a_document_that_is_no_xml_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "MTD_MSIL2A.xml").write_bytes(content)
    with pytest.raises(SceneError, match=r"MTD_MSIL2A\.xml: not readable as XML"):
        metadata(store(tmp_path))


def test_a_number_that_is_none_is_an_error(tmp_path):
    text = "<x_User_Product><BOA_QUANTIFICATION_VALUE>many</BOA_QUANTIFICATION_VALUE></x_User_Product>"
    (tmp_path / "MTD_MSIL2A.xml").write_text(text)
    with pytest.raises(SceneError, match="cannot be understood"):
        metadata(store(tmp_path))


def test_two_tiles_under_one_path_are_two_products(tmp_path):
    folder = copied(shrunk(), tmp_path / "both.SAFE")
    other = next(shared("safe_metadata_variants").glob("*_T01KAB_*.SAFE"))
    copied(other / "GRANULE" / "L2A_T01KAB_A042640_20230821T221944", folder / "GRANULE" / "other")
    with pytest.raises(SceneError, match="holds 2 tiles"):
        metadata(store(folder))


def test_entities_are_refused_at_once(tmp_path):
    lines = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "x">{lines}]><x>&e9;</x>'
    (tmp_path / "MTD_MSIL2A.xml").write_text(bomb)
    start = time.perf_counter()
    with pytest.raises(SceneError, match="not readable as XML"):
        metadata(store(tmp_path))
    assert time.perf_counter() - start < 1
