"""The strata of an inspection: by class, group of classes, confidence and change, and any combination of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError
from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.source import Piece, Source
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

BY = ("class", "group", "confidence", "change")
"""What cells can be told apart by."""

NEEDED = {"confidence": "confidence", "change": "base"}
"""What a source must know for it."""

CONFIDENCE_EDGES = (0.5, 0.8)
"""Confidence below the first is low, below the second medium; 0 is that of a cell without evidence."""

CONFIDENCE = ("no evidence", "low confidence", "medium confidence", "high confidence")
CHANGE = ("unchanged", "changed")

Levels = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stratification:
    """How the cells of a map fall into strata, each with a number.

    by: of `BY`, in the order of the names. left_out: codes; a cell that holds one of them, before and after, belongs
    to no stratum, as does one without a cover. has_base: whether the original map is known.
    """

    legend: Legend
    by: tuple[str, ...]
    left_out: tuple[int, ...] = ()
    has_base: bool = True

    def __post_init__(self) -> None:
        unknown = [name for name in self.by if name not in BY]
        if unknown or not self.by or len(set(self.by)) < len(self.by) or {"class", "group"} <= set(self.by):
            raise ConfigError(
                f"strata: found by {','.join(self.by) or 'nothing'}, expected some of {','.join(BY)}, each once, and "
                "class or group"
            )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The name of each stratum, "17 temperate grassland, changed"."""
        found = [""]
        for one in self.by:
            found = [f"{name}, {level}" if name else level for name in found for level in self._levels[one]]
        return tuple(found)

    def numbers(self, piece: Piece) -> NDArray[np.int16]:
        """int16 (y, x): the stratum of each cell, -1 for none."""
        found = np.zeros(piece.cover.shape, np.int16)
        for one in self.by:
            found *= len(self._levels[one])
            found += self._rows[one](piece)
        found[~self._counted[piece.cover]] = -1
        found[self._barred[piece.cover] & (self._barred[piece.base] if piece.base is not None else True)] = -1
        return found

    def combined(self, piece: Piece) -> tuple[NDArray[np.uint8] | NDArray[np.uint32], NDArray[np.uint8]]:
        """Two arrays (y, x) that decide each cell's stratum together: row and column of `table`."""
        second = piece.cover if piece.base is None else piece.base
        if "confidence" not in self.by:
            return piece.cover, second
        return _confidence(piece).astype(np.uint32) * np.uint32(256) + piece.cover, second

    @cached_property
    def table(self) -> NDArray[np.int16]:
        """int16 (cover + 256 x level of confidence, base): the stratum of each combination, -1 for none."""
        cover, base = (np.ascontiguousarray(codes, np.uint8) for codes in np.indices((256, 256)))
        low, high = CONFIDENCE_EDGES
        levels = (0.0, low / 2, (low + high) / 2, (high + 1) / 2) if "confidence" in self.by else (1.0,)
        grid = LatLonGrid(256, 0, 0, 256, 256)
        original = base if self.has_base else None
        return np.concatenate(
            [self.numbers(Piece(grid, cover, original, np.full((256, 256), one, np.float32))) for one in levels]
        )

    @cached_property
    def _levels(self) -> dict[str, Levels]:
        legend = self.legend
        return {
            "class": tuple(f"{code} {name}" for code, name in zip(legend.codes, legend.names, strict=True)),
            "group": tuple(dict.fromkeys(legend.group)),
            "confidence": CONFIDENCE,
            "change": CHANGE,
        }

    @cached_property
    def _rows(self) -> dict[str, Callable[[Piece], NDArray[np.int16]]]:
        """The level of each cell; anything for a cell without a cover."""
        by_class = np.maximum(self.legend.rows[:256], 0)
        groups = self._levels["group"]
        by_group = np.zeros(256, np.int16)
        by_group[list(self.legend.codes)] = [groups.index(group) for group in self.legend.group]
        return {
            "class": lambda piece: by_class[piece.cover],
            "group": lambda piece: by_group[piece.cover],
            "confidence": _confidence,
            "change": _change,
        }

    @cached_property
    def _counted(self) -> NDArray[np.bool_]:
        return _member(self.legend.codes)

    @cached_property
    def _barred(self) -> NDArray[np.bool_]:
        return _member(self.left_out)


def stratification(source: Source, by: tuple[str, ...], left_out: tuple[str, ...] = ()) -> Stratification:
    """The strata of a source. left_out: codes, or names of families or groups of the legend, such as "sea".

    Raises ConfigError for what does not exist or what the source does not know.
    """
    found = Stratification(source.legend, by, _codes(source.legend, left_out), "base" in source.knows)
    lacking = [one for one in by if one in NEEDED and NEEDED[one] not in source.knows]
    if lacking:
        raise ConfigError(
            f"{source.path}: says nothing of {' and '.join(lacking)}; give the .nc of a run, or --base for change, "
            "or stratify by class alone"
        )
    return found


def _confidence(piece: Piece) -> NDArray[np.int16]:
    assert piece.confidence is not None
    level = np.searchsorted(np.array(CONFIDENCE_EDGES, np.float32), piece.confidence, side="right") + 1
    return np.asarray(np.where(piece.confidence > 0, level, 0), np.int16)


def _change(piece: Piece) -> NDArray[np.int16]:
    assert piece.base is not None
    return np.not_equal(piece.cover, piece.base).astype(np.int16)


def _codes(legend: Legend, names: tuple[str, ...]) -> tuple[int, ...]:
    found: set[int] = set()
    for name in names:
        members = legend.members("group", name) + legend.members("family", name)
        if name.isdigit():
            members = (legend.codes[legend.index(int(name))],)
        if not members:
            families = dict.fromkeys((*legend.group, *legend.columns.get("family", ())))
            raise ConfigError(f"leave out: {name!r} is no code, group or family, expected of {', '.join(families)}")
        found.update(members)
    return tuple(sorted(found))


def _member(codes: tuple[int, ...]) -> NDArray[np.bool_]:
    found = np.zeros(256, np.bool_)
    found[list(codes)] = True
    return found
