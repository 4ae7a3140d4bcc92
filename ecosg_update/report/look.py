"""A quick picture of a file: a title, panels side by side, and what their colours mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecosg_update.legend import Colour, Legend
from ecosg_update.report.quicklook import WIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST = {1: 960, 2: 720}
"""Longest side of a panel in pixels, by the number of panels."""

OF_MANY = 520
"""The same for three panels and more."""

NARROWEST = 0.05
"""The cosine of latitude that is drawn at least: a map of a pole is no line."""

SMALLEST_SHEET = 640
"""Pixels: room for the title."""

GAP, TITLE, LINE, CAPTION, BAR, ENTRY = 16, 30, 20, 26, 46, 300
INK, QUIET, PAPER = (30, 30, 30), (95, 95, 95), (255, 255, 255)
UPWARD: Sequence[Colour] = ((250, 240, 200), (188, 214, 140), (86, 166, 128), (32, 104, 128), (28, 40, 92))
"""From little to much."""

BOTH_WAYS: Sequence[Colour] = ((32, 88, 152), (150, 186, 214), (242, 242, 238), (222, 158, 140), (168, 40, 52))
"""From less through nothing to more."""

HIGHEST = (1 << 16) - 1
"""The greatest code that can have a colour."""

Entry = tuple[Colour, str]


@dataclass(frozen=True)
class Bar:
    """What a ramp of colours means: numbers from `low` to `high` in `unit` ("" for none)."""

    low: float
    high: float
    unit: str
    colours: Sequence[Colour] = UPWARD

    @classmethod
    def over(cls, values: NDArray[np.floating[Any]], unit: str) -> Bar:
        """From the least to the greatest number of `values`, alike on both sides of 0 where some are less."""
        there = values[np.isfinite(values)]
        low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 1.0)
        if low < 0:
            most = max(-low, high)
            return cls(-most, most, unit, BOTH_WAYS)
        return cls(low, high if high > low else low + 1, unit)

    def pixels(self, values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
        """uint8 (y, x, 3) of values (y, x); white where they are not numbers."""
        at = (np.nan_to_num(values, nan=self.low) - self.low) / (self.high - self.low)
        steps = np.linspace(0, 1, len(self.colours))
        channels = [np.interp(at, steps, channel) for channel in zip(*self.colours, strict=True)]
        found = np.stack(channels, axis=-1).round().astype(np.uint8)
        found[~np.isfinite(values)] = PAPER
        return found


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture. pixels: uint8 (y, x, 3), the north above. bar: what its colours mean, where they are a ramp."""

    caption: str
    pixels: NDArray[np.uint8]
    bar: Bar | None = None


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page. lines: under the title. aspect: width over height of every panel. entries: colours and their names."""

    title: str
    lines: Sequence[str]
    panels: Sequence[Panel]
    aspect: float
    entries: Sequence[Entry] = ()


def size(aspect: float, panels: int = 1) -> tuple[int, int]:
    """(width, height) in pixels of each of so many panels."""
    longest = LONGEST.get(panels, OF_MANY)
    if aspect >= 1:
        return longest, max(1, round(longest / aspect))
    return max(1, round(longest * aspect)), longest


def aspect(shape: tuple[int, int], latitude: float = 0.0) -> float:
    """Width over height on the ground of (rows, cols) that are as wide as high in degrees at a latitude."""
    return shape[1] * max(NARROWEST, math.cos(math.radians(latitude))) / shape[0]


def drawn(sheet: Sheet) -> Image.Image:
    """The picture: cells stay sharp when enlarged."""
    wide, high = size(sheet.aspect, len(sheet.panels))
    across = _across(len(sheet.panels), wide > WIDE * high)
    bars = any(panel.bar for panel in sheet.panels)
    cell = (wide + GAP, CAPTION + high + (BAR if bars else 0) + GAP // 2)
    width = max(SMALLEST_SHEET, across * cell[0] + GAP)
    per_row = max(1, (width - GAP) // ENTRY)
    top = GAP // 2 + TITLE + LINE * len(sheet.lines)
    foot = top + math.ceil(len(sheet.panels) / across) * cell[1]
    height = foot + LINE * math.ceil(len(sheet.entries) / per_row) + GAP
    page = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP // 2), sheet.title, INK, font=ImageFont.load_default(20))
    for number, line in enumerate(sheet.lines):
        draw.text((GAP, GAP // 2 + TITLE + LINE * number), line, QUIET, font=ImageFont.load_default(14))
    for number, panel in enumerate(sheet.panels):
        corner = GAP + number % across * cell[0], top + number // across * cell[1]
        _place(page, draw, panel, corner, (wide, high))
    for number, entry in enumerate(sheet.entries):
        corner = GAP + number % per_row * ENTRY, foot + number // per_row * LINE
        _draw_entry(draw, entry, corner)
    return page


def coloured(codes: NDArray[np.integer[Any]], colours: Mapping[int, Colour]) -> NDArray[np.uint8]:
    """uint8 (y, x, 3) of codes 0..65535; white where a code has no colour."""
    palette = np.full((HIGHEST + 1, 3), 255, np.uint8)
    palette[list(colours)] = list(colours.values())
    pixels: NDArray[np.uint8] = palette[codes]
    return pixels


def colours(legend: Legend) -> dict[int, Colour]:
    """The colour of each code."""
    return dict(zip(legend.codes, legend.colours, strict=True))


def entries(codes: NDArray[np.integer[Any]], legend: Legend) -> list[Entry]:
    """The classes that occur, the most frequent first, by code and name; no data, where there is some, last."""
    found, counts = np.unique(codes, return_counts=True)
    order = found[np.argsort(-counts, kind="stable")].tolist()
    shown = [(legend.colours[legend.index(code)], f"{code} {legend.name_of(code)}") for code in order if code]
    return [*shown, (PAPER, "no data")] if 0 in order else shown


def _across(panels: int, wide: bool) -> int:
    """How many panels stand side by side."""
    if panels <= 3:
        return 1 if wide and panels == 2 else panels
    return 2 if panels == 4 else 4


def _place(
    page: Image.Image, draw: ImageDraw.ImageDraw, panel: Panel, corner: tuple[int, int], shape: tuple[int, int]
) -> None:
    left, top = corner
    draw.text((left, top + 4), panel.caption, INK, font=ImageFont.load_default(14))
    picture = Image.fromarray(np.ascontiguousarray(panel.pixels), "RGB").resize(shape, Image.Resampling.NEAREST)
    page.paste(picture, (left, top + CAPTION))
    draw.rectangle((left - 1, top + CAPTION - 1, left + shape[0], top + CAPTION + shape[1]), outline=QUIET)
    if panel.bar:
        _draw_bar(page, draw, panel.bar, (left, top + CAPTION + shape[1] + 8), shape[0])


def _draw_bar(page: Image.Image, draw: ImageDraw.ImageDraw, bar: Bar, corner: tuple[int, int], width: int) -> None:
    """The ramp with its ends, its middle and the unit."""
    left, top = corner
    ramp = bar.pixels(np.linspace(bar.low, bar.high, width)[None].repeat(12, axis=0))
    page.paste(Image.fromarray(ramp, "RGB"), corner)
    draw.rectangle((left - 1, top - 1, left + width, top + 12), outline=QUIET)
    font = ImageFont.load_default(13)
    unit = f" {bar.unit}" if bar.unit not in ("", "1") else ""
    for share, anchor in ((0.0, "la"), (0.5, "ma"), (1.0, "ra")):
        value = bar.low + share * (bar.high - bar.low)
        draw.text((left + share * width, top + 15), f"{value:.4g}{unit}", INK, font=font, anchor=anchor)


def _draw_entry(draw: ImageDraw.ImageDraw, entry: Entry, corner: tuple[int, int]) -> None:
    (left, top), (colour, text) = corner, entry
    draw.rectangle((left, top, left + 22, top + 14), fill=colour, outline=INK)
    font = ImageFont.load_default(13)
    draw.text((left + 28, top - 1), _fitting(text, font, ENTRY - 40), INK, font=font)


def _fitting(text: str, font: Any, room: float) -> str:
    """As much of a text as fits into so many pixels; what is cut shows."""
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(f"{text}...") > room:
        text = text[:-1]
    return f"{text}..."
