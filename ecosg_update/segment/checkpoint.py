"""Checkpoints: NAME.safetensors with NAME.json, the card, beside it. A pickle is never read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor, nn

from ecosg_update import tables
from ecosg_update.errors import ModelError, OutputError
from ecosg_update.legend import Legend
from ecosg_update.segment import card as cards
from ecosg_update.segment.card import Card
from ecosg_update.segment.engine import Engine, device
from ecosg_update.segment.engines import build

WEIGHTS = ".safetensors"
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin")
CARD_BYTES = 1 << 20
"""A card is about a kilobyte: 1 MiB is a fault, not a card."""


def save(network: nn.Module, card: Card, path: Path) -> Card:
    """The card as it was written beside the weights, with their sha256.

    path: NAME.safetensors. An older checkpoint of the name is replaced; a crash in between leaves a pair that
    `load` refuses. Raises OutputError where the files cannot be written.
    """
    if path.suffix != WEIGHTS:
        raise OutputError(f"checkpoint: {path.name} is no name for weights, expected one that ends in {WEIGHTS}")
    blob = bytes_of({name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()})
    signed = replace(card, sha256=hashlib.sha256(blob).hexdigest())
    _write(path, blob)
    _write(path.with_suffix(".json"), cards.to_json(signed))
    return signed


def load(path: Path, *, on: str = "auto", legend: Legend | None = None) -> Engine:
    """The engine of a checkpoint. path: NAME.safetensors or NAME.json. on: "auto", "cpu" or "cuda".

    legend: the classes, where the card names a legend that the tables do not have. Raises ModelError for a pickle,
    a missing card, a wrong checksum, and weights that do not fit the engine; TableError for an unknown legend.
    """
    network, card = trained(path)
    return Engine(network, card, legend or tables.legend(card.legend), device(on))


def trained(path: Path) -> tuple[nn.Module, Card]:
    """The network of a checkpoint, on the CPU, and its card; ModelError as `load`. Its legend is not asked for."""
    weights = _weights_file(path)
    card = _card_beside(weights)
    blob = _read(weights)
    found = hashlib.sha256(blob).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"{weights.name}: sha256 is {found[:12]}..., its card says {card.sha256[:12] or 'nothing'}...; "
            "the file is damaged or belongs to another card, copy both again"
        )
    network = build(card.engine, len(card.bands), len(card.codes), **card.arguments)
    fill(network, _tensors(blob, weights.name), weights.name)
    return network, card


def card(path: Path) -> Card:
    """The card of a checkpoint, without its weights; ModelError as `load`."""
    return _card_beside(_weights_file(path))


def fill(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Put weights into a network; ModelError where names, shapes or values are not those of a trained network.

    name: what the weights are called in the message.
    """
    own = network.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"holds {unknown[0]}, which the engine lacks"
        raise ModelError(
            f"{name}: {what} ({len(missing)} tensors missing, {len(unknown)} unknown); "
            "it belongs to another engine or other arguments"
        )
    for key, tensor in state.items():
        if tensor.shape != own[key].shape:
            found, expected = tuple(tensor.shape), tuple(own[key].shape)
            raise ModelError(f"{name}: {key} has shape {found}, expected {expected}; the card names another network")
        if not torch.isfinite(tensor).all():
            raise ModelError(
                f"{name}: {key} holds numbers that are not finite; the training failed, use an earlier one"
            )
    network.load_state_dict(dict(state))


def _weights_file(path: Path) -> Path:
    if path.suffix.lower() in PICKLES:
        raise ModelError(
            f"{path.name}: a pickle can run code when it is read and is refused; convert it to {WEIGHTS}"
        )
    if path.suffix not in (WEIGHTS, ".json"):
        raise ModelError(f"{path.name}: is no checkpoint, expected a name that ends in {WEIGHTS}")
    return path.with_suffix(WEIGHTS)


def _card_beside(weights: Path) -> Card:
    path = weights.with_suffix(".json")
    text = _read(path, limit=CARD_BYTES)
    return cards.from_json(text, path.name)


def _read(path: Path, *, limit: int | None = None) -> bytes:
    try:
        if limit is not None and path.stat().st_size > limit:
            raise ModelError(f"{path.name}: has {path.stat().st_size} bytes, expected at most {limit}; it is no card")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path.name}: {error.strerror} in {path.parent}; a checkpoint is a pair NAME{WEIGHTS} and NAME.json"
        ) from error


def _tensors(blob: bytes, name: str) -> Mapping[str, Tensor]:
    try:
        return tensors_of(blob)
    except SafetensorError as error:
        raise ModelError(f"{name}: is no safetensors file ({error}); copy it again") from error


def _write(path: Path, blob: bytes) -> None:
    """Write `path`.part, force it to the disk, rename: a name never holds half a file."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(
            f"{path.name}: {error.strerror} in {path.parent}; free space or give another folder"
        ) from error
