"""Land parcels with straight edges: districts that each carry their own slanted lattice of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISTRICT = 190.0
"""Mean width of a district whose fields lie parallel, pixels."""


def parcels(rng: np.random.Generator, shape: tuple[int, int], *, width: tuple[float, float]) -> NDArray[np.int32]:
    """Parcel numbers 0..n-1, int32 (y, x); a parcel is `width` (smallest, largest) pixels wide."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    district, count = _districts(rng, y, x)
    angle = rng.uniform(0, np.pi, count).astype(np.float32)[district]
    across, along = (rng.uniform(*width, (2, count)).astype(np.float32) * [[1.0], [1.6]]).astype(np.float32)
    lane = np.floor((x * np.cos(angle) + y * np.sin(angle)) / across[district])
    # Each lane starts elsewhere, else the fields would form a chessboard.
    start = np.mod(lane * 0.618, 1)
    place = np.floor((y * np.cos(angle) - x * np.sin(angle)) / along[district] + start)
    return _numbered(district, lane, place)


def centroids(parcel: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(row, column) of the middle of each pixel's parcel, float32 (y, x)."""
    y, x = np.mgrid[: parcel.shape[0], : parcel.shape[1]]
    size = np.bincount(parcel.ravel())
    row = np.bincount(parcel.ravel(), y.ravel()) / size
    col = np.bincount(parcel.ravel(), x.ravel()) / size
    return row.astype(np.float32)[parcel], col.astype(np.float32)[parcel]


def edges(parcel: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Pixels whose lower or right neighbour belongs to another parcel, bool (y, x)."""
    edge = np.zeros(parcel.shape, np.bool_)
    edge[:-1] |= parcel[:-1] != parcel[1:]
    edge[:, :-1] |= parcel[:, :-1] != parcel[:, 1:]
    return edge


def _districts(
    rng: np.random.Generator, y: NDArray[np.float32], x: NDArray[np.float32]
) -> tuple[NDArray[np.int32], int]:
    count = max(2, round(y.size / DISTRICT**2))
    seeds = rng.uniform((0, 0), y.shape, (count, 2)).astype(np.float32)
    nearest = np.full(y.shape, np.inf, np.float32)
    district = np.zeros(y.shape, np.int32)
    for number, (row, col) in enumerate(seeds):
        distance = (y - row) ** 2 + (x - col) ** 2
        closer = distance < nearest
        district[closer] = number
        np.minimum(nearest, distance, out=nearest)
    return district, count


def _numbered(*parts: NDArray[Any]) -> NDArray[np.int32]:
    key = np.zeros(parts[0].shape, np.int64)
    for part in parts:
        whole = part.astype(np.int64)
        key = key * (int(np.ptp(whole)) + 1) + (whole - whole.min())
    _, number = np.unique(key, return_inverse=True)
    return number.reshape(key.shape).astype(np.int32)
