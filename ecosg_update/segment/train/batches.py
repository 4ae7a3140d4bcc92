"""Crops of samples as batches.

The crops of a step depend on the seed and the step alone, each on a generator of its own: the same whether training
was interrupted, whether batches are made ahead, by threads or processes, and however many share them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample, absent
from ecosg_update.segment.card import Card
from ecosg_update.segment.train.light import change, relit
from ecosg_update.segment.train.recipe import Recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

Window = tuple[slice, slice]
Draw = Callable[[np.random.Generator], tuple[Sample, Window]]
"""A crop's place, drawn at random."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Crops of one size.

    clean: float32 (n, band, y, x), reflectance under its own light, NaN in bands that the sample lacks. gain, offset:
    float32 (n, band), the other light that the network sees it under; NaN takes a band away. labels: int16
    (n, y, x), -1 where unknown. present: float32 (n, class), 1 or 0, NaN where unknown.
    """

    clean: Tensor
    gain: Tensor
    offset: Tensor
    labels: Tensor
    present: Tensor

    @property
    def values(self) -> Tensor:
        """float32 (n, band, y, x): what the network sees, NaN in absent bands."""
        return relit(self.clean, self.gain, self.offset)

    def on(self, device: torch.device) -> Batch:
        """The batch on a device, labels as int64; nobody waits for a pinned one."""
        clean, gain, offset, labels, present = (part.to(device, non_blocking=True) for part in self._parts)
        return Batch(clean, gain, offset, labels.long(), present)

    def pin_memory(self) -> Batch:
        """The batch in page-locked memory, from where it goes to a GPU without waiting."""
        return Batch(*(part.pin_memory() for part in self._parts))

    @property
    def _parts(self) -> tuple[Tensor, ...]:
        return (self.clean, self.gain, self.offset, self.labels, self.present)


@dataclass(frozen=True, eq=False)
class Source:
    """Where batches come from; bands and classes are those of the card."""

    draw: Draw
    recipe: Recipe
    card: Card

    def batch(self, step: int, *, share: slice = slice(None)) -> Batch:
        """The crops of a step; `share` picks those of one of several processes."""
        numbers = range(self.recipe.batch)[share]
        batch = self._blank(len(numbers))
        for row, number in enumerate(numbers):
            self._fill(batch, row, np.random.default_rng((self.recipe.seed, step, number)))
        return batch

    def _blank(self, count: int) -> Batch:
        bands, side = len(self.card.bands), self.recipe.crop
        return Batch(
            torch.empty((count, bands, side, side)),
            torch.empty((count, bands)),
            torch.empty((count, bands)),
            torch.empty((count, side, side), dtype=torch.int16),
            torch.empty((count, len(self.card.codes))),
        )

    def _fill(self, batch: Batch, row: int, rng: np.random.Generator) -> None:
        """Write a crop drawn at random into a row of a batch."""
        sample, window = self.draw(rng)
        labels, values = sample.labels[window], sample.values[:, *window]
        check(sample, self.card)
        if self.recipe.objective.present and sample.present is not None and labels.shape != sample.labels.shape:
            raise ModelError(
                f"training: a crop of {self.recipe.crop} pixels need not hold the classes of a sample of "
                f"{sample.labels.shape}; presence asks for crops as large as the samples"
            )
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        gain, offset = change(values, self.card.bands, self.recipe.light, rng)
        gain[self._taken(rng)] = np.nan
        batch.clean.numpy()[row] = turned_image(values, turns, mirrored=mirrored)
        batch.labels.numpy()[row] = turned_image(labels, turns, mirrored=mirrored)
        batch.gain.numpy()[row], batch.offset.numpy()[row] = gain, offset
        batch.present.numpy()[row] = np.nan if sample.present is None else sample.present

    def _taken(self, rng: np.random.Generator) -> list[int]:
        """The bands that a crop loses: some of the optional ones where the recipe wants that and chance has it."""
        if not self.recipe.absent or rng.random() >= self.recipe.absent:
            return []
        return [self.card.bands.index(band) for band in self.card.optional if rng.random() < 0.5]


def by_class(samples: Sequence[Sample], crop: int) -> Draw:
    """Crops about a pixel of a class drawn at random, so that rare classes are seen as often as common ones.

    The samples stay in memory. Raises ModelError where no pixel has a label.
    """
    places = _places(samples)
    if not places:
        raise ModelError("training: no pixel of the samples has a label; check labels and validity")

    def draw(rng: np.random.Generator) -> tuple[Sample, Window]:
        holders = places[rng.integers(len(places))]
        number, pixels = holders[rng.integers(len(holders))]
        sample = samples[number]
        row, col = np.unravel_index(int(pixels[rng.integers(len(pixels))]), sample.labels.shape)
        return sample, (
            _span(int(row), sample.labels.shape[0], crop, rng),
            _span(int(col), sample.labels.shape[1], crop, rng),
        )

    return draw


def by_weight(samples: Sequence[Sample], weights: Sequence[float], crop: int) -> Draw:
    """Crops from anywhere in a sample, which is drawn with a chance in proportion to its weight.

    The samples are read one by one, as they are drawn. Raises ModelError for weights that do not fit.
    """
    chances = np.asarray(weights, np.float64)
    if chances.shape != (len(samples),) or not np.isfinite(chances).all() or (chances < 0).any() or not chances.sum():
        raise ModelError(
            f"training: {chances.size} weights for {len(samples)} samples, expected one finite weight of at least 0 "
            "a sample and one above 0; prepare the training set again"
        )
    ends = np.cumsum(chances / chances.sum())

    def draw(rng: np.random.Generator) -> tuple[Sample, Window]:
        place = int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))
        sample = samples[min(place, len(samples) - 1)]
        height, width = sample.labels.shape
        return sample, (
            _span(int(rng.integers(height)), height, crop, rng),
            _span(int(rng.integers(width)), width, crop, rng),
        )

    return draw


def turned_image(image: NDArray[Any], turns: int, *, mirrored: bool) -> NDArray[Any]:
    """One of the eight ways to lay a square on itself: `turns` quarter turns, then mirrored east to west."""
    turned = np.rot90(image, turns, axes=(-2, -1))
    return turned[..., ::-1] if mirrored else turned


def check(sample: Sample, card: Card) -> None:
    """Refuse a sample that does not fit the card: its bands, its labels, its classes."""
    bands, classes = len(card.bands), len(card.codes)
    if len(sample.values) != bands:
        raise ModelError(f"training: a sample has {len(sample.values)} bands, the card {bands}")
    gone = absent(sample.values)
    if gone[card.needed].any():
        lacking = [band for band, one in zip(card.bands, gone, strict=True) if one and band not in card.optional]
        raise ModelError(f"training: a sample lacks {', '.join(lacking)}; name such bands in optional")
    if sample.labels.min() < UNLABELLED or sample.labels.max() >= classes:
        raise ModelError(
            f"training: labels reach from {sample.labels.min()} to {sample.labels.max()}, expected "
            f"{UNLABELLED} to {classes - 1}"
        )
    if sample.present is not None and len(sample.present) != classes:
        raise ModelError(
            f"training: a sample says of {len(sample.present)} classes whether they occur, not {classes}"
        )


def _span(place: int, size: int, crop: int, rng: np.random.Generator) -> slice:
    """`crop` pixels of a side that hold `place`, as far as possible anywhere in it."""
    if size < crop:
        raise ModelError(
            f"training: a sample of {size} pixels is smaller than the crop ({crop}); "
            "take a smaller crop or larger samples"
        )
    start = int(np.clip(place - rng.integers(crop), 0, size - crop))
    return slice(start, start + crop)


def _places(samples: Sequence[Sample]) -> list[list[tuple[int, NDArray[np.intp]]]]:
    """For each class that occurs: the samples that hold it, with the flat positions of its pixels."""
    found: dict[int, list[tuple[int, NDArray[np.intp]]]] = {}
    for number, sample in enumerate(samples):
        flat = sample.labels.ravel()
        order = np.argsort(flat, kind="stable")
        classes, starts = np.unique(flat[order], return_index=True)
        for label, pixels in zip(classes.tolist(), np.split(order, starts[1:]), strict=True):
            if label != UNLABELLED:
                found.setdefault(label, []).append((number, pixels))
    return [found[label] for label in sorted(found)]
