"""The page's first lines: a verdict in plain words and the three figures that decide.

What decides whether a new physiography goes into a forecast: how much of the land is another cover now; whether that
is better (measured against a truth where one was given, else how sure the changes are); and what the forecast feels,
the cells where water and land change places (of the model where a domain was given, else of the map).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ecosg_update.report.markup import number, percent

FEW_SEEN = 0.5
"""Below this part of the map seen, the page says so first."""


@dataclass(frozen=True)
class Figure:
    """One of the three: what it is, how large, and a sentence that puts it in its place."""

    name: str
    value: str
    text: str


@dataclass(frozen=True)
class Verdict:
    """word: better, worse, no different, not measured, or unchanged; text: the same as a sentence."""

    word: str
    text: str


def summary(evidence: dict[str, Any], compare: dict[str, Any], score: dict[str, Any] | None) -> dict[str, Any]:
    """As JSON: `verdict`, the three `figures` and what to `heed`. The documents are those of the page."""
    gain = gained(score)
    figures = [_changed(evidence), _quality(evidence, gain), _mask(evidence, compare.get("domain"))]
    return {
        "verdict": asdict(verdict(evidence, gain)),
        "figures": [asdict(figure) for figure in figures],
        "heed": _heed(evidence, compare),
    }


def gained(score: dict[str, Any] | None) -> dict[str, Any] | None:
    """The pair original and new of a score in its first grouping, None where there is none."""
    pairs = score["pairs"] if score else []
    return next(iter(pairs), None)


def verdict(evidence: dict[str, Any], gain: dict[str, Any] | None) -> Verdict:
    """What the run comes to. gain: as of `gained`; an interval that holds 0 is no difference."""
    if not evidence["changed"]["cells"]:
        return Verdict("unchanged", "No land cell changed: the new map is the original.")
    share = percent(_part(evidence["changed"], evidence["land"]))
    if gain is None:
        return Verdict(
            "not measured",
            f"{share} of the land changed. Whether that is better was not measured: no truth was given.",
        )
    low, high = gain["gain"]["low"], gain["gain"]["high"]
    if low is None or high is None or low <= 0 <= high:
        return Verdict(
            "no different",
            f"{share} of the land changed. Against the truth, the new map is not measurably better or worse.",
        )
    if low > 0:
        return Verdict("better", f"{share} of the land changed, and the new map agrees better with the truth.")
    return Verdict(
        "worse", f"{share} of the land changed, and the new map agrees worse with the truth: do not use it."
    )


def _changed(evidence: dict[str, Any]) -> Figure:
    changed, land = evidence["changed"], evidence["land"]
    return Figure(
        "of the land changed",
        percent(_part(changed, land)),
        f"{number(changed['km2'], 1)} of {number(land['km2'], 1)} km²; {number(changed['cells'])} cells.",
    )


def _quality(evidence: dict[str, Any], gain: dict[str, Any] | None) -> Figure:
    if gain is None:
        sure, changed = evidence["sure"], evidence["changed"]
        return Figure(
            "of the changes are sure",
            percent(_part(sure, changed)),
            f"Held with a confidence of {evidence['sure_from']:.0%} or more, by area. The tool believes so; "
            "only a truth can measure it.",
        )
    found = gain["gain"]
    bounds = f", interval {_points(found['low'])} to {_points(found['high'])}" if found["low"] is not None else ""
    return Figure(
        "points of accuracy against the truth",
        _points(found["value"]),
        f"{gain['second']} less {gain['first']} on the same places, grouping {gain['grouping']}{bounds}.",
    )


def _mask(evidence: dict[str, Any], domain: dict[str, Any] | None) -> Figure:
    if domain is not None:
        flips, town = domain["mask_flips"], domain["tiles"]["TOWN"]
        return Figure(
            f"{_cells(flips['to_sea'] + flips['to_land'], 'model ')} between land and water",
            number(flips["to_sea"] + flips["to_land"]),
            f"{number(flips['to_sea'])} to water, {number(flips['to_land'])} to land on {domain['name']}; "
            f"the town of a model cell changes by at most {number(town['max_abs_change'], 2)}.",
        )
    to_water, to_land = evidence["to_water"], evidence["to_land"]
    return Figure(
        f"{_cells(to_water['cells'] + to_land['cells'])} between water and land",
        number(to_water["cells"] + to_land["cells"]),
        f"{number(to_water['km2'], 1)} km² to water, {number(to_land['km2'], 1)} km² to land; "
        "name the model's domain to see what its cells make of it.",
    )


def _heed(evidence: dict[str, Any], compare: dict[str, Any]) -> list[str]:
    """What a reader must not miss."""
    seen = _part(evidence["seen"], evidence["all"])
    found = []
    if seen is not None and seen < FEW_SEEN:
        found.append(f"Only {percent(seen)} of the map was seen; the rest is the original as it was.")
    found += [f"{text}." for text in evidence.get("sweeps", ())]
    shy = _part(evidence["sure"], evidence["changed"])
    if shy is not None and shy < 0.5:
        found.append("Most of the changes are held with little confidence: look at them before you use the map.")
    domain = compare.get("domain")
    if domain and domain["mask_flips"]["to_sea"]:
        found.append("Some model cells become water: check that their neighbours and the nesting model agree.")
    return found


def _cells(count: int, kind: str = "") -> str:
    return f"{kind}cell changes" if count == 1 else f"{kind}cells change"


def _part(part: dict[str, float], whole: dict[str, float]) -> float | None:
    return part["km2"] / whole["km2"] if whole["km2"] else None


def _points(share: float | None) -> str:
    return number(None if share is None else 100 * share, 1, sign=True)
