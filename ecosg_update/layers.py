"""The layers that travel between the stages: arrays that never leave their grid, legend and validity.

Order is (class, y, x) or (band, y, x), y from north to south. Reflectance and probabilities are float32,
codes uint8 with 0 for no data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from ecosg_update.errors import GridError, TableError
from ecosg_update.grid import GeoGrid, LatLonGrid, cut
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

Level = Literal["L1C", "L2A"]
"""Top-of-atmosphere (L1C) or surface reflectance (L2A)."""

SUM_TOLERANCE = 1e-4
"""Probabilities of a valid pixel sum to 1 within this (float32 over up to 44 classes)."""


@dataclass(frozen=True, eq=False)
class Reflectance:
    """Sentinel-2 reflectance on one grid.

    values: float32 (band, y, x), 1.0 = 100 %, 0 where nothing was measured. valid: bool (y, x): False for no
    data, cloud, shadow, snow taken for cloud, saturated: such pixels may be context but never vote. bands: "B02"
    ... in the order of `values`. acquired: UTC, None where the product does not say.
    """

    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    bands: tuple[str, ...]
    grid: GeoGrid
    level: Level
    acquired: datetime | None = None

    def __post_init__(self) -> None:
        _check(self.values, np.float32, (len(self.bands), *self.grid.shape), "reflectance")
        _check(self.valid, np.bool_, self.grid.shape, "valid")


class Reader(Protocol):
    """Where an engine's pixels come from: any source of `Reflectance`, window by window.

    `grid` spans the whole scene at the pixel size that was asked for; `bands` and `level` are those of every
    window. `read` takes rows and columns of `grid` (both ends named, inside the grid).
    """

    @property
    def grid(self) -> GeoGrid: ...  # noqa: D102

    @property
    def bands(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def level(self) -> Level: ...  # noqa: D102

    def read(self, rows: slice, cols: slice) -> Reflectance: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Prediction:
    """Class probabilities: CORINE or ECOCLIMAP-SG, fine or coarse, are the same type.

    values: float32 (class, y, x), sums to 1 where `share` > 0 and is 0 elsewhere. share: float32 (y, x),
    the part of each cell (0..1) that valid evidence covers. origin: which engine or file it came from.
    """

    values: NDArray[np.float32]
    share: NDArray[np.float32]
    legend: Legend
    grid: GeoGrid | LatLonGrid
    origin: str

    def __post_init__(self) -> None:
        _check(self.values, np.float32, (len(self.legend), *self.grid.shape), "probabilities")
        _check(self.share, np.float32, self.grid.shape, "share")
        total = self.values.sum(axis=0)
        if np.abs(total - (self.share > 0)).max(initial=0.0) > SUM_TOLERANCE:
            raise TableError(f"prediction ({self.origin}): probabilities of a valid pixel do not sum to 1")


@dataclass(frozen=True, eq=False)
class Crosswalk:
    """From one legend to another: a stochastic matrix a zone.

    weights: float32 (zone, source, target), rows sum to 1. inherit[zone][source] and neighbours[zone][source]:
    the column of the target legend ("group", "family", "form" or "cover") within which the original's cover, or
    the majority around it, may stand in for the table's choice (rule R1); "cover" means no other cover may.
    """

    source: Legend
    target: Legend
    zones: tuple[str, ...]
    weights: NDArray[np.float32]
    inherit: tuple[tuple[str, ...], ...]
    neighbours: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        shape = (len(self.zones), len(self.source), len(self.target))
        _check(self.weights, np.float32, shape, "crosswalk weights")
        if self.weights.min(initial=0.0) < 0 or np.abs(self.weights.sum(axis=2) - 1).max() > 1e-6:
            raise TableError(f"crosswalk {self.source.name} to {self.target.name}: rows must sum to 1")
        for rules in (self.inherit, self.neighbours):
            if {len(zone) for zone in rules} != {len(self.source)} or len(rules) != len(self.zones):
                raise TableError(f"crosswalk {self.source.name} to {self.target.name}: one rule a zone and class")


@dataclass(frozen=True, eq=False)
class Context:
    """What a crosswalk may know of each target cell.

    zone: row of `Crosswalk.zones` that holds for the whole grid. base: uint8 (y, x), the original's covers,
    0 = none. majority: for a set of covers (sorted codes), uint8 (y, x): the one of them that is most frequent
    around the cell, 0 where none is near.
    """

    zone: int
    base: NDArray[np.uint8]
    majority: Mapping[tuple[int, ...], NDArray[np.uint8]]
    grid: LatLonGrid

    def __post_init__(self) -> None:
        _check(self.base, np.uint8, self.grid.shape, "base covers")
        for around in self.majority.values():
            _check(around, np.uint8, self.grid.shape, "majority around")


@dataclass(frozen=True, eq=False)
class CoverMap:
    """Covers on a lat-lon grid. codes: uint8 (y, x) of `legend`, 0 = no data."""

    codes: NDArray[np.uint8]
    grid: LatLonGrid
    legend: Legend

    def __post_init__(self) -> None:
        _check(self.codes, np.uint8, self.grid.shape, "covers")
        legal = {0, *self.legend.codes}
        if legal.issuperset(range(int(self.codes.max(initial=0)) + 1)):
            return  # codes without a gap need no look at each: ten times as fast
        illegal = sorted(set(np.unique(self.codes).tolist()) - legal)
        if illegal:
            raise TableError(f"cover map: found codes {illegal[:8]}, expected 0 or the classes of {self.legend.name}")

    def read(self, cells: LatLonGrid) -> CoverMap:
        """A window of the map; raises as `grid.cut`."""
        return self if cells == self.grid else CoverMap(cut(self.codes, self.grid, cells), cells, self.legend)


class CoverReader(Protocol):
    """A cover map that is read window by window: in memory, on the disk, or resampled on the way.

    `read` takes a window of `grid` and gives its covers; CoverageError for one that leaves the grid.
    """

    @property
    def grid(self) -> LatLonGrid: ...  # noqa: D102

    @property
    def legend(self) -> Legend: ...  # noqa: D102

    def read(self, cells: LatLonGrid) -> CoverMap: ...  # noqa: D102


class Reason(IntEnum):
    """Why a cell of a patch holds its cover. 0 is never written: every cell has a reason.

    40 + n: rule Rn of the crosswalk made the cover the best one, be it a new cover or the base's own.
    """

    UNCHANGED = 1
    CHANGED = 2
    KEPT_NO_DATA = 3
    KEPT_LOW_SHARE = 4
    KEPT_LOW_CONFIDENCE = 5
    KEPT_PROTECTED = 6
    KEPT_BASE_LIKELIER = 60
    KEPT_DISAGREEMENT = 61
    RULE_SUBTYPE = 41
    RULE_NEIGHBOURS = 42
    RULE_CROPS = 43
    RULE_WATER = 44
    RULE_TOWNS = 45
    RULE_SNOW = 46
    RULE_PATCH_SIZE = 47
    RULE_WETLANDS = 48
    RULE_LOW_PLANTS = 49

    @property
    def label(self) -> str:
        """The name as people read it: kept-no-data."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, eq=False)
class Patch:
    """A decided map.

    cover: the covers. reason: uint8 (y, x) of `Reason`. confidence: float32 (y, x), probability of the cover that
    the cell holds, given all evidence, 0 where there is none. base: uint8 (y, x), the covers before. entropy:
    float32 (y, x), doubt in bits, 0 for certain. second: uint8 (y, x), the most probable other cover, 0 for none:
    more probable than the cover itself where a rule of the policy kept that. Both are None for a map without
    probabilities.
    """

    cover: CoverMap
    base: NDArray[np.uint8]
    reason: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    entropy: NDArray[np.float32] | None = None
    second: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        _check(self.base, np.uint8, self.cover.grid.shape, "base")
        _check(self.reason, np.uint8, self.cover.grid.shape, "reason")
        _check(self.confidence, np.float32, self.cover.grid.shape, "confidence")
        if self.entropy is not None:
            _check(self.entropy, np.float32, self.cover.grid.shape, "entropy")
        if self.second is not None:
            _check(self.second, np.uint8, self.cover.grid.shape, "second")

    @property
    def changed(self) -> NDArray[np.bool_]:
        """bool (y, x): the cover differs from the base's."""
        return np.not_equal(self.cover.codes, self.base)


def _check(values: NDArray[Any], dtype: type, shape: tuple[int, ...], what: str) -> None:
    if values.dtype != np.dtype(dtype) or values.shape != shape:
        raise GridError(
            f"{what}: found {values.dtype} of shape {values.shape}, expected {np.dtype(dtype)} of shape {shape}"
        )
