"""Water that only one of two witnesses sees does not vote."""

import numpy as np
import pytest
from affine import Affine

from ecosg_update import tables
from ecosg_update.errors import GridError
from ecosg_update.evidence.conflict import agreed, water_rows
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Prediction

WATER, GRASS = 1, 3
KINDS = {"none": 0, "dark": 2, "vegetation": 4, "bare": 5, "water": 6, "unclassified": 7}


def certain(codes, legend_name="dynamicworld"):
    legend = tables.legend(legend_name)
    codes = np.asarray(codes)
    values = np.zeros((len(legend), *codes.shape), np.float32)
    for code in np.unique(codes[codes > 0]):
        values[legend.index(int(code)), codes == code] = 1
    grid = GeoGrid("EPSG:32629", Affine(10, 0, 0, 0, -10, 0), codes.shape)
    return Prediction(values, (codes > 0).astype(np.float32), legend, grid, "test")


@pytest.mark.parametrize(
    ("code", "kind", "votes"),
    [
        (WATER, "water", True),
        (WATER, "vegetation", False),
        (WATER, "bare", False),
        (GRASS, "water", False),
        (GRASS, "vegetation", True),
        (GRASS, "bare", True),
        *((code, kind, True) for code in (WATER, GRASS) for kind in ("none", "dark", "unclassified")),
    ],
)
def test_a_pixel_votes_unless_the_two_contradict_each_other_about_water(code, kind, votes):
    found = agreed(certain([[code, 0]]), np.array([[KINDS[kind], KINDS[kind]]], np.uint8))
    assert found.share.tolist() == [[float(votes), 0.0]]
    assert found.values.sum() == votes


def test_what_agrees_is_left_as_it_is():
    random = np.random.default_rng(3)
    prediction = certain(random.choice([0, WATER, GRASS, 5], (7, 9)))
    kinds = np.where(prediction.values[0] == 1, 6, 4).astype(np.uint8)
    found = agreed(prediction, kinds)
    assert np.array_equal(found.values, prediction.values) and np.array_equal(found.share, prediction.share)


def test_water_is_what_the_crosswalk_takes_to_a_water_tile():
    corine = tables.legend("corine-l3")
    assert [corine.codes[row] for row in water_rows(corine)] == [422, 423, 511, 512, 521, 522, 523]
    assert water_rows(tables.legend("dynamicworld")) == [0]


def test_classes_of_another_shape_are_refused():
    with pytest.raises(GridError, match="scene classes"):
        agreed(certain([[WATER]]), np.zeros((2, 2), np.uint8))
