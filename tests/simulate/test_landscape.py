import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import GridError
from ecosg_update.simulate.landscape import CLASSES, landscape
from ecosg_update.simulate.parcels import centroids, edges, parcels


def test_the_same_seed_gives_the_same_landscape():
    one, again = landscape(4, size=240), landscape(4, size=240)
    assert np.array_equal(one.codes, again.codes)
    assert np.array_equal(one.parcel, again.parcel)
    assert one.places == again.places


def test_another_seed_gives_another_landscape():
    differ = landscape(4, size=240).codes != landscape(5, size=240).codes
    assert differ.mean() > 0.2


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_class_occurs(seed):
    assert set(np.unique(landscape(seed, size=600).codes)) == set(CLASSES)


def test_the_classes_are_corine_level_3():
    assert set(CLASSES) <= set(tables.legend("corine-l3").codes)


def test_the_sea_lies_in_the_west_and_never_in_the_east(land):
    sea = land.codes == 523
    assert sea[:, 0].all()
    assert not sea[:, land.grid.shape[1] // 2 :].any()


def test_the_river_reaches_the_sea(land):
    """Going east along the coast, some row passes from sea to river within the width of a beach."""
    water = np.isin(land.codes, (511, 523))
    first_land = np.argmin(water, axis=1)
    assert ((land.codes == 511).cumsum(axis=1)[np.arange(len(water)), first_land] > 0).any()


def test_a_town_lies_where_the_map_says(land):
    place = land.places["new town"]
    assert land.codes[int(place.row), int(place.col)] == 112


def test_a_landscape_has_the_shape_of_its_grid_on_the_60_m_lattice(land):
    assert land.codes.shape == land.parcel.shape == land.grid.shape == (600, 600)
    assert land.grid.pixel == (10, 10)
    west, _, _, north = land.grid.bounds
    assert (west - 499980) % 60 == 0
    assert (5900040 - north) % 60 == 0


@pytest.mark.parametrize("size", [0, 234, 601])
def test_a_size_that_60_m_pixels_do_not_divide_is_refused(size):
    with pytest.raises(GridError, match="multiple of 6"):
        landscape(1, size=size)


def test_parcels_are_numbered_without_gaps(land):
    for parcel in (land.parcel, parcels(np.random.default_rng(1), (97, 61), width=(4, 9))):
        assert np.array_equal(np.unique(parcel), np.arange(parcel.max() + 1))


def test_the_middle_of_a_parcel_is_the_mean_of_its_pixels():
    parcel = np.array([[0, 0, 1], [0, 2, 1]], np.int32)
    row, col = centroids(parcel)
    assert row[0, 0] == pytest.approx(1 / 3)
    assert col[1, 0] == pytest.approx(1 / 3)
    assert (row[1, 2], col[1, 2]) == (0.5, 2)


def test_edges_stand_where_parcels_meet():
    parcel = np.array([[0, 0, 1], [2, 2, 2]], np.int32)
    assert np.array_equal(edges(parcel), [[True, True, True], [False, False, False]])
