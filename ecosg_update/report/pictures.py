"""Small still pictures of the layers: they are there without a script, on paper, and at one glance."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Patch
from ecosg_update.legend import Colour, Legend
from ecosg_update.report.layers import LEVELS, levels
from ecosg_update.report.reasons import MEANINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = 480
"""Most cells along a side of a picture; of a larger map, one cell stands for a block."""

SAME: Colour = (226, 228, 224)
"""Cells that did not change, on the picture of what changed."""

NOTHING: Colour = (255, 255, 255)

Stops = tuple[tuple[float, Colour], ...]
"""A ramp of colours: places and the colours there."""

CONFIDENCE: Stops = ((0.0, (94, 40, 60)), (0.5, (196, 122, 84)), (0.8, (232, 206, 140)), (1.0, (236, 244, 222)))
"""From no confidence to certainty: dark is what to look at."""


DEEPEST = 100
"""Levels of colour on each side of no change."""

CHANGE: Stops = (
    (-1.0, (150, 20, 30)),
    (-0.3, (236, 150, 125)),
    (0.0, (238, 240, 236)),
    (0.3, (130, 175, 222)),
    (1.0, (15, 60, 140)),
)


@dataclass(frozen=True)
class Picture:
    """A still picture. address: a data URI of its pixels, to be stretched to the land's proportions."""

    name: str
    title: str
    address: str


TITLES = {
    "image": "image",
    "base": "original",
    "cover": "new",
    "change": "what changed",
    "confidence": "confidence",
    "reason": "reason",
    "second": "second choice",
}
"""The layers as people call them, in their order on the page."""


def pictures(patch: Patch, image: NDArray[np.uint8] | None) -> tuple[Picture, ...]:
    """One of each layer, in the order of `TITLES`, without the second choice. image: as of `layers.packed`."""
    step = math.ceil(max(patch.cover.grid.shape) / LONGEST)
    legend = patch.cover.legend
    found = {
        "base": _indexed(patch.base[::step, ::step], cover_palette(legend)),
        "cover": _indexed(patch.cover.codes[::step, ::step], cover_palette(legend)),
        "change": _indexed(_changes(patch, step), {**cover_palette(legend), 0: SAME}),
        "confidence": _indexed(levels(patch.confidence, step), confidence_palette()),
        "reason": _indexed(patch.reason[::step, ::step], reason_palette()),
    }
    if image is not None:
        found["image"] = _jpeg(image)
    return tuple(Picture(name, title, found[name]) for name, title in TITLES.items() if name in found)


def fraction_changes(
    tiles: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], known: NDArray[np.bool_]
) -> tuple[Picture, ...]:
    """How the fraction of each tile changes on a model's cells, from all lost (red) to all gained (blue).

    tiles: before and after, float64 (y, x) with y from the south. known: cells that count; the others stay white.
    One scale for all: the largest change is the darkest.
    """
    changes = {name: np.where(known, after - before, 0.0)[::-1] for name, (before, after) in tiles.items()}
    most = max((float(np.abs(one).max(initial=0.0)) for one in changes.values()), default=0.0)
    step = max(1, math.ceil(max(known.shape) / LONGEST))
    found = []
    for name, change in changes.items():
        depth = np.rint(change / (most or 1.0) * DEEPEST) + 1 + DEEPEST
        codes = np.where(known[::-1], depth, 0).astype(np.uint8)
        title = f"{name}, {-most:+.2f} (red) to {most:+.2f} (blue)" if most else f"{name}, no change"
        found.append(Picture(name, title, _indexed(codes[::step, ::step], change_palette())))
    return tuple(found)


def change_palette() -> dict[int, Colour]:
    """Red to pale to blue: 1 is the deepest loss, 1 + 2 * `DEEPEST` the deepest gain."""
    steps = range(-DEEPEST, DEEPEST + 1)
    return {0: NOTHING, **{1 + DEEPEST + level: _between(CHANGE, level / DEEPEST) for level in steps}}


def aspect(grid: LatLonGrid) -> float:
    """Width over height of a map with true proportions at its middle latitude."""
    return grid.cols * max(0.05, math.cos(math.radians((grid.north + grid.south) / 2))) / grid.rows


def cover_palette(legend: Legend) -> dict[int, Colour]:
    """The official colours of a legend, no data in white."""
    return {0: NOTHING, **dict(zip(legend.codes, legend.colours, strict=True))}


def reason_palette() -> dict[int, Colour]:
    """The colours of the reasons."""
    return {0: NOTHING, **{int(reason): meaning.colour for reason, meaning in MEANINGS.items()}}


def confidence_palette() -> dict[int, Colour]:
    """The colours of the levels of `layers.levels`."""
    return {0: NOTHING, **{1 + level: _between(CONFIDENCE, level / LEVELS) for level in range(LEVELS + 1)}}


def _between(stops: Stops, place: float) -> Colour:
    """The colour at a place of a ramp."""
    places = [at for at, _ in stops]
    red, green, blue = (
        round(float(np.interp(place, places, [colour[part] for _, colour in stops]))) for part in range(3)
    )
    return red, green, blue


def _changes(patch: Patch, step: int) -> NDArray[np.uint8]:
    """New covers where they are new, else 0; of a block the first change, so that none is lost in the picture."""
    changed = np.where(patch.changed, patch.cover.codes, np.uint8(0))
    rows, cols = (-(-size // step) for size in changed.shape)
    padded = np.zeros((rows * step, cols * step), np.uint8)
    padded[: changed.shape[0], : changed.shape[1]] = changed
    blocks = padded.reshape(rows, step, cols, step).swapaxes(1, 2).reshape(rows, cols, step * step)
    first = (blocks != 0).argmax(axis=2)
    return np.take_along_axis(blocks, first[..., None], axis=2)[..., 0]


def _indexed(codes: NDArray[np.uint8], palette: dict[int, Colour]) -> str:
    picture = Image.fromarray(np.ascontiguousarray(codes), "P")
    table = np.full((256, 3), 255, np.uint8)
    table[list(palette)] = list(palette.values())
    picture.putpalette(table.tobytes())
    return _address(picture, "PNG", optimize=True)


def _jpeg(image: NDArray[np.uint8]) -> str:
    picture = Image.fromarray(image, "RGB")
    picture.thumbnail((LONGEST, LONGEST))
    return _address(picture, "JPEG", quality=80)


def _address(picture: Image.Image, kind: str, **options: int) -> str:
    held = BytesIO()
    picture.save(held, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(held.getvalue()).decode('ascii')}"
