"""Who is scored: anything that makes probabilities of reflectance, told apart by a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.layers import Level
from ecosg_update.legend import Legend
from ecosg_update.sample import absent, arranged, measured
from ecosg_update.scene.atmosphere import Atmosphere
from ecosg_update.scene.toa import reflected
from ecosg_update.scene.transfer import coefficients

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.baselines.forest import Forest
    from ecosg_update.baselines.majority import Shares
    from ecosg_update.segment.card import Card
    from ecosg_update.segment.engine import Engine

OtherLevel = Literal["convert", "as-is"]
"""What is done with samples of another product level than an engine's: brought to it, or fed as they are."""

NOMINAL = Atmosphere(sun_zenith=45.0)
"""The air for samples, which carry neither angles nor time: mean aerosol, a mid-latitude summer's water vapour."""

PIXEL_TOLERANCE = 1e-6
"""Relative: as prediction's."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """One of those that are compared.

    legend: the classes that it says. probabilities: float32 (class, y, x) of reflectance float32 (band, y, x) in the
    bands of the samples, and of their product level. notes: what a reader of its scores must know.
    """

    name: str
    legend: Legend
    probabilities: Callable[[NDArray[np.float32], Level], NDArray[np.float32]]
    notes: tuple[str, ...] = ()


def baseline(name: str, made: Forest | Shares) -> Contestant:
    """A baseline that was trained on the bands and levels of the samples."""
    return Contestant(name, made.legend, lambda values, _: made(values))


def network(
    name: str, engine: Engine, bands: Sequence[str], pixel_m: float, *, other_level: OtherLevel = "convert"
) -> Contestant:
    """An engine on samples of `bands` at `pixel_m` metres.

    other_level: "convert" brings surface reflectance to an L1C engine through a nominal atmosphere, and refuses the
    way back, which needs the air of the day; "as-is" feeds every level. Of a sample that lacks a band which the
    engine needs, it says nothing: 0 for all classes. Raises ModelError where the samples have no such band or other
    pixels.
    """
    card = engine.card
    missing = [card.bands[row] for row in card.needed if card.bands[row] not in bands]
    if missing:
        raise ModelError(
            f"{name}: the samples lack {', '.join(missing)}, they have {', '.join(bands)}; prepare them with those"
        )
    if abs(card.pixel_m - pixel_m) > PIXEL_TOLERANCE * card.pixel_m:
        raise ModelError(
            f"{name}: the samples have pixels of {pixel_m:g} m, expected {card.pixel_m:g} m; "
            "prepare them at the engine's pixel size"
        )

    def probabilities(values: NDArray[np.float32], level: Level) -> NDArray[np.float32]:
        seen = arranged(values, bands, card.bands)
        if absent(seen)[card.needed].any():
            return np.zeros((len(engine.legend), *values.shape[1:]), np.float32)
        return _whole(engine, seen if other_level == "as-is" else brought(seen, level, card, name))

    return Contestant(name, engine.legend, probabilities, (_note(name, card, other_level),))


def brought(values: NDArray[np.float32], level: Level, card: Card, name: str) -> NDArray[np.float32]:
    """Reflectance float32 (band, y, x) in the card's bands at the card's level; ModelError for L1C to L2A."""
    if card.eats(level):
        return values
    if level == "L1C":
        raise ModelError(
            f"{name}: a sample is L1C, expected {card.level}; its atmosphere is not known, so leave such samples out "
            "or feed them as they are"
        )
    terms = (coefficients(band, NOMINAL) for band in card.bands)
    found = np.stack([reflected(layer, layer, term) for layer, term in zip(values, terms, strict=True)])
    return found * measured(values)


def _note(name: str, card: Card, other_level: OtherLevel) -> str:
    if card.level == "any":
        return f"{name} was trained on L1C and L2A; samples of both are fed as they are"
    how = "fed as they are" if other_level == "as-is" else "converted through a nominal atmosphere"
    return f"{name} was trained on {card.level}; samples of another level are {how}"


def _whole(engine: Engine, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of a whole image, edges repeated up to a multiple of the engine's stride (2 pixels at least)."""
    rows, cols = values.shape[1:]
    multiple = max(2, engine.card.stride)
    padding = [(0, -length % multiple) for length in (rows, cols)]
    found = engine(np.pad(values, ((0, 0), *padding), mode="edge"))
    return found[:, :rows, :cols]
