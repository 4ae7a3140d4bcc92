"""How large the cells of a lat-lon lattice are, exactly, on the ellipsoid on which the maps' degrees are counted.

Longitudes and latitudes of ECOCLIMAP-SG are those of WGS84; on SURFEX's sphere a cell is 0.46 % larger at the equator
and 0.73 % smaller at 70 degrees.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEMI_MAJOR_KM = 6378.137
FLATTENING = 1 / 298.257223563
"""WGS84."""

ECCENTRICITY = math.sqrt(FLATTENING * (2 - FLATTENING))


def cell_km2(grid: LatLonGrid) -> NDArray[np.float64]:
    """The area of a cell of each row, float64 (rows,), km2: between two parallels and two meridians of WGS84.

    The zone from the equator to a latitude has the area pi a^2 q (Snyder 1987, Map Projections - A Working Manual,
    USGS Professional Paper 1395, equation 3-12 for q).

    >>> round(float(cell_km2(LatLonGrid.globe(1)).sum() * 360))  # the surface of the Earth
    510065622
    """
    edges = np.radians((90 * grid.per_degree - grid.row - np.arange(grid.rows + 1)) / grid.per_degree)
    wide = math.radians(1 / grid.per_degree)
    return np.asarray(SEMI_MAJOR_KM**2 / 2 * wide * -np.diff(_authalic(np.sin(edges))), np.float64)


def _authalic(sine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Snyder's q of the sine of a latitude."""
    e = ECCENTRICITY
    return np.asarray((1 - e**2) * (sine / (1 - (e * sine) ** 2) + np.arctanh(e * sine) / e))
