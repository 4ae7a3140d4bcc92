"""A small patched map with every kind of cell, and experts who know the truth."""

import numpy as np

from ecosg_update import tables
from ecosg_update.formats import netcdf
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.records import Verdict
from ecosg_update.layers import CoverMap, Patch, Reason

ECOSG = tables.legend("ecosg")
GRID = LatLonGrid(360, 13_000, 61_000, 37, 53)
CODES = (1, 2, 8, 17, 19, 29)


def patch(seed=0, grid=GRID):
    """A patch of six covers, 0 in places, every fourth cell or so changed."""
    rng = np.random.default_rng(seed)
    base = rng.choice((0, *CODES), grid.shape, p=[0.02, 0.3, 0.08, 0.2, 0.2, 0.15, 0.05]).astype(np.uint8)
    new = np.where(rng.random(grid.shape) < 0.25, rng.choice(CODES, grid.shape), base).astype(np.uint8)
    new[base == 0] = 0
    reason = np.where(new != base, Reason.CHANGED, Reason.UNCHANGED).astype(np.uint8)
    confidence = rng.choice([0, 0.3, 0.5, 0.7, 0.8, 0.95], grid.shape).astype(np.float32)
    return Patch(CoverMap(new, grid, ECOSG), base, reason, confidence)


def patched(folder, seed=0, grid=GRID):
    """The patch, and the NetCDF that holds it."""
    found = patch(seed, grid)
    return found, netcdf.write(found, folder / "map.nc", provenance=about("MADE map", "a test"))


def truth(of, seed=1):
    """uint8 (y, x): what an expert would see; nearer to the new map than to the original."""
    rng = np.random.default_rng(seed)
    seen = np.where(rng.random(of.base.shape) < 0.15, rng.choice(CODES, of.base.shape), of.cover.codes)
    return seen.astype(np.uint8)


def verdicts(sites, seen, **more):
    """What an expert who sees `seen` says at sites."""
    return [Verdict(site.id, int(seen[site.row, site.col]), **more) for site in sites]
