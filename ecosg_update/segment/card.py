"""The card of a checkpoint: what a network eats, what it says, where it comes from. JSON beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ecosg_update.errors import ModelError

_STRICT = ConfigDict(extra="forbid")

EngineLevel = Literal["L1C", "L2A", "any"]
"""What an engine was trained on: one product level, or both, so that it eats either as it comes."""


@dataclass(frozen=True)
class Standard:
    """Each band shifted and scaled: (reflectance - mean) / std, reflectance 0..1, one number a band of the card.

    logarithm: where above 0, log(max(reflectance, 0) + logarithm) takes the place of the reflectance, so that dark
    covers are told apart as well as bright ones, and a brighter light is a shift.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    logarithm: float = 0.0

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not all(0 < std < float("inf") for std in self.std):
            raise ModelError("card: normalisation needs one mean and one finite positive std a band")
        if not 0 <= self.logarithm < float("inf"):
            raise ModelError(f"card: the logarithm's offset is {self.logarithm}, expected at least 0")


@dataclass(frozen=True)
class Reliability:
    """How far confidence is the share of right answers, on held-out pixels, in bins of equal width of the confidence.

    ece: expected calibration error, the mean over the pixels of the distance between their bin's mean confidence and
    its share of right answers (Guo et al. 2017, arXiv 1706.04599); ece_before: the same before the temperature.
    pixels, confidence, accuracy: of each bin, 0 where it is empty.
    """

    ece: float
    ece_before: float
    pixels: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if len({len(self.pixels), len(self.confidence), len(self.accuracy)}) != 1:
            raise ModelError("card: reliability needs pixels, confidence and accuracy of each bin")


Normalisation = Standard | Literal["dynamicworld"]


@dataclass(frozen=True)
class Card:
    """What must be known to use a network's weights rightly.

    engine, arguments: what `engines.build` is asked for. bands, level, pixel_m: what the network was trained on,
    and the only thing that it may be fed; level is "any" where it was L1C and L2A. optional: the bands that a scene
    may lack, because training samples lacked them now and then; never all of them. legend, codes: the classes in the
    order of the network's output. halo: pixels of context that a prediction needs. stride: windows begin at multiples
    of it. seamless: the halo covers the whole receptive field; where False, probabilities depend a little on how a
    scene is cut into windows. temperature: what logits are divided by before they become probabilities, fitted on
    held-out samples; reliability: what that gave. provenance, licence: of the weights. notes: limits that a user must
    know. tells_low_plants: whether it tells grass from crops where it was not taught (rule R9 of the crosswalk).
    sha256: of the safetensors file.
    """

    engine: str
    bands: tuple[str, ...]
    level: EngineLevel
    pixel_m: float
    normalisation: Normalisation
    legend: str
    codes: tuple[int, ...]
    halo: int
    stride: int
    seamless: bool
    provenance: str
    licence: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    notes: str = ""
    tells_low_plants: bool = True
    temperature: float = 1.0
    reliability: Reliability | None = None
    sha256: str = ""

    __pydantic_config__ = _STRICT

    def __post_init__(self) -> None:
        if not self.bands or len(set(self.bands)) < len(self.bands):
            raise ModelError(f"card: bands are {self.bands}, expected at least one, each once")
        _check_optional(self)
        if (
            not self.codes
            or len(set(self.codes)) < len(self.codes)
            or not 1 <= min(self.codes) <= max(self.codes) <= 999
        ):
            raise ModelError("card: codes must be at least one class of 1..999, each once")
        if isinstance(self.normalisation, Standard) and len(self.normalisation.mean) != len(self.bands):
            raise ModelError(
                f"card: {len(self.normalisation.mean)} means for {len(self.bands)} bands, expected one a band"
            )
        if not 0 < self.temperature < float("inf"):
            raise ModelError(f"card: temperature is {self.temperature}, expected a number above 0")
        if not 0 < self.pixel_m < float("inf") or self.halo < 0 or self.stride < 1:
            raise ModelError("card: pixel_m must be above 0, halo at least 0, stride at least 1")

    @property
    def needed(self) -> list[int]:
        """The rows of the bands that no scene may lack."""
        return [row for row, band in enumerate(self.bands) if band not in self.optional]

    def eats(self, level: str) -> bool:
        """Whether reflectance of a product level may be fed as it is."""
        return self.level in ("any", level)

    @property
    def origin(self) -> str:
        """The engine and the beginning of its checksum, as predictions name their source."""
        return f"{self.engine}:{self.sha256[:12]}" if self.sha256 else self.engine


def _check_optional(card: Card) -> None:
    if not card.optional:
        return
    if len(set(card.optional)) < len(card.optional) or not set(card.optional) < set(card.bands):
        raise ModelError(
            f"card: optional bands are {', '.join(card.optional)}, expected some and not all of "
            f"{', '.join(card.bands)}, each once"
        )
    if not isinstance(card.normalisation, Standard):
        raise ModelError(f"card: optional bands need a mean and std a band, normalisation is {card.normalisation}")


_ADAPTER = TypeAdapter(Card)


def to_json(card: Card) -> bytes:
    """The card as indented JSON."""
    return _ADAPTER.dump_json(card, indent=2) + b"\n"


def from_json(text: bytes, name: str) -> Card:
    """The card that a JSON text holds; ModelError names the first wrong entry. `name` is for the message."""
    try:
        return _ADAPTER.validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ModelError(f"{name}: {place}: {first['msg']}; write the card again") from error
