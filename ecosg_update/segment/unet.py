"""U-Net of segmentation-models-pytorch over any of its encoders.

Encoders halve the image five times, so the receptive field is far wider than the halo: seams are blended, not
exact. The halo is a choice: two cells of the coarsest stage.
"""

from __future__ import annotations

from typing import cast

import segmentation_models_pytorch as smp
import timm
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.backbone import IDLE
from ecosg_update.segment.design import Design

STRIDE = 32


class UNet(nn.Module):
    """Logits (N, classes, H, W) of bands (N, in_bands, H, W) of any size: odd edges are replicated and cut off again.

    imagenet: the torchvision model whose published weights fit `backbone`, "" where there is none.
    """

    def __init__(self, in_bands: int, classes: int, *, encoder: str = "resnet34") -> None:
        super().__init__()
        if encoder not in smp.encoders.encoders and not _is_timm(encoder):
            known = ", ".join(sorted(smp.encoders.encoders)[:12])
            raise ModelError(f"unet: encoder {encoder!r} does not exist, there are {known} ... and timm's as tu-NAME")
        self.network = smp.Unet(encoder, encoder_weights=None, in_channels=in_bands, classes=classes)
        self.stem = _first_convolution(self.backbone)
        _still(self.backbone)
        self.imagenet = encoder if encoder in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152") else ""

    @property
    def backbone(self) -> nn.Module:
        """The part that ImageNet weights fit."""
        return cast("nn.Module", self.network.encoder)

    def forward(self, bands: Tensor) -> Tensor:
        """The logits."""
        height, width = bands.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        padded = functional.pad(bands, padding, mode="replicate") if any(padding) else bands
        logits: Tensor = self.network(padded)
        return logits[..., :height, :width]


def _first_convolution(encoder: nn.Module) -> str:
    """The name of the layer that sees the bands: encoders register it first; "" where there is no convolution."""
    return next((name for name, layer in encoder.named_modules() if isinstance(layer, nn.Conv2d)), "")


def _still(encoder: nn.Module) -> None:
    """Keep idle layers out of training: no gradient reaches them, and DistributedDataParallel would wait for it."""
    for name, parameter in encoder.named_parameters():
        if name.startswith(IDLE):
            parameter.requires_grad_(False)


def _is_timm(encoder: str) -> bool:
    """Whether it is `tu-` and a network of timm itself; timm would fetch hf-hub:OWNER/MODEL from the web."""
    return encoder.startswith("tu-") and bool(timm.is_model(encoder.removeprefix("tu-")))


DESIGN = Design(UNet, halo=64, stride=STRIDE)
