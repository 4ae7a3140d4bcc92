"""How to train: every number that changes the result, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from ecosg_update.errors import ModelError
from ecosg_update.segment.losses import POOLINGS, Pooling

_STRICT = ConfigDict(extra="forbid")

Schedule = Literal["one-cycle", "cosine", "constant"]
Precision = Literal["float32", "bf16", "fp16"]


@dataclass(frozen=True)
class Light:
    """Another light over each crop, so that a network does not learn the weather of its few scenes.

    brightness: deviation of the logarithm of a factor on all bands; tint: the same a band; haze: deviation of an
    offset a band, reflectance. atmosphere: the share of crops that are seen through an added clear atmosphere
    (see `light.atmosphere`), with at most `aerosol` optical thickness at 550 nm, at most `water` cm of water vapour
    (0: no gas absorbs) and a sun at most `low_sun` degrees from the zenith. clearing: the share from which such an
    atmosphere is taken away, as much of it as the crop's darkest pixels allow: little of surface reflectance, up to
    all of a product at the top of the atmosphere.
    """

    brightness: float = 0.08
    tint: float = 0.03
    haze: float = 0.004
    atmosphere: float = 0.0
    clearing: float = 0.0
    aerosol: float = 0.3
    water: float = 0.0
    low_sun: float = 70.0

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if min(self.brightness, self.tint, self.haze, self.aerosol, self.water) < 0:
            raise ModelError(f"training: {self} has a number below 0; a deviation is at least 0")
        if min(self.atmosphere, self.clearing) < 0 or self.atmosphere + self.clearing > 1:
            raise ModelError(f"training: {self}: atmosphere and clearing are shares, together at most 1")
        if not 0 < self.low_sun <= 80:
            raise ModelError(f"training: {self}: low_sun is an angle of up to 80 degrees")


@dataclass(frozen=True)
class Objective:
    """What is minimised: the sum of weighted losses of `segment.losses`; a weight of 0 leaves a loss out.

    cross_entropy, focal (exponent `gamma`), dice: of the labelled pixels. hierarchical: cross-entropy of the
    probabilities summed over `groups`, one group number a class of the card, for each of the hierarchy's levels.
    present: of the classes that a whole sample has, whose pixels are pooled with `pooling`; it needs crops as large
    as the samples. distillation: divergence from a teacher.
    """

    cross_entropy: float = 1.0
    focal: float = 0.0
    gamma: float = 2.0
    dice: float = 0.0
    hierarchical: float = 0.0
    groups: tuple[tuple[int, ...], ...] = ()
    present: float = 0.0
    pooling: Pooling = "lse"
    distillation: float = 0.0

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        weights = (self.cross_entropy, self.focal, self.dice, self.hierarchical, self.present, self.distillation)
        if min(weights) < 0 or max(weights) == 0:
            raise ModelError("training: the weights of the losses must be at least 0 and one of them above 0")
        if self.pooling not in POOLINGS or self.gamma < 0:
            raise ModelError(f"training: pooling is one of {', '.join(POOLINGS)} and gamma at least 0")

    @property
    def of_pixels(self) -> bool:
        """Whether labels of pixels are needed."""
        return max(self.cross_entropy, self.focal, self.dice, self.hierarchical) > 0


@dataclass(frozen=True)
class Watch:
    """When validation is looked at: every `every` steps, on at most `samples` of its samples, evenly chosen.

    patience: training ends after so many looks without a lower loss; 0 never ends it early. The weights of the best
    look are kept.
    """

    every: int = 200
    patience: int = 0
    samples: int = 256

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if min(self.every, self.samples) < 1 or self.patience < 0:
            raise ModelError(f"training: {self}: every and samples must be above 0, patience at least 0")


@dataclass(frozen=True)
class Recipe:
    """How to train: the numbers that change the result.

    steps of `batch` crops of `crop` x `crop` pixels, over all processes; AdamW with a decoupled weight decay and a
    learning rate that reaches `rate`, after the share `warmup` of the steps where the schedule is a cosine.
    precision: of the network's arithmetic; weights stay float32. absent: the share of crops that lose each of the
    card's optional bands with probability one half, so that the network learns to do without.
    """

    steps: int = 600
    batch: int = 8
    crop: int = 96
    rate: float = 4e-3
    decay: float = 1e-2
    schedule: Schedule = "one-cycle"
    warmup: float = 0.05
    precision: Precision = "float32"
    light: Light = field(default_factory=Light)
    objective: Objective = field(default_factory=Objective)
    watch: Watch = field(default_factory=Watch)
    absent: float = 0.0
    seed: int = 0

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.crop) < 1 or self.rate <= 0:
            raise ModelError(f"training: {self} asks for nothing; steps, batch, crop and rate must be above 0")
        if not 0 <= self.absent <= 1:
            raise ModelError(f"training: absent is {self.absent}, expected a share of the crops, 0..1")
        if self.decay < 0 or not 0 <= self.warmup < 1 or self.seed < 0:
            raise ModelError("training: decay and seed must be at least 0, warmup a share below 1")
