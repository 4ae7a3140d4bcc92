"""Training: labelled reflectance makes a network's weights. One seed gives one result on one machine and device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import device, normalised

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Recipe:
    """How to train: the numbers that change the result.

    steps of `batch` crops of `crop` x `crop` pixels; AdamW with a learning rate that rises to `rate` and falls
    as a cosine. brightness: deviation of the logarithm of a factor on all bands; tint: the same a band; haze:
    deviation of an offset a band, reflectance.
    """

    steps: int = 600
    batch: int = 8
    crop: int = 96
    rate: float = 4e-3
    decay: float = 1e-2
    brightness: float = 0.08
    tint: float = 0.03
    haze: float = 0.004
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.crop) < 1 or self.rate <= 0:
            raise ModelError(f"training: {self} asks for nothing; steps, batch, crop and rate must be above 0")


@dataclass(frozen=True, eq=False)
class Trained:
    """What training gives: the network in eval mode on the CPU, and the loss of each step."""

    network: nn.Module
    losses: tuple[float, ...]


def train(
    network: nn.Module,
    samples: Sequence[Sample],
    card: Card,
    *,
    recipe: Recipe | None = None,
    on: str = "cpu",
    report: Callable[[int, float], None] | None = None,
) -> Trained:
    """A trained copy of `network`, which itself is left as it is.

    Crops are centred on pixels of a class drawn at random, so that rare classes are seen as often as common ones;
    each is turned or mirrored and its light changed. The loss is the cross-entropy of the labelled pixels. card:
    its bands, codes and normalisation are those of the network. report: called with each step and its loss.

    Raises ModelError where samples do not fit the card, hold no label, or where the loss is not finite.
    """
    recipe = recipe or Recipe()
    _check(samples, card, recipe)
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    places = _places(samples)
    learner = copy.deepcopy(network).to(device(on), memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(learner.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps)
    losses = []
    for step in range(recipe.steps):
        values, labels = _batch(samples, places, recipe, rng)
        logits = learner(normalised(values.to(device(on)), card))  # (batch, class, crop, crop)
        loss = functional.cross_entropy(logits, labels.to(device(on)), ignore_index=UNLABELLED)
        if not torch.isfinite(loss):
            raise ModelError(f"training: the loss is not finite at step {step}; lower the rate ({recipe.rate})")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if report:
            report(step, losses[-1])
    return Trained(learner.cpu().eval(), tuple(losses))


def standard(samples: Sequence[Sample]) -> Standard:
    """The mean and deviation of each band over the labelled pixels of all samples."""
    known = [sample.values[:, sample.labels != UNLABELLED] for sample in samples]
    pixels = np.concatenate(known, axis=1).astype(np.float64)  # (band, pixel)
    if not pixels.size:
        raise ModelError("training: no pixel of the samples has a label; check labels and validity")
    mean, deviation = pixels.mean(axis=1), pixels.std(axis=1)
    return Standard(tuple(round(float(m), 5) for m in mean), tuple(round(float(d), 5) for d in deviation))


Places = list[list[tuple[int, "NDArray[np.intp]"]]]
"""For each class that occurs: the samples that hold it, with the flat positions of its pixels."""


def _places(samples: Sequence[Sample]) -> Places:
    found: dict[int, list[tuple[int, NDArray[np.intp]]]] = {}
    for number, sample in enumerate(samples):
        flat = sample.labels.ravel()
        order = np.argsort(flat, kind="stable")
        classes, starts = np.unique(flat[order], return_index=True)
        for label, pixels in zip(classes.tolist(), np.split(order, starts[1:]), strict=True):
            if label != UNLABELLED:
                found.setdefault(label, []).append((number, pixels))
    return [found[label] for label in sorted(found)]


def _batch(
    samples: Sequence[Sample], places: Places, recipe: Recipe, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    crops = [_crop(samples, places, recipe, rng) for _ in range(recipe.batch)]
    values = torch.from_numpy(np.stack([values for values, _ in crops]))  # (batch, band, crop, crop)
    labels = torch.from_numpy(np.stack([labels for _, labels in crops])).long()  # (batch, crop, crop)
    return values, labels


def _crop(
    samples: Sequence[Sample], places: Places, recipe: Recipe, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    holders = places[rng.integers(len(places))]
    number, pixels = holders[rng.integers(len(holders))]
    sample = samples[number]
    row, col = np.unravel_index(int(pixels[rng.integers(len(pixels))]), sample.labels.shape)
    height, width = sample.labels.shape
    top = int(np.clip(row - rng.integers(recipe.crop), 0, height - recipe.crop))
    left = int(np.clip(col - rng.integers(recipe.crop), 0, width - recipe.crop))
    window = slice(top, top + recipe.crop), slice(left, left + recipe.crop)
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    values = _turned(_relit(sample.values[:, *window], recipe, rng), turns, mirrored=mirrored)
    labels = _turned(sample.labels[window], turns, mirrored=mirrored)
    return np.ascontiguousarray(values), np.ascontiguousarray(labels)


def _turned(image: NDArray[Any], turns: int, *, mirrored: bool) -> NDArray[Any]:
    turned = np.rot90(image, turns, axes=(-2, -1))
    return turned[..., ::-1] if mirrored else turned


def _relit(values: NDArray[np.float32], recipe: Recipe, rng: np.random.Generator) -> NDArray[np.float32]:
    """Another light over the whole crop; pixels without data stay 0."""
    bands = len(values)
    factor = np.exp(rng.normal(0, recipe.brightness) + rng.normal(0, recipe.tint, bands))
    haze = rng.normal(0, recipe.haze, bands)
    lit = values * factor[:, None, None] + haze[:, None, None] * (values != 0).any(axis=0)
    return np.asarray(lit, np.float32)


def _check(samples: Sequence[Sample], card: Card, recipe: Recipe) -> None:
    for sample in samples:
        if len(sample.values) != len(card.bands):
            raise ModelError(f"training: a sample has {len(sample.values)} bands, the card {len(card.bands)}")
        if min(sample.labels.shape) < recipe.crop:
            raise ModelError(
                f"training: a sample of {sample.labels.shape} pixels is smaller than the crop ({recipe.crop}); "
                "take a smaller crop or larger samples"
            )
        if sample.labels.min() < UNLABELLED or sample.labels.max() >= len(card.codes):
            raise ModelError(
                f"training: labels reach from {sample.labels.min()} to {sample.labels.max()}, expected "
                f"{UNLABELLED} to {len(card.codes) - 1}"
            )
    if not any((sample.labels != UNLABELLED).any() for sample in samples):
        raise ModelError("training: no pixel of the samples has a label; check labels and validity")
