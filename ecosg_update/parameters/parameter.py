"""The parameters that PGD reads as typed files: which covers need them, and what stands in where nothing is near.

A file that PGD reads for a parameter must hold, somewhere in the domain, a pixel of each cover that the domain has:
PGD never compares it with the cover map, takes what is missing in a cell from the three nearest cells that have it,
and aborts where no cell has it, unless the namelist gives `XUNIF_` for the decade (design of SURFEX 8.1,
`ini_var_from_data.F90`, `interpol_field.F90`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("parameter", "cover", "default", "unit", "source")

BARE = (4, 5, 6)
"""Bare land, rock, snow: PGD sets all but their soil's albedo to 0 by construction."""

VARIABLES = {
    "lai": ("LAI",),
    "albedo-nir": ("ALBNIR_VEG", "ALBNIR_SOIL"),
    "albedo-vis": ("ALBVIS_VEG", "ALBVIS_SOIL"),
    "tree-height": ("H_TREE",),
}
"""The parameters, and the variables of `NAM_DATA_ISBA` that workflows link to their files."""

UNITS = {"lai": "m2/m2", "albedo-nir": "1", "albedo-vis": "1", "tree-height": "m"}
"""As in the table of defaults."""

DECADES = tuple(f"{month:02}{day:02}" for month in range(1, 13) for day in (5, 15, 25))
"""MMDD of the 36 files of a parameter that has a season."""


@dataclass(frozen=True)
class Parameter:
    """One of `VARIABLES`. defaults: for each cover that needs the parameter, the value (unit of the table)."""

    name: str
    defaults: Mapping[int, float]

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of `NAM_DATA_ISBA`: `XUNIF_` and the name."""
        return VARIABLES[self.name]

    @property
    def needed(self) -> NDArray[np.bool_]:
        """bool (256,), by cover: whether SURFEX uses a value of it; False for water and towns."""
        found = np.zeros(256, np.bool_)
        found[list(self.defaults)] = True
        return found

    def lacking(self, covers: Collection[int]) -> dict[str, list[int]]:
        """The variables for which `covers` matter: vegetation's albedo has no use for bare land, rock and snow."""
        found = {}
        for variable in self.variables:
            bare = BARE if variable.endswith("_VEG") else ()
            found[variable] = sorted(set(covers) - set(bare))
        return {variable: matter for variable, matter in found.items() if matter}


@lru_cache
def gardens() -> Mapping[int, tuple[int, ...]]:
    """For each town the covers whose values its garden takes with the default LGARDEN=F (`tables/garden.csv`)."""
    legend, found = tables.legend("ecosg"), dict[int, tuple[int, ...]]()
    cover = {kind: dict(zip(legend.columns[kind], legend.codes, strict=True)) for kind in ("lcz", "vegtype")}
    file = tables.path("garden.csv")
    for row in tables.rows(file, ("lcz", "vegtype", "share", "source")):
        if row["lcz"] not in cover["lcz"] or row["vegtype"] not in cover["vegtype"]:
            raise TableError(f"{file.name}: LCZ {row['lcz']!r} or vegtype {row['vegtype']!r} is none of SURFEX's")
        town = cover["lcz"][row["lcz"]]
        found[town] = (*found.get(town, ()), cover["vegtype"][row["vegtype"]])
    return found


@lru_cache
def parameter(name: str) -> Parameter:
    """A parameter by name, with its defaults of `tables/parameters.csv`; TableError where a row is wrong."""
    file = tables.path("parameters.csv")
    legend = tables.legend("ecosg")
    defaults = {}
    for row in tables.rows(file, COLUMNS):
        if row["parameter"] not in VARIABLES:
            raise TableError(f"{file.name}: parameter {row['parameter']!r} is none of {', '.join(VARIABLES)}")
        try:
            cover, value = int(row["cover"]), float(row["default"])
        except ValueError as error:
            raise TableError(f"{file.name}: {row['cover']!r} or {row['default']!r} is not a number") from error
        if cover not in legend.codes or not value > 0:
            raise TableError(f"{file.name}: found cover {cover} and {value}, expected a cover and more than 0")
        if row["parameter"] == name:
            defaults[cover] = value
    if not defaults:
        raise TableError(f"{file.name}: found no row of {name!r}, expected some of {', '.join(VARIABLES)}")
    return Parameter(name, defaults)
