"""Made-up parameter folders and covers that have changed under them; no real ones are at hand."""

import math

import numpy as np

from ecosg_update import tables
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests import oracle_typed as oracle
from tests.oracle_surfex import surfex

GRID = LatLonGrid(360, 13_300, 62_000, 21, 34)
"""Ireland; 300 m."""

DECADES = ["0105", "0715", "1225"]
ECOSG = tables.legend("ecosg")
TREES = {7, 8, 9, 10, 11, 12, 13, 14, 15, 22}
NEEDED = {
    "lai": set(range(7, 24)),
    "albedo-nir": set(range(4, 24)),
    "albedo-vis": set(range(4, 24)),
    "tree-height": TREES,
}
"""Covers that need each parameter, from the design document (A5)."""


def covers(grid=GRID, seed=0, choice=(1, 2, 4, 5, 8, 13, 15, 17, 19, 29)):
    """Blocks of covers."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(choice, (-(-grid.rows // 4), -(-grid.cols // 5)))
    return np.kron(coarse, np.ones((4, 5), int))[: grid.rows, : grid.cols].astype(np.uint8)


def changed(codes, seed=1, share=0.2, choice=(1, 5, 8, 13, 17, 21, 28)):
    """A copy in which some cells are other covers."""
    rng = np.random.default_rng(seed)
    other = rng.choice(choice, codes.shape).astype(np.uint8)
    return np.where(rng.random(codes.shape) < share, other, codes).astype(np.uint8)


def write_cover(path, codes, grid=GRID):
    direct.write(CoverMap(codes, grid, ECOSG), path, title="Made up")
    return path.with_suffix(".dir")


def write_tree(folder, codes, grid=GRID, decades=DECADES):
    return oracle.write_tree(folder, codes.tolist(), grid.bounds, decades)


def pixels(path):
    """All pixels of a packed file, int64 (y, x), as SURFEX reads them."""
    header = surfex(path.with_suffix(".hdr"))
    assert header.compress and header.bits == 16 and header.nodata == 0
    return np.array(oracle.read_packed(path, header.rows, header.cols))


def great_circle_km(lat, lon, other_lat, other_lon):
    """The haversine formula on a sphere of 6371.229 km."""
    lat, lon, other_lat, other_lon = map(math.radians, (lat, lon, other_lat, other_lon))
    h = math.sin((lat - other_lat) / 2) ** 2
    h += math.cos(lat) * math.cos(other_lat) * math.sin((lon - other_lon) / 2) ** 2
    return 2 * 6371.229 * math.asin(math.sqrt(h))
