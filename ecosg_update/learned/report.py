"""What was learned, in words and for machines: class by class, the most changed ground first."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.learned.heldout import HeldOut
from ecosg_update.learned.posterior import LEVEL, MARGIN, Posterior
from ecosg_update.learned.prior import Prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN = 0.005
"""Targets below this in data, table and result are left out of the report."""


def document(found: Posterior, prior: Prior, check: HeldOut | None) -> dict[str, Any]:
    """The report as plain values: classes, the most changed ground first, and the targets of each, likewise."""
    counts = found.counts
    total = float(counts.rows.sum())
    moved = found.moved.sum(axis=1) / 2
    order = [int(at) for at in np.lexsort((-counts.rows, -moved))]
    return {
        "source": prior.source.name,
        "target": prior.target.name,
        "prior": prior.origin,
        "strength": found.strength,
        "level": LEVEL,
        "margin": MARGIN,
        "pixels": total,
        "held_out": asdict(check) if check else None,
        "classes": [
            {
                "code": prior.source.codes[at],
                "name": prior.source.names[at],
                "pixels": float(counts.rows[at]),
                "blocks": int(counts.blocks[at]),
                "effective": float(found.effective[at]),
                "area": float(counts.rows[at] / total),
                "moved": float(moved[at]),
                "targets": _targets(found, prior, at),
            }
            for at in order
        ],
    }


def lines(report: dict[str, Any]) -> list[str]:
    """The report as people read it; a star stands where data and expert disagree."""
    told = [
        f"{report['source']} to {report['target']}: {report['pixels']:.0f} pixels, prior {report['prior']} "
        f"of {report['strength']:g} effective pixels"
    ]
    for one in report["classes"]:
        name = f"{one['code']} {one['name']}"
        if one["effective"] < 1:
            told.append(f"{name}: less than one effective pixel, the expert's row holds or hardly changes")
            continue
        told.append(
            f"{name}: {one['area']:.1%} of the ground, {one['effective']:.0f} effective of {one['pixels']:.0f} "
            f"pixels in {one['blocks']} blocks; {one['moved']:.1%} of the ground changes"
        )
        told += [f"    {_target_line(target)}" for target in one["targets"]]
    check = report["held_out"]
    if check:
        told.append(f"on held-out blocks ({check['folds']} parts, {check['pixels']:.0f} pixels):")
        for name in ("learned", "expert", "shares"):
            score = check[name]
            told.append(f"    {name:8} accuracy {score['accuracy']:.4f}  log-loss {score['log_loss']:.4f}")
    return told


def _targets(found: Posterior, prior: Prior, at: int) -> list[dict[str, Any]]:
    """The targets of a class that matter, the most changed first."""
    low, high = found.interval
    data, expert, result = found.counts.shares[at], found.expert[at], found.weights[at]
    matter: NDArray[np.bool_] = np.maximum(np.maximum(data, expert), result) >= SHOWN
    order = np.lexsort((-result, -np.abs(result - expert)))
    return [
        {
            "code": prior.target.codes[column],
            "name": prior.target.names[column],
            "data": float(data[column]),
            "prior": float(expert[column]),
            "posterior": float(result[column]),
            "low": float(low[at, column]),
            "high": float(high[at, column]),
            "disagrees": bool(found.disagrees[at, column]),
            "moved": float(found.moved[at, column]),
        }
        for column in map(int, order)
        if matter[column]
    ]


def _target_line(target: dict[str, Any]) -> str:
    return (
        f"{'*' if target['disagrees'] else ' '} {target['code']:>3} {target['name'][:40]:40} "
        f"data {target['data']:.3f}  expert {target['prior']:.3f}  learned {target['posterior']:.3f} "
        f"[{target['low']:.3f}..{target['high']:.3f}]"
    )
