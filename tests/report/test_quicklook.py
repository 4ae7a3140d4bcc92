"""The picture shows the colours of the legend, in true proportions, and what changed."""

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.report.quicklook import REASON_COLOURS, panel_size, quicklook

ECOSG = tables.legend("ecosg")


def colours(picture):
    return {colour for _, colour in picture.getcolors(maxcolors=1 << 20)}


def a_patch(grid):
    base = np.full(grid.shape, 19, np.uint8)
    codes = base.copy()
    codes[: grid.rows // 2] = 8
    reason = np.where(codes != base, Reason.CHANGED, Reason.KEPT_NO_DATA).astype(np.uint8)
    return Patch(CoverMap(codes, grid, ECOSG), base, reason, np.zeros(grid.shape, np.float32))


@pytest.mark.parametrize("bounds", [(-9, 52, -8.9, 52.1), (-9, 52, -8, 52.1), (0, 69, 0.1, 70)])
def test_panels_have_the_proportions_of_the_ground(bounds):
    grid = LatLonGrid.from_bounds(360, bounds)
    width, height = panel_size(grid)
    on_the_ground = (
        (bounds[2] - bounds[0]) * np.cos(np.radians((bounds[1] + bounds[3]) / 2)) / (bounds[3] - bounds[1])
    )
    assert width / height == pytest.approx(on_the_ground, rel=0.1)
    assert max(width, height) <= 560


@pytest.mark.parametrize("bounds", [(-9, 52, -8.9, 52.1), (-9, 52, -8, 52.2)])
def test_covers_and_reasons_wear_their_colours(bounds):
    patch = a_patch(LatLonGrid.from_bounds(360, bounds))
    found = colours(quicklook(patch, "a title"))
    for cover in (8, 19):
        assert ECOSG.colours[ECOSG.index(cover)] in found
    assert REASON_COLOURS[Reason.KEPT_NO_DATA] in found
    assert REASON_COLOURS[Reason.KEPT_PROTECTED] not in found
    assert ECOSG.colours[ECOSG.index(1)] not in found


def test_an_image_is_a_panel_more():
    patch = a_patch(LatLonGrid.from_bounds(360, (-9, 52, -8.9, 52.1)))
    width, height = panel_size(patch.cover.grid)
    image = np.full((height, width, 3), (1, 2, 3), np.uint8)
    with_image = quicklook(patch, "", image)
    assert with_image.width > quicklook(patch, "").width
    assert (1, 2, 3) in colours(with_image)
