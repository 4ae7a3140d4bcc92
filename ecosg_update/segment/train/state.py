"""A training that was interrupted: all that the next step depends on, in one safetensors file, no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as bytes_of
from torch import Tensor, nn

from ecosg_update.errors import ModelError
from ecosg_update.formats.atomic import parts
from ecosg_update.segment import card as cards
from ecosg_update.segment.card import Card
from ecosg_update.segment.train.recipe import Recipe

KEY = "training"
"""Where the file's header holds what is no tensor."""


@dataclass(eq=False)
class Learner:
    """A network that learns: what changes with each step.

    step: the next one. losses: of the steps before. best: the weights of the best look at validation, empty before
    the first; lowest: its loss; stale: looks since then.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0
    losses: list[float] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    lowest: float = float("inf")
    stale: int = 0


def signature(network: nn.Module, card: Card, recipe: Recipe) -> str:
    """What tells one training from another: the recipe, the card, and the weights that it starts from."""
    digest = hashlib.sha256(repr(recipe).encode() + cards.to_json(card))
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save(learner: Learner, path: Path, sign: str) -> None:
    """Write the state, complete or not at all; OutputError where it cannot be written."""
    tensors = {f"network.{name}": tensor for name, tensor in learner.network.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in learner.best.items()}
    for number, entry in learner.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{key}": tensor for key, tensor in entry.items()}
    tensors["losses"] = torch.tensor(learner.losses, dtype=torch.float64)
    about = {
        "signature": sign,
        "step": learner.step,
        "lowest": learner.lowest,
        "stale": learner.stale,
        "scaler": learner.scaler.state_dict(),
    }
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    blob = bytes_of(plain, metadata={KEY: json.dumps(about)})
    with parts(path, overwrite=True, needed=len(blob)) as (part,):
        part.write_bytes(blob)


def restore(learner: Learner, path: Path, sign: str) -> None:
    """Continue where a saved training stopped; ModelError where the state is damaged or of another training."""
    tensors, about = _read(path)
    if about.get("signature") != sign:
        raise ModelError(
            f"{path.name}: is the state of another training (recipe, card or first weights differ); "
            "remove it to start anew"
        )
    learner.network.load_state_dict(_under("network.", tensors))
    learner.best = _under("best.", tensors)
    learner.optimiser.load_state_dict(_optimiser_state(learner, _under("optimiser.", tensors)))
    learner.scaler.load_state_dict(about["scaler"])
    learner.losses = tensors["losses"].tolist()
    learner.step, learner.lowest, learner.stale = about["step"], about["lowest"], about["stale"]


def reached(path: Path) -> int:
    """The step that a saved training goes on with; 0 where there is no such file."""
    return int(_read(path)[1].get("step", 0)) if path.exists() else 0


def _optimiser_state(learner: Learner, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Adam's moments laid out in memory as the weights are: sums in another order would round otherwise."""
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [parameter for group in learner.optimiser.param_groups for parameter in group["params"]]
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        like = parameters[int(number)]
        own = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape and tensor.ndim else tensor
        state.setdefault(int(number), {})[key] = own.detach()
    return {"state": state, "param_groups": learner.optimiser.state_dict()["param_groups"]}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get(KEY, "{}"))
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118  (no mapping)
    except (OSError, SafetensorError, ValueError) as error:
        raise ModelError(f"{path.name}: is no state of a training ({error}); remove it to start anew") from error
