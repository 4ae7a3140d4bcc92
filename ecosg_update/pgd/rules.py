"""The covers that PGD removes from a cell: the keys of `NAM_COVER` (`pgd_cover.F90`, SURFEX 8.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRECISION = 1e8
"""Fractions are rounded to 1 / PRECISION where they are compared with a limit (`XPREC`)."""

SEA, LAKE, RIVER = 0, 1, 2
"""Rows of the covers 1 to 3."""

ALL_WATER = 1e-7
"""`XRM_WM` leaves cells alone whose water is all or nothing within this (`ZEPS`)."""

BLOCK = 2**16
"""Cells that are looked at together: 17 MB of fractions."""

_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
_LOGICAL = re.compile(r"\.?([TF])[A-Z]*\.?", re.IGNORECASE)


@dataclass(frozen=True)
class NamCover:
    """The keys of `NAM_COVER` that change fractions, with the defaults of `read_nam_pgd_cover.F90`.

    xrm_cover: covers of this fraction or less go, but for the largest of the cell. lrm_river: rivers go where they
    are not the largest. xrm_lake: lakes and rivers of this fraction or less go; xrm_sea: so does sea. xrm_coast: sea,
    lake or river of this fraction or more takes the whole cell. xrm_wm: water of less than this in all goes to the
    largest land cover, land of less to the largest water cover; only builds with HARMONIE's changes know the key,
    SURFEX 8.1 as published aborts on it.
    """

    xrm_cover: float = 1e-6
    xrm_coast: float = 1.0
    xrm_lake: float = 0.0
    lrm_river: bool = False
    xrm_sea: float = 0.0
    xrm_wm: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{field.name.upper()}: found {value:g}, expected a fraction 0..1 (0.2 for 20 %)")

    @classmethod
    def parsed(cls, settings: Iterable[str]) -> NamCover:
        """The keys of texts such as XRM_SEA=0.2, LRM_RIVER=.TRUE. or XRM_COVER=1.D-3, as Fortran reads values.

        Raises ConfigError for a key that is not one of these, a value of another kind or outside 0..1.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        given: dict[str, float | bool] = {}
        for setting in settings:
            key, equals, text = (part.strip() for part in setting.partition("="))
            if key.lower() not in kinds or not equals:
                known = ", ".join(name.upper() for name in kinds)
                raise ConfigError(f"NAM_COVER: found {setting!r}, expected KEY=VALUE with a key of {known}")
            given[key.lower()] = _logical(key, text) if kinds[key.lower()] is bool else _real(key, text)
        return replace(cls(), **given)  # type: ignore[arg-type]


def rounded(cover: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractions to the nearest 1 / PRECISION, as PGD averages and compares them; halves go up (`ANINT`)."""
    scaled = cover * PRECISION
    whole = np.floor(scaled)
    whole += scaled - whole >= 0.5
    whole /= PRECISION
    return whole


def ruled(cover: NDArray[np.float64], rules: NamCover) -> NDArray[np.float64]:
    """Fractions (33, cells), float64 that sum to 1, after `rules`, in PGD's order; the array is changed and returned.

    Raises ConfigError where the rules leave nothing of a cell: there PGD divides 0 by 0.
    """
    parts = range(0, cover.shape[1], BLOCK)
    empty = sum(_rule(cover[:, start : start + BLOCK], rules) for start in parts)
    if empty:
        raise ConfigError(
            f"NAM_COVER: the rules remove every cover of {empty:,} cells, where PGD divides 0 by 0; "
            "lower XRM_SEA or XRM_LAKE"
        )
    return cover


def _rule(cover: NDArray[np.float64], rules: NamCover) -> int:
    """Change some cells as `ruled` does; the number of cells of which nothing is left."""
    rows, cells = np.arange(len(cover))[:, None], np.arange(cover.shape[1])
    largest = cover.argmax(axis=0)
    cover[(rounded(cover) <= rules.xrm_cover) & (rows != largest)] = 0
    if rules.lrm_river:
        cover[RIVER, largest != RIVER] = 0
    for limit, kinds in ((rules.xrm_lake, (LAKE, RIVER)), (rules.xrm_sea, (SEA,))):
        for kind in kinds if limit > 0 else ():
            cover[kind, rounded(cover[kind]) <= limit] = 0
    for kind in (SEA, LAKE, RIVER) if rules.xrm_coast < 1 else ():
        whole = cells[rounded(cover[kind]) >= rules.xrm_coast]
        cover[:, whole] = 0
        cover[kind, whole] = 1
    if rules.xrm_wm > 0:
        _settle_water(cover, rules.xrm_wm)
    total = cover.sum(axis=0)
    np.divide(cover, total, out=cover, where=total > 0)
    return int((total == 0).sum())


def _settle_water(cover: NDArray[np.float64], limit: float) -> None:
    """Give a little water to the largest land cover, and a little land to the largest water cover."""
    water, land = cover[: RIVER + 1], cover[RIVER + 1 :]
    total = water.sum(axis=0)
    mixed = (np.abs(total - 1) > ALL_WATER) & (np.abs(total) > ALL_WATER)
    wet = mixed & (total > 1 - limit)
    dry = mixed & ~wet & (total < limit)
    total[dry & ~land.any(axis=0)] = 0  # earlier rules left water alone: PGD has no cover to give it to
    for few, taker, giver, share in ((wet, water, land, 1 - total), (dry, land, water, total)):
        at = np.flatnonzero(few)
        taker[taker[:, at].argmax(axis=0), at] += share[at]
        giver[:, at] = 0


def _real(key: str, text: str) -> float:
    if not _REAL.fullmatch(text):
        raise ConfigError(f"{key.upper()}: found {text!r}, expected a number such as 0.2 or 1.E-6")
    return float(text.upper().replace("D", "E"))


def _logical(key: str, text: str) -> bool:
    match = _LOGICAL.fullmatch(text)
    if not match:
        raise ConfigError(f"{key.upper()}: found {text!r}, expected .TRUE. or .FALSE.")
    return match[1].upper() == "T"
