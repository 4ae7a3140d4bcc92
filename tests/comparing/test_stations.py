"""Lists of stations as NOAA and Meteo-France publish them, and what lies under each."""

import csv

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.comparing.changes import Change
from ecosg_update.comparing.scan import scanned
from ecosg_update.comparing.stations import Station, kilometres, listed, nearest, on_map, places
from ecosg_update.errors import FormatError
from ecosg_update.grid import LatLonGrid
from tests.comparing.made import codes, pair
from tests.conftest import shared

GRID = LatLonGrid(360, 13212, 61524, 30, 40)


def test_the_stations_of_noaa_are_read_whole():
    path = shared("stations", "isd_stations_europe.csv")
    found = listed(path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(found.stations) + found.unplaced == len(rows) == 3711
    assert found.stations[0] == Station("010010", "JAN MAYEN(NOR-NAVY)", "NO", 70.933, -8.667)
    assert [one.name for one in found.stations] == [row["STATION NAME"].strip() for row in rows]
    assert all(one.id for one in found.stations)
    assert all(33 <= one.lat <= 73 and -30 <= one.lon <= 45 for one in found.stations)


def test_the_stations_of_meteo_france_are_read_whole():
    found = listed(shared("stations", "postesSynop.csv"))
    assert len(found.stations) == 62 and found.unplaced == 0
    assert found.stations[0] == Station("7005", "ABBEVILLE", "", 50.136, 1.834)


@pytest.mark.parametrize(
    "text",
    [
        "WMO id;Latitude (deg);Longitude (deg);Pays\n7005;50,136;1,834;FR\n",
        "\ufeffid,lat,lon,country\n7005,50.136,1.834,FR\n\n",
        "Country , station_id, LON, LAT\nFR,7005,1.834,+50.136\n",
    ],
)
def test_headers_are_found_by_many_names(tmp_path, text):
    (tmp_path / "list.csv").write_text(text, encoding="utf-8")
    (found,) = listed(tmp_path / "list.csv").stations
    assert (found.id, found.country) == ("7005", "FR")
    assert (found.lat, found.lon) == (50.136, pytest.approx(1.834))


def test_longitudes_beyond_180_are_those_in_the_west(tmp_path):
    (tmp_path / "list.csv").write_text("id,lat,lon\n1,50,358.5\n2,50,180\n")
    assert [one.lon for one in listed(tmp_path / "list.csv").stations] == [-1.5, 180]


def test_old_files_in_latin_1_are_read(tmp_path):
    (tmp_path / "list.csv").write_bytes("id,nom,lat,lon\n1,ORLÉANS,47.9,1.9\n".encode("latin-1"))
    assert listed(tmp_path / "list.csv").stations[0].name == "ORLÉANS"


def test_a_row_without_a_place_is_counted_and_one_with_a_wrong_place_is_named(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("usaf,wban,lat,lon\n999999,00123,50,4\n010010,99999,,\n")
    found = listed(path)
    assert found.unplaced == 1 and [one.id for one in found.stations] == ["00123"]
    path.write_text("id,lat,lon\n1,50,4\n2,north,4\n")
    with pytest.raises(FormatError, match=r"list\.csv: line 3: found 'north', expected degrees -90\.\.90"):
        listed(path)
    path.write_text("id,lat,lon\n1,91,4\n")
    with pytest.raises(FormatError, match="line 2: found '91'"):
        listed(path)


def test_a_list_without_a_column_or_without_a_line_is_refused(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("name,lat\nx,1\n")
    with pytest.raises(FormatError, match="no column for id, lon among name, lat; name it as one of id: usaf"):
        listed(path)
    path.write_text("")
    with pytest.raises(FormatError, match="is empty"):
        listed(path)
    with pytest.raises(FormatError, match="cannot be read"):
        listed(tmp_path / "absent.csv")


@given(st.floats(-180, 179.99), st.floats(-89, 89), st.floats(-180, 179.99), st.floats(-89, 89))
def test_distances_are_those_on_the_sphere(lon, lat, to_lon, to_lat):
    sphere = pyproj.Geod(a=6_371_229.0, b=6_371_229.0)
    expected = sphere.inv(lon, lat, to_lon, to_lat)[2] / 1000
    assert float(kilometres(lon, lat, to_lon, to_lat)) == pytest.approx(expected, abs=1e-4)


def test_stations_find_the_cells_that_hold_them_and_those_outside_are_left_out():
    rows, cols = np.array([0, 7, 29]), np.array([0, 39, 13])
    inside = [
        Station(str(at), "", "", float(GRID.latitudes[row]), float(GRID.longitudes[col]))
        for at, (row, col) in enumerate(zip(rows, cols, strict=True))
    ]
    outside = [Station("", "", "", lat, lon) for lat, lon in ((GRID.north + 0.001, GRID.west), (0, 0), (-90, 180))]
    found, at = places([*outside, *inside], GRID)
    assert found == inside
    np.testing.assert_array_equal(at, rows * GRID.cols + cols)


def test_tiles_under_a_station_are_those_of_the_covers_there():
    old, new = codes(GRID, 8, no_data=0.0)
    old[3, 4], new[3, 4] = 17, 29
    old[5, 6], new[5, 6] = 0, 29
    old[7, 8] = new[7, 8] = 1
    stations = [
        Station(str(row), "", "", float(GRID.latitudes[row]) + 1e-4, float(GRID.longitudes[col]))
        for row, col in ((3, 4), (5, 6), (7, 8))
    ]
    inside, at = places(stations, GRID)
    town, gap, sea = on_map(inside, at, scanned(pair(old, new, GRID), places=at).seen, GRID)
    assert (town.row, town.col, town.changed) == (3, 4, True)
    assert town.before == {"SEA": 0, "WATER": 0, "NATURE": 1, "TOWN": 0}
    assert town.after == pytest.approx({"SEA": 0, "WATER": 0, "NATURE": 0.4, "TOWN": 0.6})
    assert town.km == pytest.approx(1e-4 * np.radians(1) * 6371.229)
    assert gap.before is None and gap.after is not None and not gap.changed
    assert sea.before == sea.after == {"SEA": 1, "WATER": 0, "NATURE": 0, "TOWN": 0} and not sea.changed


def test_the_nearest_station_of_a_change_is_told_with_its_distance():
    change = Change(1, 0.1, LatLonGrid(360, 13212, 61524, 1, 1), 13212, 61524, 17, 29)
    lon, lat = change.lonlat
    stations = (Station("far", "", "", lat + 1, lon), Station("near", "N", "", lat, lon + 0.1))
    ((found,), nothing) = nearest(stations, [change]), nearest((), [change])
    assert found["id"] == "near" and nothing == [None]
    assert found["distance_km"] == pytest.approx(0.1 * np.radians(1) * 6371.229 * np.cos(np.radians(lat)), rel=1e-6)
