"""The image of a run's scene, for the page: read again from the scene, which lies where the manifest says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecosg_update.config import SceneSection, checked
from ecosg_update.errors import EcosgError
from ecosg_update.evidence.image import BANDS, true_colour
from ecosg_update.grid import LatLonGrid
from ecosg_update.report.pictures import aspect
from ecosg_update.reporting.ran import Ran
from ecosg_update.scene.discover import open_scene

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST, LEAST = 2000, 600
"""Pixels along the longer side: a whole Sentinel-2 tile at 60 m has 1,830."""

PIXELS_A_CELL = 8
"""The image of a map in between: an ECOCLIMAP-SG cell of 300 m shows pixels of 40 m."""


def image(ran: Ran) -> tuple[NDArray[np.uint8] | None, list[str]]:
    """uint8 (y, x, 3): true colour over the run's cells; None, and why, where there is none to be had."""
    section = ran.manifest["config"].get("scene")
    if section is None:
        return None, ["no image: the run looked at a raster of classes"]
    scene = checked(SceneSection, section, str(ran.path))
    if not scene.path.exists():
        return None, [f"no image: {scene.path} is no longer there"]
    grid = ran.patch.cover.grid
    try:
        product = open_scene(
            scene.path,
            bands=scene.bands,
            level=scene.level,
            quantification=scene.quantification,
            offset=scene.offset,
        )
        if not set(BANDS) <= set(product.bands):
            return None, [f"no image: the scene lacks one of {', '.join(BANDS)}"]
        return true_colour(product, size(grid), grid), []
    except EcosgError as error:
        return None, [f"no image: {error}"]


def size(grid: LatLonGrid) -> tuple[int, int]:
    """(width, height) of the image, pixels, in the proportions of the land."""
    longest, wide = min(MOST, max(LEAST, PIXELS_A_CELL * max(grid.shape))), aspect(grid)
    if wide >= 1:
        return longest, max(1, round(longest / wide))
    return max(1, round(longest * wide)), longest
