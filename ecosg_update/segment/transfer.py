"""What a network begins with: weights that another network learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from ecosg_update.errors import ModelError
from ecosg_update.segment import ukis
from ecosg_update.segment.backbone import placed
from ecosg_update.segment.card import Card
from ecosg_update.segment.checkpoint import trained
from ecosg_update.segment.engines import build
from ecosg_update.segment.imagenet import Pretrainable, with_imagenet


@dataclass(frozen=True)
class Start:
    """Where the first weights come from: nowhere (random), photographs (ImageNet), cloud masks, or a checkpoint.

    path: of the checkpoint; of a local file of the ImageNet weights, without which torchvision downloads its own; of
    a model of ukis-csmask or its folder, without which the installed package is looked up.
    """

    kind: Literal["random", "imagenet", "ukis-csmask", "checkpoint"] = "random"
    path: Path | None = None

    def __post_init__(self) -> None:
        if (self.kind, self.path is None) in {("random", False), ("checkpoint", True)}:
            raise ModelError(f"start: {self.kind} with path {self.path}; a checkpoint needs a path, random has none")


def begun(card: Card, start: Start, *, seed: int = 0) -> nn.Module:
    """The network of a card before its training; the same seed gives the same random weights.

    Raises ModelError as `engines.build`, `with_imagenet`, `ukis.with_ukis` and `with_checkpoint` do.
    """
    torch.manual_seed(seed)
    network = build(card.engine, len(card.bands), len(card.codes), **card.arguments)
    if start.kind == "imagenet":
        return with_imagenet(network, bands=card.bands, source=start.path)
    if start.kind == "ukis-csmask":
        path = ukis.model(start.path, bands=card.bands, level=card.level)
        return ukis.with_ukis(network, bands=card.bands, path=path)
    if start.path is not None:
        return with_checkpoint(network, card=card, path=start.path)
    return network


def with_checkpoint(network: nn.Module, *, card: Card, path: Path) -> nn.Module:
    """`network` itself, with what it can take over from the checkpoint `path`; `card` is the network's.

    The same engine with the same arguments takes every tensor over, but its last layers where the classes differ in
    number. Another engine takes the backbone over: a classifier's into a segmentation network. Filters of the
    first convolution go to the bands of their names, a band that the checkpoint did not have gets their mean.
    Raises ModelError where the two networks have nothing in common; `checkpoint.load`'s errors too.
    """
    source, theirs = trained(path)
    if (theirs.engine, theirs.arguments) == (card.engine, card.arguments):
        _take(network, _alike(network, source, theirs, card), path.name)
        return network
    if not isinstance(network, Pretrainable) or not isinstance(source, Pretrainable):
        raise ModelError(
            f"{path.name}: {theirs.engine} and {card.engine} share no backbone; start from the same engine or none"
        )
    state = source.backbone.state_dict()
    stem = f"{network.stem}.weight"
    if stem in state:
        state[stem] = placed(state[stem], theirs.bands, card.bands)
    own = network.backbone.state_dict()
    wrong = [name for name in own if name not in state or state[name].shape != own[name].shape]
    if wrong:
        raise ModelError(
            f"{path.name}: its backbone lacks {wrong[0]} or has it in another shape ({len(wrong)} such); "
            "take the same encoder"
        )
    network.backbone.load_state_dict({name: state[name] for name in own})
    return network


def _alike(network: nn.Module, source: nn.Module, theirs: Card, card: Card) -> dict[str, Tensor]:
    """The tensors of the same engine that fit, the first convolution's brought to the new bands."""
    own, state = network.state_dict(), source.state_dict()
    stem = next((name for name, tensor in state.items() if tensor.ndim == 4), "")
    if stem and state[stem].shape[1] == len(theirs.bands):
        state[stem] = placed(state[stem], theirs.bands, card.bands)
    return {name: tensor for name, tensor in state.items() if name in own and own[name].shape == tensor.shape}


def _take(network: nn.Module, state: dict[str, Tensor], name: str) -> None:
    left = [key for key, tensor in network.state_dict().items() if key not in state and tensor.ndim]
    if len(left) > 2:  # the weight and the bias of the last layer
        raise ModelError(f"{name}: lacks {left[0]} ({len(left)} such) in the shape of the engine; train it anew")
    network.load_state_dict(state, strict=False)
