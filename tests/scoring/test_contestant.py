import numpy as np
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.scene.atmosphere import Atmosphere
from ecosg_update.scene.transfer import coefficients
from ecosg_update.scoring.contestant import brought, network
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.engines import build
from tests.scoring.made import BANDS, L1, Constant, card

CPU = torch.device("cpu")


def engine(**changed):
    torch.manual_seed(0)
    made = card(L1, **changed)
    return Engine(build(made.engine, len(made.bands), 5), made, L1, CPU)


def test_bands_are_chosen_by_name_and_odd_images_come_back_in_their_size():
    net = engine()
    rng = np.random.default_rng(0)
    values = rng.random((len(BANDS) + 1, 16, 24), dtype=np.float32)
    shuffled = ("B8A", *BANDS[::-1])
    found = network("net", net, shuffled, 10.0).probabilities(values, "L1C")
    np.testing.assert_allclose(found, net(values[:0:-1].copy()), atol=1e-6)
    odd = network("net", net, shuffled, 10.0).probabilities(values[:, :1, :5], "L1C")
    assert odd.shape == (5, 1, 5)
    np.testing.assert_allclose(odd.sum(axis=0), 1, atol=1e-5)


def test_surface_reflectance_is_brought_to_an_l1c_engine_by_the_formula_of_the_scene():
    values = np.full((len(BANDS), 2, 3), 0.1, np.float32)
    values[:, 0, 0] = 0
    found = brought(values, "L2A", card(L1), "net")
    for band, layer in zip(BANDS, found, strict=True):
        term = coefficients(band, Atmosphere(sun_zenith=45.0))
        up = term.gas * term.down * (term.direct + term.diffuse) * 0.1 / (1 - term.spherical_albedo * 0.1)
        assert layer[1, 1] == pytest.approx(up + term.gas * term.path, rel=1e-5)
    assert (found[:, 0, 0] == 0).all()
    np.testing.assert_array_equal(brought(values, "L1C", card(L1), "net"), values)


def test_as_is_feeds_every_level_and_convert_refuses_what_it_cannot():
    l2a = Engine(Constant(5, 2), card(L1, level="L2A"), L1, CPU)
    values = np.full((len(BANDS), 3, 5), 0.1, np.float32)
    fed = network("net", l2a, BANDS, 10.0, other_level="as-is")
    assert (fed.probabilities(values, "L1C").argmax(axis=0) == 2).all()
    assert "fed as they are" in fed.notes[0]
    with pytest.raises(ModelError, match="a sample is L1C, expected L2A"):
        network("net", l2a, BANDS, 10.0).probabilities(values, "L1C")


def test_an_engine_of_both_levels_is_fed_each_as_it_is():
    net = engine(level="any")
    values = np.random.default_rng(0).random((len(BANDS), 8, 16), dtype=np.float32)
    made = network("net", net, BANDS, 10.0)
    for level in ("L1C", "L2A"):
        np.testing.assert_array_equal(made.probabilities(values, level), net(values))
    assert made.notes == ("net was trained on L1C and L2A; samples of both are fed as they are",)


def test_of_a_sample_without_a_band_speaks_who_does_without():
    values = np.random.default_rng(0).random((len(BANDS), 8, 16), dtype=np.float32)
    values[:, 2, 3] = 0
    values[-1] = np.nan
    mute, able = engine(), engine(optional=("B11", "B12"))
    assert not network("net", mute, BANDS, 10.0).probabilities(values, "L1C").any()
    made = network("net", able, BANDS, 10.0)
    np.testing.assert_array_equal(made.probabilities(values, "L1C"), able(values))
    fewer = network("net", able, BANDS[:-1], 10.0).probabilities(values[:-1], "L1C")
    np.testing.assert_array_equal(fewer, able(values))
    np.testing.assert_allclose(made.probabilities(values, "L2A").sum(axis=0), 1, atol=1e-5)


def test_samples_that_the_engine_does_not_eat_are_refused_before_the_run():
    with pytest.raises(ModelError, match="the samples lack B12"):
        network("net", engine(), BANDS[:-1], 10.0)
    with pytest.raises(ModelError, match="pixels of 20 m, expected 10 m"):
        network("net", engine(), BANDS, 20.0)
