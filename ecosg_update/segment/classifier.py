"""The backbone of another engine as a classifier of whole images, whose answer can be read pixel by pixel.

A classifier pools its last features over the image and multiplies them by a matrix; multiplying first and pooling
afterwards gives the same numbers (Zhou et al. 2016, CVPR). So the network gives logits of each cell of its features,
repeated over the pixels of the cell, and their mean over the image is the classifier's answer: `pooling = "mean"`.
Trained on the classes of whole samples, it lends its backbone to a segmentation network (Ulmas and Liiv 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design
from ecosg_update.segment.imagenet import Pretrainable

STRIDE = 32
"""The coarsest cell of the backbones, pixels: sizes are padded to it."""


class Classifier(nn.Module):
    """Logits (N, classes, H, W) of bands (N, in_bands, H, W), one value a feature cell.

    engine, arguments: the network whose backbone it has. Raises ModelError for one without a backbone.
    """

    def __init__(self, in_bands: int, classes: int, *, engine: str = "unet", **arguments: Any) -> None:
        super().__init__()
        from ecosg_update.segment.engines import build  # noqa: PLC0415  (the door leads here and this to the door)

        whole = build(engine, in_bands, 1, **arguments)
        if not isinstance(whole, Pretrainable):
            raise ModelError(f"classifier: {engine} has no backbone to lend; take unet, fcn_resnet50 or deeplabv3_*")
        self.body, self.stem, self.imagenet = whole.backbone, whole.stem, whole.imagenet
        self.head = nn.Conv2d(_channels(self.body, in_bands), classes, kernel_size=1)

    @property
    def backbone(self) -> nn.Module:
        """The part that ImageNet weights fit, and that a segmentation network takes over."""
        return self.body

    def forward(self, bands: Tensor) -> Tensor:
        """The logits."""
        height, width = bands.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        padded = functional.pad(bands, padding, mode="replicate") if any(padding) else bands
        cells = self.head(_deepest(self.body(padded)))  # (N, classes, H / cell, W / cell)
        logits = functional.interpolate(cells, size=padded.shape[-2:], mode="nearest")
        return logits[..., :height, :width]


def _deepest(features: Mapping[str, Tensor] | list[Tensor] | Tensor) -> Tensor:
    """The last of the features: torchvision's backbones name them, those of a U-Net list them, others have one."""
    if isinstance(features, Tensor):
        return features
    return features["out"] if isinstance(features, Mapping) else features[-1]


def _channels(backbone: nn.Module, in_bands: int) -> int:
    training = backbone.training
    with torch.inference_mode():
        found = _deepest(backbone.eval()(torch.zeros(1, in_bands, 64, 64)))
    backbone.train(training)
    return found.shape[1]


DESIGN = Design(Classifier, halo=64, stride=STRIDE)
