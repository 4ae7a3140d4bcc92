"""From covers to the tiles and vegetation types of SURFEX: which cover is sea, water, nature or town.

A town cover has a garden. With the default `LGARDEN=.FALSE.` its share goes to nature with the vegetation of
`tables/garden.csv`; with `LTOWN_TO_ROCK` the rest of the town becomes rock in nature (`init_types_param.F90`,
`arrange_cover.F90`, SURFEX 8.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.fractions import TILES, VEGTYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROCK = 1
"""Row of the vegetation type ROCK (2)."""

GARDEN_COLUMNS = ("lcz", "vegtype", "share", "source")


@dataclass(frozen=True)
class Arrangement:
    """What SURFEX makes of a town's garden and of the town itself.

    lgarden: of `NAM_PGD_SCHEMES`, gardens stay in the town. ltown_to_rock: of `NAM_PGD_ARRANGE_COVER`, the town is
    rock; then gardens go to nature in any case.
    """

    lgarden: bool = False
    ltown_to_rock: bool = False

    @cached_property
    def tile(self) -> NDArray[np.float64]:
        """float64 (tile, cover): the part of each cover that is in each tile; columns sum to 1."""
        legend = tables.legend("ecosg")
        kinds = np.array(legend.columns["tile"])
        shares = np.array([kinds == tile for tile in TILES], np.float64)
        nature, town = TILES.index("NATURE"), TILES.index("TOWN")
        lost = np.ones_like(shares[town]) if self.ltown_to_rock else np.zeros_like(shares[town])
        if not self.lgarden and not self.ltown_to_rock:
            lost = _gardens()
        shares[nature] += lost * shares[town]
        shares[town] *= 1 - lost
        return shares

    @cached_property
    def vegtype(self) -> NDArray[np.float64]:
        """float64 (vegtype, cover): the part of each cover that is nature of each vegetation type."""
        legend = tables.legend("ecosg")
        shares = np.zeros((VEGTYPES, len(legend)))
        for cover, text in enumerate(legend.columns["vegtype"]):
            if text:
                shares[int(text) - 1, cover] = 1
        if self.lgarden and not self.ltown_to_rock:
            return shares
        towns, gardens = np.array(legend.columns["tile"]) == "TOWN", _gardens()
        shares[:, towns] = garden_vegetation()[:, towns] * gardens[towns]
        if self.ltown_to_rock:
            shares[ROCK, towns] += 1 - gardens[towns]
        return shares


def tiles(cover: NDArray[np.float64], arrangement: Arrangement) -> NDArray[np.float64]:
    """Tile fractions (4, ...) of cover fractions (33, ...), in the order of `TILES`."""
    return np.tensordot(arrangement.tile, cover, axes=1)


def vegtypes(cover: NDArray[np.float64], arrangement: Arrangement) -> NDArray[np.float64]:
    """Vegetation types (20, ...) as parts of the NATURE tile of cover fractions (33, ...); nan without nature."""
    share = np.tensordot(arrangement.vegtype, cover, axes=1)
    nature = np.tensordot(arrangement.tile[TILES.index("NATURE")], cover, axes=1)
    return np.divide(share, nature, out=np.full_like(share, np.nan), where=nature > 0)


def garden_vegetation() -> NDArray[np.float64]:
    """float64 (vegtype, cover): the vegetation of a town cover's garden, sum 1; 0 for covers without a garden.

    Raises TableError where the shares of a climate zone of towns (LCZ) do not sum to 1.
    """
    legend, file = tables.legend("ecosg"), tables.path("garden.csv")
    zones = legend.columns["lcz"]
    shares = np.zeros((VEGTYPES, len(legend)))
    for row in tables.rows(file, GARDEN_COLUMNS):
        shares[int(row["vegtype"]) - 1, zones.index(row["lcz"])] += float(row["share"])
    total = shares.sum(axis=0)
    short = [zone for zone, part in zip(zones, total, strict=True) if zone and abs(part - 1) > 1e-9]
    if short:
        raise TableError(f"{file.name}: the shares of LCZ {', '.join(short)} do not sum to 1")
    return shares


def _gardens() -> NDArray[np.float64]:
    """float64 (cover,): the garden's part of each cover."""
    return np.array([float(text or 0) for text in tables.legend("ecosg").columns["garden"]])
