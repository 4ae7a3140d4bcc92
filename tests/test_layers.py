"""Layers check themselves; legends know their codes."""

import numpy as np
import pytest
from affine import Affine

from ecosg_update import tables
from ecosg_update.errors import GridError, TableError
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.layers import CoverMap, Crosswalk, Prediction, Reason, Reflectance
from ecosg_update.legend import Legend

GRID = LatLonGrid(360, 1, 2, 3, 5)


def test_reflectance_must_fit_its_grid_and_bands():
    grid = GeoGrid("EPSG:32629", Affine(10, 0, 0, 0, -10, 0), (3, 5))
    with pytest.raises(GridError, match=r"expected float32 of shape \(2, 3, 5\)"):
        Reflectance(np.zeros((1, 3, 5), np.float32), np.ones((3, 5), bool), ("B02", "B03"), grid, "L2A")
    with pytest.raises(GridError, match="valid"):
        Reflectance(np.zeros((1, 3, 5), np.float32), np.ones((3, 5), np.uint8), ("B02",), grid, "L2A")


def test_probabilities_must_sum_to_one_where_there_is_evidence():
    legend = tables.legend("corine-l1")
    values = np.full((5, 3, 5), 0.2, np.float32)
    Prediction(values, np.ones((3, 5), np.float32), legend, GRID, "even")
    with pytest.raises(TableError, match="sum to 1"):
        Prediction(values * 0.9, np.ones((3, 5), np.float32), legend, GRID, "short")
    with pytest.raises(TableError, match="sum to 1"):
        Prediction(values, np.zeros((3, 5), np.float32), legend, GRID, "evidence without share")


def test_a_cover_map_holds_legal_codes_only():
    legend = tables.legend("ecosg")
    CoverMap(np.full((3, 5), 33, np.uint8), GRID, legend)
    with pytest.raises(TableError, match=r"\[40\]"):
        CoverMap(np.full((3, 5), 40, np.uint8), GRID, legend)


def test_a_crosswalk_row_must_sum_to_one():
    one, other = tables.legend("corine-l1"), tables.legend("corine-l2")
    weights = np.full((1, 5, 15), 1 / 16, np.float32)
    rules = (("cover",) * 5,)
    with pytest.raises(TableError, match="rows must sum to 1"):
        Crosswalk(one, other, ("temperate",), weights, rules, rules)


def test_a_reason_reads_as_people_write_it():
    assert Reason.KEPT_LOW_CONFIDENCE.label == "kept-low-confidence"


def test_a_legend_refuses_a_code_twice_and_names_an_unknown_one():
    parts = {"names": ("a", "b"), "colours": ((0, 0, 0),) * 2, "group": ("g",) * 2, "priority": (1, 2)}
    with pytest.raises(TableError, match="stands twice"):
        Legend("twice", (1, 1), **parts)
    with pytest.raises(TableError, match="0 is no data"):
        Legend("zero", (0, 1), **parts)
    legend = Legend("two", (3, 7), **parts)
    assert legend.rows[[0, 3, 7, 8]].tolist() == [-1, 0, 1, -1]
    assert legend.name_of(0) == "no data" and legend.name_of(7) == "b"
    with pytest.raises(TableError, match="4 is no class"):
        legend.index(4)
