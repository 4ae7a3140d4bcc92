"""A network that is ready to predict."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ecosg_update.errors import ModelError
from ecosg_update.legend import Legend
from ecosg_update.segment import dynamicworld
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.gpu import constant, fitting, repeatable, sent

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Engine:
    """A trained network with its card: reflectance in, probabilities out.

    network: maps normalised bands (N, band, H, W) to logits (N, class, H, W); it is left as it is, the predictions
    come from a copy that is made at the first call (eval, batch normalisation folded, on `device` in the layout that
    is fast there).
    """

    network: nn.Module
    card: Card
    legend: Legend
    device: torch.device

    def __post_init__(self) -> None:
        if self.legend.codes != self.card.codes:
            raise ModelError(
                f"engine {self.card.engine}: legend {self.legend.name} has codes {_some(self.legend.codes)}, "
                f"the card has {_some(self.card.codes)}; give the legend that it was trained with"
            )

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities float32 (class, y, x), sum 1, of reflectance float32 (band, y, x), 1.0 = 100 %.

        Optional bands of the card may be NaN everywhere: absent.
        """
        probabilities: NDArray[np.float32] = self.batch(values[None])[0]
        return probabilities

    def batch(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities float32 (n, class, y, x) of reflectance float32 (n, band, y, x) in the order of the card."""
        if values.ndim != 4 or values.shape[1] != len(self.card.bands) or values.dtype != np.float32:
            raise ModelError(
                f"engine {self.card.engine}: found {values.dtype} of shape {values.shape}, expected float32 with "
                f"{len(self.card.bands)} bands ({', '.join(self.card.bands)})"
            )
        return cast("NDArray[np.float32]", self.answer(sent(values, self.device)).cpu().numpy())

    def answer(self, reflectance: Tensor) -> Tensor:
        """`batch` of a tensor on the engine's device, where its answer stays; a GPU may still be at it.

        Raises ModelError where a GPU's memory does not hold what the network makes of it.
        """
        count, _, height, width = reflectance.shape
        what = f"engine {self.card.engine}: a window of {height} x {width} pixels, {count} at once"
        with torch.inference_mode(), repeatable(), fitting(what, "take a smaller window, or the CPU"):
            bands = normalised(reflectance, self.card).contiguous(memory_format=self._layout)
            return self._probabilities(bands)

    def _probabilities(self, bands: Tensor) -> Tensor:
        """(n, class, y, x); where the network answers for squares, their pixels are written last."""
        network, heat = self._inference, self.card.temperature
        if not isinstance(network, Celled):
            return cast("Tensor", (network(bands) / heat).softmax(dim=1))
        squares = (network.cells(bands) / heat).softmax(dim=1)
        height, width = bands.shape[-2:]
        return functional.interpolate(squares, scale_factor=float(network.cell))[..., :height, :width]

    @property
    def _layout(self) -> torch.memory_format:
        """Channels last on a CPU. cuDNN is slow at them in full float32: U-Net three times, light_resnet twelve."""
        return torch.channels_last if self.device.type == "cpu" else torch.contiguous_format

    @cached_property
    def _inference(self) -> nn.Module:
        network = folded(copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False))
        return network.to(self.device, memory_format=self._layout)  # type: ignore[call-overload, no-any-return]


@runtime_checkable
class Celled(Protocol):
    """A network whose logits are equal within squares of `cell` pixels, from the first row and column on."""

    cell: int

    def cells(self, bands: Tensor) -> Tensor:
        """The logits (N, class, rows, cols) of the squares; the last ones may reach beyond the image."""
        ...


def normalised(reflectance: Tensor, card: Card) -> Tensor:
    """What a card's network eats: a new tensor (N, band, H, W) of reflectance (N, band, H, W), 1.0 = 100 %.

    Optional bands that are absent (NaN) become 0, the mean of the band.
    """
    if not isinstance(card.normalisation, Standard):
        return dynamicworld.normalised(reflectance, card.bands)
    mean = constant(card.normalisation.mean, torch.float32, reflectance.device)[:, None, None]
    std = constant(card.normalisation.std, torch.float32, reflectance.device)[:, None, None]
    offset = card.normalisation.logarithm
    scale = (reflectance.clamp(min=0) + offset).log() if offset else reflectance
    found = (scale - mean) / std
    for row in (card.bands.index(band) for band in card.optional):
        found[:, row] = torch.where(found[:, row].isnan(), 0.0, found[:, row])
    return found


def folded(network: nn.Module) -> nn.Module:
    """`network` (in eval mode) itself, batch normalisations folded into the convolutions before them in a Sequential.

    The same function of the input but for rounding; it pays where layers are thin.
    """
    for chain in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place in range(len(chain) - 1):
            layer, norm = chain[place], chain[place + 1]
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                chain[place], chain[place + 1] = fuse_conv_bn_eval(layer, norm), nn.Identity()
    return network


def device(name: str = "auto") -> torch.device:
    """The device of a name: "cpu", "cuda", or "auto" for CUDA where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"device: {name!r} is not known, expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "device: cuda was asked for, this machine (or this build of torch) has none; use cpu or auto"
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _some(codes: tuple[int, ...]) -> str:
    text = ", ".join(str(code) for code in codes[:12])
    return text if len(codes) <= 12 else f"{text} ... ({len(codes)} classes)"
