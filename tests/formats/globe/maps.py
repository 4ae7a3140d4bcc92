"""A map on the disk, regions to put into it, and what must come of it."""

import hashlib
from pathlib import Path

import numpy as np

from ecosg_update.formats import direct, header
from ecosg_update.formats.globe import lock
from ecosg_update.formats.globe.insert import Region, insert_in_place
from ecosg_update.formats.globe.undo import recovered, reverted
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid, cut, pasted
from ecosg_update.layers import CoverMap
from tests.formats.maps import cover

WORLD = LatLonGrid.globe(1)
CORNER = LatLonGrid(1, 30, 300, 7, 11)
ACROSS = LatLonGrid(1, 140, 353, 5, 19)
"""Seven columns west of the dateline and twelve east of it."""

ROWS = LatLonGrid(1, 77, 0, 3, 360)
TURNED = LatLonGrid(1, 90, 200, 4, 360)
"""Once around the globe, from another meridian than the map."""


def written(folder: Path, grid: LatLonGrid = WORLD, seed: int = 0, nodata: int = 0, name: str = "globe") -> Path:
    """A random map; where nodata is not 0, its cells without data hold that byte."""
    codes = cover(grid, seed).codes
    codes[codes == 0] = nodata
    data, text = direct.pair(folder / name)
    data.write_bytes(codes.tobytes())
    text.write_text(header.text(Header("Made up: 33 covers", grid, nodata)).replace("rows: ", "rows:  "))
    return data


def codes_of(data: Path) -> np.ndarray:
    """The bytes of a map (y, x), whatever they are."""
    grid = direct.unguarded_info(data).grid
    return np.frombuffer(data.read_bytes(), np.uint8).reshape(grid.shape)


def expected(codes: np.ndarray, whole: LatLonGrid, region: CoverMap) -> np.ndarray:
    """The map with a region in it: no data overwrites nothing."""
    under = cut(codes, whole, region.grid)
    return pasted(codes, whole, region.grid, np.where(region.codes == 0, under, region.codes))


def put(data: Path, region: CoverMap, **options: object):
    """Put a region in place."""
    with lock.writing(data, timeout=20) as held:
        return insert_in_place(held, Region.of(region), **options)


def recover(data: Path):
    """End an unfinished patch."""
    with lock.writing(data, timeout=20) as held:
        return recovered(held)


def revert(data: Path):
    """Give back the newest patch."""
    with lock.writing(data, timeout=20) as held:
        return reverted(held)


def beside(data: Path) -> set[str]:
    """What lies in the folder of a map but the map."""
    return {path.name for path in data.parent.iterdir()} - {path.name for path in direct.pair(data)}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
