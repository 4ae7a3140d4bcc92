"""What a patch changed, counted in cells and in km2, and how sure and how seen it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.layers import Patch, Reason
from ecosg_update.report.reasons import MEANINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURE = 0.8
"""A change held with this confidence or more is a sure one."""

UNSEEN = (Reason.KEPT_NO_DATA, Reason.KEPT_LOW_SHARE)
"""Cells of which too little was seen to decide anything."""


def evidence(patch: Patch, cell_km2: NDArray[np.float64]) -> dict[str, Any]:
    """As JSON: cells and km2 in all, of land, seen, changed, changed surely, between land and water; by reason.

    cell_km2: float64 (rows,), the area of a cell of each row. Land is what is not the tile SEA before and after.
    """
    legend, codes = patch.cover.legend, patch.cover.codes
    sea = np.isin(codes, legend.members("tile", "SEA")) & np.isin(patch.base, legend.members("tile", "SEA"))
    wet = [*legend.members("tile", "SEA"), *legend.members("tile", "WATER")]
    held = (codes != 0) & (patch.base != 0)
    land, changed = ~sea & held, patch.changed & held
    flips = changed & (np.isin(codes, wet) != np.isin(patch.base, wet))
    parts = {
        "all": np.ones_like(changed),
        "land": land,
        "seen": ~np.isin(patch.reason, UNSEEN),
        "changed": changed & land,
        "sure": changed & land & (patch.confidence >= SURE),
        "to_water": flips & np.isin(codes, wet),
        "to_land": flips & np.isin(patch.base, wet),
    }
    return {
        "sure_from": SURE,
        **{name: _size(chosen, cell_km2) for name, chosen in parts.items()},
        "reasons": [
            {"code": int(reason), "label": reason.label, "text": meaning.text}
            | _size(patch.reason == reason, cell_km2)
            for reason, meaning in MEANINGS.items()
            if (patch.reason == reason).any()
        ],
    }


def _size(chosen: NDArray[np.bool_], cell_km2: NDArray[np.float64]) -> dict[str, float]:
    by_row = np.count_nonzero(chosen, axis=1)
    return {"cells": int(by_row.sum()), "km2": float(by_row @ cell_km2)}
