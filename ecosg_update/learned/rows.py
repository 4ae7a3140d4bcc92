"""The learned table as the rows of a crosswalk: it drops into a folder of tables."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.learned.posterior import Posterior
from ecosg_update.learned.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARTS = 10_000
"""Weights are written as whole parts of this, four decimals: finer than any count is sure of."""


def rows(found: Posterior, prior: Prior, *, zone: str, reference: str) -> list[dict[str, str]]:
    """The rows of the table: learned for the classes that have data in `zone`, the expert's own for the rest.

    Confidence: A where the data weigh ten times the prior or more, B where they weigh more than it, else C.
    """
    written: list[dict[str, str]] = []
    learned_zone = tables.EVERYWHERE if zone == tables.DEFAULT_ZONE else zone
    replaced = {learned_zone, zone}
    for at, code in enumerate(prior.source.codes):
        own = [line for line in prior.lines if line["source"] == str(code)]
        kept = [line for line in own if line["zone"] not in replaced] if found.seen[at] else own
        if found.seen[at] or not own:
            written += _learned(found, prior, at, _rules(own, zone), (learned_zone, reference))
        written += kept
    return written


def text(lines: list[dict[str, str]]) -> str:
    """The CSV."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, tables.CROSSWALK_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue()


def parts(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64: whole parts of `PARTS` for weights that sum to 1; they sum to it, the largest remainders rounded up."""
    exact = weights * PARTS
    found = np.floor(exact).astype(np.int64)
    missing = PARTS - int(found.sum())
    first = np.argsort(found - exact, kind="stable")[:missing]
    found[first] += 1
    return found


def _learned(
    found: Posterior, prior: Prior, at: int, rules: tuple[str, str], origin: tuple[str, str]
) -> list[dict[str, str]]:
    zone, reference = origin
    seen, number = bool(found.seen[at]), float(found.effective[at])
    confidence = "A" if number >= 10 * found.strength else "B" if number > found.strength else "C"
    share, weights = found.counts.shares[at], parts(found.weights[at])
    return [
        {
            "source": str(prior.source.codes[at]),
            "zone": zone,
            "target": str(prior.target.codes[column]),
            "weight": f"{weights[column] / PARTS:.4f}".rstrip("0").rstrip("."),
            "inherit": rules[0],
            "neighbours": rules[1],
            "condition": f"learned: {share[column]:.4f} of {number:.0f} effective pixels" if seen else "no data",
            "confidence": confidence,
            "reference": reference if seen else prior.origin,
        }
        for column in np.argsort(-weights, kind="stable")
        if weights[column] > 0
    ]


def _rules(own: list[dict[str, str]], zone: str) -> tuple[str, str]:
    """What may be inherited and what neighbours may offer: as the expert says in the zone, else nothing."""
    line = next((line for line in own if line["zone"] == zone), None)
    line = line or next((line for line in own if line["zone"] == tables.EVERYWHERE), None)
    return (line["inherit"], line["neighbours"]) if line else ("cover", "cover")
