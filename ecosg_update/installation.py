"""A drop-in tree for a model's domain, with the values that PGD needs where the parameters lack a type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import parameter_files
from ecosg_update.install import tree
from ecosg_update.install.plan import Plan, Wish, planned
from ecosg_update.install.tree import Installation
from ecosg_update.parameters import files
from ecosg_update.parameters.parameter import parameter
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from ecosg_update.domain import Domain


def foreseen(
    wish: Wish, domain: Domain | None, given: dict[str, float], *, progress: Progress = silent
) -> tuple[Plan, dict[str, str]]:
    """What `installed` would make: the plan and the texts for the workflows; nothing is written."""
    plan = planned(wish)
    return plan, tree.texts(plan, fallbacks(wish, domain, progress=progress) | given)


def installed(
    wish: Wish,
    domain: Domain | None,
    given: dict[str, float],
    *,
    link: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Installation:
    """Install as `install.tree.installed`, with `fallbacks` for the domain; the values in `given` go first."""
    planned(wish)  # what is refused is refused before the parameters are read
    values = fallbacks(wish, domain, progress=progress) | given
    return tree.installed(wish, fallbacks=values, link=link, overwrite=overwrite, progress=progress)


def fallbacks(wish: Wish, domain: Domain | None, *, progress: Progress = silent) -> dict[str, float]:
    """`XUNIF_` of each variable of `NAM_DATA_ISBA` whose files lack a cover that the new map has in the domain.

    One value stands for all covers that a variable lacks: the mean of their rows in tables/parameters.csv. Empty
    without a domain (PGD asks of the domain only) and where there are no parameter files.
    """
    folder = wish.parameters or wish.source
    if domain is None or not files.held(folder):
        return {}
    covering = parameter_files.Covering(wish.cover, domain=domain)
    absent = parameter_files.check(covering, folder, progress=progress).absent
    return {variable: _mean_default(variable, covers) for variable, covers in absent.items()}


def _mean_default(variable: str, covers: list[int]) -> float:
    defaults = parameter(files.parameter_of(variable)).defaults
    return round(float(np.mean([defaults[cover] for cover in covers])), 4)
