"""Which pieces train, which validate, which test: far enough apart that none is seen from another split.

A division says which splits can be reached from a piece within half the margin. A piece from which more than one is
reached belongs to none. So two pieces of different splits are at least the margin apart: on the way between them
lies a point where the split changes, and it is further than half the margin from both.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import shapely

from ecosg_update.errors import ConfigError
from ecosg_update.formats import polygons
from ecosg_update.grid import GEOGRAPHIC, Bounds
from ecosg_update.training.entry import SPLITS
from ecosg_update.training.piece import Piece

LEAST_RADIUS_KM = 6335.4
"""The least radius of curvature of WGS 84 (a (1 - e2), of the meridian at the equator): lengths on a sphere of this
radius, at the same longitudes and latitudes, are never longer than on the ellipsoid."""

MOST_RADIUS_KM = 6399.6
"""The greatest radius of curvature of WGS 84, at the poles."""

HIGHEST = 89.0
"""Degrees: rows of blocks nearer to a pole are one block."""

Cell = tuple[int, int]
"""(row, column) of a block, rows counted from the equator, columns eastward from 180 W."""


class Division(Protocol):
    """A rule that gives pieces to splits."""

    def reached(self, piece: Piece) -> set[str]:
        """The splits within half the margin of the piece; one where it belongs, several or none where it does not."""
        ...


@dataclass(frozen=True)
class Blocks:
    """Latitude rows of equal height, cut into blocks of about equal width, each given to a split by its hash.

    side_km: height, and least width, of a block. margin_km: least distance between pieces of different splits.
    shares: the part of the blocks of each split, sum 1. Raises ConfigError for blocks that the margin would swallow.
    """

    side_km: float
    margin_km: float
    shares: Mapping[str, float]
    seed: int

    def __post_init__(self) -> None:
        if self.side_km <= self.margin_km or self.margin_km < 0:
            raise ConfigError(
                f"split: blocks of {self.side_km:g} km with a margin of {self.margin_km:g} km leave nothing; "
                "take larger blocks or a smaller margin"
            )
        if abs(sum(self.shares.values()) - 1) > 1e-6 or set(self.shares) - set(SPLITS):
            raise ConfigError(f"split: shares {dict(self.shares)}, expected train, val and test that sum to 1")

    def reached(self, piece: Piece) -> set[str]:
        """The splits of all blocks within half the margin of the piece's box."""
        return {self.split_of(cell) for cell in self.cells(grown(piece.box, self.margin_km / 2))}

    def split_of(self, cell: Cell) -> str:
        """The split of a block: the same for one seed on every machine."""
        text = f"{self.seed} {cell[0]} {cell[1]}".encode()
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") / 2**64
        for split in SPLITS:
            drawn -= self.shares.get(split, 0.0)
            if drawn < 0:
                return split
        return next(split for split in reversed(SPLITS) if self.shares.get(split, 0.0) > 0)

    def cells(self, box: Bounds) -> Iterator[Cell]:
        """Every block that a lat-lon box touches; west > east crosses the dateline."""
        west, south, east, north = box
        span = min(east - west if east >= west else east - west + 360, 360.0)
        height = math.degrees(self.side_km / LEAST_RADIUS_KM)
        for row in range(math.floor(south / height), math.floor(north / height) + 1):
            count = self._columns(row, height)
            first = math.floor((west + 180) / 360 * count)
            last = math.floor((west + 180 + span) / 360 * count)
            yield from ((row, column % count) for column in range(first, min(last, first + count - 1) + 1))

    def cell(self, lon: float, lat: float) -> Cell:
        """The block of a point."""
        return next(self.cells((lon, lat, lon, lat)))

    def _columns(self, row: int, height: float) -> int:
        """How many blocks a row has: as many as are nowhere narrower than `side_km`."""
        poleward = max(abs(row), abs(row + 1)) * height
        if poleward > HIGHEST:
            return 1
        around = 2 * math.pi * LEAST_RADIUS_KM * math.cos(math.radians(poleward))
        return max(1, math.floor(around / self.side_km))


@dataclass(frozen=True, eq=False)
class Countries:
    """Whole countries held out, the rest given to blocks.

    held: country -> "val" or "test". rest: what divides the others. shapes and names: polygons (lat-lon) of the
    countries; without them (None) the publisher's country of a piece counts, and nothing is known of its distance
    to a border.
    """

    held: Mapping[str, str]
    rest: Division
    margin_km: float
    shapes: shapely.STRtree | None = None
    names: tuple[str, ...] = ()

    def reached(self, piece: Piece) -> set[str]:
        """The splits of the countries within reach; empty where the piece touches none.

        Nobody owns the sea between two countries: a piece must touch its own, and no country of another split may
        lie within the margin and the piece's own diagonal. Then the margin holds, whatever part of a piece is sea.
        """
        if not self._countries(piece, 0.0):
            return set()
        countries = self._countries(piece, self.margin_km + diagonal_km(piece.box))
        found = {self.held[name] for name in countries if name in self.held}
        if any(name not in self.held for name in countries):
            found |= self.rest.reached(piece)
        return found

    def _countries(self, piece: Piece, km: float) -> set[str]:
        if self.shapes is None:
            return {piece.country} - {""}
        near = shapely.box(*grown(piece.box, km))
        return {self.names[at] for at in self.shapes.query(near, predicate="intersects")}


class Published:
    """The split that the publisher made: BigEarthNet v2's, which keeps patches of one area together."""

    def reached(self, piece: Piece) -> set[str]:
        """The piece's own split; empty where the publisher names none."""
        return {piece.split} - {""}


def countries(path: Path, layer: str | None, attribute: str) -> tuple[shapely.STRtree, tuple[str, ...]]:
    """The polygons of a file of countries (lat-lon) and the name of each; errors as `polygons`."""
    shapes, names = polygons.polygons(path, (attribute,), layer).within((-180, -90, 180, 90), GEOGRAPHIC)
    return shapely.STRtree(shapes), tuple(map(str, names))


def check_known(held: Sequence[str], names: Sequence[str]) -> None:
    """ConfigError for a country that a file of countries does not name."""
    unknown = sorted(set(held) - set(names))
    if unknown:
        raise ConfigError(
            f"split: {', '.join(unknown)} is no country of the file; it has {', '.join(sorted(set(names)))}"
        )


def grown(box: Bounds, km: float) -> Bounds:
    """A lat-lon box that holds every point within `km` of `box`: exact on the sphere, ample on the ellipsoid."""
    west, south, east, north = box
    angle = km / LEAST_RADIUS_KM
    south, north = max(-90.0, south - math.degrees(angle)), min(90.0, north + math.degrees(angle))
    highest = math.radians(max(abs(box[1]), abs(box[3])))
    reach = math.sin(angle) / max(math.cos(highest), 1e-12)
    if reach >= 1:
        return -180.0, south, 180.0, north
    wider = math.degrees(math.asin(reach))
    return west - wider, south, east + wider, north


def diagonal_km(box: Bounds) -> float:
    """No two points of a lat-lon box are further apart."""
    west, south, east, north = box
    return MOST_RADIUS_KM * math.radians((north - south) + (east - west) % 360)
