"""The forward network of Dynamic World, written anew in PyTorch: nine bands at 10 m, nine classes.

Brown et al. 2022, "Dynamic World, Near real-time global 10 m land use land cover mapping", Scientific Data 9,
251, doi:10.1038/s41597-022-01307-4. The layers are those of the published TensorFlow graph (google/dynamicworld,
model/forward, Apache-2.0): 25 convolutions, Mish, one antialiased halving, one bilinear doubling, and a
length-one feature vector in each pixel before the last convolution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design
from ecosg_update.segment.gpu import constant

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B11", "B12")

LOG_RANGE = {
    "B02": (1.7417268007636313, 2.023298706048351),
    "B03": (1.7261204997060209, 2.038905204308012),
    "B04": (1.6798346251414997, 2.179592821212937),
    "B05": (1.7734969472909623, 2.2890068333026603),
    "B06": (2.289154079164943, 2.6171674549378166),
    "B07": (2.382939712192371, 2.773418590375327),
    "B08": (2.3828939530384052, 2.7578332604178284),
    "B11": (2.1952484264967844, 2.789092484314204),
    "B12": (1.554812948247501, 2.4140534947492487),
}
"""a and b of each band in x = (log(0.005 DN + 1) - a) / b: google/dynamicworld, single_image_runner.ipynb."""

QUANTIFICATION = 10_000.0
"""DN of reflectance 1 in the products that the network was trained on."""

BATCH_NORM_EPSILON = 1e-3
"""Keras' default, which the published weights were trained with (PyTorch's is 1e-5)."""

NORM_EPSILON = 1e-6
"""tf.math.l2_normalize bounds the squared length by 1e-12."""


def normalised(reflectance: Tensor, bands: Sequence[str]) -> Tensor:
    """What the network eats, 0..1, of reflectance (N, band, H, W) in the order of `bands`.

    x = sigmoid(5 (log(0.005 DN + 1) - a) / b - 1), sourced as `LOG_RANGE` is. Reflectance below 0 counts as 0.
    """
    unknown = sorted(set(bands) - set(LOG_RANGE))
    if unknown:
        raise ModelError(
            f"dynamicworld: bands {', '.join(unknown)} have no normalisation, it knows {', '.join(BANDS)}"
        )
    low, span = (
        constant(tuple(LOG_RANGE[band][part] for band in bands), torch.float32, reflectance.device)[:, None, None]
        for part in (0, 1)
    )
    dark = torch.log1p(reflectance.clamp(min=0).mul_(0.005 * QUANTIFICATION))  # (N, band, H, W)
    return dark.sub_(low).mul_(5 / span).sub_(1).sigmoid_()


class Unit(nn.Sequential):
    """Convolution, batch normalisation, Mish; as many pixels out as in."""

    def __init__(self, channels_in: int, channels_out: int, *, size: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, size, padding=size // 2, groups=groups),
            nn.BatchNorm2d(channels_out, eps=BATCH_NORM_EPSILON),
            nn.Mish(inplace=True),
        )


def depthwise(channels: int) -> Unit:
    """A 3 x 3 filter for each channel alone."""
    return Unit(channels, channels, size=3, groups=channels)


class Block(nn.Module):
    """Three pairs of 1 x 1 and depthwise convolutions beside a 1 x 1 shortcut."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.chain = nn.Sequential(
            Unit(channels_in, channels),
            depthwise(channels),
            Unit(channels, channels),
            depthwise(channels),
            Unit(channels, channels),
            depthwise(channels),
        )
        self.shortcut = Unit(channels_in, channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H, W)."""
        return torch.add(self.chain(features), self.shortcut(features))


class DynamicWorld(nn.Module):
    """Logits (N, classes, H, W) of normalised bands (N, in_bands, H, W); H and W may be any size from 2."""

    def __init__(self, in_bands: int = len(BANDS), classes: int = 9) -> None:
        super().__init__()
        self.stem = Unit(in_bands, 64, size=3)
        self.first = Block(64, 96)
        self.second = Block(96, 144)
        self.side = nn.Sequential(Unit(64, 48), depthwise(48))
        self.third = Block(144 + 48, 144)
        self.head = nn.Conv2d(144, classes, 1)

    def forward(self, bands: Tensor) -> Tensor:
        """The logits."""
        height, width = bands.shape[-2:]
        fine = self.stem(bands)  # (N, 64, H, W)
        half = functional.interpolate(fine, (height // 2, width // 2), mode="bilinear", antialias=True)
        features = torch.cat([self.second(self.first(half)), self.side(half)], dim=1)  # (N, 192, H/2, W/2)
        features = functional.interpolate(self.third(features), (height, width), mode="bilinear")  # (N, 144, H, W)
        return self.head(functional.normalize(features, dim=1, eps=NORM_EPSILON))  # type: ignore[no-any-return]


DESIGN = Design(DynamicWorld, halo=22, stride=2, seamless=True)
"""Halo: 9 depthwise convolutions at half resolution (18 pixels), doubling, halving and stem (2 + 1 + 1)."""


_VARIABLES = {
    "stem": (0, 2),
    "first.chain.0": (6, 8),
    "first.chain.1": (12, 14),
    "first.chain.2": (18, 20),
    "first.chain.3": (24, 26),
    "first.chain.4": (30, 32),
    "first.chain.5": (36, 40),
    "first.shortcut": (38, 44),
    "second.chain.0": (48, 50),
    "second.chain.1": (54, 56),
    "second.chain.2": (60, 62),
    "second.chain.3": (66, 68),
    "second.chain.4": (72, 74),
    "second.chain.5": (84, 88),
    "second.shortcut": (86, 92),
    "side.0": (78, 80),
    "side.1": (96, 98),
    "third.chain.0": (102, 104),
    "third.chain.1": (108, 110),
    "third.chain.2": (114, 116),
    "third.chain.3": (120, 122),
    "third.chain.4": (126, 128),
    "third.chain.5": (132, 136),
    "third.shortcut": (134, 140),
}
"""Where a unit's kernel and bias, and its batch normalisation, begin among the published variables.

Keras numbers a network's variables by layer, depth by depth: where two branches meet, their layers alternate.
"""

_HEAD = 144
_BATCH_NORM = ("weight", "bias", "running_mean", "running_var")
"""In the order of Keras: gamma, beta, moving mean, moving variance."""


def state(variables: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """The state of `DynamicWorld()` from the published TensorFlow variables (`tfcheckpoint.variables`).

    Raises ModelError where a variable is missing; `load_state_dict` checks the shapes.
    """
    found = dict(_parameters("head", _HEAD, variables))
    for unit, (convolution, norm) in _VARIABLES.items():
        found |= _parameters(f"{unit}.0", convolution, variables)
        for place, part in enumerate(_BATCH_NORM):
            found[f"{unit}.1.{part}"] = torch.from_numpy(_variable(variables, norm + place).copy())
        found[f"{unit}.1.num_batches_tracked"] = torch.tensor(0)
    return found


def _parameters(layer: str, at: int, variables: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """Weight and bias of a convolution; TensorFlow keeps kernels as (row, column, in, out)."""
    kernel = _variable(variables, at)
    depthwise_kernel = kernel.shape[-1] == 1
    axes = (2, 3, 0, 1) if depthwise_kernel else (3, 2, 0, 1)
    return {
        f"{layer}.weight": torch.from_numpy(kernel.transpose(axes).copy()),
        f"{layer}.bias": torch.from_numpy(_variable(variables, at + 1).copy()),
    }


def _variable(variables: Mapping[str, NDArray[np.float32]], number: int) -> NDArray[np.float32]:
    name = f"variables/{number}/.ATTRIBUTES/VARIABLE_VALUE"
    if name not in variables:
        raise ModelError(f"dynamicworld: variable {number} is missing among {len(variables)}; fetch the files again")
    return variables[name]
