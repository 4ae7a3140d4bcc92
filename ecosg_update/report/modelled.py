"""What a model and weather stations see of the change."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.report.charts import change_bar
from ecosg_update.report.markup import Content, element, number, section, table
from ecosg_update.report.pictures import Picture
from ecosg_update.report.sections import MOST_ROWS, shown

TILES = ("SEA", "WATER", "NATURE", "TOWN")


def model(domain: dict[str, Any] | None, pictures: tuple[Picture, ...]) -> Element | None:
    """What the model's grid feels: tiles, land-sea mask, and the fields that follow from the covers.

    pictures: how each tile changes on it.
    """
    if domain is None:
        return None
    counted = [one for one in domain["tiles"].values() if one["before_mean"] is not None]
    swing = max((abs(one["after_mean"] - one["before_mean"]) for one in counted), default=0.0)
    tiles: list[list[Content]] = [
        [
            name,
            number(one["before_mean"], 4),
            number(one["after_mean"], 4),
            change_bar(one["after_mean"] - one["before_mean"], swing) if one in counted else "",
            number(one["mean_abs_change"], 4),
            number(one["max_abs_change"], 3),
            number(one["cells_changed"]),
        ]
        for name, one in domain["tiles"].items()
    ]
    head = ["tile", "original", "new", "loss | gain", "mean |change|", "largest |change|", "cells changed"]
    fields = [
        [
            f"{name.replace('_', ' ')}, {one['unit']}",
            *(number(one[key], 3) for key in ("before_mean", "after_mean", "mean_abs_change", "max_abs_change")),
        ]
        for name, one in domain.get("fields", {}).items()
    ]
    field_head = ["field", "original", "new", "mean |change|", "largest |change|"]
    rows, cols = domain["shape"]
    text = f"{number(rows)} x {number(cols)} cells, {number(domain['cells']['compared'])} of them with map pixels."
    return section(
        "model", f"On the model grid {domain['name']}",
        element("p", text),
        shown(pictures, "gallery model"),
        element("div", table(head, tiles, "Tile fractions"),
                table(field_head, fields, "Fields by the table values of SURFEX") if fields else None,
                _flips(domain["mask_flips"]), class_="columns"),
    )  # fmt: skip


def stations(found: list[dict[str, Any]], listed: dict[str, Any] | None) -> Element | None:
    """The tiles under observing stations, those that changed first. listed: how many a list had, None without one."""
    if listed is None:
        return None
    if not found:
        text = f"None of the {number(listed['outside'])} stations of the list lies on the maps compared."
        return section("stations", "Under the stations", element("p", text))
    changed = sum(one["changed"] for one in found)
    rows = [
        [
            f"{one['id']} {one['name']}",
            number(one["distance_km"], 1),
            *(_from_to(*((one[when] or {}).get(tile) for when in ("before", "after"))) for tile in TILES),
        ]
        for one in sorted(found, key=lambda one: not one["changed"])[:MOST_ROWS]
    ]
    head = ["station", "km to the cell", *TILES]
    text = f"{number(changed)} of {number(len(found))} stations stand on a model cell whose tiles changed."
    return section(
        "stations", "Under the stations", element("p", text), table(head, rows, "Tile fractions, original → new")
    )


def _flips(flips: dict[str, Any]) -> Element | None:
    rows = [
        [f"{one['lat']:.3f}, {one['lon']:.3f}", _from_to(one["sea_before"], one["sea_after"])]
        for one in flips["cells"][:MOST_ROWS]
    ]
    title = f"Cells whose land-sea mask flips (at a sea fraction of {flips['threshold']})"
    return table(["latitude, longitude", "sea, original → new"], rows, title) if rows else None


def _from_to(before: float | None, after: float | None) -> Content:
    text = f"{number(before, 2)} → {number(after, 2)}"
    return element("strong", text) if number(before, 2) != number(after, 2) else text
