"""Filters learned on photographs as a start for networks of many bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Protocol, runtime_checkable

from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from torch import Tensor, nn

from ecosg_update.errors import ModelError
from ecosg_update.segment.backbone import placed

RED_GREEN_BLUE = ("B04", "B03", "B02")
"""The Sentinel-2 bands of a photograph's channels, in their order."""


@runtime_checkable
class Pretrainable(Protocol):
    """A network with a backbone that torchvision publishes weights for.

    imagenet: torchvision's name of the model, "" where there is none. stem: the name of the backbone's first
    convolution.
    """

    imagenet: str
    stem: str

    @property
    def backbone(self) -> nn.Module: ...  # noqa: D102


def stem_weights(rgb: Tensor, bands: Sequence[str]) -> Tensor:
    """Filters (out, band, row, column) for Sentinel-2 `bands` from those of a photograph (out, 3, row, column).

    B04, B03 and B02 keep their own filters, every other band gets the mean of the three; all are scaled by
    3 / bands. Where all three are among `bands`, an image that is equal in all bands then gives exactly the
    features of the same grey photograph.
    """
    return placed(rgb, RED_GREEN_BLUE, bands)


def with_imagenet(network: nn.Module, *, bands: Sequence[str], source: Path | None = None) -> nn.Module:
    """`network` itself, its backbone filled with ImageNet weights.

    source: a safetensors file of the torchvision classifier's state; None lets torchvision download (and verify)
    its own. Raises ModelError for an engine that no such weights fit, and for weights that lack a tensor.
    """
    if not isinstance(network, Pretrainable) or not network.imagenet:
        raise ModelError(f"imagenet: no published weights fit {type(network).__name__}; train it from the start")
    model = network.imagenet
    published = _downloaded(model) if source is None else _read(source)
    given = {name.removeprefix("features."): tensor for name, tensor in published.items()}
    first = f"{network.stem}.weight"
    if first not in given or given[first].ndim != 4 or given[first].shape[1] != len(RED_GREEN_BLUE):
        raise ModelError(f"imagenet: {source or model} lacks {first} for three channels; give the state of {model}")
    given[first] = stem_weights(given[first], bands)
    own = network.backbone.state_dict()
    wrong = [name for name in own if name not in given or given[name].shape != own[name].shape]
    if wrong:
        raise ModelError(
            f"imagenet: {source or model} lacks {wrong[0]} or has it in another shape ({len(wrong)} such)"
        )
    network.backbone.load_state_dict({name: given[name] for name in own})
    return network


def _read(source: Path) -> Mapping[str, Tensor]:
    if source.suffix != ".safetensors":
        raise ModelError(f"imagenet: {source.name} may run code when it is read; convert it to .safetensors first")
    try:
        return tensors_of(source.read_bytes())
    except (OSError, SafetensorError) as error:
        raise ModelError(f"imagenet: {source.name} cannot be read ({error}); fetch it again") from error


def _downloaded(model: str) -> Mapping[str, Tensor]:
    from torchvision.models import get_model_weights  # noqa: PLC0415  (ten seconds, and only here)

    weights = get_model_weights(model).DEFAULT
    try:
        state: Mapping[str, Tensor] = weights.get_state_dict(check_hash=True, weights_only=True, progress=False)
    except (OSError, RuntimeError, UnpicklingError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ModelError(f"imagenet: {weights.url} cannot be had ({reason}); give a safetensors file") from error
    return state
