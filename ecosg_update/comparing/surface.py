"""What the covers of a model's cell mean to the wind: roughness, the height of trees and of buildings.

The values are those of `tables/surface_values.csv`: one a cover, with SURFEX's default leaf area. A run reads leaf
area and tree height from maps, so that its own roughness differs; what is compared here is what the covers do to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.fractions import COVERS, TILES
from ecosg_update.pgd.tiles import Arrangement

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("cover", "height", "roughness", "tree_height", "building_height", "building_share", "source")

REFERENCE = 20.0
"""Metres: where the drag of the parts of a cell adds up (`XCDREF`, SURFEX 8.1 modd_data_cover_par.F90)."""

NATURE = slice(3, 23)
"""Rows of the covers that are vegetation types."""

UNITS = {"roughness_length": "m", "tree_height": "m", "building_height": "m"}


@dataclass(frozen=True, eq=False)
class Values:
    """The columns of the table, float64 (33,), by cover; nan where a cover has no such thing, metres.

    building_share: part of the town's ground, streets and gardens included, that buildings stand on.
    """

    roughness: NDArray[np.float64]
    tree_height: NDArray[np.float64]
    building_height: NDArray[np.float64]
    building_share: NDArray[np.float64]


@lru_cache
def values() -> Values:
    """The table; TableError where a cover is missing or a number is none."""
    file = tables.path("surface_values.csv")
    lines = tables.rows(file, COLUMNS)
    if [row["cover"] for row in lines] != [str(code) for code in range(1, COVERS + 1)]:
        raise TableError(f"{file.name}: found other covers than 1 to {COVERS} in turn; give each one row")

    def column(name: str) -> NDArray[np.float64]:
        try:
            return np.array([float(row[name] or "nan") for row in lines])
        except ValueError as error:
            raise TableError(f"{file.name}: {name} is not a number ({error}); correct it") from error

    return Values(*(column(name) for name in ("roughness", "tree_height", "building_height", "building_share")))


def fields(cover: NDArray[np.float64], arrangement: Arrangement) -> dict[str, NDArray[np.float64]]:
    """The fields of `UNITS`, float64 (...), metres, of cover fractions (33, ...); nan where nothing of that kind is.

    roughness_length: of the whole cell, the drag coefficients of its parts averaged at `REFERENCE`, as PGD averages
    roughness (`CDN` of average1_mesh.F90 and average2_mesh.F90 of SURFEX 8.1; Mason 1988, Q. J. R. Meteorol.
    Soc. 114, 399-420). tree_height: mean over the cell's trees and shrubs, those of gardens too. building_height:
    mean over the ground that buildings stand on.
    """
    known, ground = values(), np.tensordot(surfaces(arrangement), cover, axes=1)
    drag = np.tensordot(1 / np.log(REFERENCE / known.roughness) ** 2, ground, axes=1)
    return {
        "roughness_length": REFERENCE * np.exp(-1 / np.sqrt(drag)),
        "tree_height": _mean(known.tree_height, ground, ~np.isnan(known.tree_height)),
        "building_height": _mean(known.building_height, cover, np.nan_to_num(known.building_share)),
    }


def surfaces(arrangement: Arrangement) -> NDArray[np.float64]:
    """float64 (surface, cover): of what each cover consists once gardens are nature; columns sum to 1.

    A surface goes by the number of the cover that is nothing else: the vegetation of a town's garden counts as the
    cover of that vegetation.
    """
    shares = np.diag(arrangement.tile.sum(axis=0))
    shares[NATURE] = arrangement.vegtype
    towns = np.arange(NATURE.stop, COVERS)
    shares[towns, towns] = arrangement.tile[TILES.index("TOWN"), towns]
    return shares


def _mean(
    height: NDArray[np.float64], parts: NDArray[np.float64], weight: NDArray[np.float64] | NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The mean of heights (33,) over the weighted parts (33, ...) of a cell."""
    total = np.tensordot(weight.astype(np.float64), parts, axes=1)
    found = np.tensordot(np.nan_to_num(height) * weight, parts, axes=1)
    return np.divide(found, total, out=np.full_like(total, np.nan), where=total > 0)
