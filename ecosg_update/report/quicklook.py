"""One picture of a run: the image, the base, the result and what changed, with a legend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Patch, Reason
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

PANEL = 560
"""Longest side of a panel, pixels."""

SMALLEST = 400
"""Longest side of the panel of a small grid."""

WIDE = 1.4
"""Panels wider than this many times their height stand in two rows."""

GAP, HEAD, CAPTION, LINE, ENTRY = 16, 36, 32, 22, 250
INK, PAPER, QUIET = (30, 30, 30), (255, 255, 255), (238, 238, 238)
REASON_COLOURS = {
    Reason.UNCHANGED: (238, 238, 238),
    Reason.KEPT_NO_DATA: (120, 120, 130),
    Reason.KEPT_LOW_SHARE: (165, 165, 172),
    Reason.KEPT_LOW_CONFIDENCE: (205, 200, 170),
    Reason.KEPT_PROTECTED: (205, 222, 240),
    Reason.KEPT_BASE_LIKELIER: (222, 232, 205),
    Reason.KEPT_DISAGREEMENT: (232, 210, 225),
    Reason.RULE_SUBTYPE: (232, 232, 224),
    Reason.RULE_NEIGHBOURS: (224, 224, 232),
    Reason.RULE_CROPS: (226, 214, 190),
    Reason.RULE_WATER: (190, 214, 226),
    Reason.RULE_TOWNS: (226, 190, 200),
    Reason.RULE_SNOW: (226, 236, 240),
    Reason.RULE_PATCH_SIZE: (214, 200, 226),
    Reason.RULE_WETLANDS: (196, 222, 206),
    Reason.RULE_LOW_PLANTS: (228, 236, 214),
}
"""Cells that keep their cover, in the fourth panel; changed cells wear the colour of their new cover."""


def quicklook(patch: Patch, title: str, image: NDArray[np.uint8] | None = None) -> Image.Image:
    """The picture. image: uint8 (y, x, 3), true colour over the patch's grid at any density, if there is one."""
    legend = patch.cover.legend
    size = panel_size(patch.cover.grid)
    maps = {
        "base": _coloured(patch.base, legend),
        "result": _coloured(patch.cover.codes, legend),
        "what changed": _changes(patch),
    }
    if image is not None:
        maps = {"image": image, **maps}
    panels = [(name, _resized(pixels, size)) for name, pixels in maps.items()]
    across = 2 if size[0] > WIDE * size[1] and len(panels) > 2 else len(panels)
    width = across * (size[0] + GAP) + GAP
    entries = _entries(patch)
    per_row = max(1, (width - GAP) // ENTRY)
    foot = HEAD + math.ceil(len(panels) / across) * (size[1] + CAPTION)
    sheet = Image.new("RGB", (width, foot + LINE * math.ceil(len(entries) / per_row) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 8), title, INK, font=ImageFont.load_default(18))
    for number, (name, panel) in enumerate(panels):
        left = GAP + number % across * (size[0] + GAP)
        top = HEAD + number // across * (size[1] + CAPTION)
        draw.text((left, top), name, INK, font=ImageFont.load_default(15))
        sheet.paste(panel, (left, top + CAPTION - GAP // 2))
    _draw_entries(draw, entries, (GAP, foot + GAP // 2), per_row)
    return sheet


def panel_size(grid: LatLonGrid) -> tuple[int, int]:
    """(width, height) of a panel in pixels: true proportions at the grid's middle latitude."""
    aspect = grid.cols * max(0.05, math.cos(math.radians((grid.north + grid.south) / 2))) / grid.rows
    longest = min(PANEL, max(SMALLEST, 4 * max(grid.shape)))
    if aspect >= 1:
        return longest, max(1, round(longest / aspect))
    return max(1, round(longest * aspect)), longest


def _changes(patch: Patch) -> NDArray[np.uint8]:
    """uint8 (y, x, 3): the new cover where it changed, the reason's colour elsewhere."""
    palette = np.full((256, 3), 255, np.uint8)
    for reason, colour in REASON_COLOURS.items():
        palette[reason] = colour
    pixels = palette[patch.reason]
    pixels[patch.changed] = _coloured(patch.cover.codes, patch.cover.legend)[patch.changed]
    return pixels


def _coloured(codes: NDArray[np.uint8], legend: Legend) -> NDArray[np.uint8]:
    """uint8 (y, x, 3): the legend's colours, no data in white."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[list(legend.codes)] = legend.colours
    return palette[codes]


def _resized(pixels: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """A panel: cells stay sharp when enlarged, the nearest cell is shown when reduced."""
    return Image.fromarray(pixels, "RGB").resize(size, Image.Resampling.NEAREST)


def _entries(patch: Patch) -> list[tuple[tuple[int, int, int], str]]:
    """The legend: covers by frequency in the result, then the reasons that occur."""
    legend = patch.cover.legend
    counts = np.bincount(patch.cover.codes.ravel(), minlength=256)
    present = [code for code in np.argsort(-counts, kind="stable") if code and counts[code]]
    covers = [
        (legend.colours[legend.index(int(code))], f"{code} {legend.name_of(int(code))}"[:34]) for code in present
    ]
    reasons = [
        (colour, f"[{reason.label}] {int((patch.reason == reason).sum()):,}")
        for reason, colour in REASON_COLOURS.items()
        if (patch.reason == reason).any()
    ]
    return covers + reasons


def _draw_entries(
    draw: ImageDraw.ImageDraw,
    entries: list[tuple[tuple[int, int, int], str]],
    corner: tuple[int, int],
    per_row: int,
) -> None:
    font = ImageFont.load_default(13)
    for number, (colour, text) in enumerate(entries):
        left = corner[0] + (number % per_row) * ENTRY
        top = corner[1] + (number // per_row) * LINE
        draw.rectangle((left, top, left + 22, top + 14), fill=colour, outline=INK)
        draw.text((left + 28, top - 1), text, INK, font=font)
