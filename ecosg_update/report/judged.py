"""How original and new agree with a truth: scores with intervals, differences, confusion."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.report.charts import heat_map, scale_of, whisker
from ecosg_update.report.markup import Content, element, number, section, table

SCORES = {
    "accuracy": "overall accuracy",
    "kappa": "kappa",
    "macro_f1": "F1, mean of classes",
    "macro_iou": "IoU, mean of classes",
    "weighted_iou": "IoU, weighted by area",
}
PER_CLASS = {"producer": "producer's accuracy", "user": "user's accuracy", "f1": "F1", "iou": "IoU"}


def scores(score: dict[str, Any] | None) -> Element | None:
    """How the maps agree with a truth: scores with intervals, differences, confusion."""
    if not score:
        return None
    content: list[Content] = []
    if "truth" in score:
        content.append(element("p", "Truth: ", element("code", score["truth"])))
    whole = [row for row in score["rows"] if row["part"]["kind"] == "all"]
    for at, grouping in enumerate(dict.fromkeys(row["grouping"] for row in whole)):
        rows = [row for row in whole if row["grouping"] == grouping]
        found = _grouping(rows, score["bootstrap"]["level"], first=at == 0)
        heading = f"Grouping {grouping}"
        content += (
            [element("h3", heading), found]
            if at == 0
            else [element("details", element("summary", heading), found, class_="grouping")]
        )
    if score["pairs"]:
        content.append(_pairs(score["pairs"]))
    notes = [element("li", note) for note in score["notes"]]
    content.append(element("ul", *notes, class_="help") if notes else None)
    return section("scores", "Against the truth", *content)


def _grouping(rows: list[dict[str, Any]], level: float, *, first: bool) -> Element:
    """The scores of all maps in one grouping beside the last map's confusion; the rest unfolds."""
    more = [
        element(
            "details",
            element("summary", f"{row['contestant']}: {'classes' if row is rows[-1] else 'confusion and classes'}"),
            None if row is rows[-1] else heat_map(row),
            _classes(row),
            open="open" if first and row is rows[-1] else None,
        )
        for row in rows
    ]
    return element("div", element("div", _overall(rows, level), heat_map(rows[-1]), class_="columns"), *more)


def _overall(rows: list[dict[str, Any]], level: float) -> Element:
    low, high = scale_of([row["scores"][name] for row in rows for name in SCORES])
    lines: list[list[Content]] = [
        [label, row["contestant"], _figure(row["scores"][name]), whisker(row["scores"][name], low, high)]
        for name, label in SCORES.items()
        for row in rows
    ]
    head = ["score", "map", "value and interval", f"{low:.1f} to {high:.1f}"]
    text = f"Scores on {number(rows[0]['pixels'])} {_unit(rows[0])}, {level:.0%} intervals by blocks"
    return table(head, lines, text, words=2)


def _classes(row: dict[str, Any]) -> Element:
    lines = [
        [f"{one['code']} {one['name']}", number(one["true"]), *(_figure(one[name]) for name in PER_CLASS)]
        for one in row["classes"]
        if one["true"] or one["said"]
    ]
    return table(["class", f"true {_unit(row)}", *PER_CLASS.values()], lines, f"{row['contestant']}, class by class")


def _unit(row: dict[str, Any]) -> str:
    return str(row.get("unit", "pixels"))


def _pairs(pairs: list[dict[str, Any]]) -> Element:
    rows = [
        [f"{one['second']} less {one['first']}", one["grouping"], _figure(one["gain"], sign=True),
         f"{one['mcnemar_p']:.3g}"]
        for one in pairs
    ]  # fmt: skip
    head = ["difference", "grouping", "overall accuracy", "McNemar's p"]
    return table(head, rows, "Maps on the same pixels (McNemar takes pixels for independent)", words=2)


def _figure(score: dict[str, float | None], *, sign: bool = False) -> str:
    if score["value"] is None:
        return "–"
    value = number(score["value"], 3, sign=sign)
    if score["low"] is None or score["high"] is None:
        return value
    return f"{value} [{number(score['low'], 3, sign=sign)} … {number(score['high'], 3, sign=sign)}]"
