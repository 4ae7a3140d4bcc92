"""The shape of connected pieces of a map: how large, how long, how wide, and what they meet.

A map that goes once around the globe wraps: its last column adjoins its first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

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


def pieces(
    cells: NDArray[np.bool_], over: NDArray[np.bool_], *, wraps: bool = False
) -> tuple[NDArray[np.int32], int]:
    """The connected pieces of `cells`: labels int32 (y, x), 0 for none, and how many; over: who is beside."""
    label, count = ndimage.label(cells, over)
    if not (wraps and count):
        return label, count
    west, east = _across_the_seam(label, over)
    links = coo_array((np.ones(west.size, np.bool_), (west, east)), (count + 1, count + 1))
    found, piece = connected_components(links, directed=False)
    number = ((piece - piece[0]) % found).astype(np.int32)  # the background stays 0, whatever its number was
    return number[label], found - 1


def grown(
    cells: NDArray[np.bool_],
    over: NDArray[np.bool_],
    *,
    steps: int = 1,
    within: NDArray[np.bool_] | None = None,
    wraps: bool = False,
) -> NDArray[np.bool_]:
    """bool (y, x): `cells` and what lies so many steps from them; within: the cells that may be stepped on."""
    rim = steps if wraps else 0
    if rim:
        cells = np.pad(cells, ((0, 0), (rim, rim)), mode="wrap")
        within = None if within is None else np.pad(within, ((0, 0), (rim, rim)), mode="wrap")
    wide: NDArray[np.bool_] = ndimage.binary_dilation(cells, over, iterations=steps, mask=within)
    return wide[:, rim : wide.shape[1] - rim]


def shapes(label: NDArray[np.int32], count: int, cell_km: tuple[float, float]) -> Shapes:
    """The shapes of the pieces 1..count of `label` (y, x), whose cells are cell_km = (height, width) large.

    The columns of a connected piece are an unbroken arc: of one that crosses the seam of a map that wraps, whose box
    is as wide as the map, they are counted.
    """
    cells = np.bincount(label[label > 0], minlength=count + 1).astype(np.int64)
    extent = np.ones(count + 1)
    for number, box in enumerate(ndimage.find_objects(label, count), start=1):
        if box is not None:
            rows, cols = (part.stop - part.start for part in box)
            if cols == label.shape[1]:
                cols = np.count_nonzero((label[box] == number).any(axis=0))
            extent[number] = np.hypot(rows * cell_km[0], cols * cell_km[1])
    area = cells * cell_km[0] * cell_km[1]
    return Shapes(cells, extent, area / extent, area / extent**2)


def meeting(
    label: NDArray[np.int32],
    count: int,
    other: NDArray[np.bool_],
    *,
    over: NDArray[np.bool_] = CORNERS,
    wraps: bool = False,
) -> NDArray[np.int64]:
    """int64 (count + 1,): how many cells of each piece have one of `other` beside them; over: who is beside."""
    beside = grown(other, over, wraps=wraps) & (label > 0)
    return np.bincount(label[beside], minlength=count + 1).astype(np.int64)


def of_pieces(chosen: NDArray[np.bool_], label: NDArray[np.int32], cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool (y, x): those of `cells` whose piece is chosen; chosen: bool (count + 1,). Looks at no other cell."""
    found = np.zeros(cells.shape, np.bool_)
    found[cells] = chosen[label[cells]]
    return found


def ring(shape: tuple[int, int], *, wraps: bool = False) -> NDArray[np.bool_]:
    """bool (y, x): the outermost cells: of a map that wraps, its first and last row."""
    edge = np.ones(shape, np.bool_)
    edge[1:-1, slice(None) if wraps else slice(1, -1)] = False
    return edge


def _across_the_seam(
    label: NDArray[np.int32], over: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The pairs of pieces that adjoin where the last column meets the first."""
    edge = np.zeros(len(label) + 2, np.int32)
    edge[1:-1] = label[:, 0]
    rows = [slice(down, down + len(label)) for down in range(3) if over[down, 2]]
    west = np.concatenate([label[:, -1] for _ in rows])
    east = np.concatenate([edge[part] for part in rows])
    both = (west > 0) & (east > 0)
    return west[both], east[both]
