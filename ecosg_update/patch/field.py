"""Smooth Gaussian fields on the sphere that depend on the place alone, not on the window or the lattice that asks.

Nodes stand in rings of latitude, `SPACING` correlation lengths apart along and between the rings (fewer nodes where
the rings are shorter). Each node holds a standard normal number, made by a counter-based generator (Philox: Salmon et
al. 2011, doi:10.1145/2063384.2063405) from seed, member, cover, ring and place in the ring. A cell hears the `NEAR` x
`NEAR` nodes around it with the weight exp(-(d/L)^2), which is the root of the covariance exp(-(d/L)^2 / 2): the
product of two such bells, summed over nodes this dense, is the wider bell to within a thousandth. The weights of
each cell are divided by the root of their squares' sum, so that its variance is 1, not nearly 1.

The weight is a product of one along the meridian and one along the ring. A whole ring is therefore summed once a
column, and a cell adds `NEAR` numbers. Distances along a ring are those of its own latitude: right where L is small
beside the distance to the pole. Around the pole itself, within a few L, the field has unit variance but no more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.domain import RADIUS
from ecosg_update.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import LatLonGrid

    Floats = NDArray[np.float64]

SPACING = 0.7
"""Of the nodes, in correlation lengths: the sum over them then varies by 2 exp(-pi^2 / (2 * 0.49)) = 8e-5."""

NEAR = 8
"""Nodes that a cell hears along each axis: to 2.8 lengths, where the weight is 4e-4."""

SHORTEST_KM, LONGEST_KM = 0.1, 500.0
"""Of the correlation lengths: below, nodes outnumber cells for nothing; above, the globe is not flat enough."""

COVARIANCE = "exp(-(d/L)^2 / 2)"
"""Of two places d apart, of a field of correlation length L."""

PERIMETER_KM = 2 * math.pi * RADIUS / 1000


@dataclass(frozen=True, eq=False)
class Stencil:
    """Which nodes the cells of a window hear, and how loudly: the same for every field of one correlation length.

    rings: the rings that are heard. first: int64 (rows,), the position in `rings` of the first ring that a row of
    cells hears. across: float32 (rows, NEAR), its weight and that of those after it; their squares sum to 1. nodes:
    (ring, cols), int64, the first node that a column hears, counted on without end around the ring. along: float32
    (ring, NEAR, cols), its weight and that of those after it; their squares sum to 1. around: nodes of each ring.
    """

    rings: range
    first: NDArray[np.int64]
    across: NDArray[np.float32]
    nodes: NDArray[np.int64]
    along: NDArray[np.float32]
    around: tuple[int, ...]


def stencil(cells: LatLonGrid, correlation_km: float) -> Stencil:
    """The stencil of a window; ConfigError as `check_length`, and for a length below the height of a cell."""
    check_length(correlation_km)
    high_km = PERIMETER_KM / 360 / cells.per_degree
    if correlation_km < high_km:
        raise ConfigError(
            f"correlation_km: found {correlation_km:g}, the cells are {high_km:.3g} km high; give at least that"
        )
    count = math.ceil(PERIMETER_KM / 2 / (SPACING * correlation_km))
    ring_km = PERIMETER_KM / 2 / count
    place = (cells.row + np.arange(cells.rows) + 0.5) / (180 * cells.per_degree) * count
    nearest = np.floor(place - 0.5).astype(np.int64) - (NEAR // 2 - 1)
    heard = nearest[:, np.newaxis] + np.arange(NEAR)
    weight = _weights((heard + 0.5 - place[:, np.newaxis]) * ring_km / correlation_km)
    weight[(heard < 0) | (heard >= count)] = 0.0  # beyond a pole there is no ring
    low = int(nearest[0])
    rings = range(low, int(nearest[-1]) + NEAR)
    around = tuple(_around(ring, count, correlation_km) for ring in rings)
    nodes = np.empty((len(rings), cells.cols), np.int64)
    along = np.empty((len(rings), NEAR, cells.cols), np.float32)
    for at, ring in enumerate(rings):
        nodes[at], along[at] = _columns(cells, around[at], _ring_km(ring, count) / correlation_km)
    return Stencil(rings, nearest - low, _unit(weight, axis=1), nodes, along, around)


def check_length(correlation_km: float) -> None:
    """Raise ConfigError for a correlation length that the nodes cannot carry."""
    if not SHORTEST_KM <= correlation_km <= LONGEST_KM:
        raise ConfigError(
            f"correlation_km: found {correlation_km:g}, expected {SHORTEST_KM:g} to {LONGEST_KM:g}; give kilometres"
        )


def rings(hears: Stencil, *, seed: int, member: int, cover: int) -> NDArray[np.float32]:
    """float32 (ring, cols): what each ring gives to each column, of variance 1; rings do not depend on each other.

    Another seed (0..2**64 - 1), member or cover (below 1000) is another field, independent of this one.
    """
    found = np.zeros((len(hears.rings), hears.nodes.shape[1]), np.float32)
    for at, ring in enumerate(hears.rings):
        start = int(hears.nodes[at].min())
        count = int(hears.nodes[at].max()) + NEAR - start
        white = _white((seed, member * 1000 + cover), ring, start, count, hears.around[at])
        for near in range(NEAR):
            found[at] += hears.along[at, near] * white[hears.nodes[at] - start + near]
    return found


def field(
    cells: LatLonGrid, correlation_km: float, *, seed: int, member: int = 0, cover: int = 0
) -> NDArray[np.float32]:
    """float32 (y, x): a Gaussian field of mean 0, variance 1 and covariance `COVARIANCE`, at the centres of cells.

    A place has the same value in every window of a lattice, and, to rounding, on every lattice. Raises as `stencil`.
    """
    hears = stencil(cells, correlation_km)
    given = rings(hears, seed=seed, member=member, cover=cover)
    found = np.zeros(cells.shape, np.float32)
    for near in range(NEAR):
        found += hears.across[:, near, np.newaxis] * given[hears.first + near]
    return found


def _columns(cells: LatLonGrid, around: int, lengths: float) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Of each column on a ring: the first node that it hears, and the weights (NEAR, cols).

    lengths: of the ring, in correlation lengths. Turns around the globe are whole numbers apart from the place within
    a turn, so that a column beyond the dateline hears what its twin at the western end of the lattice hears.
    """
    turn, col = np.divmod(cells.col + np.arange(cells.cols), cells.world_cols)
    place = (col + 0.5) / cells.world_cols * around
    nearest = np.floor(place - 0.5).astype(np.int64) - (NEAR // 2 - 1)
    heard = nearest + np.arange(NEAR)[:, np.newaxis]
    weight = _weights((heard + 0.5 - place) * lengths / around)
    return nearest + turn * around, _unit(weight, axis=0)


def _ring_km(ring: int, count: int) -> float:
    """The length of a ring, km; 0 beyond a pole."""
    return PERIMETER_KM * max(0.0, math.sin(math.pi * (ring + 0.5) / count))


def _around(ring: int, count: int, correlation_km: float) -> int:
    """Nodes of a ring: as dense as asked, and never fewer than are heard, so that none is heard twice."""
    return max(NEAR, math.ceil(_ring_km(ring, count) / (SPACING * correlation_km)))


def _weights(distance: Floats) -> Floats:
    """The weight of a node at a distance in correlation lengths, along one axis."""
    found: Floats = np.exp(-np.square(distance))
    return found


def _unit(weight: Floats, *, axis: int) -> NDArray[np.float32]:
    """Weights whose squares sum to 1."""
    found: NDArray[np.float32] = (weight / np.sqrt(np.square(weight).sum(axis=axis, keepdims=True))).astype(
        np.float32
    )
    return found


def _white(key: tuple[int, int], ring: int, start: int, count: int, around: int) -> NDArray[np.float32]:
    """float32 (count,): the normal numbers of the nodes from `start` on, around the ring as often as need be."""
    from scipy.special import ndtri  # noqa: PLC0415  scipy loads where it is needed

    if ring < 0:
        return np.zeros(count, np.float32)
    bits = np.empty(count, np.uint64)
    done = 0
    while done < count:
        node = (start + done) % around
        many = min(count - done, around - node)
        bits[done : done + many] = _bits(key, ring, node, many)
        done += many
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    normal: NDArray[np.float32] = ndtri(uniform).astype(np.float32)
    return normal


def _bits(key: tuple[int, int], ring: int, node: int, count: int) -> NDArray[np.uint64]:
    """uint64 (count,): Philox's words number `node` and on of a ring; a step of its counter gives four."""
    counter = np.array([node // 4, ring, 0, 0], np.uint64)
    words = np.random.Philox(counter=counter, key=np.array(key, np.uint64)).random_raw(node % 4 + count)
    found: NDArray[np.uint64] = words[node % 4 :]
    return found
