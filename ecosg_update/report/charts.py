"""Charts as inline SVG: they stretch with the page, print and follow its colours; the figures stand beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.report.markup import Content, element, number, table

SHADES = 10
"""Classes of the heat map's colours, heat-0 .. heat-10."""


def pair_bars(before: float, after: float, most: float) -> Element:
    """Two bars, the area before above the area after, of a common scale up to `most`."""
    scale = 100 / most if most else 0
    return element(
        "svg",
        element("rect", x=0, y=1, width=f"{before * scale:.2f}", height=5, class_="before"),
        element("rect", x=0, y=7, width=f"{after * scale:.2f}", height=6, class_="after"),
        viewbox="0 0 100 14", preserveAspectRatio="none", class_="bars", aria_hidden="true",
    )  # fmt: skip


def change_bar(change: float, most: float) -> Element:
    """A bar to the right of the middle for a gain, to its left for a loss; `most` reaches the edge."""
    width = 50 * abs(change) / most if most else 0
    return element(
        "svg",
        element("rect", x=f"{50 - (width if change < 0 else 0):.2f}", y=3, width=f"{width:.2f}", height=8,
                class_="loss" if change < 0 else "gain"),
        element("line", x1=50, x2=50, y1=0, y2=14, class_="axis"),
        viewbox="0 0 100 14", preserveAspectRatio="none", class_="bars", aria_hidden="true",
    )  # fmt: skip


def whisker(score: dict[str, float | None], low: float = 0.0, high: float = 1.0) -> Element:
    """A score with its interval on a scale from `low` to `high`."""

    def place(value: float) -> str:
        return f"{100 * min(1.0, max(0.0, (value - low) / (high - low))):.2f}"

    marks: list[Content] = [element("line", x1=at, x2=at, y1=0, y2=14, class_="grid") for at in (0, 25, 50, 75, 100)]
    if score["low"] is not None and score["high"] is not None:
        marks.append(element("line", x1=place(score["low"]), x2=place(score["high"]), y1=7, y2=7, class_="interval"))
    if score["value"] is not None:
        at = place(score["value"])
        marks.append(element("line", x1=at, x2=at, y1=2, y2=12, class_="value"))
    return element("svg", *marks, viewbox="0 0 100 14", preserveAspectRatio="none", class_="bars", aria_hidden="true")


def scale_of(scores: Sequence[dict[str, float | None]]) -> tuple[float, float]:
    """The tenths between which all scores and intervals lie."""
    held = [value for score in scores for value in score.values() if value is not None]
    if not held:
        return 0.0, 1.0
    low, high = math.floor(10 * min(held)) / 10, math.ceil(10 * max(held)) / 10
    return low, high if high > low else low + 0.1


def heat_map(row: dict[str, Any]) -> Element:
    """A confusion matrix: truth down, said across; a shade is the part of its row of truth.

    Classes that were neither true nor said are left out.
    """
    counts, classes = row["confusion"], row["classes"]
    used = [at for at, one in enumerate(classes) if one["true"] or one["said"]]
    head = ["truth \\ map", *(_short(classes[at]["name"]) for at in used), "nothing", "all"]
    lines: list[list[Content]] = []
    for at in used:
        total = sum(counts[at])
        cells = [*(counts[at][to] for to in used), counts[at][-1]]
        shown = [_heat(cell, total, same=to == at) for to, cell in zip([*used, -1], cells, strict=True)]
        lines.append([classes[at]["name"], *shown, number(total)])
    unit = row.get("unit", "pixels")
    title = f"{row['contestant']}: what is true (rows) and what the map says (columns), {row['grouping']}, {unit}"
    found = table(head, lines, title)
    found.set("class", "scroll heat")
    return found


def _heat(count: int, total: int, *, same: bool) -> Element:
    part = count / total if total else 0.0
    shade = min(SHADES, math.ceil(part * SHADES))
    kind = f"cell heat-{shade}{' same' if same else ''}"
    return element("span", number(count) if count else "·", class_=kind, title=f"{part:.1%} of the row")


def _short(name: str, most: int = 22) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
