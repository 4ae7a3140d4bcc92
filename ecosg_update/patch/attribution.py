"""Maps in which one kind of change is applied and all others are not, so that a forecaster sees which one matters.

Each change has one owner. Towns come first, then water, then the rest: what becomes town, or was one, is urban even
where the other side is a lake; what becomes water, or was, is water; the rest lies within nature. The three owners'
maps together hold every change of the full one, once. `extent` cuts the changes another way: it holds those that move
a cell to another tile of SURFEX (SEA, WATER, NATURE, TOWN), and leaves out those within a tile, such as crops to
grass or one local climate zone to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from ecosg_update.layers import CoverMap, Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.legend import Legend

Attribution = Literal["full", "urban-only", "nature-only", "water-only", "extent"]

SUFFIXES: dict[Attribution, str] = {
    "full": "",
    "urban-only": "_urban",
    "nature-only": "_nature",
    "water-only": "_water",
    "extent": "_extent",
}
"""What the name of each map ends in, after the stem."""

TOWN, WATER = ("TOWN",), ("SEA", "WATER")
"""Tiles of the legend that own a change."""


def attributed(patch: Patch, product: Attribution) -> CoverMap:
    """The base with the changes of one kind applied."""
    codes = np.where(applied(patch, product), patch.cover.codes, patch.base)
    return CoverMap(codes, patch.cover.grid, patch.cover.legend)


def applied(patch: Patch, product: Attribution) -> NDArray[np.bool_]:
    """bool (y, x): the changes that a product holds. A filled hole is owned by its new cover, and is an extent."""
    old, new, legend = patch.base, patch.cover.codes, patch.cover.legend
    if product == "full":
        return patch.changed
    if product == "extent":
        tiles = _tiles(legend)
        return np.not_equal(tiles[old], tiles[new])
    town, water = (_of(legend, tiles)[old] | _of(legend, tiles)[new] for tiles in (TOWN, WATER))
    owned = {"urban-only": town, "water-only": water & ~town, "nature-only": ~(water | town)}
    return patch.changed & owned[product]


def _tiles(legend: Legend) -> NDArray[np.int64]:
    """A lookup (256,): a code to the number of its tile, 0 for no data."""
    names = sorted(set(legend.columns["tile"]))
    found = np.zeros(256, np.int64)
    found[list(legend.codes)] = [names.index(tile) + 1 for tile in legend.columns["tile"]]
    return found


def _of(legend: Legend, tiles: tuple[str, ...]) -> NDArray[np.bool_]:
    """A lookup (256,): whether a code lies on one of some tiles."""
    found = np.zeros(256, np.bool_)
    found[[code for tile in tiles for code in legend.members("tile", tile)]] = True
    return found
