"""What the experts' tables say of one legend in terms of another, by the shortest way there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import ConfigError, TableError
from ecosg_update.judge.grouping import grouping
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVERS = "ecosg"
COARSER = {"corine-l3": "corine-l2"}
"""A legend whose classes each belong to one of a coarser one."""


@dataclass(frozen=True, eq=False)
class Prior:
    """An expert's table: weights float64 (source, target), rows sum to 1.

    lines: its rows as text where it is a crosswalk of the tables, else empty. origin: where it comes from, in words.
    """

    source: Legend
    target: Legend
    weights: NDArray[np.float64]
    lines: tuple[dict[str, str], ...]
    origin: str


def prior(source: Legend, target: Legend, *, zone: str = tables.DEFAULT_ZONE) -> Prior:
    """The expert's table: a crosswalk, else a grouping, else one of these to a coarser legend, evenly split.

    Where none of them names the source, its crosswalk to the covers and a grouping of the covers. Raises TableError
    where no way leads from one legend to the other, ConfigError for a zone that the crosswalk has not.
    """
    if (source.name, target.name) in tables.crosswalk_names():
        crosswalk = tables.crosswalk(source.name, target.name)
        if zone not in crosswalk.zones:
            raise ConfigError(f"zone: {zone!r} is no zone of {source.name}, found {', '.join(crosswalk.zones)}")
        name = f"{source.name}--{target.name}"
        weights = crosswalk.weights[crosswalk.zones.index(zone)].astype(np.float64)
        weights /= weights.sum(axis=1, keepdims=True)
        return Prior(source, target, weights, tuple(tables.table(name)), f"crosswalk {name}")
    if zone != tables.DEFAULT_ZONE:
        raise ConfigError(f"zone: {zone!r} needs a crosswalk from {source.name} to {target.name}; leave it out")
    found = _way(source, target, zone)
    if found is None:
        raise TableError(
            f"prior: no table leads from {source.name} to {target.name}; write crosswalks/{source.name}--"
            f"{target.name}.csv or groupings/{source.name}--{target.name}.csv"
        )
    weights, origin = found
    return Prior(source, target, weights, (), origin)


def _way(source: Legend, target: Legend, zone: str) -> tuple[NDArray[np.float64], str] | None:
    """A grouping, one to a coarser legend split evenly, or the way over the covers; None where there is none."""
    grouped = _grouped(source, target)
    if grouped is not None:
        return grouped, "the classes themselves" if source == target else f"grouping {source.name}--{target.name}"
    if target.name in COARSER:
        coarse = tables.legend(COARSER[target.name])
        found = _way(source, coarse, zone)
        return found and (found[0] @ _even(coarse, target), f"{found[1]}, split evenly")
    if (source.name, COVERS) not in tables.crosswalk_names():
        return None
    of_covers = _grouped(tables.legend(COVERS), target)
    if of_covers is None:
        return None
    covers = prior(source, tables.legend(COVERS), zone=zone)
    return covers.weights @ of_covers, f"{covers.origin}, grouping {COVERS}--{target.name}"


def _grouped(source: Legend, target: Legend) -> NDArray[np.float64] | None:
    """A grouping as a table (source, target); None where there is none or it leaves a class out."""
    try:
        rows = grouping(source, target).rows
    except TableError:
        return None
    if rows.min() < 0:
        return None
    return np.eye(len(target))[rows]


def _even(coarse: Legend, fine: Legend) -> NDArray[np.float64]:
    """Each coarse class in equal parts to the fine classes that it holds, (coarse, fine)."""
    members = np.eye(len(coarse))[grouping(fine, coarse).rows].T
    return np.asarray(members / members.sum(axis=1, keepdims=True), np.float64)
