"""Which pixels teach: each rule has a name, and every pixel that a rule drops is counted under it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, measured
from ecosg_update.training import noise
from ecosg_update.training.noise import Noise
from ecosg_update.training.piece import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

Opinion = Callable[["NDArray[np.float32]"], "NDArray[np.int16]"]
"""What a model takes an image for: reflectance float32 (band, y, x) -> int16 (y, x), rows of the wanted legend, -1
where it has no opinion."""

NO_DATA, CLOUD, UNKNOWN, BORDER, MIXED, NOISE = "no data", "cloud", "no label", "border", "mixed", "likely noise"
FLAGGED, DOMINANT, SPARSE = "flagged by the publisher", "dominant class", "too few labels"


@dataclass(frozen=True)
class Rules:
    """How to select.

    border_m: pixels whose centre is nearer to an edge between labels are dropped. mixed: drop pixels that hold
    several labels. flags: pieces that the publisher flags so ("cloud", "snow") are dropped. least_labelled: share of
    a piece's pixels that must keep a label. dominant_share, dominant_keep: of the pieces in which one class has more
    than this share of the labels, this share is kept, drawn by a hash of the name. splits: where the rules of border,
    mixed, noise and dominance hold; elsewhere only what cannot be known is dropped, so that scores are not flattered.
    """

    border_m: float = 0.0
    mixed: bool = False
    flags: frozenset[str] = frozenset({"cloud", "snow"})
    least_labelled: float = 0.01
    dominant_share: float = 1.0
    dominant_keep: float = 1.0
    noise: Noise | None = None
    splits: frozenset[str] = frozenset({"train"})
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Selected:
    """What is left of a piece.

    labels: int16 (y, x). dropped: pixels by the rule that dropped them; with the labelled ones they are all pixels.
    lost: why the piece becomes no sample, "" where
    it becomes one. trust: 1, less where labels are likely noise and are kept. suspects:
    pixels that are likely noise, dropped or not.
    """

    labels: NDArray[np.int16]
    dropped: Counter[str]
    lost: str = ""
    trust: float = 1.0
    suspects: int = 0


def selected(piece: Piece, split: str, rules: Rules, opinion: Opinion | None = None) -> Selected:
    """A piece's labels by the rules for its split. A piece without a label is kept if it is known what is present."""
    if piece.flags & rules.flags:
        return without(piece, FLAGGED)
    strict = split in rules.splits
    labels, dropped = _undoubted(piece, rules, strict=strict)
    trust, suspects = 1.0, 0
    if strict and rules.noise is not None:
        suspect = noise.suspects(piece, labels, rules.noise, _opinion_of(piece, opinion))
        suspects = int(np.count_nonzero(suspect))
        if suspects and rules.noise.action == "drop":
            dropped[NOISE] += suspects
            labels[suspect] = UNLABELLED
        elif suspects:
            trust = 1 - suspects / int(np.count_nonzero(labels != UNLABELLED))
    if piece.present is not None and (piece.labels == UNLABELLED).all():
        return Selected(labels, dropped, trust=trust)
    kept = labels != UNLABELLED
    if not kept.any() or kept.mean() < rules.least_labelled:
        return _lost(labels, dropped, SPARSE, suspects)
    if strict and _dominated(labels, rules) and _drawn(piece.name, rules.seed) >= rules.dominant_keep:
        return _lost(labels, dropped, DOMINANT, suspects)
    return Selected(labels, dropped, trust=trust, suspects=suspects)


def without(piece: Piece, reason: str) -> Selected:
    """Nothing of a piece, for a reason that holds for all of it."""
    labels = np.full(piece.labels.shape, UNLABELLED, np.int16)
    return Selected(labels, Counter({reason: labels.size}), lost=reason)


def _undoubted(piece: Piece, rules: Rules, *, strict: bool) -> tuple[NDArray[np.int16], Counter[str]]:
    """The labels that no rule drops, and how many pixels each rule drops: the first that doubts a pixel claims it."""
    doubts = [(NO_DATA, ~measured(piece.values)), (CLOUD, ~piece.valid), (UNKNOWN, piece.labels == UNLABELLED)]
    if strict:
        doubts.append((BORDER, piece.edge_m < rules.border_m))
    if strict and rules.mixed:
        doubts.append((MIXED, ~piece.pure))
    left, dropped = np.ones(piece.labels.shape, np.bool_), Counter[str]()
    for name, doubtful in doubts:
        count = int(np.count_nonzero(left & doubtful))
        if count:
            dropped[name] = count
        left &= ~doubtful
    return np.where(left, piece.labels, np.int16(UNLABELLED)), dropped


def _lost(labels: NDArray[np.int16], dropped: Counter[str], reason: str, suspects: int) -> Selected:
    """Nothing: the labels that were left are dropped too, for a reason of the whole piece."""
    left = int(np.count_nonzero(labels != UNLABELLED))
    if left:
        dropped[reason] += left
    return Selected(np.full_like(labels, UNLABELLED), dropped, lost=reason, suspects=suspects)


def _dominated(labels: NDArray[np.int16], rules: Rules) -> bool:
    counts = np.bincount(labels[labels != UNLABELLED])
    return bool(counts.max() > rules.dominant_share * counts.sum())


def _drawn(name: str, seed: int) -> float:
    """0..1, the same for one name and seed on every machine and in any order."""
    digest = hashlib.blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _opinion_of(piece: Piece, opinion: Opinion | None) -> NDArray[np.int16] | None:
    if opinion is None:
        return None
    found = opinion(piece.values)
    if found.shape != piece.labels.shape:
        raise ModelError(f"opinion on {piece.name}: has shape {found.shape}, expected {piece.labels.shape}")
    return found
