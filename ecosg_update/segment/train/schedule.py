"""The learning rate of each step, as a function of the step alone: nothing to save, nothing to restore."""

from __future__ import annotations

import math
from typing import NamedTuple

from ecosg_update.segment.train.recipe import Recipe

RISE = 0.3
"""The share of a one-cycle schedule in which the rate rises: Smith and Topin 2018 (arXiv 1708.07120)."""
START, END = 1 / 25, 1 / 25e4
"""Where a one-cycle schedule starts and ends, as shares of the highest rate: fastai's and torch's values."""
SLOW, FAST = 0.85, 0.95
"""First beta of Adam at the highest and at the lowest rate of a one-cycle schedule."""
BETA = 0.9


class Pace(NamedTuple):
    """The learning rate and the first beta of Adam."""

    rate: float
    beta: float


def pace(step: int, recipe: Recipe) -> Pace:
    """What step `step` (from 0) of a recipe learns with."""
    if recipe.schedule == "constant":
        return Pace(recipe.rate, BETA)
    if recipe.schedule == "cosine":
        return Pace(recipe.rate * _cosine(step, recipe), BETA)
    rise, last = RISE * recipe.steps - 1, recipe.steps - 1
    if step <= rise:
        part = step / rise
        return Pace(_between(START, 1, part) * recipe.rate, _between(FAST, SLOW, part))
    part = min(1.0, (step - rise) / (last - rise))
    return Pace(_between(1, END, part) * recipe.rate, _between(SLOW, FAST, part))


def _cosine(step: int, recipe: Recipe) -> float:
    """Loshchilov and Hutter 2017 (arXiv 1608.03983) without restarts, after a linear rise."""
    rise = round(recipe.warmup * recipe.steps)
    if step < rise:
        return (step + 1) / rise
    return _between(1, 0, (step - rise) / max(1, recipe.steps - rise))


def _between(start: float, end: float, part: float) -> float:
    """A half cosine wave from start (part 0) to end (part 1)."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * part))
