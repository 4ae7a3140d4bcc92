import numpy as np
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.segment.train.light import WAVELENGTH, atmosphere, change
from ecosg_update.segment.train.light import relit as relit_batch
from ecosg_update.segment.train.recipe import Light

BANDS = tuple(WAVELENGTH)
NONE = Light(brightness=0, tint=0, haze=0)


def relit(values, bands, light, rng):
    """One image under another light."""
    gain, offset = (torch.from_numpy(one).float()[None] for one in change(values, bands, light, rng))
    return relit_batch(torch.from_numpy(values)[None], gain, offset)[0].numpy()


def test_no_deviation_leaves_the_light_as_it_is():
    values = np.random.default_rng(0).random((12, 3, 5), dtype=np.float32)
    np.testing.assert_array_equal(relit(values, BANDS, NONE, np.random.default_rng(1)), values)


def test_no_data_stays_no_data():
    values = np.random.default_rng(0).random((12, 3, 5), dtype=np.float32)
    values[:, 1, 2] = 0
    lit = relit(values, BANDS, Light(haze=0.1, atmosphere=1), np.random.default_rng(1))
    assert lit.dtype == np.float32 and not lit[:, 1, 2].any() and (lit != values)[:, 0].all()


def test_the_clean_air_s_thickness_is_that_of_the_literature():
    """Bodhaine et al. 1999: an optical depth of 0.0973 at 550 nm and sea level, from another formula."""
    _, through = atmosphere(("B03",), zenith=0, aerosol=0)
    thickness = -np.log(through[0])  # half of it is lost on each way, and there are two
    assert thickness == pytest.approx(0.0973 * (0.55 / 0.5598) ** 4.07, rel=0.02)


def test_air_is_brighter_and_darker_as_physics_says():
    path, through = atmosphere(BANDS, zenith=40, aerosol=0.1)
    by_length = np.argsort([WAVELENGTH[band] for band in BANDS])
    assert (np.diff(path[by_length]) < 0).all() and (np.diff(through[by_length]) > 0).all()
    assert 0.05 < path[BANDS.index("B02")] < 0.12 and path[BANDS.index("B12")] < 0.01
    low_path, low_through = atmosphere(BANDS, zenith=70, aerosol=0.1)
    assert (low_path > path).all() and (low_through < through).all()
    thick_path, thick_through = atmosphere(BANDS, zenith=40, aerosol=0.4)
    assert (thick_path > path).all() and (thick_through < through).all()


def test_gases_absorb_where_they_do_and_more_of_them_more():
    _, dry = atmosphere(BANDS, zenith=40, aerosol=0.1)
    _, moist = atmosphere(BANDS, zenith=40, aerosol=0.1, water=1.0)
    _, wet = atmosphere(BANDS, zenith=40, aerosol=0.1, water=4.0)
    share = dict(zip(BANDS, moist / dry, strict=True))
    assert 0.9 < share["B12"] < 0.96 and share["B8A"] > 0.99 and share["B03"] < 0.95 and share["B09"] == 1
    assert (wet <= moist).all() and wet[BANDS.index("B08")] < moist[BANDS.index("B08")] * 0.97


def test_an_atmosphere_is_put_on_the_share_of_crops_that_is_asked_for():
    rng, light = np.random.default_rng(2), Light(0, 0, 0, atmosphere=0.25)
    dark = np.full((12, 1, 1), 1e-6, np.float32)
    seen = [relit(dark, BANDS, light, rng)[1, 0, 0] > 0.02 for _ in range(2000)]
    assert np.mean(seen) == pytest.approx(0.25, abs=0.03)


def test_air_is_taken_away_from_what_was_seen_through_it_and_not_from_the_surface():
    rng = np.random.default_rng(3)
    surface = rng.uniform(0, 0.4, (12, 40, 40)).astype(np.float32)
    surface[:, 0, 0] = 1e-6  # deep water
    path, through = atmosphere(BANDS, zenith=40, aerosol=0.1)
    above = (surface * through[:, None, None] + path[:, None, None]).astype(np.float32)
    light = Light(0, 0, 0, clearing=1)
    cleared = [relit(above, BANDS, light, np.random.default_rng(seed)) for seed in range(40)]
    assert all(one.min() > -0.012 for one in cleared)  # the noise, and what a thinner air lets through
    distance = [np.abs(one - surface).mean() for one in cleared]
    assert max(distance) < np.abs(above - surface).mean() and min(distance) < 0.3 * np.abs(above - surface).mean()
    kept = [np.abs(relit(surface, BANDS, light, np.random.default_rng(seed)) - surface).max() for seed in range(40)]
    assert max(kept) < 0.02


def test_clearing_looks_at_the_pixels_and_bands_that_are_there():
    values = np.full((12, 5, 7), 0.2, np.float32)
    values[:, 1, 2], values[4] = 0, np.nan
    light = Light(0, 0, 0, clearing=1)
    lit = relit(values, BANDS, light, np.random.default_rng(1))
    there = np.arange(12) != 4
    assert not lit[there, 1, 2].any() and np.isnan(lit[4]).all() and (lit[1, 0] < 0.19).all()


def test_a_band_of_another_satellite_is_refused_where_its_wavelength_is_needed():
    values = np.ones((1, 2, 2), np.float32)
    relit(values, ("SR_B4",), NONE, np.random.default_rng(0))
    with pytest.raises(ModelError, match=r"wavelength of SR_B4 .* set light.atmosphere to 0"):
        relit(values, ("SR_B4",), Light(atmosphere=1), np.random.default_rng(0))


@pytest.mark.parametrize(
    "wrong", [{"tint": -1}, {"atmosphere": 1.5}, {"atmosphere": 0.6, "clearing": 0.6}, {"low_sun": 90}]
)
def test_impossible_lights_are_refused(wrong):
    with pytest.raises(ModelError, match="training: Light"):
        Light(**wrong)
