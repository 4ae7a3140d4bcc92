"""The sheet of a quick picture: every panel has the ground's proportions, every colour a meaning."""

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.report import look
from ecosg_update.report.look import Bar, Panel, Sheet

ECOSG = tables.legend("ecosg")


def panel(colour, bar=None):
    return Panel("x", np.full((3, 5, 3), colour, np.uint8), bar)


def colours(picture):
    return {colour for _, colour in picture.getcolors(maxcolors=1 << 22)}


@pytest.mark.parametrize("aspect", [0.1, 1.0, 3.7])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 8])
def test_every_panel_is_on_the_sheet_in_its_proportions(aspect, count):
    shades = [(10 * number, 90, 200) for number in range(count)]
    made = look.drawn(Sheet("title", ["line"], [panel(shade) for shade in shades], aspect))
    wide, high = look.size(aspect, count)
    assert wide / high == pytest.approx(aspect, rel=0.02)
    pixels = np.asarray(made)
    for shade in shades:
        rows, cols = np.nonzero((pixels == shade).all(axis=2))
        assert (np.ptp(rows) + 1, np.ptp(cols) + 1) == (high, wide)


def test_cells_are_white_without_data_and_without_a_colour():
    pixels = look.coloured(np.array([[0, 8, 300]]), look.colours(ECOSG))
    assert pixels.tolist() == [[[255] * 3, list(ECOSG.colours[7]), [255] * 3]]


def test_a_ramp_has_its_ends_at_the_ends_and_white_for_no_number():
    values = np.array([[2.0, 6.0, np.nan]])
    bar = Bar.over(values, "m")
    assert (bar.low, bar.high) == (2, 6)
    assert bar.pixels(values).tolist() == [[list(look.UPWARD[0]), list(look.UPWARD[-1]), [255] * 3]]


def test_a_ramp_of_gains_and_losses_has_nothing_in_its_middle():
    bar = Bar.over(np.array([[-1.0, 3.0]]), "m")
    assert (bar.low, bar.high) == (-3, 3)
    assert bar.pixels(np.array([[0.0]])).tolist() == [[list(look.BOTH_WAYS[2])]]


@pytest.mark.parametrize("values", [np.full((2, 2), np.nan), np.full((2, 2), 4.0)])
def test_nothing_or_one_number_alone_is_a_ramp_too(values):
    bar = Bar.over(values, "")
    assert bar.high > bar.low and look.drawn(Sheet("", [], [Panel("", bar.pixels(values), bar)], 1.0))


def test_the_legend_lists_what_occurs_the_most_frequent_first():
    found = look.entries(np.array([[8, 8, 17], [0, 8, 17]]), ECOSG)
    assert [text for _, text in found] == ["8 temperate broadleaf deciduous", "17 temperate grassland", "no data"]
    assert look.entries(np.array([[1]]), ECOSG) == [(ECOSG.colours[0], "1 sea and oceans")]


def test_names_that_are_too_long_stay_in_their_place():
    two = [((200, 10, 10), "w" * 400), ((10, 10, 200), "second")]
    made = look.drawn(Sheet("", [], [panel((0, 0, 0))], 1.0, two))
    pixels = np.asarray(made)
    _, cols = np.nonzero((pixels == (10, 10, 200)).all(axis=2))
    assert np.ptp(cols) == 20  # the whole swatch: no name was written over it


def test_a_degree_of_longitude_is_narrow_in_the_north():
    assert look.aspect((10, 10), 60.0) == pytest.approx(0.5)
    assert look.aspect((180, 360)) == 2
    assert look.aspect((10, 10), 90.0) > 0
