import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.chips import chips, surroundings
from ecosg_update.inspection.draw import Site
from ecosg_update.inspection.source import opened
from tests.inspection.made import ECOSG, GRID, patched


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch, file = patched(tmp_path_factory.mktemp("chips"))
    return patch, opened(file)


def site(row, col):
    return Site("s001", 0.0, 0.0, row, col, 0.05, "any", 1, 1.0, 1, 17, 17, 0.5, "")


def pixels(address):
    kind, _, content = address.partition(";base64,")
    assert kind in ("data:image/png", "data:image/jpeg")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def colours(codes):
    palette = np.full((256, 3), 255, np.uint8)
    palette[list(ECOSG.codes)] = ECOSG.colours
    return palette[codes]


def test_a_chip_holds_the_cells_around_the_site_in_the_colours_of_the_legend(made):
    patch, source = made
    found = chips(source, site(20, 25), 1.0, None)
    shown = pixels(found.new)
    down, across = shown.shape[0] // 2, shown.shape[1] // 2
    around = np.s_[20 - down : 21 + down, 25 - across : 26 + across]
    assert np.array_equal(shown, colours(patch.cover.codes[around]))
    assert found.original is not None and np.array_equal(pixels(found.original), colours(patch.base[around]))
    assert found.photo is None
    left, top, right, bottom = found.box
    assert (left + right) / 2 == pytest.approx(0.5) and (top + bottom) / 2 == pytest.approx(0.5)
    assert (right - left) * shown.shape[1] == pytest.approx(1)


def test_beyond_the_map_a_chip_is_white(made):
    patch, source = made
    shown = pixels(chips(source, site(0, 0), 1.0, None).new)
    down, across = shown.shape[0] // 2, shown.shape[1] // 2
    assert (shown[:down] == 255).all() and (shown[:, :across] == 255).all()
    assert np.array_equal(shown[down:, across:], colours(patch.cover.codes[: down + 1, : across + 1]))


@pytest.mark.parametrize("latitude", [0, 45, -60, 75])
def test_surroundings_are_as_wide_as_they_are_high(latitude):
    cell = LatLonGrid(360, (90 - latitude) * 360, 100, 1, 1)
    place = surroundings(cell, 1.5)
    assert place.contains(cell)
    high = place.rows / 360 * 111.2
    wide = place.cols / 360 * 111.3 * math.cos(math.radians(latitude))
    assert high == pytest.approx(3.0, abs=0.4) and wide == pytest.approx(high, abs=0.5)


def test_surroundings_end_at_the_pole_and_cross_the_dateline():
    at_pole = surroundings(LatLonGrid(60, 0, 5, 1, 1), 20)
    assert at_pole.row == 0 and at_pole.cols <= at_pole.world_cols
    across = surroundings(LatLonGrid(60, 5000, 0, 1, 1), 5)
    assert across.col > 21_000 and across.contains(LatLonGrid(60, 5000, 0, 1, 1))


def test_a_photo_is_asked_for_the_chips_own_place_and_is_none_where_nothing_was_seen(made):
    asked = []

    def picture(size, place):
        asked.append(place)
        return np.full((*size[::-1], 3), 120 if place.row < GRID.row + 10 else 255, np.uint8)

    seen, unseen = (chips(made[1], site(row, 25), 1.0, picture).photo for row in (5, 30))
    assert unseen is None
    assert abs(int(pixels(seen).mean()) - 120) <= 2
    cell = LatLonGrid(360, GRID.row + 5, GRID.col + 25, 1, 1)
    assert asked[0] == surroundings(cell, 1.0)
