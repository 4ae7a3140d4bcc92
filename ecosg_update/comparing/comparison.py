"""Two cover maps compared: one noun, one document."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosg_update import domains
from ecosg_update.comparing import onmodel, pair, stations
from ecosg_update.comparing.changes import Change
from ecosg_update.comparing.onmodel import OnModel
from ecosg_update.comparing.scan import scanned
from ecosg_update.comparing.stations import Below, Listed
from ecosg_update.comparing.transitions import Transitions
from ecosg_update.domain import Domain
from ecosg_update.formats import covers
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.progress import Progress, silent

LARGEST = 20
"""Changes that are told one by one."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What changed from one map to another on the cells of `grid`.

    changes: the largest connected ones, of `all_changes`. near: for each of them the nearest station. lattices: cells
    a degree of the two maps.
    """

    old: Path
    new: Path
    grid: LatLonGrid
    lattices: tuple[int, int]
    transitions: Transitions
    changes: list[Change]
    all_changes: int
    model: OnModel | None
    listed: Listed | None
    below: list[Below]
    near: list[dict[str, Any] | None]

    def document(self) -> dict[str, Any]:
        """Plain values for JSON; nothing in it depends on when or where it is made."""
        west, south, east, north = self.grid.bounds
        found = self.transitions
        (cells, km2), (changed, changed_km2) = found.compared, found.changed
        return {
            "old": str(self.old),
            "new": str(self.new),
            "legend": found.legend.name,
            "grid": {
                "per_degree": self.grid.per_degree, "row": self.grid.row, "col": self.grid.col,
                "rows": self.grid.rows, "cols": self.grid.cols,
                "west": west, "south": south, "east": east, "north": north,
            },
            "per_degree": {"old": self.lattices[0], "new": self.lattices[1]},
            "cells": {"compared": cells, "changed": changed},
            "km2": {"compared": km2, "changed": changed_km2},
            "no_data": found.no_data(),
            "classes": found.classes(),
            "groups": found.groups(),
            "transitions": found.pairs(),
            "group_transitions": found.group_pairs(),
            "changes": [
                change.as_dict() | ({"station": near} if near else {})
                for change, near in zip(self.changes, self.near, strict=True)
            ],
            "changes_in_all": self.all_changes,
            "domain": self.model.as_dict() if self.model else None,
            "stations": [one.as_dict() for one in self.below],
            "stations_listed": None if self.listed is None else {
                "inside": len(self.below),
                "outside": len(self.listed.stations) - len(self.below),
                "without_place": self.listed.unplaced,
            },
        }  # fmt: skip


def compared(
    old: Path,
    new: Path,
    *,
    bounds: Bounds | None = None,
    domain: Domain | None = None,
    station_list: Path | None = None,
    largest: int = LARGEST,
    progress: Progress = silent,
) -> Comparison:
    """Compare two cover maps of any format on the cells that both hold, within `bounds` or around `domain`.

    Raises the errors of `pair.opened`, `onmodel.on_model` and `stations.listed`.
    """
    known = stations.listed(station_list) if station_list else None
    if domain is not None and bounds is None:
        bounds = domain.box(domains.MARGIN_CELLS)
    both = pair.opened(old, new, bounds)
    files = covers.opened(old), covers.opened(new)
    inside, places = stations.places(known.stations if known else (), both.grid)
    scan = scanned(both, largest=largest, places=places, progress=progress)
    model = onmodel.on_model(*files, both, domain, progress=progress) if domain else None
    return Comparison(
        old=old,
        new=new,
        grid=both.grid,
        lattices=(files[0].grid.per_degree, files[1].grid.per_degree),
        transitions=scan.transitions,
        changes=scan.largest,
        all_changes=scan.changes,
        model=model,
        listed=known,
        below=stations.on_model(inside, model) if model else stations.on_map(inside, places, scan.seen, both.grid),
        near=stations.nearest(known.stations if known else (), scan.largest),
    )
