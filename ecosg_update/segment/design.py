"""What the door knows of an engine before it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ecosg_update.errors import ModelError


@dataclass(frozen=True)
class Design:
    """How to build a network, and how windows of it fit together.

    build: `build(in_bands, classes, **arguments)` returns a module that maps bands (N, in_bands, H, W), H and W of
    any size from `stride`, to logits (N, classes, H, W). halo: pixels of context that a prediction needs. stride:
    windows begin at multiples of it. seamless: the halo covers the whole receptive field, so that a pixel's
    probabilities do not depend on the window that it lies in.
    """

    build: Callable[..., nn.Module]
    halo: int
    stride: int = 1
    seamless: bool = False

    def __post_init__(self) -> None:
        if self.halo < 0 or self.stride < 1:
            raise ModelError(f"engine design: halo {self.halo} and stride {self.stride}, expected >= 0 and >= 1")
