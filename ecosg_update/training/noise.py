"""Labels that are likely wrong: pixels that look like another class, and that a model takes for one.

A pixel is compared with the 8 labelled pixels of its piece that are nearest to it in reflectance (edited nearest
neighbours: Wilson 1972, IEEE Trans. SMC 2(3)). CORINE generalises to 25 ha: a pond in a wood is labelled wood.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.spatial import KDTree

from ecosg_update.sample import UNLABELLED, absent
from ecosg_update.training.piece import Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS = 8
BANK = 4096
"""Labelled pixels of a piece, drawn at random, among which neighbours are sought."""


@dataclass(frozen=True)
class Noise:
    """When a label is likely noise, and what then.

    agreement: the least share of the 8 neighbours in reflectance that must have the same label. With a model's
    opinion a label is suspect only where the model, too, says another class. action: "drop" the pixels, or draw
    the sample less often ("weight").
    """

    agreement: float = 0.25
    action: Literal["drop", "weight"] = "drop"


def suspects(
    piece: Piece, labels: NDArray[np.int16], noise: Noise, opinion: NDArray[np.int16] | None = None
) -> NDArray[np.bool_]:
    """bool (y, x): the labelled pixels that are likely noise.

    labels: int16 (y, x), -1 for pixels that do not count. opinion: int16 (y, x), -1 where the model has none: there
    the neighbours alone decide.
    """
    known = labels != UNLABELLED
    found = np.zeros(labels.shape, np.bool_)
    if known.sum() <= NEIGHBOURS or len(np.unique(labels[known])) < 2:
        return found
    seen = piece.values[~absent(piece.values)][:, known].T  # (pixel, band)
    found[known] = _agreement(seen, labels[known], _seed(piece.name)) < noise.agreement
    if opinion is not None:
        found &= opinion != labels
    return found


def _agreement(pixels: NDArray[np.float32], labels: NDArray[np.int16], seed: int) -> NDArray[np.float64]:
    """float64 (pixel,): the share of the nearest neighbours, itself apart, that have its label."""
    chosen = np.arange(len(pixels))
    if len(pixels) > BANK:
        chosen = np.sort(np.random.default_rng(seed).choice(len(pixels), BANK, replace=False))
    tree = KDTree(pixels[chosen])
    _, near = tree.query(pixels, NEIGHBOURS + 1)
    others = chosen[near]  # (pixel, neighbour)
    itself = others == np.arange(len(pixels))[:, None]
    itself[:, -1] |= ~itself.any(axis=1)
    same = (labels[others] == labels[:, None]) & ~itself
    return np.asarray(same.sum(axis=1) / NEIGHBOURS, np.float64)


def _seed(name: str) -> int:
    return zlib.crc32(name.encode())
