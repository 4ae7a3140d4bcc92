from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecosg_update.errors import SceneError
from ecosg_update.scene.atmosphere import (
    AOT550,
    MID_SUMMER,
    TROPICAL,
    Atmosphere,
    over,
    pressure_hpa,
    standard_water_vapour,
)
from ecosg_update.scene.discover import open_scene
from tests.conftest import shared


@pytest.fixture
def irish():
    return open_scene(next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE")))


def test_a_product_tells_its_air(irish):
    air, assumed = over(irish)
    assert assumed == ()
    assert air.sun_zenith == pytest.approx(57.8206, abs=1e-3)
    assert air.view_zenith == pytest.approx(9.25, abs=0.1)
    assert air.relative_azimuth == pytest.approx(117, abs=1)
    # GRANULE_MEAN_AOT 0.089132 and GRANULE_MEAN_WV 1.143608 of its MTD_MSIL2A.xml.
    assert air.aot550 == pytest.approx(0.0891, abs=0.005)
    assert air.water_vapour_cm == pytest.approx(1.1436, abs=0.05)


def test_what_is_stated_wins_over_the_product(irish):
    air, _ = over(irish, aot550=0.5, water_vapour_cm=3.0, altitude_m=1000.0)
    assert (air.aot550, air.water_vapour_cm) == (0.5, 3.0)
    assert air.pressure_hpa == pytest.approx(898.7, abs=0.5)


def test_what_the_product_lacks_is_assumed_and_said(irish):
    air, assumed = over(replace(irish, angles=None, aot={}, wvp={}))
    assert len(assumed) == 3
    assert air.sun_zenith == pytest.approx(57.8, abs=0.3)
    assert air.aot550 == AOT550


def test_neither_angles_nor_time_is_an_error(irish):
    with pytest.raises(SceneError, match="neither sun angles nor a time"):
        over(replace(irish, angles=None, acquired=None))


@pytest.mark.parametrize(
    "wrong", [{"sun_zenith": 85.0}, {"aot550": -0.1}, {"water_vapour_cm": float("nan")}, {"pressure_hpa": 2000.0}]
)
def test_impossible_air_is_refused(wrong):
    with pytest.raises(SceneError, match=next(iter(wrong))):
        Atmosphere(**({"sun_zenith": 40.0} | wrong))


def test_pressure_follows_the_standard_atmosphere():
    assert pressure_hpa(0) == pytest.approx(1013.25)
    assert pressure_hpa(5000) == pytest.approx(540.2, abs=0.5)


def test_summers_are_moist_on_both_sides_of_the_equator():
    july, january = datetime(2020, 7, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    assert standard_water_vapour(july, 30.5) == standard_water_vapour(january, -30.5) == TROPICAL
    assert standard_water_vapour(january, 30.5) == standard_water_vapour(july, -30.5) == MID_SUMMER
    for latitude in range(-90, 91, 5):
        assert 0 < standard_water_vapour(july, latitude) <= TROPICAL
