"""Still pictures show the palette of the legend, lose no change, and tell gain from loss."""

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.report.pictures import SAME, confidence_palette, cover_palette, fraction_changes, pictures
from tests.report.made import patch

LEGEND = tables.legend("ecosg")


def pixels(one):
    held = BytesIO(base64.b64decode(one.address.split(",", 1)[1]))
    return np.asarray(Image.open(held).convert("RGB"))


def test_the_still_of_the_new_map_is_the_map_in_official_colours():
    made = patch()
    shown = {one.name: pixels(one) for one in pictures(made, None)}
    assert list(shown) == ["base", "cover", "change", "confidence", "reason"]
    for row, col in ((0, 0), (22, 30), (7, 11)):
        code = int(made.cover.codes[row, col])
        assert tuple(shown["cover"][row, col]) == LEGEND.colours[LEGEND.index(code)]


def test_one_changed_cell_of_a_large_map_stays_on_the_still():
    grid = LatLonGrid(360, 9000, 40000, 1101, 1300)
    base = np.full(grid.shape, 17, np.uint8)
    codes = base.copy()
    codes[1100, 1299] = 24
    reason = np.where(codes != base, Reason.CHANGED, Reason.UNCHANGED).astype(np.uint8)
    made = Patch(CoverMap(codes, grid, LEGEND), base, reason, np.ones(grid.shape, np.float32))
    found = pixels(next(one for one in pictures(made, None) if one.name == "change"))
    assert max(found.shape) <= 480
    changed = (found != SAME).any(axis=2)
    assert changed.sum() == 1 and tuple(found[-1, -1]) == LEGEND.colours[LEGEND.index(24)]


def test_no_two_covers_share_a_colour():
    palette = cover_palette(LEGEND)
    assert len(set(palette.values())) == len(palette)


def test_confidence_gets_lighter_all_the_way():
    light = [sum(colour) for level, colour in sorted(confidence_palette().items()) if level]
    assert light == sorted(light) and light[-1] > 3 * light[0]


def test_gains_are_blue_losses_red_from_the_south_and_unknown_cells_white():
    before, after = np.zeros((3, 2)), np.zeros((3, 2))
    before[0, 0], after[2, 1], after[1, 0] = 0.5, 0.5, 0.3
    known = np.ones((3, 2), bool)
    known[1, 0] = False
    (one,) = fraction_changes({"TOWN": (before, after)}, known)
    found = pixels(one).astype(int)
    assert found[2, 0, 0] > found[2, 0, 2] and found[0, 1, 2] > found[0, 1, 0]
    assert tuple(found[1, 0]) == (255, 255, 255)
    assert one.title == "TOWN, -0.50 (red) to +0.50 (blue)"
