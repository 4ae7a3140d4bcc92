import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.segment.engines import build, design


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(1)
    return build("small_unet", 3, 5, width=4).eval()


@pytest.mark.parametrize("size", [(1, 1), (4, 8), (13, 30), (37, 22)])
def test_every_size_comes_back(network, size):
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *size)).shape == (2, 5, *size)


def test_nothing_beyond_the_halo_matters_and_the_halo_is_not_much_too_wide(network):
    """A pixel of the input changes logits less than the halo away from it, at every place of the stride."""
    plan = design("small_unet")
    image = torch.rand(1, 3, 96, 96)
    reach = 0
    with torch.inference_mode():
        before = network(image)
        for shift in range(plan.stride):
            changed = image.clone()
            changed[..., 46 + shift, 45 + shift] += 1e3
            moved = (network(changed) - before).abs().sum(dim=1)[0] > 0
            rows, cols = torch.nonzero(moved, as_tuple=True)
            reach = max(reach, int((rows - 46 - shift).abs().max()), int((cols - 45 - shift).abs().max()))
    assert plan.halo - plan.stride < reach <= plan.halo


def test_a_window_in_step_with_the_stride_gives_the_logits_of_the_whole(network):
    plan = design("small_unet")
    image = torch.rand(1, 3, 120, 100)
    with torch.inference_mode():
        whole, part = network(image), network(image[..., 16:104, 8:92])
    inner = slice(plan.halo, -plan.halo)
    assert torch.allclose(whole[..., 16:104, 8:92][..., inner, inner], part[..., inner, inner], atol=1e-5)


def test_the_demo_size_stays_below_three_megabytes():
    assert sum(weight.numel() for weight in build("small_unet", 10, 44).parameters()) * 4 < 3e6


def test_a_width_of_nothing_is_refused():
    with pytest.raises(ModelError, match="width is 0"):
        build("small_unet", 3, 5, width=0)
