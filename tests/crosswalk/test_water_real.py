"""Rule R4 on real waters: canals (CORINE 511) and lakes (512) of Muenster, from polygons of 5 ha and more.

The original is given no water at all there, so that everything is found by shape, and the map ends where the polygons
do. The figures stand in docs/rules.md.
"""

import numpy as np
import pytest
import rasterio.features
from scipy import ndimage

from ecosg_update.crosswalk.shape import CORNERS
from ecosg_update.crosswalk.water import LAKE, RIVER, Waters, kinds
from ecosg_update.formats.polygons import Polygons
from ecosg_update.grid import LatLonGrid
from tests.conftest import shared

BOUNDS = (7.47, 51.84, 7.78, 52.065)
COURSE, BODY = 511, 512


def judged(per_degree, *, told):
    """The kinds that the rule finds and CORINE's codes, on cells around Muenster."""
    path = shared("clc5_2018_muenster", "clc5_2018_muenster.gpkg")
    cells = LatLonGrid.from_bounds(per_degree, BOUNDS)
    shapes, classes = Polygons(path, "clc5_2018", "CLC18", "EPSG:25832").within(cells.bounds, "EPSG:4326")
    burnt = zip(shapes, map(int, classes), strict=True)
    truth = rasterio.features.rasterize(burnt, cells.shape, transform=cells.transform, dtype="uint16")
    seen = np.where(truth == COURSE, RIVER if told else LAKE, np.where(truth == BODY, LAKE, 17)).astype(np.uint8)
    km = 111.195 / per_degree
    nothing = np.zeros(cells.shape, np.bool_)
    waters = Waters(seen, np.full(cells.shape, 17, np.uint8), nothing, (km, km * np.cos(np.radians(51.95))), told)
    return kinds(waters), truth


def right(found, truth):
    """Parts of the canals' and of the lakes' cells that the rule calls so."""
    return float((found[truth == COURSE] == RIVER).mean()), float((found[truth == BODY] == LAKE).mean())


def pieces(found, truth, code):
    """What the rule says of each connected piece of a class."""
    label, count = ndimage.label(truth == code, CORNERS)
    return [found[label == number] for number in range(1, count + 1)]


def test_canals_are_rivers_by_their_shape_at_60_m():
    """What is missed are crumbs: pieces of a canal narrower than a cell that lost their neighbours."""
    found, truth = judged(1800, told=False)
    canals = pieces(found, truth, COURSE)
    missed = [len(cells) for cells in canals if (cells != RIVER).any()]
    assert right(found, truth)[0] == pytest.approx(0.949, abs=0.005)
    assert max(map(len, canals)) > 400 and max(missed) <= 12


def test_of_twelve_lakes_the_two_long_ones_are_taken_for_rivers():
    """The Aasee is a dammed river of 3.1 km by 150 m; a pond of 2.1 km by 300 m is the other."""
    found, truth = judged(1800, told=False)
    lakes = [
        cells for cells in pieces(found, truth, BODY) if len(cells) >= 20
    ]  # fewer: crumbs at a lake's narrow end
    assert len(lakes) == 12 and all(len(set(cells.tolist())) == 1 for cells in lakes)
    assert sorted(len(cells) for cells in lakes if cells[0] == RIVER) == [190, 269]
    assert right(found, truth)[1] == pytest.approx(0.517, abs=0.005)


def test_evidence_with_a_class_for_each_is_believed_to_the_last_cell():
    assert right(*judged(1800, told=True)) == (1.0, 1.0)


def test_at_300_m_a_canal_falls_to_pieces_that_have_no_shape():
    canals, lakes = right(*judged(360, told=False))
    assert canals < 0.1 and lakes > 0.9
    assert min(right(*judged(360, told=True))) > 0.95
