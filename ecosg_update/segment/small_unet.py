"""A U-Net small enough to be trained on one CPU thread in minutes: three levels of plain 3 x 3 convolutions.

After Ronneberger et al. 2015 (MICCAI), with padding, batch normalisation and nearest upsampling. The receptive
field is finite, so that windows fit together without a seam.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design

STRIDE = 4
HALO = 24
"""Two convolutions at each of five places reach 2 + 4 + 8 + 4 + 2 = 20 pixels, pooling 3 more; a multiple of 4."""


class SmallUNet(nn.Module):
    """Logits (N, classes, H, W) of bands (N, in_bands, H, W) of any size: odd edges are replicated and cut off again.

    width: channels at full resolution, doubled at each of two levels below.
    """

    def __init__(self, in_bands: int, classes: int, *, width: int = 16) -> None:
        super().__init__()
        if width < 1:
            raise ModelError(f"small_unet: width is {width}, expected at least 1")
        self.fine = _pair(in_bands, width)
        self.middle = _pair(width, 2 * width)
        self.coarse = _pair(2 * width, 4 * width)
        self.up_middle = _pair(6 * width, 2 * width)
        self.up_fine = _pair(3 * width, width)
        self.head = nn.Conv2d(width, classes, kernel_size=1)

    def forward(self, bands: Tensor) -> Tensor:
        """The logits."""
        height, width = bands.shape[-2:]
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        padded = functional.pad(bands, padding, mode="replicate") if any(padding) else bands
        fine = self.fine(padded)  # (N, width, H, W)
        middle = self.middle(functional.max_pool2d(fine, 2))  # (N, 2 width, H/2, W/2)
        coarse = self.coarse(functional.max_pool2d(middle, 2))  # (N, 4 width, H/4, W/4)
        middle = self.up_middle(torch.cat([middle, _doubled(coarse)], dim=1))
        fine = self.up_fine(torch.cat([fine, _doubled(middle)], dim=1))
        logits: Tensor = self.head(fine)
        return logits[..., :height, :width]


def _pair(channels_in: int, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (channels_in, channels):
        layers += [
            nn.Conv2d(source, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


DESIGN = Design(SmallUNet, halo=HALO, stride=STRIDE, seamless=True)
