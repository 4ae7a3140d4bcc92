"""The loop: one seed gives one result on one machine and device, whether it was interrupted or not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ecosg_update.errors import ModelError
from ecosg_update.sample import Sample
from ecosg_update.segment import losses
from ecosg_update.segment.card import Card
from ecosg_update.segment.engine import device, normalised
from ecosg_update.segment.gpu import fitting, repeatable
from ecosg_update.segment.train import state
from ecosg_update.segment.train.batches import Batch, Source, by_class, by_weight, check
from ecosg_update.segment.train.crew import ALONE, Crew
from ecosg_update.segment.train.makers import ONE, Makers, stream
from ecosg_update.segment.train.recipe import Objective, Precision, Recipe
from ecosg_update.segment.train.schedule import pace
from ecosg_update.segment.train.state import Learner
from ecosg_update.segment.train.teacher import Teacher
from ecosg_update.segment.train.validate import figures

_NUMBERS = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LATE = 16
"""Steps after which a GPU is asked for its losses: each question would make it wait."""


@dataclass(frozen=True)
class Step:
    """One step of training: its number from 0, loss and learning rate, and the figures of a look at validation."""

    number: int
    loss: float
    rate: float
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives: the network in eval mode on the CPU, the loss of each step, the lowest validation loss."""

    network: nn.Module
    losses: tuple[float, ...]
    lowest: float | None = None


def _unheard(step: Step) -> None:
    """Nobody asked."""


@dataclass(frozen=True, eq=False)
class Extras:
    """What training may have besides samples.

    weights: a chance for each sample; crops then lie anywhere in it, and samples are read one by one. validation:
    samples to look at now and then. teacher: whose probabilities are learned. state: the file that a training which
    was interrupted goes on from, written every `save_every` steps. crew: the processes that train together.
    makers: who makes batches ahead. report: called with each step.
    """

    weights: Sequence[float] | None = None
    validation: Sequence[Sample] = ()
    teacher: Teacher | None = None
    state: Path | None = None
    save_every: int = 500
    crew: Crew = ALONE
    makers: Makers = ONE
    report: Callable[[Step], None] = _unheard


def train(
    network: nn.Module,
    samples: Sequence[Sample],
    card: Card,
    *,
    recipe: Recipe | None = None,
    on: str = "cpu",
    extras: Extras | None = None,
) -> Trained:
    """A trained copy of `network`, which itself is left as it is.

    Without weights of the samples, crops are centred on pixels of a class drawn at random, so that rare classes are
    seen as often as common ones. Each crop is turned or mirrored and its light changed. card: its bands, codes and
    normalisation are those of the network. The global generator of torch is seeded anew at every step.

    Raises ModelError where samples do not fit the card, hold no label, where the loss is not finite, and where the
    state is damaged or of another training; OutputError where the state cannot be written.
    """
    recipe, extras = recipe or Recipe(), extras or Extras()
    _check(samples, card, recipe, extras)
    learner = _learner(network, device(on), recipe)
    sign = state.signature(network, card, recipe)
    if extras.state and extras.state.exists():
        state.restore(learner, extras.state, sign)
    source = Source(_draw(samples, recipe, extras), recipe, card)
    for step in _steps(learner, source, card, extras, device(on)):
        extras.report(step)
        if extras.state and extras.crew.leads and learner.step % extras.save_every == 0:
            state.save(learner, extras.state, sign)
    if learner.best:
        learner.network.load_state_dict(learner.best)
    extras.crew.settle(learner.network)
    lowest = learner.lowest if learner.best else None
    return Trained(learner.network.cpu().eval(), tuple(learner.losses), lowest)


def loss(logits: Tensor, batch: Batch, objective: Objective, teacher: Teacher | None = None) -> Tensor:
    """What an objective says of logits (n, class, y, x): a scalar."""
    total = logits.new_zeros((), dtype=torch.float32)
    if objective.cross_entropy:
        total = total + objective.cross_entropy * losses.cross_entropy(logits, batch.labels)
    if objective.focal:
        total = total + objective.focal * losses.focal(logits, batch.labels, gamma=objective.gamma)
    if objective.dice:
        total = total + objective.dice * losses.soft_dice(logits, batch.labels)
    if objective.hierarchical:
        for groups in objective.groups:
            total = total + objective.hierarchical * losses.grouped_cross_entropy(logits, batch.labels, groups)
    if objective.present:
        total = total + objective.present * losses.weak(logits, batch.present, pooling=objective.pooling)
    if objective.distillation and teacher:
        known = teacher.probabilities(batch.clean)
        total = total + objective.distillation * losses.distillation(logits, known, teacher.groups)
    return total


def _learner(network: nn.Module, place: torch.device, recipe: Recipe) -> Learner:
    own = cast("nn.Module", copy.deepcopy(network).to(place, memory_format=torch.channels_last))  # type: ignore[call-overload]
    on_gpu = place.type == "cuda"
    optimiser = torch.optim.AdamW(own.train().parameters(), lr=recipe.rate, weight_decay=recipe.decay, fused=on_gpu)
    scaled = recipe.precision == "fp16" and on_gpu
    return Learner(own, optimiser, torch.amp.GradScaler(place.type, enabled=scaled))


def _steps(learner: Learner, source: Source, card: Card, extras: Extras, place: torch.device) -> Iterator[Step]:
    """Train, step by step; the learner is that of the step which is given out, with its loss read."""
    recipe, crew = source.recipe, extras.crew
    share = crew.share(recipe.batch)
    network = crew.together(learner.network)
    waiting: list[tuple[int, Tensor, float]] = []
    left = range(learner.step, recipe.steps)
    late = LATE if place.type == "cuda" else 1
    batches = stream(lambda step: source.batch(step, share=share), left, extras.makers, place=place)
    for number, batch in zip(left, batches, strict=True):
        if recipe.watch.patience and learner.stale >= recipe.watch.patience:
            return
        torch.manual_seed(_seed(recipe.seed, number, crew.rank))
        rate, beta = pace(number, recipe)
        for group in learner.optimiser.param_groups:
            group["lr"], group["betas"] = rate, (beta, group["betas"][1])
        waiting.append((number, _stepped(learner, network, batch.on(place), card, recipe, extras), rate))
        learner.step = number + 1
        looks = _looks(learner.step, recipe, extras)
        if not looks and learner.step % extras.save_every and learner.step < recipe.steps and len(waiting) < late:
            continue
        read = [Step(one, _finite(value.item(), one, recipe), rate) for one, value, rate in waiting]
        learner.losses += [step.loss for step in read]
        waiting.clear()
        yield from read[:-1]
        yield _looked(learner, read[-1], card, recipe, extras) if looks else read[-1]


def _stepped(
    learner: Learner, network: nn.Module, batch: Batch, card: Card, recipe: Recipe, extras: Extras
) -> Tensor:
    """The loss of a batch, from which the learner learned."""
    what = f"training: a step of {len(batch.clean)} crops of {recipe.crop} x {recipe.crop} pixels"
    with repeatable(), fitting(what, "take a smaller batch or crop, or precision bf16"):
        with autocast(recipe.precision, batch.clean.device):
            bands = normalised(batch.values, card).contiguous(memory_format=torch.channels_last)
            logits = network(bands)  # (batch, class, crop, crop)
        value = loss(logits, batch, recipe.objective, extras.teacher)
        learner.optimiser.zero_grad()
        learner.scaler.scale(value).backward()  # type: ignore[no-untyped-call]
        learner.scaler.step(learner.optimiser)
        learner.scaler.update()
        return value.detach()


def autocast(precision: Precision, place: torch.device) -> torch.autocast:
    """The arithmetic of a precision; fp16 on a CPU is bf16, which needs no scaling."""
    number = torch.bfloat16 if place.type == "cpu" else _NUMBERS[precision]
    return torch.autocast(place.type, dtype=number, enabled=precision != "float32")


def _looks(done: int, recipe: Recipe, extras: Extras) -> bool:
    return len(extras.validation) > 0 and (done % recipe.watch.every == 0 or done == recipe.steps)


def _looked(learner: Learner, step: Step, card: Card, recipe: Recipe, extras: Extras) -> Step:
    """The step with the figures of validation; the learner keeps its best weights."""
    own = figures(learner.network, extras.validation, card, recipe) if extras.crew.leads else None
    found = extras.crew.from_lead(own)
    learner.stale += 1
    if found.get("loss", np.inf) < learner.lowest:
        learner.lowest, learner.stale = found["loss"], 0
        learner.best = {name: tensor.detach().clone() for name, tensor in learner.network.state_dict().items()}
    return Step(step.number, step.loss, step.rate, found)


def _finite(value: float, number: int, recipe: Recipe) -> float:
    if not np.isfinite(value):
        raise ModelError(f"training: the loss is not finite at step {number}; lower the rate ({recipe.rate})")
    return value


def _seed(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _draw(
    samples: Sequence[Sample], recipe: Recipe, extras: Extras
) -> Callable[..., tuple[Sample, tuple[slice, slice]]]:
    if extras.weights is not None:
        return by_weight(samples, extras.weights, recipe.crop)
    if not recipe.objective.of_pixels:
        return by_weight(samples, [1.0] * len(samples), recipe.crop)
    return by_class(samples, recipe.crop)


def _check(samples: Sequence[Sample], card: Card, recipe: Recipe, extras: Extras) -> None:
    if not len(samples):
        raise ModelError("training: there is no sample; prepare a training set with at least one")
    if recipe.objective.distillation and extras.teacher is None:
        raise ModelError("training: a weight for distillation needs a teacher; name its checkpoint")
    if recipe.absent and not card.optional:
        raise ModelError(
            f"training: absent is {recipe.absent} and no band is optional; name those that may be absent"
        )
    if recipe.objective.hierarchical and not recipe.objective.groups:
        raise ModelError("training: the hierarchical loss needs groups; name a column of the legend")
    if extras.save_every < 1:
        raise ModelError("training: save_every must be above 0")
    if extras.weights is None:
        for sample in samples:
            check(sample, card)
            if min(sample.labels.shape) < recipe.crop:
                raise ModelError(
                    f"training: a sample of {sample.labels.shape} pixels is smaller than the crop ({recipe.crop}); "
                    "take a smaller crop or larger samples"
                )
