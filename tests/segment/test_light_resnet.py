import numpy as np
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.legend import Legend
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.engines import build, design


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(1)
    made = build("light_resnet", 3, 5, width=6)
    with torch.no_grad():
        for _ in range(3):  # statistics of the batch normalisations that differ from 0 and 1
            made(torch.rand(4, 3, 32, 32))
    return made.eval()


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (13, 30), (37, 22)])
def test_every_size_comes_back_in_squares_of_four(network, size):
    with torch.inference_mode():
        logits = network(torch.rand(2, 3, *size))
    assert logits.shape == (2, 5, *size)
    squares = logits[..., ::4, ::4].repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.equal(logits, squares[..., : size[0], : size[1]])


def test_nothing_beyond_the_halo_matters_and_the_halo_is_not_much_too_wide(network):
    """A pixel of the input changes logits less than the halo away from it, at every place of the stride."""
    plan = design("light_resnet")
    image = torch.rand(1, 3, 132, 132)
    reach = 0
    with torch.inference_mode():
        before = network(image)
        for shift in range(plan.stride):
            changed = image.clone()
            changed[..., 64 + shift, 64 + shift] += 1e3
            moved = (network(changed) - before).abs().sum(dim=1)[0] > 0
            rows, cols = torch.nonzero(moved, as_tuple=True)
            reach = max(reach, int((rows - 64 - shift).abs().max()), int((cols - 64 - shift).abs().max()))
    assert plan.halo - plan.stride < reach <= plan.halo


def test_a_window_in_step_with_the_stride_gives_the_logits_of_the_whole(network):
    plan = design("light_resnet")
    image = torch.rand(1, 3, 160, 140)
    with torch.inference_mode():
        whole, part = network(image), network(image[..., 16:144, 8:132])
    inner = slice(plan.halo, -plan.halo)
    assert torch.allclose(whole[..., 16:144, 8:132][..., inner, inner], part[..., inner, inner], atol=1e-5)


def test_an_engine_gives_the_probabilities_of_the_plain_network(network):
    form = design("light_resnet")
    card = Card(
        engine="light_resnet", bands=("B02", "B03", "B04"), level="L2A", pixel_m=10.0,
        normalisation=Standard((0.0,) * 3, (1.0,) * 3), legend="own", codes=(1, 2, 3, 4, 5), halo=form.halo,
        stride=form.stride, seamless=form.seamless, provenance="", licence="MIT", temperature=1.7,
    )  # fmt: skip
    legend = Legend("own", card.codes, tuple("abcde"), ((0, 0, 0),) * 5, tuple("abcde"), card.codes)
    values = np.random.default_rng(2).random((2, 3, 13, 22), np.float32)
    with torch.inference_mode():
        expected = (network(torch.from_numpy(values)) / 1.7).softmax(dim=1).numpy()
    np.testing.assert_allclose(Engine(network, card, legend, torch.device("cpu")).batch(values), expected, atol=1e-6)


def test_the_default_width_stays_below_eight_megabytes():
    assert sum(weight.numel() for weight in build("light_resnet", 10, 15).parameters()) * 4 < 2e6


@pytest.mark.parametrize("wrong", [{"width": 1}, {"dropout": 1.0}])
def test_arguments_that_make_no_network_are_refused(wrong):
    with pytest.raises(ModelError, match="light_resnet: width is"):
        build("light_resnet", 3, 5, **wrong)
