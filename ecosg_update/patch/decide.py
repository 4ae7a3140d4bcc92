"""The decision a cell: change the cover where the evidence is good, keep the base where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ConfigError, GridError, TableError
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import majority

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_MIN_SHARE = 0.5
"""At least half of a cell must be seen: with less, what is hidden could outvote what is seen."""

DEFAULT_MIN_CONFIDENCE = 0.5
"""The new cover must be more probable than all others together (ECOCLIMAP-SG+ keeps the original below 0.525)."""

DEFAULT_PROTECT = ("sea", "inland water")
DEFAULT_NEVER_NEW = ("sea", "snow")


@dataclass(frozen=True)
class Policy:
    """When a cell may change.

    min_share: least part of the cell (0..1) that valid evidence covers. min_confidence: least probability of
    the new cover. protect: families of the base's legend that are never replaced. never_new: families that
    never appear where the base does not have them, so that the land-sea mask and the glaciers stay (a single
    image shows neither tides nor seasons: crosswalk evidence R4 and R6).
    """

    min_share: float = DEFAULT_MIN_SHARE
    min_confidence: float = DEFAULT_MIN_CONFIDENCE
    protect: tuple[str, ...] = DEFAULT_PROTECT
    never_new: tuple[str, ...] = DEFAULT_NEVER_NEW

    def check(self, legend: Legend) -> None:
        """Raise ConfigError where a family is none of the legend's: before the evidence is gathered."""
        members(legend, self.protect, "protect")
        members(legend, self.never_new, "never_new")

    def __post_init__(self) -> None:
        for name in ("min_share", "min_confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"policy: {name} is {getattr(self, name)}, expected 0..1")


def decided(prediction: Prediction, base: CoverMap, policy: Policy) -> Patch:
    """The patch of `base` (same grid and legend) by `prediction`.

    A cell without evidence keeps its cover, whatever it is; a cell whose base is 0 (no data) is filled where
    the evidence is good enough. Ties between covers go to the base's, then to the lowest priority of the legend.
    """
    if prediction.grid != base.grid:
        raise GridError("patch: prediction and base lie on different grids; bring the base to the prediction's grid")
    if prediction.legend != base.legend:
        raise TableError(f"patch: prediction in {prediction.legend.name}, expected {base.legend.name}; map it first")
    best = majority(prediction, base.codes).astype(np.uint8)
    confidence = _probability(prediction, best)
    reason = _reasons(best, confidence, prediction.share, base, policy)
    codes = np.where(reason == Reason.CHANGED, best, base.codes)
    return Patch(CoverMap(codes, base.grid, base.legend), base.codes, reason, confidence)


def _reasons(
    best: NDArray[np.uint8],
    confidence: NDArray[np.float32],
    share: NDArray[np.float32],
    base: CoverMap,
    policy: Policy,
) -> NDArray[np.uint8]:
    """uint8 (y, x): the first rule that speaks, the strongest last in this list."""
    reason = np.full(base.codes.shape, Reason.CHANGED, np.uint8)
    protected = np.isin(base.codes, members(base.legend, policy.protect, "protect"))
    unwelcome = np.isin(best, members(base.legend, policy.never_new, "never_new"))
    reason[protected | unwelcome] = Reason.KEPT_PROTECTED
    reason[confidence < policy.min_confidence] = Reason.KEPT_LOW_CONFIDENCE
    reason[share < policy.min_share] = Reason.KEPT_LOW_SHARE
    reason[share == 0] = Reason.KEPT_NO_DATA
    reason[(best == base.codes) & (share > 0)] = Reason.UNCHANGED
    return reason


def _probability(prediction: Prediction, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (y, x): what the prediction gives to the code of each cell, 0 for no code."""
    row = prediction.legend.rows[codes]
    found = np.take_along_axis(prediction.values, np.maximum(row, 0)[np.newaxis].astype(np.intp), axis=0)[0]
    return np.where(row >= 0, found, np.float32(0))


def members(legend: Legend, families: tuple[str, ...], option: str) -> list[int]:
    """The codes of the named families; ConfigError names the option and lists the families that exist."""
    known = legend.columns.get("family", legend.group)
    unknown = [family for family in families if family not in known]
    if unknown:
        raise ConfigError(f"{option}: {unknown[0]!r} is no family of {legend.name}, found {sorted(set(known))}")
    column = "family" if "family" in legend.columns else "group"
    return [code for family in families for code in legend.members(column, family)]
