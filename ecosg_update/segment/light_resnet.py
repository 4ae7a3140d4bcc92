"""A residual network that is fast on a CPU: it looks at 10 m pixels and answers for squares of four by four.

Covers are wanted at 60 m and coarser, so an answer every 40 m loses little, and it costs a sixteenth. Two strided
convolutions bring the image to a quarter of its size, residual blocks (He et al. 2016, CVPR) with growing dilation
(Yu and Koltun 2016, ICLR) widen the view there. The receptive field is finite, so that windows fit together without
a seam.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design

CELL = 4
"""Pixels along a side of the squares that get one answer."""
DILATIONS = (1, 1, 2)
HALO = 2 * CELL * (sum(DILATIONS) + 1)
"""Two convolutions of each block reach 2 (1 + 1 + 2) cells, 32 pixels; those before them 3 pixels more, and the pixel
of a square that is farthest from where its convolutions lie another 3: 38, and a multiple of 4."""


class Residual(nn.Module):
    """Two 3 x 3 convolutions, added to what went in."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.chain = nn.Sequential(
            *_convolution(channels, channels, dilation=dilation),
            nn.ReLU(inplace=True),
            *_convolution(channels, channels, dilation=dilation),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels, H, W) to the same shape."""
        return torch.relu(features + self.chain(features))


class LightResNet(nn.Module):
    """Logits (N, classes, H, W) of bands (N, in_bands, H, W) of any size: odd edges are replicated and cut off again.

    width: channels of the residual blocks, half of it before the second halving. dropout: the share of channels that
    the last layer does not see while it learns.
    """

    imagenet = ""
    stem = "0.0"
    cell = CELL

    def __init__(self, in_bands: int, classes: int, *, width: int = 64, dropout: float = 0.1) -> None:
        super().__init__()
        if width < 2 or not 0 <= dropout < 1:
            raise ModelError(
                f"light_resnet: width is {width}, dropout {dropout}; expected at least 2 and a share below 1"
            )
        first = nn.Sequential(*_convolution(in_bands, width // 2, stride=2), nn.ReLU(inplace=True))
        second = nn.Sequential(*_convolution(width // 2, width, stride=2), nn.ReLU(inplace=True))
        self.body = nn.Sequential(first, second, *(Residual(width, dilation) for dilation in DILATIONS))
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(width, classes, kernel_size=1)

    @property
    def backbone(self) -> nn.Module:
        """What a classifier and a segmentation network share."""
        return self.body

    def cells(self, bands: Tensor) -> Tensor:
        """The logits of the squares: (N, classes, ceil(H / 4), ceil(W / 4))."""
        height, width = bands.shape[-2:]
        padding = (0, -width % CELL, 0, -height % CELL)
        padded = functional.pad(bands, padding, mode="replicate") if any(padding) else bands
        logits: Tensor = self.head(self.dropout(self.body(padded)))
        return logits

    def forward(self, bands: Tensor) -> Tensor:
        """The logits, equal within a square."""
        height, width = bands.shape[-2:]
        return functional.interpolate(self.cells(bands), scale_factor=float(CELL))[..., :height, :width]


def _convolution(channels_in: int, channels: int, *, stride: int = 1, dilation: int = 1) -> tuple[nn.Module, ...]:
    layer = nn.Conv2d(channels_in, channels, 3, stride, padding=dilation, dilation=dilation, bias=False)
    return layer, nn.BatchNorm2d(channels)


DESIGN = Design(LightResNet, halo=HALO, stride=CELL, seamless=True)
