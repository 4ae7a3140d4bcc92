import csv

import numpy as np
import pytest
from pyogrio.raw import read

from ecosg_update import tables
from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.formats import points
from ecosg_update.grid import LatLonGrid
from ecosg_update.scoring.truth import Filter
from tests.conftest import shared
from tests.scoring.maps import ECOSG, cover, random_codes, report, row

CZECHIA = LatLonGrid.from_bounds(360, (12.0, 48.5, 18.9, 51.1))
PRIMARY = ("water", "bareland", "snow", "trees", "shrubs", "grassland", "crops", "flooded vegetation", "urban")


def by_hand(lc1):
    """The primary label of a LUCAS class as the ECOSG-ML papers have it."""
    if lc1[:2] in ("F3", "G5"):
        return "flooded vegetation" if lc1[0] == "F" else "snow"
    return {
        "A": "urban", "B": "crops", "C": "trees", "D": "shrubs", "E": "grassland", "F": "bareland", "G": "water",
        "H": "flooded vegetation",
    }[lc1[0]]  # fmt: skip


@pytest.fixture(scope="module")
def czechia():
    """The real points: columns by name."""
    meta, _, _, fields = read(shared("lucas_2018_czechia", "cz_lucas_points_l1_2018.shp"), read_geometry=False)
    return dict(zip(map(str, meta["fields"]), fields, strict=True))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A made map over Czechia: codes by chance."""
    codes = random_codes(CZECHIA.shape, 1, hole=0.02)
    return cover(tmp_path_factory.mktemp("made") / "made.dir", codes, CZECHIA), codes


def published(path, names, lines, delimiter=","):
    """A CSV as Eurostat publishes it: many columns, of which few matter."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["POINT_ID", *names, "SURVEY_LU1"])
        writer.writerows([number, *line, "U111"] for number, line in enumerate(lines))
    return path


def test_real_points_meet_the_cell_that_holds_them(czechia, made):
    path, codes = made
    found = row(report([path], shared("lucas_2018_czechia", "cz_lucas_points_l1_2018.shp")), "ecosg-primary")
    rows = np.floor((90 - czechia["gps_lat"]) * 360).astype(int) - CZECHIA.row
    cols = np.floor((czechia["gps_long"] + 180) * 360).astype(int) - CZECHIA.col
    counts = np.zeros((9, 9), int)
    for lc1, cell in zip(czechia["lc1"], codes[rows, cols], strict=True):
        if cell:
            counts[PRIMARY.index(by_hand(lc1)), PRIMARY.index(ECOSG.group[cell - 1])] += 1
    assert counts.sum() > 4800
    assert np.abs(found.confusion.counts[:, :-1] - counts).sum() <= 2  # the geometry is rounded otherwise
    assert found.unit == "pixels" and found.blocks > 20


def test_the_columns_of_2018_and_2022_say_the_same(czechia, made, tmp_path):
    kept = slice(0, 400)
    columns = [czechia[name][kept] for name in ("gps_long", "gps_lat", "lc1", "obs_dist")]
    lines = list(zip(*columns, strict=True))
    new = published(
        tmp_path / "2022.csv",
        ["POINT_LONG", "POINT_LAT", "SURVEY_LC1", "SURVEY_OBS_DIST"],
        lines,
    )
    old = published(tmp_path / "2018.csv", ["TH_LONG", "TH_LAT", "LC1", "OBS_DIST"], lines, delimiter=";")
    one, other = (row(report([made[0]], path), "ecosg-primary") for path in (new, old))
    assert one.confusion.total > 350
    np.testing.assert_array_equal(one.confusion.counts, other.confusion.counts)


def test_points_seen_from_afar_are_left_out_and_counted(czechia, made):
    truth = shared("lucas_2018_czechia", "cz_lucas_points_l1_2018.shp")
    found = report([made[0]], truth, which=Filter(max_distance_m=4))
    far = int((czechia["obs_dist"] > 4).sum())
    assert 100 < far < 5037
    assert f"truth: {far:,} points were seen from more than 4 m, or from where is not known: left out" in found.notes
    assert "ecosg-primary, 9 classes" in {one.grouping for one in found.rows}
    whole = row(report([made[0]], truth), "ecosg-primary").confusion.total
    assert whole - far <= row(found, "ecosg-primary").confusion.total < whole


def test_parcels_are_chosen_by_the_least_area_of_their_class(tmp_path):
    cells = ["1", "2", "3", "4", "8", "", "< 0.5", "1 - 10", "3.0"]
    path = published(
        tmp_path / "p.csv",
        ["POINT_LONG", "POINT_LAT", "SURVEY_LC1", "SURVEY_PARCEL_AREA_HA"],
        ((14 + number / 10, 50, "C10", cell) for number, cell in enumerate(cells)),
    )
    full = cover(tmp_path / "full.dir", random_codes(CZECHIA.shape, 1, hole=0), CZECHIA)
    for least, kept in ((0, 7), (0.5, 5), (1, 4), (5, 1)):
        found = row(report([full], path, which=Filter(min_parcel_ha=least)), "ecosg-primary")
        assert found.confusion.total == kept
    with pytest.raises(ConfigError, match="no column to choose points by"):
        report([full], path, which=Filter(max_distance_m=10))


def test_places_without_a_fix_have_none_and_the_west_is_negative(tmp_path):
    names = ["GPS_LAT", "GPS_LONG", "GPS_EW", "LC1"]
    lines = [(53, 8, "W", "A11"), (53, 8, "E", "A11"), (88.888888, 88.888888, "X", "A11"), ("", "", "", "A11")]
    found = points.points(published(tmp_path / "gps.csv", names, lines))
    np.testing.assert_array_equal(found.lon, [-8, 8, np.nan, np.nan])
    np.testing.assert_array_equal(found.lat, [53, 53, np.nan, np.nan])


def test_classes_that_the_legend_lacks_are_counted_in_the_notes(made, tmp_path):
    lines = [(14 + number / 50, 50, text) for number, text in enumerate(["C10"] * 30 + ["8", "Z99", "Z99", ""])]
    path = published(tmp_path / "odd.csv", ["lon", "lat", "lc1"], lines)
    found = report([made[0]], path)
    assert "truth: 3 points have a class that lucas lacks: Z99 (2), 8 (1)" in found.notes
    assert row(found, "ecosg-primary").confusion.total <= 30


def test_a_table_without_the_columns_says_what_it_has(tmp_path):
    path = published(tmp_path / "none.csv", ["lon", "lat", "cover"], [(1, 2, 3)])
    with pytest.raises(FormatError, match=r"no column survey_lc1 or lc1 .* found POINT_ID, lon, lat, cover"):
        points.points(path)
    assert points.points(path, "cover").classes == ("3",)
    with pytest.raises(FormatError, match="is no file"):
        points.points(tmp_path / "absent.csv")


def test_points_of_any_legend_serve(tmp_path):
    grid = LatLonGrid(360, 9000, 70000, 5, 5)
    codes = random_codes(grid.shape, 2, hole=0)
    lines = [(lon, lat, codes[r, c]) for r, lat in enumerate(grid.latitudes) for c, lon in enumerate(grid.longitudes)]
    path = published(tmp_path / "mine.csv", ["lon", "lat", "code"], lines)
    found = row(report([cover(tmp_path / "a.dir", codes, grid)], path, legend="ecosg"))
    assert found.confusion.total == 25 and found.scores["accuracy"].value == 1
    assert tables.legend("ecosg") == found.confusion.legend
