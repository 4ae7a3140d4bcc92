import json

import numpy as np
import onnxruntime
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.segment import dynamicworld, weights
from ecosg_update.segment.dynamicworld import DESIGN, DynamicWorld, normalised
from tests.conftest import shared
from tests.segment.scenes import brandenburg, punjab

CUTS = [
    (brandenburg, slice(100, 231), slice(700, 797)),  # 131 x 97
    (brandenburg, slice(0, 64), slice(11, 101)),
    (punjab, slice(0, 99), slice(3, 132)),
    (punjab, slice(50, 53), slice(60, 62)),
]


def reference(bands: np.ndarray) -> np.ndarray:
    """Logits (class, y, x) of the network as tf2onnx converted it, in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    path = shared("weights_dynamicworld", "dynamicworld_forward.onnx")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"input_3": bands.transpose(1, 2, 0)[None]})
    return logits[0].transpose(2, 0, 1)


def oracle_normalised(reflectance: np.ndarray) -> np.ndarray:
    """The formula of the weights' normalization.json in float64."""
    table = json.loads(shared("weights_dynamicworld", "normalization.json").read_text())["bands"]
    a, b = (np.array([table[band][key] for band in dynamicworld.BANDS])[:, None, None] for key in "ab")
    x = np.exp(5 * (np.log(0.005 * 10_000 * reflectance.astype(np.float64) + 1) - a) / b - 1)
    return (x / (x + 1)).astype(np.float32)


def published():
    return weights.published(folder=shared("weights_dynamicworld", "forward", "variables"), on="cpu")


@pytest.mark.parametrize(("scene", "rows", "cols"), CUTS)
def test_logits_and_probabilities_are_those_of_the_published_graph(scene, rows, cols):
    reflectance = scene()[:, rows, cols]
    bands = oracle_normalised(reflectance)
    engine = published()
    with torch.inference_mode():
        logits = engine.network.eval()(torch.from_numpy(bands)[None])[0].numpy()
    expected = reference(bands)
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    share = np.exp(expected - expected.max(axis=0))
    np.testing.assert_allclose(engine(reflectance), share / share.sum(axis=0), atol=1e-4)


def test_havel_lakes_are_water_and_winter_fields_are_not():
    """Against the water index of McFeeters (1996), (green - near infrared) / (green + near infrared)."""
    reflectance = brandenburg()[:, 300:500, 900:1100]
    green, infrared = reflectance[1], reflectance[6]
    index = (green - infrared) / (green + infrared)
    water = published()(reflectance).argmax(axis=0) == 0
    assert water[index > 0.2].mean() > 0.9
    assert water[index < 0].mean() < 0.05


def test_normalisation_is_the_published_formula():
    reflectance = brandenburg()[:, :50, :50]
    found = normalised(torch.from_numpy(reflectance)[None], dynamicworld.BANDS)[0].numpy()
    np.testing.assert_allclose(found, oracle_normalised(reflectance), atol=1e-6)


def test_normalisation_follows_the_order_of_the_bands_and_leaves_its_input():
    reflectance = torch.rand(1, 9, 4, 5)
    before = reflectance.clone()
    backwards = normalised(reflectance.flip(1), dynamicworld.BANDS[::-1])
    torch.testing.assert_close(backwards.flip(1), normalised(reflectance, dynamicworld.BANDS))
    assert torch.equal(reflectance, before)


def test_a_band_without_constants_is_named():
    with pytest.raises(ModelError, match="B8A have no normalisation"):
        normalised(torch.zeros(1, 1, 2, 2), ["B8A"])


@pytest.mark.parametrize("place", [48, 49])
def test_the_halo_is_exactly_as_far_as_a_pixel_sees(place):
    """The gradient of one pixel's logits is zero beyond the halo, and not zero at it (for one of two neighbours)."""
    torch.manual_seed(1)
    network = DynamicWorld().eval()
    bands = torch.rand(1, 9, 98, 98, requires_grad=True)
    network(bands)[0, :, place, place].square().sum().backward()
    seen = bands.grad[0].abs().sum(dim=0).numpy()
    rows, cols = np.nonzero(seen)
    reach = max(place - rows.min(), rows.max() - place, place - cols.min(), cols.max() - place)
    assert reach == DESIGN.halo


def test_a_missing_variable_is_named():
    with pytest.raises(ModelError, match="variable 144 is missing"):
        dynamicworld.state({})


def test_it_can_be_built_for_other_bands_and_classes():
    network = DynamicWorld(4, 5).eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 4, 7, 9)).shape == (2, 5, 7, 9)
