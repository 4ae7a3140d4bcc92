"""What a stratified random sample says of a map: accuracies and areas, with standard errors and intervals.

The estimators are Stehman's of 2014, doi:10.1080/01431161.2014.930207, which hold whatever the strata are: classes of
the map, or classes by confidence and by change, or those of another map. Where the strata are the map's classes and
the population is without limit they are those of Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015 (equations 2 to
11). Every figure is a ratio Y/X of two estimated totals, whose variance is that of y - (Y/X) x (Cochran 1977,
"Sampling techniques", section 6.11).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import TableError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
"""The probability that an interval covers the truth."""

NO_SPREAD = 1e-12
"""Errors and distances from 0 or 1 up to this are roundings."""


@dataclass(frozen=True, eq=False)
class Strata:
    """The parts of a map that were sampled one by one.

    area: float64 (stratum,), of each, in any unit. cells: int64 (stratum,), from how many its sites were drawn; None
    for so many that drawing some leaves as many (Olofsson's case).
    """

    area: NDArray[np.float64]
    cells: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.area.ndim != 1 or self.area.dtype != np.float64 or not (self.area > 0).all():
            raise TableError("strata: found an area that is not above 0; leave empty strata out")
        if self.cells is not None and (self.cells.shape != self.area.shape or self.cells.min(initial=1) < 1):
            raise TableError("strata: expected one number of cells, at least 1, for each area")


@dataclass(frozen=True, eq=False)
class Judged:
    """Sites and what they are.

    stratum: intp (site,), of the strata. said, true: int16 (site,), rows of a legend: what the map says, -1 for
    nothing, and what the expert saw, -1 for what belongs to no class of the legend. size: float64 (site,), area of
    the site's cell: cells of unequal size in a stratum count by it.
    """

    stratum: NDArray[np.intp]
    said: NDArray[np.int16]
    true: NDArray[np.int16]
    size: NDArray[np.float64]

    def __post_init__(self) -> None:
        if not self.stratum.shape == self.said.shape == self.true.shape == self.size.shape:
            raise TableError("sites: stratum, class said, class seen and size are of unequal number")
        if not self.stratum.size or not (self.size > 0).all():
            raise TableError("sites: none is judged, or a cell has no area; judge at least one site")

    @classmethod
    def of_matrix(cls, counts: NDArray[np.integer]) -> Judged:
        """The sites of an error matrix (map class, true class) whose strata are the map's classes."""
        said, true = np.nonzero(counts)
        times = counts[said, true]
        said, true = np.repeat(said, times), np.repeat(true, times)
        return cls(said, said.astype(np.int16), true.astype(np.int16), np.ones(said.size))


@dataclass(frozen=True)
class Estimate:
    """A figure, its standard error and its 95 % interval; nan for what is not defined."""

    value: float
    se: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """The estimate in another unit."""
        return Estimate(*(part * factor for part in (self.value, self.se, self.low, self.high)))

    def document(self) -> dict[str, float | None]:
        """As JSON: null for what is not defined."""
        parts = {"value": self.value, "se": self.se, "low": self.low, "high": self.high}
        return {name: None if math.isnan(part) else part for name, part in parts.items()}


@dataclass(frozen=True, eq=False)
class Estimates:
    """What the sites say of a map.

    matrix: float64 (said, true), the part of the area with each pair of classes; its sum is 1 less what belongs to no
    class. user, producer, area: one a class; area in the unit of the strata. represented: the part of the whole area
    whose strata have a judged site; all figures hold for that part.
    """

    matrix: NDArray[np.float64]
    overall: Estimate
    user: tuple[Estimate, ...]
    producer: tuple[Estimate, ...]
    area: tuple[Estimate, ...]
    represented: float


def estimates(judged: Judged, strata: Strata, classes: int) -> Estimates:
    """The accuracies and areas of `classes` classes; raises TableError for a site of an unknown stratum or class.

    The overall accuracy is that of the area whose true class is one of the legend; where the map says nothing it is
    wrong, as in `judge.confusion`.
    """
    _check(judged, strata, classes)
    said, true = judged.said, judged.true
    whole, known, right = np.ones(said.size), (true >= 0).astype(float), ((said == true) & (true >= 0)).astype(float)
    total = float(strata.area[np.unique(judged.stratum)].sum())
    weight = _weights(judged, strata) / total
    matrix = np.zeros((classes, classes))
    placed = (said >= 0) & (true >= 0)
    np.add.at(matrix, (said[placed], true[placed]), weight[placed])
    rows = range(classes)
    return Estimates(
        matrix=matrix,
        overall=ratio(judged, strata, right, known),
        user=tuple(ratio(judged, strata, right * (said == row), known * (said == row)) for row in rows),
        producer=tuple(ratio(judged, strata, right * (true == row), (true == row).astype(float)) for row in rows),
        area=tuple(ratio(judged, strata, (true == row).astype(float), whole).times(total) for row in rows),
        represented=total / float(strata.area.sum()),
    )


def gain(first: Judged, second: Judged, strata: Strata) -> Estimate:
    """The second map's overall accuracy less the first's, of the same sites: closer than two intervals apart say."""
    if first.true.shape != second.true.shape or (first.stratum != second.stratum).any():
        raise TableError("gain: two maps are compared on different sites; judge both on the same ones")
    right = [((one.said == one.true) & (one.true >= 0)).astype(float) for one in (first, second)]
    known = ((first.true >= 0) & (second.true >= 0)).astype(float)
    return ratio(first, strata, (right[1] - right[0]) * known, known, least=-1.0)


def ratio(
    judged: Judged, strata: Strata, y: NDArray[np.float64], x: NDArray[np.float64], *, least: float = 0.0
) -> Estimate:
    """The estimated total of `y` over that of `x`, which are float64 (site,), a ratio from `least` to 1.

    A stratum with a single site shows no spread: it counts with its distance from the whole, which overestimates the
    error. Where no stratum shows any, the normal interval would be a point. For a ratio of 0 or 1 Wilson's of 1927
    stands for it, doi:10.1080/01621459.1927.10502953, with as many sites as their weights are worth (Kish 1965); for
    others the interval is not defined. nan where x is 0.
    """
    weight = _weights(judged, strata)
    whole = float((weight * x).sum())
    if whole == 0:
        return Estimate(math.nan, math.nan, math.nan, math.nan)
    value = float((weight * y).sum()) / whole
    error = math.sqrt(_variance(judged, strata, y - value * x)) / whole
    reach = NormalDist().inv_cdf((1 + LEVEL) / 2)
    low, high = max(least, value - reach * error), min(1.0, value + reach * error)
    if error > NO_SPREAD or _complete(judged, strata):
        return Estimate(value, error, low, high)
    if NO_SPREAD < value < 1 - NO_SPREAD or least < 0:
        return Estimate(value, error, math.nan, math.nan)
    entering = weight[x != 0]
    worth = float(entering.sum() ** 2 / (entering**2).sum())
    open_end = reach**2 / (worth + reach**2)
    return Estimate(value, error, max(0.0, value - open_end), min(1.0, value + open_end))


def sample_size(
    area: NDArray[np.float64], accuracy: NDArray[np.float64], standard_error: float, *, cells: int | None = None
) -> int:
    """How many sites bring the overall accuracy's standard error down to `standard_error`.

    area: (stratum,), any unit. accuracy: (stratum,), 0..1, what is expected in each. cells: of the whole map, None
    for no limit. Cochran 1977, equation 5.25; Olofsson et al. 2014, equation 13.
    """
    if not 0 < standard_error < 1 or accuracy.shape != area.shape or accuracy.min() < 0 or accuracy.max() > 1:
        raise TableError("sample size: expected a standard error and accuracies in 0..1, one a stratum")
    weights = area / area.sum()
    variance = accuracy * (1 - accuracy)
    limit = 0.0 if cells is None else float((weights * variance).sum()) / cells
    return math.ceil(float((weights * np.sqrt(variance)).sum()) ** 2 / (standard_error**2 + limit))


def allocation(cells: NDArray[np.int64], total: int, least: int) -> NDArray[np.int64]:
    """How many of `total` sites each stratum gets, int64 (stratum,): by its cells, but `least` at least.

    A stratum of fewer cells gives all it has, and what it leaves goes to the others: Olofsson et al. 2014, section
    5.1.1. Raises TableError where `total` does not give every stratum its least.
    """
    floor = np.minimum(cells, least)
    if total < floor.sum():
        raise TableError(
            f"sites: {total} are too few for {least} in each of {len(cells)} strata; ask for {floor.sum()} or more, "
            "for less of each (--least), or stratify by less"
        )
    found = floor.astype(np.int64)
    total = min(total, int(cells.sum()))
    settled = np.zeros(len(cells), np.bool_)
    while not settled.all():
        left = total - int(found[settled].sum())
        share = left * cells / cells[~settled].sum()
        below = ~settled & (share <= floor)
        if not below.any():
            found[~settled] = _rounded(share[~settled], left)
            break
        settled |= below
    return found


def _rounded(shares: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to `total`: the largest remainders are rounded up."""
    found = np.floor(shares).astype(np.int64)
    largest = np.argsort(found - shares, kind="stable")
    found[largest[: total - int(found.sum())]] += 1
    return found


def _check(judged: Judged, strata: Strata, classes: int) -> None:
    if judged.stratum.min() < 0 or judged.stratum.max() >= len(strata.area):
        raise TableError(
            "sites: a site lies in a stratum that does not exist; give the strata that it was drawn from"
        )
    for rows in (judged.said, judged.true):
        if rows.min() < -1 or rows.max() >= classes:
            raise TableError(f"sites: classes reach from {rows.min()} to {rows.max()}, expected -1 to {classes - 1}")
    drawn = np.bincount(judged.stratum, minlength=len(strata.area))
    if strata.cells is not None and (drawn > strata.cells).any():
        raise TableError("sites: a stratum has more sites than cells; each cell can be drawn once")


def _weights(judged: Judged, strata: Strata) -> NDArray[np.float64]:
    """The area that each site stands for: those of a stratum add up to its area."""
    drawn = np.bincount(judged.stratum, judged.size, minlength=len(strata.area))
    return np.asarray(strata.area[judged.stratum] * judged.size / drawn[judged.stratum])


def _variance(judged: Judged, strata: Strata, residual: NDArray[np.float64]) -> float:
    """Of the estimated total of `residual`, float64 (site,)."""
    count = len(strata.area)
    drawn = np.bincount(judged.stratum, minlength=count)
    mean = np.bincount(judged.stratum, _weights(judged, strata) * residual, minlength=count) / strata.area
    size = np.bincount(judged.stratum, judged.size, minlength=count) / np.maximum(drawn, 1)
    alone = drawn[judged.stratum] == 1
    off = np.where(alone, residual, residual - mean[judged.stratum]) * judged.size / size[judged.stratum]
    squares = np.bincount(judged.stratum, off**2, minlength=count)
    spread = squares / np.maximum(drawn - 1, 1) / np.maximum(drawn, 1)
    missed = 1.0 if strata.cells is None else 1 - drawn / strata.cells
    return float((strata.area**2 * missed * spread).sum())


def _complete(judged: Judged, strata: Strata) -> bool:
    """Whether every cell of the strata that were visited is judged: then nothing is left to chance."""
    drawn = np.bincount(judged.stratum, minlength=len(strata.area))
    return strata.cells is not None and bool((drawn[drawn > 0] == strata.cells[drawn > 0]).all())
