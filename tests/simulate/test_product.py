import hashlib
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import OutputError
from ecosg_update.simulate.metadata import NOTE
from ecosg_update.simulate.noise import block_means
from ecosg_update.simulate.product import counts, look, write_safe
from ecosg_update.simulate.surface import BANDS
from tests.conftest import shared

PRODUCT = re.compile(r"S2[AB]_MSIL2A_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d{2}[A-Z]{3}_\d{8}T\d{6}\.SAFE")
REAL = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE"


@pytest.fixture(scope="module")
def product(land, tmp_path_factory) -> Path:
    return write_safe(land, tmp_path_factory.mktemp("simulated"), seed=9)


def pattern(name: str) -> str:
    """The shape of a name: tile, orbit and times do not matter."""
    name = re.sub(r"T\d{2}[A-Z]{3}", "TILE", name)
    return re.sub(r"A\d{6}", "ORBIT", re.sub(r"\d{8}T\d{6}", "TIME", name))


def image(product: Path, name: str) -> np.ndarray:
    (file,) = product.glob(f"GRANULE/*/IMG_DATA/R*/*_{name}.jp2")
    with rasterio.open(file) as source:
        return source.read(1)


def test_the_product_has_the_name_of_a_product_and_an_orbit_that_does_not_exist(product):
    assert PRODUCT.fullmatch(product.name)
    assert int(re.search(r"_R(\d{3})_", product.name)[1]) > 143


def test_the_images_lie_where_a_real_product_of_that_baseline_has_them(product):
    metadata = shared("safe_metadata_variants", REAL, "MTD_MSIL2A.xml")
    real = {pattern(node.text) for node in ET.parse(metadata).iter("IMAGE_FILE")}
    ours = {pattern(file.relative_to(product).as_posix()[:-4]) for file in product.rglob("*.jp2")}
    assert ours <= real
    assert {node.text for node in ET.parse(product / "MTD_MSIL2A.xml").iter("IMAGE_FILE")} == {
        file.relative_to(product).as_posix()[:-4] for file in product.rglob("*.jp2")
    }


@pytest.mark.parametrize("name", ["MTD_MSIL2A.xml", "GRANULE/*/MTD_TL.xml"])
def test_the_metadata_have_no_element_that_a_real_product_lacks(product, name):
    """Every path of elements of ours occurs in the real file of the same baseline."""
    folder = shared("safe_metadata_variants", REAL)

    def paths(root: ET.Element, above: str = "") -> set[str]:
        here = above + "/" + root.tag
        return {here}.union(*(paths(child, here) for child in root))

    (ours,), (real,) = product.glob(name), folder.glob(name)
    assert paths(ET.parse(ours).getroot()) <= paths(ET.parse(real).getroot())


def test_every_text_says_that_it_is_simulated(product):
    texts = [*product.rglob("*.xml"), product / "manifest.safe"]
    assert len(texts) == 4
    assert all(NOTE in file.read_text() for file in texts)


def test_the_manifest_knows_every_file(product):
    listed = {}
    for node in ET.parse(product / "manifest.safe").iter("byteStream"):
        listed[node.find("fileLocation").get("href")[2:]] = (int(node.get("size")), node.find("checksum").text)
    found = {
        file.relative_to(product).as_posix(): (file.stat().st_size, hashlib.sha3_256(file.read_bytes()).hexdigest())
        for file in product.rglob("*")
        if file.is_file() and file.name != "manifest.safe"
    }
    assert listed == found


@pytest.mark.parametrize("pixel", [10, 20, 60])
def test_all_images_span_the_landscape_where_the_tile_metadata_say(product, land, pixel):
    (metadata,) = product.glob("GRANULE/*/MTD_TL.xml")
    root = ET.parse(metadata).getroot()
    position = root.find(f".//Geoposition[@resolution='{pixel}']")
    size = root.find(f".//Size[@resolution='{pixel}']")
    for file in product.glob(f"GRANULE/*/IMG_DATA/R{pixel}m/*.jp2"):
        with rasterio.open(file) as source:
            assert tuple(source.bounds) == land.grid.bounds
            assert source.crs.to_string() == root.findtext(".//HORIZONTAL_CS_CODE")
            assert source.transform[:6] == (
                pixel, 0, float(position.findtext("ULX")), 0, -pixel, float(position.findtext("ULY"))
            )  # fmt: skip
            assert source.shape == (int(size.findtext("NROWS")), int(size.findtext("NCOLS")))


@given(st.floats(-0.0998, 6.4), st.booleans())
def test_counts_give_the_reflectance_back_within_half_a_count(value, valid):
    (stored,) = counts(np.array([value], np.float32), np.array([valid]))
    assert stored > 0 if valid else stored == 0
    if valid:
        assert (int(stored) - 1000) / 10000 == pytest.approx(value, abs=0.51e-4)


@pytest.mark.parametrize(("name", "pixel"), [("B04_10m", 10), ("B8A_20m", 20), ("B12_20m", 20), ("B09_60m", 60)])
def test_an_image_holds_the_reflectance_of_the_landscape_but_for_noise(product, land, name, pixel):
    band = BANDS.index(name.split("_")[0])
    expected = block_means(look(land, seed=9).values[band], pixel // 10)
    stored = image(product, name)
    error = ((stored.astype(np.float64) - 1000) / 10000 - expected)[stored > 0]
    scale = 0.0006 + 0.006 * np.abs(expected[stored > 0])
    assert (error / scale).mean() == pytest.approx(0, abs=0.05)
    assert (error / scale).std() == pytest.approx(1, abs=0.06)


def test_no_data_and_classes_agree_at_every_pixel_size(product):
    for pixel, band in ((20, "B11"), (60, "B01")):
        scl = image(product, f"SCL_{pixel}m")
        assert np.array_equal(scl == 0, image(product, f"{band}_{pixel}m") == 0)
        assert set(np.unique(scl)) <= {0, 3, 4, 5, 6, 8, 9, 10}
        assert {0, 3, 4, 6, 9} <= set(np.unique(scl))


def test_the_same_seed_writes_the_same_product(product, land, tmp_path):
    again = write_safe(land, tmp_path, seed=9)
    for name in ("B02_10m", "B11_20m", "SCL_20m"):
        assert np.array_equal(image(product, name), image(again, name))


def test_a_product_that_exists_is_not_replaced(product, land):
    before = (product / "manifest.safe").read_bytes()
    with pytest.raises(OutputError, match="exists"):
        write_safe(land, product.parent, seed=10)
    assert (product / "manifest.safe").read_bytes() == before


def test_a_folder_that_is_a_file_is_one_clear_error(land, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_safe(land, tmp_path / "file", seed=9)
