"""Small maps of one region: classes, CORINE and covers, on grids that do not fit each other."""

import numpy as np
import rasterio
from affine import Affine

from ecosg_update import tables
from ecosg_update.formats import direct, netcdf
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Prediction

CRS = "EPSG:32632"
WEST, NORTH, PIXEL = 400_000, 5_760_000, 20
SHAPE = (131, 173)


def raster(path, codes, *, west=WEST, north=NORTH, pixel=PIXEL, nodata=0):
    """A GeoTIFF of codes."""
    layout = {"driver": "GTiff", "count": 1, "dtype": codes.dtype, "crs": CRS, "nodata": nodata}
    transform = Affine(pixel, 0, west, 0, -pixel, north)
    with rasterio.open(path, "w", height=codes.shape[0], width=codes.shape[1], transform=transform, **layout) as file:
        file.write(codes, 1)
    return path


def fields(shape, classes, seed, side):
    """Square fields of `side` pixels of random classes."""
    rng = np.random.default_rng(seed)
    rows, cols = (-(-size // side) for size in shape)
    return np.kron(rng.choice(classes, (rows, cols)), np.ones((side, side), int))[: shape[0], : shape[1]]


def pair(folder, seed=0):
    """A map of Dynamic World's classes and a CORINE of level 3 that goes with it three times of four, as arrays too.

    Trees are 312, crops 211, built 112 or 121, water 512; a corner of each is without data.
    """
    rng = np.random.default_rng(seed)
    corine = fields(SHAPE, [112, 121, 211, 312, 512], seed, 16).astype(np.uint16)
    seen = np.select([corine < 130, corine == 211, corine == 312], [7, 5, 2], 1)
    noise = fields(SHAPE, [1, 2, 5, 7], seed + 1, 4)
    classes = np.where(rng.random(SHAPE) < 0.25, noise, seen).astype(np.uint8)
    corine[:20, :30], classes[-15:, -40:] = 0, 0
    return raster(folder / "classes.tif", classes), raster(folder / "corine.tif", corine), classes, corine


def covers(path, grid, seed=0):
    """A `.dir` of random fields of four covers."""
    codes = fields(grid.shape, [2, 13, 19, 29], seed, 3).astype(np.uint8)
    direct.write(CoverMap(codes, grid, tables.legend("ecosg")), path, title="made up")
    return codes


def probabilities(path, grid, seed=0):
    """A file of class probabilities, some cells without evidence."""
    rng = np.random.default_rng(seed)
    legend = tables.legend("dynamicworld")
    share = np.where(rng.random(grid.shape) < 0.2, 0, rng.random(grid.shape)).astype(np.float32)
    values = np.moveaxis(rng.dirichlet(np.ones(len(legend)), grid.shape), -1, 0).astype(np.float32) * (share > 0)
    found = Prediction(values.astype(np.float32), share, legend, grid, "made up")
    netcdf.write_prediction(found, path, provenance=about("made up", "nothing"))
    return found


CELLS = LatLonGrid.from_bounds(360, (7.54, 51.93, 7.62, 51.98))
"""Where the rasters lie."""
