"""The decision a cell: change the cover where the evidence is good, keep the base where it is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from ecosg_update.errors import ConfigError, GridError, TableError
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import majority
from ecosg_update.patch.posterior import entropy, likeliest_other, posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.patch.confusion import Belief

Mode = Literal["always", "confident", "agreement"]
"""always: the best cover, however probable. confident: only with `min_confidence`. agreement: only where the image
alone and the image weighed with the base name the same cover, each with `min_confidence`."""

Sureness = Literal["group", "cover"]
"""Of what a change must be sure. group: that the new cover's group (water, trees, crops ...) is right, where the base
shows another one, and that the cover is right, where the base shows the same group. cover: always of the cover."""

Proof = Literal["bayes", "engine"]
"""bayes: the posterior of image and base (`patch.posterior`). engine: the image alone."""

DEFAULT_MODE: Mode = "confident"
DEFAULT_EVIDENCE: Proof = "bayes"
DEFAULT_SURE_OF: Sureness = "group"

DEFAULT_MIN_SHARE = 0.5
"""At least half of a cell must be seen: with less, what is hidden could outvote what is seen."""

DEFAULT_MIN_CONFIDENCE = 0.5
"""What is new must be more probable than all else together (ECOCLIMAP-SG+ keeps the original below 0.525)."""

DEFAULT_PROTECT = ("sea", "inland water")
DEFAULT_NEVER_NEW = ("sea", "snow")


@dataclass(frozen=True)
class Policy:
    """When a cell may change.

    min_share: least part of the cell (0..1) that valid evidence covers. min_confidence: least probability of
    what `sure_of` names, for the modes that ask for one. protect: families of the legend that are never replaced.
    never_new: families that never appear where the base does not have them, so that the land-sea mask and the
    glaciers stay (a single image shows neither tides nor seasons: crosswalk evidence R4 and R6). mode: `Mode`.
    evidence: `Proof`. sure_of: `Sureness`.
    """

    min_share: float = DEFAULT_MIN_SHARE
    min_confidence: float = DEFAULT_MIN_CONFIDENCE
    protect: tuple[str, ...] = DEFAULT_PROTECT
    never_new: tuple[str, ...] = DEFAULT_NEVER_NEW
    mode: Mode = DEFAULT_MODE
    evidence: Proof = DEFAULT_EVIDENCE
    sure_of: Sureness = DEFAULT_SURE_OF

    def check(self, legend: Legend) -> None:
        """Raise ConfigError where a family is none of the legend's: before the evidence is gathered."""
        members(legend, self.protect, "protect")
        members(legend, self.never_new, "never_new")

    def __post_init__(self) -> None:
        for name in ("min_share", "min_confidence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"policy: {name} is {getattr(self, name)}, expected 0..1")
        for name, known in (("mode", get_args(Mode)), ("evidence", get_args(Proof)), ("sure_of", get_args(Sureness))):
            if getattr(self, name) not in known:
                raise ConfigError(f"policy: {name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")


def decided(prediction: Prediction, base: CoverMap, policy: Policy, belief: Belief | None = None) -> Patch:
    """The patch of `base` (same grid and legend) by `prediction`.

    belief: how the base errs in this region, for evidence "bayes"; None: the image alone. A cell without evidence
    keeps its cover, whatever it is; a cell whose base is 0 (no data) is filled where the evidence is good enough.
    Ties between covers go to the base's, then to the lowest priority of the legend.
    """
    if prediction.grid != base.grid:
        raise GridError("patch: prediction and base lie on different grids; bring the base to the prediction's grid")
    if prediction.legend != base.legend:
        raise TableError(f"patch: prediction in {prediction.legend.name}, expected {base.legend.name}; map it first")
    found = prediction if belief is None else posterior(prediction, base, belief)
    alone = _opinion(prediction, base, policy)
    weighed = alone if belief is None else _opinion(found, base, policy)
    reason = _reasons(weighed, alone, prediction.share, base, policy)
    codes = np.where(reason == Reason.CHANGED, weighed.best, base.codes)
    return Patch(
        CoverMap(codes, base.grid, base.legend),
        base.codes,
        reason,
        _probability(found, codes),
        entropy(found),
        likeliest_other(found, codes),
    )


class _Opinion(NamedTuple):
    """The best cover of each cell, uint8 (y, x), 0 for none, and how sure a change to it is, float32 (y, x)."""

    best: NDArray[np.uint8]
    probability: NDArray[np.float32]


def _opinion(prediction: Prediction, base: CoverMap, policy: Policy) -> _Opinion:
    best = majority(prediction, base.codes).astype(np.uint8)
    sure = _probability(prediction, best)
    if policy.sure_of == "group":
        sure = _sure_of_group(prediction, best, base.codes, sure)
    return _Opinion(best, sure)


def _sure_of_group(
    prediction: Prediction, best: NDArray[np.uint8], base: NDArray[np.uint8], sure: NDArray[np.float32]
) -> NDArray[np.float32]:
    """float32 (y, x): the probability of the best cover's group where the base is of another one, else `sure`."""
    legend = prediction.legend
    number = np.zeros(256, np.uint8)
    found = sure.copy()
    for at, group in enumerate(dict.fromkeys(legend.group), start=1):
        number[list(legend.members("group", group))] = at
    new, old = number[best], number[base]
    for at in np.unique(new[new != old]):
        cells = (new == at) & (old != at)
        rows = legend.rows[np.flatnonzero(number == at)]
        found[cells] = prediction.values[rows][:, cells].sum(axis=0)
    return found


def _reasons(
    weighed: _Opinion, alone: _Opinion, share: NDArray[np.float32], base: CoverMap, policy: Policy
) -> NDArray[np.uint8]:
    """uint8 (y, x): the first rule that speaks, the strongest last in this list.

    weighed: what decides. alone: the image's own word, the same where the base has no say.
    """
    reason = np.full(base.codes.shape, Reason.CHANGED, np.uint8)
    protected = np.isin(base.codes, members(base.legend, policy.protect, "protect"))
    unwelcome = np.isin(weighed.best, members(base.legend, policy.never_new, "never_new"))
    reason[protected | unwelcome] = Reason.KEPT_PROTECTED
    if policy.mode == "agreement":
        reason[(alone.best != weighed.best) | (alone.probability < policy.min_confidence)] = Reason.KEPT_DISAGREEMENT
    if policy.mode != "always":
        reason[weighed.probability < policy.min_confidence] = Reason.KEPT_LOW_CONFIDENCE
    reason[weighed.best == base.codes] = Reason.KEPT_BASE_LIKELIER
    reason[share < policy.min_share] = Reason.KEPT_LOW_SHARE
    reason[share == 0] = Reason.KEPT_NO_DATA
    reason[(weighed.best == base.codes) & (alone.best == base.codes) & (share > 0)] = Reason.UNCHANGED
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
