import numpy as np
import pytest
from rasterio.warp import Resampling, reproject

from ecosg_update.simulate.base import MISTAKES, OldMap, old_map
from ecosg_update.simulate.surface import materials


@pytest.fixture(scope="module")
def old(land) -> OldMap:
    return old_map(land)


def test_the_base_is_wrong_where_it_says_and_nowhere_else(old):
    assert np.array_equal(old.wrong, old.base.codes != old.truth.codes)


def test_every_mistake_calls_its_cover_something_else(old):
    for number, mistake in enumerate(MISTAKES, start=1):
        where = old.mistake == number
        assert (old.truth.codes[where] == mistake.cover).all()
        assert (old.base.codes[where] == mistake.instead).all()


def test_every_mistake_occurs_and_most_of_the_map_is_right(old):
    assert min(old.numbers.values()) > 0
    assert sum(old.numbers.values()) == old.wrong.sum()
    assert 0.03 < old.wrong.mean() < 0.2


def test_the_truth_is_the_majority_that_gdal_finds(old, land):
    """GDAL's mode over the same cells; ties and pixels on cell borders may fall either way."""
    made_of = materials()
    cover = made_of.cover[made_of.rows(land.codes)]
    mode = np.zeros(old.truth.grid.shape, np.uint8)
    reproject(
        cover, mode, src_transform=land.grid.transform, src_crs=land.grid.crs,
        dst_transform=old.truth.grid.transform, dst_crs="EPSG:4326", resampling=Resampling.mode,
    )  # fmt: skip
    ours = np.where(old.truth.codes == 21, 19, old.truth.codes)[1:-1, 1:-1]
    inner = mode[1:-1, 1:-1]
    assert (ours == inner)[inner > 0].mean() > 0.95


def test_the_map_lies_on_the_lattice_of_ecoclimap_sg_and_holds_the_landscape(old, land):
    west, south, east, north = land.grid.lonlat_bounds()
    grid = old.base.grid
    assert grid.per_degree == 360
    assert grid.west <= west and grid.east >= east and grid.south <= south and grid.north >= north


def test_every_cell_of_both_maps_has_a_cover(old):
    assert old.truth.codes.min() > 0
    assert old.base.codes.min() > 0
