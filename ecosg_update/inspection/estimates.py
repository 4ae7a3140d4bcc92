"""What experts' verdicts say of the new and of the original map, in each grouping, with standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import tables
from ecosg_update.inspection.draw import Site
from ecosg_update.inspection.records import (
    CANNOT_TELL,
    DESIGN,
    SITES,
    STRATA,
    Stratum,
    Verdict,
    read_design,
    read_sites,
    read_strata,
    read_verdicts,
)
from ecosg_update.judge.confusion import confusion
from ecosg_update.judge.grouping import Grouping, grouping
from ecosg_update.judge.scores import overall_scores
from ecosg_update.judge.stratified import Estimate, Estimates, Judged, Strata, estimates, gain
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUPINGS = ("ecosg", "ecosg-primary", "corine-l1")
"""What is told without a wish: the covers themselves, the nine primary labels, the five of CORINE."""


@dataclass(frozen=True, eq=False)
class Found:
    """One map in one grouping, as one expert saw it.

    said, true: int64 (class,), judged sites that the map, or the expert, gave to each class. mapped: float64
    (class,), km2 that the map itself gives it.
    """

    expert: str
    map: str
    grouping: str
    legend: Legend
    sites: int
    figures: Estimates
    said: NDArray[np.int64]
    true: NDArray[np.int64]
    mapped: NDArray[np.float64]

    def document(self) -> dict[str, Any]:
        """As JSON; classes that nobody said or saw are left out."""
        figures = self.figures
        return {
            "expert": self.expert,
            "map": self.map,
            "grouping": self.grouping,
            "sites": self.sites,
            "represented": figures.represented,
            "overall": figures.overall.document(),
            "classes": [
                {
                    "code": self.legend.codes[row],
                    "name": self.legend.names[row],
                    "sites_said": int(self.said[row]),
                    "sites_true": int(self.true[row]),
                    "mapped_km2": float(self.mapped[row]),
                    "user": figures.user[row].document(),
                    "producer": figures.producer[row].document(),
                    "area_km2": figures.area[row].document(),
                }
                for row in self.present
            ],
            "matrix": figures.matrix.tolist(),
        }

    @property
    def present(self) -> list[int]:
        """Rows of the classes that were said or seen at a site, or that the map holds."""
        return [int(row) for row in np.flatnonzero(self.said + self.true + (self.mapped > 0))]


@dataclass(frozen=True)
class Gained:
    """The new map's overall accuracy less the original's, by the same sites."""

    expert: str
    grouping: str
    gain: Estimate

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {"expert": self.expert, "grouping": self.grouping, "gain": self.gain.document()}


@dataclass(frozen=True)
class Agreement:
    """How often two experts saw the same at the sites that both judged; kappa is nan where chance agrees fully."""

    first: str
    second: str
    grouping: str
    sites: int
    agreed: float
    kappa: float

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": self.first, "second": self.second, "grouping": self.grouping, "sites": self.sites,
            "agreed": None if np.isnan(self.agreed) else self.agreed,
            "kappa": None if np.isnan(self.kappa) else self.kappa,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judgement:
    """All that was found. notes: what a reader must know."""

    found: tuple[Found, ...]
    gains: tuple[Gained, ...]
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "level": 0.95,
            "estimates": [one.document() for one in self.found],
            "gains": [one.document() for one in self.gains],
            "agreements": [one.document() for one in self.agreements],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class Drawn:
    """An inspection's folder, read again."""

    sites: dict[str, Site]
    strata: tuple[Stratum, ...]
    legend: Legend
    maps: dict[str, dict[str, float]]
    """km2 by code of each map: "new" and, where it is known, "original"."""


def drawn(folder: Path) -> Drawn:
    """The inspection of a folder; FormatError or TableError for one that holds none or a damaged one."""
    design = read_design(folder / DESIGN)
    sites = read_sites(folder / SITES)
    maps = dict(design.get("mapped_km2", {})) or {"new": {}}
    return Drawn(
        {site.id: site for site in sites}, read_strata(folder / STRATA), tables.legend(design["legend"]), maps
    )


def judgement(
    folder: Path, verdicts: Sequence[Path], groupings: Sequence[str] = (), *, second_counts: bool = False
) -> Judgement:
    """What the verdicts of one or several experts say of the maps of an inspection.

    groupings: names of legends, `GROUPINGS` for none. second_counts: a map that holds an expert's second choice is
    right as well. Raises TableError for verdicts that do not belong to the folder or none of which tells a class.
    """
    inspected = drawn(folder)
    legend = inspected.legend
    given = {_name(file, verdicts): read_verdicts(file, legend, list(inspected.sites)) for file in verdicts}
    ways = [grouping(legend, tables.legend(name)) for name in (groupings or GROUPINGS)]
    found, gains = [], []
    for expert, each in given.items():
        told = [one for one in each if one.verdict != CANNOT_TELL]
        for way in ways:
            sites = {name: _judged(inspected, told, way, name, second_counts) for name in inspected.maps}
            found += [_found(inspected, expert, name, way, judged) for name, judged in sites.items()]
            if "original" in sites:
                value = gain(sites["original"], sites["new"], _strata(inspected))
                gains.append(Gained(expert, way.name, value))
    agreements = [_agreement(one, other, way, given) for one, other in combinations(given, 2) for way in ways]
    notes = [note for expert, each in given.items() for note in _notes(inspected, expert, each)]
    return Judgement(tuple(found), tuple(gains), tuple(agreements), tuple(notes))


def _found(inspected: Drawn, expert: str, name: str, way: Grouping, judged: Judged) -> Found:
    count = len(way.target)
    mapped = np.zeros(count)
    for code, km2 in inspected.maps[name].items():
        row = way.rows[inspected.legend.index(int(code))]
        if row >= 0:
            mapped[row] += km2
    return Found(
        expert=expert,
        map=name,
        grouping=way.name,
        legend=way.target,
        sites=judged.said.size,
        figures=estimates(judged, _strata(inspected), count),
        said=_counted(judged.said, count),
        true=_counted(judged.true, count),
        mapped=mapped,
    )


def _judged(inspected: Drawn, told: Sequence[Verdict], way: Grouping, name: str, second_counts: bool) -> Judged:
    """The sites of verdicts that tell a class. name: of the map."""
    number = {one.stratum: at for at, one in enumerate(inspected.strata)}
    sites = [inspected.sites[one.id] for one in told]
    said = _rows(way, inspected.legend, [site.cover if name == "new" else site.base for site in sites])
    true = _rows(way, inspected.legend, [one.verdict for one in told])
    if second_counts:
        second = _rows(way, inspected.legend, [one.second for one in told])
        true = np.where((second == said) & (second >= 0), second, true).astype(np.int16)
    stratum = np.array([number[site.stratum] for site in sites], np.intp)
    return Judged(stratum, said, true, np.array([site.cell_km2 for site in sites]))


def _strata(inspected: Drawn) -> Strata:
    cells = np.array([one.cells for one in inspected.strata], np.int64)
    return Strata(np.array([one.km2 for one in inspected.strata]), cells)


def _agreement(one: str, other: str, way: Grouping, given: dict[str, tuple[Verdict, ...]]) -> Agreement:
    first, second = ({each.id: each.verdict for each in given[name] if each.verdict} for name in (one, other))
    both = sorted(first.keys() & second.keys())
    rows = [_rows(way, way.source, [seen[name] for name in both]) for seen in (first, second)]
    scores = overall_scores(confusion(rows[0], rows[1], way.target).counts)
    return Agreement(one, other, way.name, len(both), float(scores["accuracy"]), float(scores["kappa"]))


def _notes(inspected: Drawn, expert: str, verdicts: Sequence[Verdict]) -> list[str]:
    """How far the verdicts go, and what they leave out."""
    untold = sum(one.verdict == CANNOT_TELL for one in verdicts)
    seen = sum(not one.blind for one in verdicts)
    judged = {inspected.sites[one.id].stratum for one in verdicts if one.verdict != CANNOT_TELL}
    empty = [one for one in inspected.strata if one.stratum not in judged]
    part = sum(one.km2 for one in empty) / sum(one.km2 for one in inspected.strata)
    notes = [f"{expert}: {len(verdicts)} of {len(inspected.sites)} sites judged, {untold} of them cannot be told"]
    if seen:
        notes.append(f"{expert}: {seen} verdicts were given after the maps had been shown")
    if empty:
        names = "; ".join(one.stratum for one in empty[:4]) + (" ..." if len(empty) > 4 else "")
        notes.append(
            f"{expert}: no verdict in {len(empty)} of {len(inspected.strata)} strata ({names}), {part:.1%} of the "
            "area; the figures hold for the rest"
        )
    return notes


def _name(file: Path, others: Sequence[Path]) -> str:
    """The stem of a file of verdicts, its path where two have one stem."""
    return file.stem if [one.stem for one in others].count(file.stem) == 1 else str(file)


def _rows(way: Grouping, legend: Legend, codes: Iterable[int]) -> NDArray[np.int16]:
    return way.labels(np.asarray(legend.rows[np.array(list(codes), np.intp)], np.int16))


def _counted(rows: NDArray[np.int16], count: int) -> NDArray[np.int64]:
    return np.bincount(rows[rows >= 0], minlength=count).astype(np.int64)
