"""How the original map errs: the probability of its cover given the true one, from a table and from the region.

The table (`tables/priors/ecosg.csv`) holds what is published, which is little: how often the original is right at
5 and at 15 labels. It says of each family of covers how often the base shows the same family (`right`), another of
the same primary label (`near`) or one of another label (`far`), each spread evenly; and how often, the family being
right, the cover is too (`cover`). `learned` then counts on the region itself, with the table as prior.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.patch.census import Census

COLUMNS = ("family", "label", "right", "near", "far", "cover", "confidence", "source")

STRENGTH = 100.0
"""Weight of the table, in independent cells a family: the Dirichlet prior of each row is the row times this. Ours."""

ALIKE = 10.0
"""Cells of the original that count as one: neighbours share their field, town or wood. Ours: 10 cells are 90 ha."""

STEPS = 30
SETTLED = 1e-4
"""The estimate ends after so many steps, or where no rate moves by more than this."""

PRESENT = 1e-3
"""Cells that each cover is given beside those counted, so that no cover of a family is impossible."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """P(base | truth) of families of covers, and of covers within a family.

    rates: float64 (true family, base's family), rows sum to 1 and nothing is impossible. cover: float64 (family,),
    0..1: how often the base's cover is the true one where its family is. Families are in the order of the legend.
    """

    legend: Legend
    rates: NDArray[np.float64]
    cover: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = len(self.families)
        if self.rates.shape != (count, count) or self.cover.shape != (count,):
            raise TableError(f"confusion of {self.legend.name}: found {self.rates.shape}, expected {count} families")
        if self.rates.min() <= 0 or np.abs(self.rates.sum(axis=1) - 1).max() > 1e-6:
            raise TableError(f"confusion of {self.legend.name}: rates must be above 0 and rows sum to 1")
        if self.cover.min() <= 0 or self.cover.max() > 1:
            raise TableError(f"confusion of {self.legend.name}: cover must be above 0 and at most 1")

    @cached_property
    def families(self) -> tuple[str, ...]:
        """The families of the legend, in its order."""
        return families(self.legend)

    @cached_property
    def family_of(self) -> NDArray[np.intp]:
        """The row of the family of each class, intp (class,)."""
        row = {family: at for at, family in enumerate(self.families)}
        return np.array([row[family] for family in _column(self.legend)], np.intp)


@dataclass(frozen=True, eq=False)
class Belief:
    """What is known of a cell before any image of it: how the base errs, and how frequent each cover truly is.

    families: float64 (family,), sums to 1. covers: float64 (class,), each class as part of its family; sums to 1 in
    each. The original is taken to know the sub-types of a family in the right proportions.
    """

    confusion: Confusion
    families: NDArray[np.float64]
    covers: NDArray[np.float64]

    @cached_property
    def rates(self) -> NDArray[np.float64]:
        """P(family of b | family of c), float64 (true class c, base's class b)."""
        family = self.confusion.family_of
        return self.confusion.rates[np.ix_(family, family)]

    @cached_property
    def likelihood(self) -> NDArray[np.float64]:
        """P(b | c), float64 (true class c, base's class b), rows sum to 1.

        A base of the wrong family shows that family's covers by their frequency; one of the right family shows the
        true cover at the rate `Confusion.cover`, else the others of the family by frequency.
        """
        family = self.confusion.family_of
        same = family[:, np.newaxis] == family
        exact = np.eye(len(family), dtype=bool)
        right = self.confusion.cover[family][:, np.newaxis]
        rest = np.where(self.covers < 1, 1 - self.covers, 1.0)[:, np.newaxis]
        within = np.where(exact, right, (1 - right) * self.covers / rest)
        return self.rates * np.where(same, within, self.covers)

    @cached_property
    def of_base(self) -> NDArray[np.float64]:
        """P(c | b), float64 (base's class b, true class c), rows sum to 1: what the base alone says of a cell."""
        prior = self.families[self.confusion.family_of] * self.covers
        joint = self.likelihood.T * prior
        return np.asarray(joint / joint.sum(axis=1, keepdims=True), np.float64)


def families(legend: Legend) -> tuple[str, ...]:
    """The families of a legend's covers (its groups, where it has none), in the order of its classes."""
    return tuple(dict.fromkeys(_column(legend)))


@lru_cache
def shipped(legend: Legend) -> Confusion:
    """The table of a legend, `tables/priors/NAME.csv`; TableError where it is absent or does not add up."""
    file = tables.path("priors", f"{legend.name}.csv")
    lines = {line["family"]: line for line in tables.rows(file, COLUMNS)}
    known = families(legend)
    if set(lines) != set(known):
        raise TableError(f"{file.name}: found {len(lines)} families, expected one row for each of {', '.join(known)}")
    label = [lines[family]["label"] for family in known]
    numbers = {
        name: np.array([_rate(lines[family], name, file.name) for family in known])
        for name in ("right", "near", "far", "cover")
    }
    near = np.equal.outer(label, label) & ~np.eye(len(known), dtype=bool)
    far = ~np.equal.outer(label, label)
    rates = np.diag(numbers["right"]) + _spread(numbers["near"], near) + _spread(numbers["far"], far)
    return Confusion(legend, rates, numbers["cover"])


def believed(confusion: Confusion, cells: NDArray[np.float64]) -> Belief:
    """What a confusion says of a region, before any image.

    cells: float64 (class,), how many independent cells of the base hold each class. The frequency of a family is
    the base's own, with `STRENGTH` cells spread over all families.
    """
    count = _by_family(confusion, cells)
    frequency = count + STRENGTH / len(count)
    covers = cells + PRESENT
    return Belief(confusion, frequency / frequency.sum(), covers / _by_family(confusion, covers)[confusion.family_of])


def learned(prior: Confusion, census: Census) -> Belief:
    """The belief of a region from the cells of it that were seen, with a table as prior.

    Expectation and maximisation with a Dirichlet prior (Dempster et al. 1977, doi:10.1111/j.2517-6161.1977.tb01600.x;
    of an observer's confusion: Dawid and Skene 1979, doi:10.2307/2346806): from the rates, what each cell truly is,
    given the image and the base; from those, the rates. Neither the image nor the base is the truth here, but an
    error that the engine makes again and again is taken for one of the base: only the prior stands against it.
    """
    rates, pairs = prior.rates, census.pairs(prior.rates)
    for _ in range(STEPS):
        counted = STRENGTH * prior.rates + pairs
        new = counted / counted.sum(axis=1, keepdims=True)
        moved = float(np.abs(new - rates).max())
        rates, pairs = new, census.pairs(new)
        if moved < SETTLED:
            break
    belief = believed(replace(prior, rates=rates), census.cells)
    frequency = pairs.sum(axis=1) + STRENGTH * belief.families
    return replace(belief, families=frequency / frequency.sum())


def _by_family(confusion: Confusion, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(confusion.family_of, cells, len(confusion.families)).astype(np.float64)


def _spread(rate: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
    """A rate a row, spread evenly over the columns that are True."""
    return np.where(where, (rate / np.maximum(where.sum(axis=1), 1))[:, np.newaxis], 0.0)


def _column(legend: Legend) -> tuple[str, ...]:
    return legend.columns.get("family", legend.group)


def _rate(line: dict[str, str], column: str, name: str) -> float:
    try:
        rate = float(line[column])
    except ValueError as error:
        raise TableError(f"{name}: {column} {line[column]!r} of {line['family']} is not a number") from error
    if not 0 <= rate <= 1:
        raise TableError(f"{name}: {column} of {line['family']} is {rate}, expected 0..1")
    return rate
