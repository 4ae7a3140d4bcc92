import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import SceneError
from ecosg_update.scene.atmosphere import Atmosphere
from ecosg_update.scene.transfer import coefficients, optics

BANDS = tuple(optics())

angles = st.floats(0, 75)
thickness = st.floats(0, 1)
bands = st.sampled_from(BANDS)


def seen(band, air, ground):
    """What the satellite sees of uniform ground."""
    terms = coefficients(band, air)
    lit = terms.down * (terms.direct + terms.diffuse) * ground / (1 - terms.spherical_albedo * ground)
    return terms.gas * (terms.path + lit)


@given(bands, angles)
def test_without_air_the_satellite_sees_the_ground(band, sun):
    empty = Atmosphere(sun, aot550=0, water_vapour_cm=0, ozone_cm_atm=0, pressure_hpa=0)
    assert seen(band, empty, 0.3) == pytest.approx(0.3, abs=1e-9)


@given(bands, angles, thickness)
def test_brighter_ground_is_seen_brighter(band, sun, aot):
    air = Atmosphere(sun, 5.0, aot550=aot)
    grounds = [-0.05, 0.0, 0.1, 0.4, 1.0]
    found = [seen(band, air, ground) for ground in grounds]
    assert found == sorted(set(found))


@given(bands, st.floats(0, 70), st.floats(0, 0.8))
def test_haze_brightens_black_ground(band, sun, aot):
    clear, hazy = (Atmosphere(sun, 3.0, aot550=value) for value in (aot, aot + 0.1))
    assert seen(band, clear, 0.0) < seen(band, hazy, 0.0)


@given(bands, st.floats(0, 70), thickness)
def test_haze_dims_bright_ground(band, sun, aot):
    clear, hazy = (Atmosphere(sun, 3.0, aot550=value) for value in (aot, aot + 0.1))
    assert seen(band, clear, 0.9) > seen(band, hazy, 0.9)


@given(bands, angles, thickness, st.floats(0.01, 6))
def test_every_term_is_a_share(band, sun, aot, water):
    terms = coefficients(band, Atmosphere(sun, 8.0, 40.0, aot, water))
    assert 0 < terms.gas <= 1
    assert 0 < terms.down <= 1
    assert 0 < terms.direct <= terms.direct + terms.diffuse <= 1
    assert terms.diffuse >= 0
    assert 0 <= terms.spherical_albedo < 0.5
    assert terms.path >= 0


# 6SV2.1, sun zenith 50, view zenith 5, ozone 0.3 cm-atm: band, water vapour in cm, total gas transmittance.
@pytest.mark.parametrize(
    ("band", "water", "gas"),
    [
        ("B03", 2.0, 0.92427),
        ("B05", 1.0, 0.95861),
        ("B08", 3.0, 0.90783),
        ("B11", 2.0, 0.95639),
        ("B12", 2.0, 0.90316),
    ],
)
def test_gases_absorb_as_in_6s(band, water, gas):
    air = Atmosphere(50.0, 5.0, water_vapour_cm=water, ozone_cm_atm=0.3, pressure_hpa=1013.25)
    assert coefficients(band, air).gas == pytest.approx(gas, abs=0.006)


@pytest.mark.parametrize("band", ["B09", "B10", "B13"])
def test_a_band_without_constants_is_refused(band):
    with pytest.raises(SceneError, match=f"band {band}"):
        coefficients(band, Atmosphere(40.0))


def test_shorter_waves_are_scattered_more():
    paths = [coefficients(band, Atmosphere(40.0)).path for band in BANDS]
    assert paths == sorted(paths, reverse=True)
