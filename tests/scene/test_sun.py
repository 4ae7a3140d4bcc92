from datetime import UTC, datetime, timedelta, timezone

import pytest

from ecosg_update.scene.sun import sun_position


def test_the_sun_stands_where_nrel_computes_it():
    # Reda and Andreas (2008, NREL/TP-560-34302), example of the appendix: elevation without refraction 39.872046.
    mountain = timezone(timedelta(hours=-7))
    zenith, azimuth = sun_position(datetime(2003, 10, 17, 12, 30, 30, tzinfo=mountain), -105.1786, 39.742476)
    assert zenith == pytest.approx(90 - 39.872046, abs=0.01)
    assert azimuth == pytest.approx(194.34024, abs=0.01)


def test_a_product_over_ireland_has_the_angles_of_its_metadata():
    # MTD_TL.xml of S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU: 57.82 and 172.84, means over the tile.
    zenith, azimuth = sun_position(datetime(2022, 10, 5, 11, 54, 11, tzinfo=UTC), -8.19, 52.75)
    assert zenith == pytest.approx(57.82, abs=0.3)
    assert azimuth == pytest.approx(172.84, abs=1.0)


def test_a_time_without_a_zone_is_utc():
    naive, aware = datetime(2020, 6, 4, 5, 46), datetime(2020, 6, 4, 5, 46, tzinfo=UTC)
    assert sun_position(naive, 73.3, 30.46) == sun_position(aware, 73.3, 30.46)


def test_the_southern_sun_stands_in_the_north_at_noon():
    zenith, azimuth = sun_position(datetime(2021, 12, 21, 12, tzinfo=UTC), 0.0, -40.0)
    assert zenith == pytest.approx(40 - 23.44, abs=0.1)
    assert azimuth > 350 or azimuth < 10


def test_the_sun_is_below_the_ground_at_midnight():
    assert sun_position(datetime(2021, 3, 20, 0, tzinfo=UTC), 0.0, 10.0)[0] > 90
