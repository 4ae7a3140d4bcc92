"""From the classes of the evidence to covers, with the base map and the rules that judge a cell in its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import tables
from ecosg_update.config import CrosswalkSection, RulesSection
from ecosg_update.crosswalk.apply import covers, subtypes
from ecosg_update.crosswalk.context import context, margin_cells
from ecosg_update.crosswalk.rules import applied
from ecosg_update.crosswalk.water import as_one_water
from ecosg_update.deciding import rules
from ecosg_update.errors import ConfigError
from ecosg_update.formats import direct, netcdf
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import Context, CoverMap, Prediction
from ecosg_update.patch.resample import resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Crossed:
    """What a cell is decided by: the probabilities of covers, the base, and the rules that spoke.

    chosen: uint8 (y, x), the `Reason` of the rule that chose the most probable cover, 0 where none did. told: whether
    the classes behind the covers tell rivers from lakes.
    """

    prediction: Prediction
    original: CoverMap
    chosen: NDArray[np.uint8]
    told: bool

    @property
    def grid(self) -> LatLonGrid:
        """The cells."""
        return self.original.grid

    def cropped(self, cells: LatLonGrid) -> Crossed:
        """A window."""
        if cells == self.grid:
            return self
        chosen = cut(self.chosen, self.grid, cells)
        return Crossed(cropped(self.prediction, cells), self.original.read(cells), chosen, self.told)

    def judgeable(self, switches: RulesSection) -> Crossed:
        """As it is decided on: with rule R4, the three kinds of water count as one."""
        if not switches.water:
            return self
        return replace(self, prediction=as_one_water(self.prediction, self.original.codes).prediction)


def crossed(prediction: Prediction, base: Path, section: CrosswalkSection) -> Crossed:
    """A prediction on a lat-lon grid in the covers of ECOCLIMAP-SG, by the rules that judge a cell in its context."""
    original, around = _base(base, lattice(prediction), rules.margin_km(section))
    crosswalk = tables.crosswalk(prediction.legend.name, form=section.form)
    zone = zone_number(prediction.legend.name, section)
    switches = section.rules
    near = (
        context(original, around, crosswalk, zone=zone, radius_km=section.radius_km)
        if switches.neighbours
        else Context(zone, original.codes, {}, original.grid)
    )
    heard = near if switches.inherit else replace(near, base=np.zeros_like(near.base))
    found = covers(prediction, crosswalk, heard)
    inherited = subtypes(prediction, found, crosswalk, heard)
    found, chosen = applied(found, rules.cell_rules(near, around, section), inherited)
    return Crossed(found, original, chosen, tells_rivers(prediction.legend.name, section))


def read(path: Path, base: Path, cells: LatLonGrid | None = None) -> Crossed:
    """What `map` wrote, or the window `cells` of it, with a base map; raises as `netcdf.read_prediction`."""
    prediction = netcdf.read_prediction(path, cells)
    original, _ = _base(base, lattice(prediction), 0.0)
    behind = netcdf.read_rules(path, lattice(prediction))
    return Crossed(prediction, original, behind.chosen, behind.tells_rivers)


def zone_number(source: str, section: CrosswalkSection) -> int:
    """The row of the crosswalk's zones; ConfigError lists those that the crosswalk has."""
    zones = tables.crosswalk(source, form=section.form).zones
    if section.zone not in zones:
        raise ConfigError(f"crosswalk.zone: {section.zone!r} is no zone of {source}, found {', '.join(zones)}")
    return zones.index(section.zone)


def for_engine(section: CrosswalkSection, card: Mapping[str, Any] | None) -> CrosswalkSection:
    """The section with what it leaves to the engine settled by the engine's card (plain values), if there is one."""
    if section.rules.low_plants != "auto":
        return section
    kept = card is not None and not card.get("tells_low_plants", True)
    rules_of = section.rules.model_copy(update={"low_plants": "kept" if kept else "seen"})
    return section.model_copy(update={"rules": rules_of})


def tells_rivers(source: str, section: CrosswalkSection) -> bool:
    """Whether the classes of the evidence tell rivers from lakes: rule R4 then believes them."""
    return rules.tells_rivers(tables.crosswalk(source), zone_number(source, section))


def cropped(prediction: Prediction, cells: LatLonGrid) -> Prediction:
    """The cells of a prediction on a lat-lon grid that lie in `cells`."""
    whole = lattice(prediction)
    if cells == whole:
        return prediction
    values, share = (cut(layer, whole, cells) for layer in (prediction.values, prediction.share))
    return Prediction(values, share, prediction.legend, cells, prediction.origin)


def lattice(prediction: Prediction) -> LatLonGrid:
    """The cells of a prediction; ConfigError for one on projected pixels."""
    if not isinstance(prediction.grid, LatLonGrid):
        raise ConfigError("prediction: lies on projected pixels, expected lat-lon cells; aggregate it first")
    return prediction.grid


def _base(path: Path, cells: LatLonGrid, radius_km: float) -> tuple[CoverMap, CoverMap]:
    """The base on the target cells, and on its own lattice with a margin of the radius as far as it goes."""
    whole = direct.info(path).grid
    inner = cells.at(whole.per_degree)
    margin = margin_cells(whole.per_degree, max(abs(cells.north), abs(cells.south)), radius_km)
    around = direct.read(path, whole.intersection(inner.grown(margin)))
    return resampled(around, cells), around
