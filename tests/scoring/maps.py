"""Small maps on the disk for the tests of scoring maps."""

import numpy as np
import rasterio

from ecosg_update import tables
from ecosg_update.formats import direct
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.layers import CoverMap
from ecosg_update.scoring.mapped import Question, contestants, scored_maps

ECOSG = tables.legend("ecosg")


def random_codes(shape, seed, *, hole=0.1, codes=(*range(1, 34),)):
    """uint8 (y, x): covers, 0 in a part of the cells."""
    rng = np.random.default_rng(seed)
    found = rng.choice(np.array(codes, np.uint8), shape)
    found[rng.random(shape) < hole] = 0
    return found


def cover(path, codes, grid):
    """A cover map on the disk."""
    direct.write(CoverMap(codes, grid, ECOSG), path, title="made", overwrite=True)
    return path


def raster(path, codes, grid, nodata=0):
    """A GeoTIFF of codes on a GeoGrid."""
    layout = {"driver": "GTiff", "count": 1, "dtype": codes.dtype, "nodata": nodata, "crs": grid.crs}
    with rasterio.open(
        path, "w", width=grid.shape[1], height=grid.shape[0], transform=grid.transform, **layout
    ) as file:
        file.write(codes, 1)
    return path


def report(paths, truth, **asked):
    """The report on maps, by path, against a truth."""
    return scored_maps(contestants([str(path) for path in paths]), Question(truth, **asked), how=Bootstrap(20))


def row(found, grouping="ecosg", name=None, unit="pixels"):
    """A row of a report: of a grouping, by the legend's name, and of a map (default the first)."""
    return next(
        one
        for one in found.rows
        if one.confusion.legend.name == grouping and one.unit == unit and name in (None, one.contestant)
    )
