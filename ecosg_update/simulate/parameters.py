"""Leaf area, albedo and tree height that fit a simulated map: made up, in the layout of ECOCLIMAP-SG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.formats import typed
from ecosg_update.layers import CoverMap

if TYPE_CHECKING:
    from numpy.typing import NDArray

TITLE = "SIMULATED parameters, made up"
DECADES = ("0705",)
"""One, as the Deode workflow reads with `one_decade`; ECOCLIMAP-SG has 36."""

TREES = (7, 8, 9, 10, 11, 12, 13, 14, 15, 22)


def write_parameters(cover: CoverMap, folder: Path, decades: Sequence[str] = DECADES) -> None:
    """Write the files that Deode, pysurfex and HARMONIE look for, so that each pixel is of its cell's cover.

    decades: MMDD. The values are made up: a leaf area that has a summer (10 units are 1 m2/m2), albedos of 7 to 31 %,
    trees of 5 to 17 m.
    """
    codes = cover.codes.astype(np.uint16)
    texture = (np.add.outer(np.arange(codes.shape[0]) // 5, np.arange(codes.shape[1]) // 7) % 3).astype(np.uint16)
    for decade in decades:
        summer = 0.5 - 0.5 * math.cos(2 * math.pi * (int(decade[:2]) - 0.5) / 12)
        leaves = (5 + round(35 * summer) + codes % 7 + texture).astype(np.uint16)
        _write(cover, np.where(codes >= 7, leaves, 0), folder / "LAI_SAT" / f"LAI_SAT_{decade}_c", 10)
        for band, least in (("NI", 20), ("VI", 7)):
            albedo = np.where(codes >= 4, least + codes % 9 + texture, 0)
            _write(cover, albedo, folder / "ALB_SAT" / f"ALB_SAT_{band}_{decade}_c", 100)
    _write(cover, np.where(np.isin(codes, TREES), 5 + codes % 11 + texture, 0), folder / "HT" / "new_ht_c", 1)


def _write(cover: CoverMap, values: NDArray[np.integer], path: Path, fact: int) -> None:
    pixels = np.where(values > 0, cover.codes.astype(np.uint16) * typed.STEP + values, 0).astype(np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    typed.write(pixels, cover.grid, path, title=TITLE, fact=fact)
