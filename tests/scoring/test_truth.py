"""The protocols by hand, BigEarthNet's reference maps, and what no truth can be."""

import shutil

import numpy as np
import pytest
import rasterio

from ecosg_update import tables
from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.grid import GEOGRAPHIC, LatLonGrid, projection
from ecosg_update.judge.grouping import grouping
from ecosg_update.scoring.truth import Filter, opened
from tests.conftest import shared
from tests.scoring.maps import ECOSG, cover, random_codes, raster, report, row

NAME = "S2A_MSIL2A_20170613T101031_N9999_R022_T33UUP_26_57_reference_map.tif"
CELLS = LatLonGrid.from_bounds(360, (12.6, 48.0, 12.9, 48.2))


def test_the_labels_of_2021_are_those_of_its_notebook():
    """Walsh et al. 2021: grassland is agriculture, forests to bare rock are nature."""
    expected = ["Water bodies"] * 3 + ["Forest and semi natural areas"] * 12 + ["Agricultural areas"] * 6
    expected += ["Wetlands"] * 2 + ["Artificial surfaces"] * 10
    l1 = tables.legend("corine-l1")
    assert [l1.names[at] for at in grouping(ECOSG, l1).rows] == expected
    l3 = tables.legend("corine-l3")
    assert [l1.codes[at] for at in grouping(l3, l1).rows] == [code // 100 for code in l3.codes]


def test_the_fifteen_labels_lie_within_the_five():
    l1, l2 = tables.legend("corine-l1"), tables.legend("corine-l2")
    five, fifteen = grouping(ECOSG, l1).rows, grouping(ECOSG, l2).rows
    assert [l2.codes[at] // 10 for at in fifteen] == [l1.codes[at] for at in five]


def test_the_nine_labels_of_2024_are_the_covers_in_turn():
    primary = tables.legend("ecosg-primary")
    runs = (("water", 3), ("bareland", 2), ("snow", 1), ("trees", 8), ("shrubs", 1), ("grassland", 3), ("crops", 3))
    expected = [name for name, count in (*runs, ("flooded vegetation", 2), ("urban", 10)) for _ in range(count)]
    assert [primary.names[at] for at in grouping(ECOSG, primary).rows] == expected


@pytest.mark.parametrize("source", ["corine-l3", "worldcover", "clcplus", "dynamicworld", "lucas"])
def test_every_class_of_a_truth_has_a_primary_label(source):
    legend, primary = tables.legend(source), tables.legend("ecosg-primary")
    rows = grouping(legend, primary).rows
    assert rows.min() >= 0
    if source == "corine-l3":
        assert {primary.names[row] for code, row in zip(legend.codes, rows, strict=True) if code // 10 == 31} == {
            "trees"
        }


@pytest.mark.parametrize("as_folder", [True, False])
def test_reference_maps_of_bigearthnet_are_sheets_of_their_own(tmp_path, as_folder):
    source = shared("bigearthnet_v2_reference_map_sample", NAME)
    codes = random_codes(CELLS.shape, 4)
    with rasterio.open(source) as file:
        truth, crs = file.read(1), file.crs.to_wkt()
        x, y = file.transform @ tuple(np.meshgrid(np.arange(120) + 0.5, np.arange(120) + 0.5))
    lon, lat = projection(crs, GEOGRAPHIC).transform(x, y)
    said = codes[
        np.floor((90 - lat) * 360).astype(int) - CELLS.row, np.floor((lon + 180) * 360).astype(int) - CELLS.col
    ]
    right = (grouping(ECOSG, tables.legend("corine-l1")).rows[said.astype(int) - 1] == truth // 100 - 1) & (said > 0)
    path = source
    if as_folder:
        path = tmp_path / "maps"
        for number in range(2):  # the same sheet twice counts twice
            (path / str(number)).mkdir(parents=True)
            shutil.copy(source, path / str(number) / NAME)
    found = row(report([cover(tmp_path / "a.dir", codes, CELLS)], path), "corine-l1")
    times = 2 if as_folder else 1
    assert found.confusion.total == times * (said > 0).sum()
    assert abs(found.scores["accuracy"].value - right.sum() / (said > 0).sum()) < 1e-3


def test_what_is_no_truth_is_refused_in_one_line(tmp_path):
    path = raster(tmp_path / "t.tif", random_codes(CELLS.shape, 1), CELLS.geo())
    (tmp_path / "empty").mkdir()
    for source, error, message in (
        (path, ConfigError, "--truth-legend"),
        (tmp_path / "t.jpg", ConfigError, "the ending says"),
        (tmp_path / "empty", FormatError, "holds no "),
    ):
        with pytest.raises(error, match=message):
            opened(source, CELLS)
    with pytest.raises(ConfigError, match="holds no points"):
        opened(path, CELLS, legend="ecosg", which=Filter(max_distance_m=3))
    with pytest.raises(ConfigError, match="points have no pixels"):
        opened(shared("lucas_2018_czechia", "cz_lucas_points_l1_2018.shp"), CELLS, on="maps")
    with pytest.raises(ConfigError, match="polygons have no pixels"):
        opened(shared("clc5_2018_muenster", "clc5_2018_muenster.gpkg"), CELLS, on="truth")
