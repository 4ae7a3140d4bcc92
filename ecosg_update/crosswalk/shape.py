"""The shape of connected pieces of a map: how large, how long, how wide, and what they meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.bool_)
"""Neighbours over sides: 4."""

CORNERS = np.ones((3, 3), np.bool_)
"""Neighbours over sides and corners: 8."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """Of each piece, by its label (entry 0 is the background and means nothing).

    cells: int64. extent_km: float64, the diagonal of the bounding box. width_km: mean width, area over extent.
    slenderness: area over the square of the extent; a square has 0.5, a straight line of n cells about 1 / n.
    """

    cells: NDArray[np.int64]
    extent_km: NDArray[np.float64]
    width_km: NDArray[np.float64]
    slenderness: NDArray[np.float64]


def shapes(label: NDArray[np.int32], count: int, cell_km: tuple[float, float]) -> Shapes:
    """The shapes of the pieces 1..count of `label` (y, x), whose cells are cell_km = (height, width) large."""
    cells = np.bincount(label[label > 0], minlength=count + 1).astype(np.int64)
    extent = np.ones(count + 1)
    for number, box in enumerate(ndimage.find_objects(label, count), start=1):
        if box is not None:
            rows, cols = (part.stop - part.start for part in box)
            extent[number] = np.hypot(rows * cell_km[0], cols * cell_km[1])
    area = cells * cell_km[0] * cell_km[1]
    return Shapes(cells, extent, area / extent, area / extent**2)


def meeting(
    label: NDArray[np.int32], count: int, other: NDArray[np.bool_], *, over: NDArray[np.bool_] = CORNERS
) -> NDArray[np.int64]:
    """int64 (count + 1,): how many cells of each piece have one of `other` beside them; over: who is beside."""
    beside = ndimage.binary_dilation(other, over) & (label > 0)
    return np.bincount(label[beside], minlength=count + 1).astype(np.int64)


def of_pieces(chosen: NDArray[np.bool_], label: NDArray[np.int32], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (y, x): those of `cells` whose piece is chosen; chosen: bool (count + 1,). Looks at no other cell."""
    found = np.zeros(cells.shape, np.bool_)
    found[cells] = chosen[label[cells]]
    return found


def ring(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """bool (y, x): the outermost cells."""
    edge = np.ones(shape, np.bool_)
    edge[1:-1, 1:-1] = False
    return edge
