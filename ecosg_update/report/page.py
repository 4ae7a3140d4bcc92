"""One HTML file that needs nothing else: style, script, pictures and data inside; a policy forbids the rest."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from html import escape
from importlib import resources
from string import Template
from typing import Any
from xml.etree.ElementTree import Element

from ecosg_update.grid import LatLonGrid
from ecosg_update.legend import Colour, Legend
from ecosg_update.report import judged, modelled, sections
from ecosg_update.report.layers import LEVELS, Packed
from ecosg_update.report.markup import html
from ecosg_update.report.pictures import (
    SAME,
    TITLES,
    Picture,
    aspect,
    confidence_palette,
    cover_palette,
    reason_palette,
)
from ecosg_update.report.reasons import MEANINGS


@dataclass(frozen=True, eq=False)
class Maps:
    """What is drawn. stills: of the layers; model: of the tiles of a model grid, if there is one.

    model_aspect: width over height of the model's grid.
    """

    grid: LatLonGrid
    legend: Legend
    layers: tuple[Packed, ...]
    stills: tuple[Picture, ...]
    model: tuple[Picture, ...] = ()
    model_aspect: float = 1.0


def page(document: dict[str, Any], maps: Maps) -> str:
    """The page of a report's document and its maps; what the document says is escaped, wherever it comes from."""
    style = _asset("page.css") + _swatches(maps.legend) + _proportions(maps)
    script = _asset("page.js")
    compare = document["compare"]
    after = [
        sections.gallery(maps.stills),
        judged.scores(document["score"]),
        sections.areas(compare),
        sections.changes(compare),
        modelled.model(compare["domain"], maps.model),
        modelled.stations(compare["stations"], compare["stations_listed"]),
        sections.reasons(document["evidence"]),
        sections.provenance(document),
    ]
    shown = [one for one in after if one is not None]
    return Template(_asset("page.html")).substitute(
        title=escape(document["title"]),
        place=escape(_place(maps.grid)),
        policy=f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'",
        style=style,
        script=script,
        contents=_contents(shown),
        summary=html(sections.summary(document)),
        legend=html(sections.legend(compare)),
        sections=html(*shown),
        view=_json(_view(maps)),
        data="\n".join(f'<script type="text/plain" id="layer-{one.name}">{one.text}</script>' for one in maps.layers),
    )


def _view(maps: Maps) -> dict[str, Any]:
    """What the script needs to draw the maps."""
    grid, legend = maps.grid, maps.legend
    return {
        "grid": {
            "perDegree": grid.per_degree,
            "row": grid.row,
            "col": grid.col,
            "rows": grid.rows,
            "cols": grid.cols,
        },
        "covers": [{"code": code, "name": name} for code, name in zip(legend.codes, legend.names, strict=True)],
        "reasons": [
            {"code": int(reason), "name": reason.label, "text": meaning.text} for reason, meaning in MEANINGS.items()
        ],
        "palettes": {
            "cover": _listed(cover_palette(legend)),
            "reason": _listed(reason_palette()),
            "confidence": _listed(confidence_palette()),
            "same": SAME,
        },
        "levels": LEVELS,
        "usual": next((one.usual for one in maps.layers if one.name == "reason"), ()),
        "titles": TITLES,
        "layers": [{"name": one.name, "kind": one.kind, "step": one.step} for one in maps.layers],
    }


def _listed(palette: dict[int, Colour]) -> list[list[int]]:
    return [[code, *colour] for code, colour in palette.items()]


def _swatches(legend: Legend) -> str:
    """The colours of codes as rules of style: the policy forbids styles on elements."""
    covers = [f".c{code}{{background:{_hex(colour)}}}" for code, colour in cover_palette(legend).items()]
    reasons = [f".r{code}{{background:{_hex(colour)}}}" for code, colour in reason_palette().items()]
    return "\n".join([*covers, *reasons]) + "\n"


def _proportions(maps: Maps) -> str:
    """Still pictures have the proportions of the land, whatever their pixels."""
    land, model = aspect(maps.grid), maps.model_aspect
    return f".land img{{aspect-ratio:{land:.4f}}}\n.model img{{aspect-ratio:{model:.4f}}}\n"


def _contents(shown: list[Element]) -> str:
    """Links to the sections."""
    listed = [("summary", "In short"), ("maps", "Maps")]
    listed += [(one.get("id", ""), one[0].text or "") for one in shown]
    return "\n".join(f'<li><a href="#{name}">{escape(title)}</a></li>' for name, title in listed)


def _place(grid: LatLonGrid) -> str:
    return f"{grid}, {grid.rows:,} x {grid.cols:,} cells, {grid.per_degree} a degree"


def _json(content: dict[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _asset(name: str) -> str:
    return resources.files("ecosg_update.report").joinpath("assets", name).read_text(encoding="utf-8")
