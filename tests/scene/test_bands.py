import pytest
from defusedxml.ElementTree import parse

from ecosg_update.errors import SceneError
from ecosg_update.scene.bands import band_name, bands
from tests.scene.made import ireland


def test_every_spelling_leads_to_one_name():
    spellings = ["B2", "B02", "b02", " B8A ", "b8a", "B8", "B12", "B012"]
    assert [band_name(text) for text in spellings] == ["B02", "B02", "B02", "B8A", "B8A", "B08", "B12", "B12"]


@pytest.mark.parametrize("text", ["B13", "B00", "B0", "B9A", "red", "", "SCL", "B 2"])
def test_what_is_no_band_is_refused(text):
    with pytest.raises(SceneError, match="not a band of Sentinel-2"):
        band_name(text)


def test_the_table_says_what_a_real_product_says_of_its_bands():
    root = parse(ireland() / "MTD_MSIL2A.xml").getroot()
    stated = {
        band_name(found.get("physicalBand")): (
            float(found.findtext("Wavelength/CENTRAL")),
            float(found.findtext("RESOLUTION")),
        )
        for found in root.iter("Spectral_Information")
    }
    assert list(stated) == list(bands())
    assert {name: (band.centre_nm, band.pixel_m) for name, band in bands().items()} == stated


def test_the_widths_are_those_of_the_real_spectral_responses():
    for found in parse(ireland() / "MTD_MSIL2A.xml").getroot().iter("Spectral_Information"):
        response = [float(value) for value in found.findtext("Spectral_Response/VALUES").split()]
        above = sum(value >= 0.5 * max(response) for value in response)  # 1 nm steps
        assert abs(above - bands()[band_name(found.get("physicalBand"))].width_nm) <= 2
