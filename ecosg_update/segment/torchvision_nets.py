"""FCN and DeepLabV3 of torchvision with a stem for any number of bands.

Their receptive fields are wider than any halo that one would pay for (FCN: some 230 pixels each way; DeepLabV3
pools over the whole window), so a pixel's probabilities depend a little on its window: the seams are blended,
not exact. The halo below is a choice: four to eight feature cells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models import segmentation

from ecosg_update.segment.design import Design

RGB = 3


class Logits(nn.Module):
    """A segmentation network of torchvision that returns a plain tensor.

    imagenet: the torchvision model whose published weights fit `backbone`.
    """

    def __init__(self, network: nn.Module, *, stem: str, imagenet: str) -> None:
        super().__init__()
        self.network = network
        self.stem, self.imagenet = stem, imagenet

    @property
    def backbone(self) -> nn.Module:
        """The part that ImageNet weights fit."""
        return self.network.get_submodule("backbone")

    def forward(self, bands: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of (N, in_bands, H, W)."""
        logits: Tensor = self.network(bands)["out"]
        return logits


def _built(constructor: Callable[..., nn.Module], stem: str, imagenet: str, in_bands: int, classes: int) -> Logits:
    network = constructor(weights=None, weights_backbone=None, num_classes=classes, aux_loss=False)
    net = Logits(network, stem=stem, imagenet=imagenet)
    widen(net.backbone, stem, in_bands)
    return net


def widen(backbone: nn.Module, stem: str, in_bands: int) -> None:
    """Replace the first convolution of `backbone` by a fresh one of `in_bands` bands."""
    old: Any = backbone.get_submodule(stem)
    new = nn.Conv2d(in_bands, old.out_channels, old.kernel_size, old.stride, old.padding, bias=old.bias is not None)
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    parent, _, name = stem.rpartition(".")
    setattr(backbone.get_submodule(parent), name, new)


def _design(name: str, stem: str, imagenet: str, stride: int) -> Design:
    return Design(partial(_built, getattr(segmentation, name), stem, imagenet), halo=64, stride=stride)


FCN_RESNET50 = _design("fcn_resnet50", "conv1", "resnet50", 8)
DEEPLABV3_RESNET50 = _design("deeplabv3_resnet50", "conv1", "resnet50", 8)
DEEPLABV3_MOBILENET_V3_LARGE = _design("deeplabv3_mobilenet_v3_large", "0.0", "mobilenet_v3_large", 16)
