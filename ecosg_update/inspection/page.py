"""The page on which an expert gives verdicts: one file, no network, the map's own class out of sight."""

from __future__ import annotations

import hashlib
import html
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

from ecosg_update.inspection.chips import Chips
from ecosg_update.inspection.draw import Site
from ecosg_update.legend import Legend

ASSETS = files("ecosg_update.inspection") / "assets"


def page(sites: Sequence[Site], images: Sequence[Chips], legend: Legend, *, title: str, notes: Sequence[str]) -> str:
    """The HTML of an inspection: style, script and images are part of it, and its policy forbids any other source.

    What is stored in the browser goes by the sites: a page that is drawn again with the same seed finds it.
    """
    data = {
        "key": hashlib.sha256(repr([(site.id, site.lon, site.lat) for site in sites]).encode()).hexdigest()[:16],
        "legend": [
            {"code": code, "name": name, "colour": f"#{bytes(colour).hex()}", "group": group}
            for code, name, colour, group in zip(
                legend.codes, legend.names, legend.colours, legend.group, strict=True
            )
        ],
        "sites": [_site(site, chips) for site, chips in zip(sites, images, strict=True)],
    }
    return Template(_asset("page.html")).substitute(
        title=html.escape(title),
        notes="".join(f"<p>{html.escape(note)}</p>" for note in notes),
        style=_asset("page.css"),
        script=_asset("page.js"),
        data=_script_safe(data),
    )


def _site(site: Site, chips: Chips) -> dict[str, Any]:
    return {
        "id": site.id,
        "lon": round(site.lon, 6),
        "lat": round(site.lat, 6),
        "photo": chips.photo,
        "new": chips.new,
        "original": chips.original,
        "box": [round(edge, 5) for edge in chips.box],
        "cover": site.cover,
        "base": site.base,
        "confidence": None if math.isnan(site.confidence) else round(site.confidence, 3),
        "reason": site.reason,
    }


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _script_safe(data: dict[str, Any]) -> str:
    """JSON that can stand in a script element: nothing in it ends the element or a line."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
