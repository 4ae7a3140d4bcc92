"""From the probabilities of covers to decided cells: belief in the base, policy, rules of whole maps."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ecosg_update import tables
from ecosg_update.config import RulesSection
from ecosg_update.crosswalk.rules import recorded
from ecosg_update.crosswalk.sieve import sieved
from ecosg_update.deciding import rules
from ecosg_update.deciding.crossing import Crossed
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.patch.census import census, strips
from ecosg_update.patch.confusion import Belief, learned, shipped
from ecosg_update.patch.decide import Policy, decided, members
from ecosg_update.patch.posterior import posterior
from ecosg_update.patch.sweep import Sweep

log = logging.getLogger(__name__)

NO_RULES = RulesSection(
    inherit=False, neighbours=False, crops=False, towns=False, snow=False, wetlands=False, low_plants="seen"
)


def believed(weighable: Callable[[LatLonGrid], Crossed], cells: LatLonGrid, policy: Policy) -> Belief | None:
    """How the base errs on some cells, from a sample of their rows; None where the policy takes the image alone.

    weighable: what is decided on, on any rows of the cells.
    """
    if policy.evidence == "engine":
        return None
    prior = shipped(tables.legend("ecosg"))
    found = map(weighable, strips(cells))
    return learned(prior, census(prior, ((one.prediction, one.original) for one in found)))


def judged(
    crossed: Crossed, policy: Policy, switches: RulesSection = NO_RULES, belief: Belief | None = None
) -> tuple[Prediction, Patch]:
    """The probabilities that decide, and the decided cells without specks (R7); R4 is of the whole map."""
    said, original = crossed.prediction, crossed.original
    weighed = said if belief is None else posterior(said, original, belief)
    patch = recorded(decided(said, original, policy, belief), crossed.chosen)
    never_new = tuple(members(original.legend, policy.never_new, "never_new"))
    return weighed, _distinct(sieved(patch, weighed, switches.smallest_patch, never_new=never_new))


def with_waters(patch: Patch, base: Path, policy: Policy, *, told: bool) -> Patch:
    """A whole patch with the kinds of its water settled (R4); see `rules.water_settled`."""
    return _distinct(rules.water_settled(patch, base, policy, told=told))


def member_with_waters(cover: CoverMap, patch: Patch, base: Path, policy: Policy, *, told: bool) -> CoverMap:
    """A member of an ensemble with the kinds of its water settled as those of the patch are.

    A cell that the draw changed counts as changed, whatever the best estimate did there.
    """
    drawn = np.not_equal(cover.codes, patch.base)
    reason = np.where(drawn, np.uint8(Reason.CHANGED), patch.reason)
    member = Patch(cover, patch.base, reason, patch.confidence)
    return rules.water_settled(member, base, policy, told=told).cover


def warned(found: Iterable[Sweep]) -> list[str]:
    """What a person should look at before the map is used, said to the log, too."""
    texts = [one.text for one in found]
    for text in texts:
        log.warning("%s", text)
    return texts


def _distinct(patch: Patch) -> Patch:
    """The patch without a second cover where a rule put just that one."""
    if patch.second is None:
        return patch
    return replace(patch, second=np.where(patch.second == patch.cover.codes, np.uint8(0), patch.second))
