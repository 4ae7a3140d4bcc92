"""The sections of the page, each made from one plain document; a section whose document is absent is left out."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.report.charts import change_bar, heat_map, pair_bars, scale_of, whisker
from ecosg_update.report.markup import Content, element, number, percent, section, table
from ecosg_update.report.pictures import Picture

MOST_ROWS = 40
"""Of a list that could be endless; the document beside the page holds all."""

SCORES = {
    "accuracy": "overall accuracy",
    "kappa": "kappa",
    "macro_f1": "F1, mean of classes",
    "macro_iou": "IoU, mean of classes",
    "weighted_iou": "IoU, weighted by area",
}
PER_CLASS = {"producer": "producer's accuracy", "user": "user's accuracy", "f1": "F1", "iou": "IoU"}
TILES = ("SEA", "WATER", "NATURE", "TOWN")


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
    return section("gallery", "All layers at a glance", _shown(pictures, "gallery land"))


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
    text = f"The largest {number(len(told))} of {number(compare['changes_in_all'])} connected changes; each leads the map."
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
    text = f"{number(rows)} x {number(cols)} cells, {number(domain['cells']['compared'])} of them with pixels of the map."
    return section(
        "model", f"On the model grid {domain['name']}",
        element("p", text),
        _shown(pictures, "gallery model"),
        element("div", table(head, tiles, "Tile fractions"),
                table(field_head, fields, "Fields by the table values of SURFEX") if fields else None,
                _flips(domain["mask_flips"]), class_="columns"),
    )  # fmt: skip


def stations(found: list[dict[str, Any]]) -> Element | None:
    """The tiles under observing stations, those that changed first."""
    if not found:
        return None
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


def _flips(flips: dict[str, Any]) -> Element | None:
    rows = [
        [f"{one['lat']:.3f}, {one['lon']:.3f}", _from_to(one["sea_before"], one["sea_after"])]
        for one in flips["cells"][:MOST_ROWS]
    ]
    title = f"Cells whose land-sea mask flips (at a sea fraction of {flips['threshold']})"
    return table(["latitude, longitude", "sea, original → new"], rows, title) if rows else None


def _grouping(rows: list[dict[str, Any]], level: float, *, first: bool) -> Element:
    """The scores of all maps in one grouping; of the first one, the last map's confusion is open."""
    more = [
        element("details", element("summary", f"{row['contestant']}: confusion and classes"), heat_map(row),
                _classes(row), open="open" if first and row is rows[-1] else None)
        for row in rows
    ]  # fmt: skip
    return element("div", _overall(rows, level), element("div", *more), class_="columns")


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


def _checksums(name: str, files: dict[str, str]) -> Element:
    rows = [[path, element("code", digest)] for path, digest in files.items()]
    head = element("summary", f"{number(len(files))} {name} with their sha256")
    return element("details", head, table(["file", "sha256"], rows, name, words=2), class_="files")


def _turn(one: dict[str, Any], names: dict[int, str]) -> Element:
    """From one cover to another, each with its colour."""
    old, new = one["from"], one["to"]
    after = element("span", _swatch(f"c{new}"), names.get(new, "no data"), class_="to")
    return element("span", _swatch(f"c{old}"), names.get(old, "no data"), " → ", after)


def _shown(pictures: tuple[Picture, ...], kind: str) -> Element:
    figures = [
        element(
            "figure",
            element("img", src=one.address, alt=f"map: {one.title}"),
            element("figcaption", one.title),
        )
        for one in pictures
    ]
    return element("div", *figures, class_=kind)


def _swatch(key: str) -> Element:
    return element("i", class_=f"swatch {key}")


def _from_to(before: float | None, after: float | None) -> Content:
    text = f"{number(before, 2)} → {number(after, 2)}"
    return element("strong", text) if number(before, 2) != number(after, 2) else text


def _figure(score: dict[str, float | None], *, sign: bool = False) -> str:
    if score["value"] is None:
        return "–"
    value = number(score["value"], 3, sign=sign)
    if score["low"] is None or score["high"] is None:
        return value
    return f"{value} [{number(score['low'], 3, sign=sign)} … {number(score['high'], 3, sign=sign)}]"
