"""Images and networks that are learned in a second."""

import numpy as np
import torch
from torch import nn

from ecosg_update.legend import Legend
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engines import build
from ecosg_update.segment.train import Recipe

CARD = Card(
    engine="small_unet", bands=("B04", "B08"), level="L2A", pixel_m=10,
    normalisation=Standard((0.2, 0.2), (0.1, 0.1)),
    legend="three", codes=(1, 2, 7), halo=24, stride=4, seamless=True, provenance="test", licence="MIT",
    arguments={"width": 4},
)  # fmt: skip
LEGEND = Legend("three", (1, 2, 7), ("a", "b", "c"), ((0, 0, 0),) * 3, ("a", "b", "c"), (1, 2, 3))
RECIPE = Recipe(steps=50, batch=4, crop=16, rate=1e-2, seed=3)


def image(seed: int, *, unlabelled: float = 0.1, shape=(29, 37)) -> Sample:
    """Stripes of two classes told apart by their bands; the third class never occurs."""
    rng = np.random.default_rng(seed)
    labels = np.broadcast_to((np.arange(shape[1]) // 5 % 2).astype(np.int16), shape).copy()
    means = np.array([[0.05, 0.4], [0.25, 0.15]])
    values = (means[labels].transpose(2, 0, 1) + rng.normal(0, 0.03, (2, *shape))).astype(np.float32)
    labels[rng.random(labels.shape) < unlabelled] = UNLABELLED
    return Sample(values, labels)


def field(seed: int, *, side: int = 16) -> Sample:
    """A patch of the first class, of the second, or with a field of the second in the first, by turns."""
    rng = np.random.default_rng(seed)
    labels = np.full((side, side), int(seed % 3 == 2), np.int16)
    if seed % 3 == 1:
        top, left = rng.integers(side - 8, size=2)
        labels[top : top + rng.integers(4, 9), left : left + rng.integers(4, 9)] = 1
    means = np.array([[0.05, 0.4], [0.25, 0.15]])
    values = (means[labels].transpose(2, 0, 1) + rng.normal(0, 0.03, (2, side, side))).astype(np.float32)
    return Sample(values, labels, np.array([seed % 3 < 2, seed % 3 > 0, False]))


def patch(seed: int) -> Sample:
    """A field's patch, of which only the classes are known."""
    known = field(seed)
    return Sample(known.values, np.full_like(known.labels, UNLABELLED), known.present)


def network() -> nn.Module:
    torch.manual_seed(0)
    return build("small_unet", 2, 3, width=4)


def equal(one: nn.Module, other: nn.Module) -> bool:
    """Whether all weights and statistics are the same bits."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)
