import itertools

import numpy as np
import pytest

from ecosg_update.sample import UNLABELLED
from tests.conftest import shared
from tools import real_samples
from tools.real_samples import L1, L2, RealSample, tiles

FOLDERS = {
    "german": "s2_pixels_germany_wwu",
    "flanders": "worldcereal_s2",
    "flanders_dates": "s2_l2a_timeseries_belgium_labels",
    "leipzig": "s2_l2a_leipzig_landcover_points",
    "slovenia": "eolearn_slovenia",
    "brandenburg": "s2_l1c_brandenburg_jp2",
}


def found(source):
    folder = shared(FOLDERS[source]).parent
    return list(getattr(real_samples, source)(folder))


def codes(reals, level):
    """Pixels by code of level 1 or 2."""
    legend = L1 if level == 1 else L2
    rows = np.concatenate([(one.level1 if level == 1 else one.level2).ravel() for one in reals])
    counts = np.bincount(rows[rows != UNLABELLED], minlength=len(legend))
    return {code: int(count) for code, count in zip(legend.codes, counts, strict=True) if count}


@pytest.mark.parametrize("source", FOLDERS)
def test_samples_are_whole_and_level_2_never_contradicts_level_1(source):
    reals = found(source)
    assert len({one.name for one in reals}) == len(reals)
    for one in reals:
        sample = one.sample(2)
        assert len(sample.values) == len(one.bands)
        known = one.level2 != UNLABELLED
        assert (np.array(L2.codes)[one.level2[known]] // 10 == np.array(L1.codes)[one.level1[known]]).all()
        measured = one.values[:, one.level1 != UNLABELLED]
        assert measured.size
        assert measured.min() >= 0
        assert 0.001 < measured.mean() < 0.6
        assert "Copernicus" in one.licence


@pytest.mark.parametrize("source", FOLDERS)
def test_forest_is_greener_than_water_and_towns(source):
    """NDVI by class: bands are in order, images and labels lie on each other."""
    index = {code: [] for code in L1.codes}
    for one in found(source):
        red, infrared = (one.values[one.bands.index(band)] for band in ("B04", "B08"))
        ndvi = (infrared - red) / np.maximum(infrared + red, 1e-6)
        for row, code in enumerate(L1.codes):
            index[code].extend(ndvi[one.level1 == row].tolist())
    medians = {code: np.median(values) for code, values in index.items() if values}
    green = medians.get(3, medians.get(2))
    assert green > medians.get(5, -1) + 0.15
    if source != "brandenburg":  # in February a pine wood seen through the air is no greener than a village
        assert green > medians.get(1, -1) + 0.05


def test_pixels_are_as_many_as_the_readmes_say():
    assert sum(one.level1.size for one in found("german")) == 8670
    assert codes(found("flanders"), 2) == {11: 3 * 107, 21: 3 * (1401 + 2338), 23: 3 * (835 + 1387)}
    assert codes(found("leipzig"), 1) == {1: 36, 2: 20, 3: 28, 5: 13}
    assert codes(found("slovenia"), 1) == {1: 3 * 198, 2: 3 * (11 + 1777), 3: 3 * (7601 + 358)}


def test_points_of_leipzig_carry_the_values_of_their_pixels():
    """The table of the points holds the bands: an oracle for the place of each pixel."""
    from pyogrio.raw import read  # noqa: PLC0415

    folder = shared("s2_l2a_leipzig_landcover_points")
    _, _, _, (expected,) = read(folder / "leipzig_points.gpkg", columns=["b08"])
    (one,) = found("leipzig")
    values = one.values[one.bands.index("B08")][one.level1 != UNLABELLED]
    np.testing.assert_allclose(np.sort(values), np.sort(expected) / 10_000, rtol=1e-4)


def test_dates_are_of_the_place_of_the_medians():
    """The median of a season looks like the likest of the dates: the same pixels, the same bands."""
    season = next(one for one in found("flanders") if "31UDS" in one.name and one.name.endswith("jun-aug"))
    dates = [one for one in found("flanders_dates") if one.region == season.region]
    nearest = max(np.corrcoef(one.values[6].ravel(), season.values[6].ravel())[0, 1] for one in dates)
    assert nearest > 0.9
    np.testing.assert_array_equal(dates[0].level1, season.level1)


def test_patches_of_eurosat_carry_their_class_and_mixed_ones_only_its_presence():
    folder = shared("eurosat_rgb").parent
    patches = list(real_samples.eurosat(folder, most=1))
    assert len(patches) == 20
    assert {one.split for one in patches} == {"train", "val"}
    for one in patches:
        assert one.values.shape == (3, 64, 64)
        assert one.values.max() <= 0.2751
        sample = one.sample(1)
        mixed = one.name.startswith(("Highway", "River"))
        assert (sample.labels == UNLABELLED).all() == mixed
        assert sample.present.sum() == 1
        assert mixed or sample.present[sample.labels[0, 0]]
    lakes, woods = ([one for one in patches if kind in one.name] for kind in ("SeaLake", "Forest"))
    assert all((one.sample(2).labels == L2.index(51)).all() for one in lakes)
    assert all((one.sample(2).labels == L2.index(31)).all() for one in woods)


def made(shape=(5, 7)):
    values = np.arange(2 * shape[0] * shape[1], dtype=np.float32).reshape(2, *shape)
    labels = np.full(shape, UNLABELLED, np.int16)
    labels[:2, :3], labels[4, 6] = 2, 4
    return RealSample("a", "r", "b", "L1C", ("B04", "B08"), values, labels, labels, "none")


def test_tiles_hold_each_labelled_pixel_once_and_nothing_else():
    cut = list(tiles(made(), 3))
    labelled = [one.values[0][one.level1 != UNLABELLED].tolist() for one in cut]
    assert sorted(itertools.chain(*labelled)) == [0, 1, 2, 7, 8, 9, 34]
    assert [one.block for one in cut] == ["b/0.0", "b/1.2"]
    assert len({one.name for one in cut}) == 2


def test_bands_are_taken_in_the_order_that_is_asked_for():
    both = made().sample(1, ("B08", "B04")).values
    np.testing.assert_array_equal(both, made().values[::-1])
