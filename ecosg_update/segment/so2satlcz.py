"""The local climate zone network of So2Sat, in PyTorch: ten bands at 10 m, 17 classes, each over a 320 m square.

Qiu et al. 2020, "Multilevel feature fusion-based CNN for local climate zone classification from Sentinel-2 images",
IEEE JSTARS 13, 2793-2806, doi:10.1109/JSTARS.2020.2995711, trained on So2Sat LCZ42 (Zhu et al. 2020, IEEE GRSM 8(3),
76-89, doi:10.1109/MGRS.2020.2964708). It is the pre-activated ResNet of He et al. 2016, "Identity mappings in deep
residual networks": a stem, three stages of two bottlenecks, global average pooling, one dense layer.

The network was trained on patches of 32 x 32 pixels and learned what the zeros around a patch look like: laid over a
larger image, which has no such borders inside, it calls the open sea low plants. So here, too, it looks at one square
of 320 m at a time. The squares are those of a fixed lattice, and all pixels of a square get its logits.

The weights come from `so2sat_lcz_s2_resnet20.onnx`: the numbers of the published Keras file, copied layer by layer
into an ONNX graph (github.com/zhu-xlab/So2Sat-LCZ-Classification-Demo, MIT,
Modules/3_classification/model/S2_RESNET20_BS16_LR2e-4_IN32-32-10_PRO-52-0R12_2019-06-27.h5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.segment.design import Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
CLASSES = 17

BATCH_NORM_EPSILON = 1e-3
"""Keras' default, which the published weights were trained with (PyTorch's is 1e-5)."""

PATCH = 32
"""Pixels of a square's side: the 320 m that the network was trained to name."""


class Bottleneck(nn.Module):
    """Batch normalisation and ReLU, then 1 x 1, 3 x 3 and 1 x 1 convolutions, beside a shortcut.

    stride: of the 3 x 3 convolution and of the shortcut. The published graph halves one layer later, in the 1 x 1
    convolutions that follow, and so never looks at three of four pixels: not to compute them changes nothing.
    normalised: the input is batch-normalised already.
    """

    def __init__(
        self, channels_in: int, channels: int, narrow: int, *, stride: int = 1, normalised: bool = False
    ) -> None:
        super().__init__()
        self.stride = stride
        self.before = nn.Identity() if normalised else _activation(channels_in)
        self.chain = nn.Sequential(
            nn.Conv2d(channels_in, narrow, 1),
            *_activation(narrow),
            nn.Conv2d(narrow, narrow, 3, stride, padding=1),
            *_activation(narrow),
            nn.Conv2d(narrow, channels, 1),
        )
        self.shortcut = nn.Identity() if channels_in == channels else nn.Conv2d(channels_in, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H / stride, W / stride)."""
        chosen = features[..., :: self.stride, :: self.stride]
        return torch.add(self.shortcut(chosen), self.chain(self.before(features)))


def _activation(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON), nn.ReLU(inplace=True))


class So2SatLcz(nn.Module):
    """Logits (N, classes, H, W) of reflectance (N, in_bands, H, W), 1.0 = 100 %; H and W may be any size.

    The pixels of a square of 32 x 32 share its logits, which depend on nothing outside it. Where the image ends
    within a square, its last row or column is repeated.
    """

    def __init__(self, in_bands: int = len(BANDS), classes: int = CLASSES) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_bands, 16, 3, padding=1), *_activation(16))
        self.stages = nn.Sequential(
            Bottleneck(16, 64, 16, normalised=True),
            Bottleneck(64, 64, 16, stride=2),
            Bottleneck(64, 128, 64),
            Bottleneck(128, 128, 64, stride=2),
            Bottleneck(128, 256, 128),
            Bottleneck(256, 256, 128),
        )
        self.after = _activation(256)
        self.head = nn.Conv2d(256, classes, 1)

    def forward(self, bands: Tensor) -> Tensor:
        """The logits."""
        height, width = bands.shape[-2:]
        whole = functional.pad(bands, (0, -width % PATCH, 0, -height % PATCH), mode="replicate")
        rows, cols = whole.shape[-2] // PATCH, whole.shape[-1] // PATCH
        named = self.patches(_cut(whole, rows, cols))  # (N * rows * cols, class)
        squares = named.reshape(len(bands), rows, cols, -1).permute(0, 3, 1, 2)  # (N, class, rows, cols)
        return functional.interpolate(squares, scale_factor=PATCH)[..., :height, :width]

    def patches(self, bands: Tensor) -> Tensor:
        """Logits (n, classes) of patches (n, in_bands, 32, 32), as the published network gives them."""
        features = self.after(self.stages(self.stem(bands)))  # (n, 256, 8, 8)
        return self.head(features.mean(dim=(2, 3), keepdim=True)).flatten(1)  # type: ignore[no-any-return]


def _cut(bands: Tensor, rows: int, cols: int) -> Tensor:
    """(N, band, rows * 32, cols * 32) as (N * rows * cols, band, 32, 32), channels last in memory."""
    parts = bands.reshape(*bands.shape[:2], rows, PATCH, cols, PATCH)
    return parts.permute(0, 2, 4, 3, 5, 1).flatten(0, 2).permute(0, 3, 1, 2)


DESIGN = Design(So2SatLcz, halo=0, stride=PATCH, seamless=True)
"""No halo: windows begin at multiples of 32, and a square sees itself alone."""


_BATCH_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
"""The parts of a normalisation in PyTorch and in the file."""


def state(tensors: Mapping[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    """The state of `So2SatLcz()` from the tensors of the ONNX file (`onnxfile.tensors`).

    The file numbers convolutions w1, w2 ... and normalisations bn1, bn2 ... in the order in which `So2SatLcz` makes
    its own; the dense layer is dw. Raises ModelError where a tensor is missing.
    """
    with torch.device("meta"):  # for the names and their order, not for another set of weights
        layers = dict(So2SatLcz().named_modules())
    convolutions = [name for name, layer in layers.items() if isinstance(layer, nn.Conv2d) and name != "head"]
    norms = [name for name, layer in layers.items() if isinstance(layer, nn.BatchNorm2d)]
    source = {"head.weight": "dw", "head.bias": "db"}
    for number, name in enumerate(convolutions, start=1):
        source |= {f"{name}.weight": f"w{number}", f"{name}.bias": f"b{number}"}
    for number, name in enumerate(norms, start=1):
        source |= {f"{name}.{own}": f"bn{number}_{keras}" for own, keras in _BATCH_NORM.items()}
    counters = {f"{name}.num_batches_tracked": torch.tensor(0) for name in norms}
    return {name: _tensor(tensors, key) for name, key in source.items()} | counters


def _tensor(tensors: Mapping[str, NDArray[np.float32]], name: str) -> Tensor:
    if name not in tensors:
        raise ModelError(f"so2sat-lcz: tensor {name} is missing among {len(tensors)}; copy the file again")
    return torch.from_numpy(tensors[name].copy())
