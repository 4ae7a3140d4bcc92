"""The sections of the page, each made from one plain document; a section whose document is absent is left out."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.report.charts import change_bar, pair_bars
from ecosg_update.report.markup import Content, element, number, percent, section, table
from ecosg_update.report.pictures import Picture

MOST_ROWS = 40
"""Of a list that could be endless; the document beside the page holds all."""


def summary(document: dict[str, Any]) -> Element:
    """The verdict and the three figures."""
    cards = [
        element(
            "li",
            element("strong", figure["value"]),
            element("span", figure["name"], class_="name"),
            element("p", figure["text"]),
        )
        for figure in document["figures"]
    ]
    heed = [element("li", text) for text in document["heed"]]
    word = document["verdict"]["word"]
    return section(
        "summary", "In short",
        element("p", element("span", word, class_=f"word {word.replace(' ', '-')}"), " ", document["verdict"]["text"],
                class_="verdict"),
        element("ul", *cards, class_="figures"),
        element("ul", *heed, class_="heed") if heed else None,
    )  # fmt: skip


def gallery(pictures: tuple[Picture, ...]) -> Element:
    """All layers at one glance."""
    return section("gallery", "All layers at a glance", shown(pictures, "gallery land"))


def legend(compare: dict[str, Any]) -> Element:
    """The covers that occur, by area, each a button that lights it up on the map."""
    rows: list[list[Content]] = [
        [
            element("button", _swatch(f"c{one['code']}"), element("span", f"{one['code']} {one['name']}"),
                    type="button", class_="light", data_code=one["code"], aria_pressed="false"),
            number(one["before_km2"], 1),
            number(one["after_km2"], 1),
            number(one["after_km2"] - one["before_km2"], 1, sign=True),
        ]
        for one in sorted(compare["classes"], key=lambda one: -max(one["before_km2"], one["after_km2"]))
        if one["before_cells"] or one["after_cells"]
    ]  # fmt: skip
    return table(["cover", "original", "new", "change"], rows, "Legend and areas, km²")


def areas(compare: dict[str, Any]) -> Element:
    """Areas of groups and of the largest transitions."""
    groups = sorted(compare["groups"], key=lambda one: -max(one["before_km2"], one["after_km2"]))
    most = max((max(one["before_km2"], one["after_km2"]) for one in groups), default=0.0)
    swing = max((abs(one["after_km2"] - one["before_km2"]) for one in groups), default=0.0)
    rows = [
        [
            one["name"],
            number(one["before_km2"], 1),
            number(one["after_km2"], 1),
            pair_bars(one["before_km2"], one["after_km2"], most),
            number(one["after_km2"] - one["before_km2"], 1, sign=True),
            change_bar(one["after_km2"] - one["before_km2"], swing),
        ]
        for one in groups
    ]
    head = ["group", "original km²", "new km²", "original above new", "change km²", "loss | gain"]
    return section(
        "areas", "Areas before and after",
        element("div", table(head, rows, "Area by primary group"), _transitions(compare), class_="columns"),
    )  # fmt: skip


def changes(compare: dict[str, Any]) -> Element | None:
    """The largest connected changes, each a button that leads the map there."""
    names = {one["code"]: one["name"] for one in compare["classes"]}
    told = compare["changes"][:MOST_ROWS]
    rows: list[list[Content]] = [
        [
            element(
                "button", f"{one['lat']:.4f}, {one['lon']:.4f}", type="button", class_="goto",
                data_lon=one["lon"], data_lat=one["lat"], data_west=one["west"], data_east=one["east"],
                data_south=one["south"], data_north=one["north"],
            ),
            _turn(one, names),
            number(one["cells"]),
            number(one["km2"], 2),
        ]
        for one in told
    ]  # fmt: skip
    if not rows:
        return None
    head = ["latitude, longitude", "mostly from → to", "cells", "km²"]
    text = f"The largest {number(len(told))} of {number(compare['changes_in_all'])} connected changes"
    return section("changes", "Where it changed most", table(head, rows, text, words=2))


def reasons(evidence: dict[str, Any]) -> Element:
    """How many cells hold their cover for which reason."""
    rows: list[list[Content]] = [
        [
            element("span", _swatch(f"r{one['code']}"), one["label"], element("span", one["text"], class_="meaning")),
            number(one["cells"]),
            percent(one["km2"] / evidence["all"]["km2"]),
        ]
        for one in sorted(evidence["reasons"], key=lambda one: -one["cells"])
    ]
    head = ["reason", "cells", "of the area"]
    return section("reasons", "Why each cell holds its cover", table(head, rows, "Cells by reason"))


def provenance(document: dict[str, Any]) -> Element:
    """Which tool, inputs, tables and engine made this."""
    manifest = document["manifest"]
    engine = manifest.get("engine") or {}
    tool = manifest["tool"]
    facts = {
        "made by": f"{tool['name']} {tool['version']}, Python {tool['python']}",
        "run started": f"{manifest['started']}, took {number(manifest['wall_seconds'], 1)} s",
        "engine": " ".join(str(engine[key]) for key in ("engine", "level", "legend") if key in engine) or "none",
        "libraries": ", ".join(f"{name} {version}" for name, version in manifest["libraries"].items()),
        "this page": document["reported_by"],
    }
    listed = [pair for name, fact in facts.items() for pair in (element("dt", name), element("dd", fact))]
    notes = [element("li", note) for note in (*manifest["notes"], *document["notes"])]
    return section(
        "provenance", "Where this comes from",
        element("dl", *listed),
        element("h3", "Notes") if notes else None,
        element("ul", *notes) if notes else None,
        *(_checksums(name, manifest[name]) for name in ("inputs", "products", "tables")),
    )  # fmt: skip


def _transitions(compare: dict[str, Any]) -> Element | None:
    names = {one["code"]: one["name"] for one in compare["classes"]}
    found = [one for one in compare["transitions"] if one["from"] != one["to"]][:MOST_ROWS]
    if not found:
        return None
    most = max(one["km2"] for one in found)
    rows: list[list[Content]] = [
        [
            _turn(one, names),
            number(one["cells"]),
            number(one["km2"], 1),
            pair_bars(0, one["km2"], most),
        ]
        for one in found
    ]
    return table(["from → to", "cells", "km²", "area"], rows, "Largest transitions")


def _checksums(name: str, files: dict[str, str]) -> Element:
    rows: list[list[Content]] = [[path, element("code", digest)] for path, digest in files.items()]
    head = element("summary", f"{number(len(files))} {name} with their sha256")
    return element("details", head, table(["file", "sha256"], rows, name, words=2), class_="files")


def _turn(one: dict[str, Any], names: dict[int, str]) -> Element:
    """From one cover to another, each with its colour."""
    old, new = one["from"], one["to"]
    after = element("span", _swatch(f"c{new}"), names.get(new, "no data"), class_="to")
    return element("span", _swatch(f"c{old}"), names.get(old, "no data"), " → ", after)


def _swatch(key: str) -> Element:
    return element("i", class_=f"swatch {key}")


def shown(pictures: tuple[Picture, ...], kind: str) -> Element:
    """Still pictures side by side with their titles. kind: their class."""
    figures = [
        element(
            "figure",
            element("img", src=one.address, alt=f"map: {one.title}"),
            element("figcaption", one.title),
        )
        for one in pictures
    ]
    return element("div", *figures, class_=kind)
