"""The network of local climate zones needs L1C: what converting L2A to it is worth on a real pair."""

from datetime import UTC, datetime

import numpy as np

from ecosg_update.layers import Reflectance
from ecosg_update.scene.atmosphere import Atmosphere, pressure_hpa, standard_water_vapour
from ecosg_update.scene.sun import sun_position
from ecosg_update.scene.surround import surround
from ecosg_update.scene.toa import toa
from ecosg_update.segment import weights
from tests.conftest import shared
from tests.segment.scenes import SO2SAT_BANDS, punjab, whole

TOWN, FLAT = range(10), (13, 15)
"""Array rows of LCZ 1-10, and of low plants and bare soil, which the conversion does not tell apart well."""


def test_converted_to_the_top_of_the_atmosphere_punjab_is_the_country_that_its_l1c_shows():
    engine = weights.published("so2sat-lcz", folder=shared("weights_so2sat_lcz"), on="cpu")
    scene = whole(punjab(SO2SAT_BANDS, "L2A"))
    before = Reflectance(scene.values, scene.valid, SO2SAT_BANDS, scene.grid, "L2A")
    time, lon, lat = datetime(2020, 6, 4, 5, 46, 39, tzinfo=UTC), 73.306, 30.464
    air = Atmosphere(
        sun_position(time, lon, lat)[0],
        water_vapour_cm=standard_water_vapour(time, lat),
        pressure_hpa=pressure_hpa(160),
    )
    after = engine(toa(before, air, around=surround(before)).values).argmax(axis=0)
    truth, as_is = (engine(punjab(SO2SAT_BANDS, level)).argmax(axis=0) for level in ("L1C", "L2A"))
    assert (after == truth).mean() > (as_is == truth).mean()  # 0.794 and 0.761
    assert (np.isin(after, FLAT) == np.isin(truth, FLAT)).mean() > 0.97  # 0.985, and 0.835 as it is
    assert np.isin(after, TOWN).mean() < 0.02  # 0.000, and 0.103 as it is
