"""A map's pixels lie where SURFEX's own header reader puts them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import FormatError
from ecosg_update.formats import direct
from ecosg_update.formats.pixels import pixels
from tests.conftest import shared
from tests.oracle_surfex import surfex

HEADER = """by hand
nodata: {nodata}
north: {north}
south: {south}
west: {west}
east: {east}
rows: {rows}
cols: {cols}
recordtype: integer 8 bits
"""
PLAIN = {"nodata": 0, "north": 53.0, "south": 52.0, "west": -9.0, "east": -8.0, "rows": 3, "cols": 5}


def made(folder, size=None, **changes):
    values = PLAIN | changes
    (folder / "map.hdr").write_text(HEADER.format(**values))
    (folder / "map.dir").write_bytes(bytes(int(values["rows"]) * int(values["cols"]) if size is None else size))
    return folder / "map"


def edges(low, high):
    """Numbers as people and programs write them: whole, or with any number of decimals."""
    places = st.integers(0, 12)
    return st.tuples(st.floats(low, high), places).map(lambda pair: f"{pair[0]:.{pair[1]}f}")


@given(edges(-89, 89), edges(0.1, 1), edges(-180, 360), edges(0.1, 360), st.integers(1, 30), st.integers(1, 40))
def test_any_header_places_pixels_as_surfex_does(tmp_path_factory, south, height, west, width, rows, cols):
    north, east = float(south) + float(height) + 1e-3, f"{float(west) + float(width):.9f}"
    stem = made(
        tmp_path_factory.mktemp("map"), south=south, north=f"{north:.6f}", west=west, east=east, rows=rows, cols=cols
    )
    found, oracle = pixels(stem), surfex(stem.with_suffix(".hdr"))
    np.testing.assert_array_equal(found.latitudes, oracle.lats)
    np.testing.assert_array_equal(found.longitudes, oracle.lons)
    assert found.nodata == oracle.nodata


@pytest.mark.parametrize("west", ["9W", "-9.", "351", "-9.00000"])
def test_west_is_read_as_surfex_reads_it(tmp_path, west):
    stem = made(tmp_path, west=west)
    np.testing.assert_array_equal(pixels(stem).longitudes, surfex(stem.with_suffix(".hdr")).lons)


@pytest.mark.parametrize(("west", "east"), [(-180, 180), (0, 360), (10, 10), (10, 370), ("180W", "180E")])
def test_once_around_the_globe_is_once_around(tmp_path, west, east):
    found = pixels(made(tmp_path, west=west, east=east))
    assert found.east - found.west == 360


@pytest.mark.parametrize("name", ["mosaic_a", "muenster_60m"])
def test_the_maps_that_pgd_has_read_are_read(name):
    stem = shared("pgd_reference", f"{name}.hdr")
    found, oracle = pixels(stem), surfex(stem)
    assert (found.rows, found.cols) == (oracle.rows, oracle.cols) and found.path == stem.with_suffix(".dir")
    with found.opened() as handle:
        block = np.empty((2, 7), np.uint8)
        found.load(handle, slice(11, 13), slice(20, 27), block)
    assert block.tolist() == [list(oracle.record(found.path, number)[20:27]) for number in (12, 13)]


def test_bytes_after_the_last_row_are_ignored_as_by_surfex(tmp_path):
    assert pixels(made(tmp_path, size=20)).rows == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 14}, "found 14 bytes, expected 3 rows x 5 cols = 15"),
        ({"north": 51.0}, "from north 51.0 to south 52.0"),
        ({"rows": 0}, "found 0 rows"),
        ({"south": "lots"}, "map.hdr: header line 4"),
    ],
)
def test_what_cannot_be_a_map_is_refused_in_one_line(tmp_path, changes, words):
    with pytest.raises(FormatError) as caught:
        pixels(made(tmp_path, **changes))
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ["recordtype: integer 16 bits", "fact: 10\nrecordtype: integer 8 bits"])
def test_a_file_of_another_kind_is_no_cover_map(tmp_path, line):
    stem = made(tmp_path)
    text = stem.with_suffix(".hdr").read_text().replace("recordtype: integer 8 bits", line)
    stem.with_suffix(".hdr").write_text(text)
    with pytest.raises(FormatError, match="a cover map has 8 bits, fact 1"):
        pixels(stem)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match=r"absent\.(dir|hdr): does not exist"):
        pixels(tmp_path / "absent")
    made(tmp_path).with_suffix(".dir").unlink()
    with pytest.raises(FormatError, match=r"map\.dir: does not exist"):
        pixels(tmp_path / "map")


def test_a_map_that_is_being_patched_is_refused(tmp_path):
    stem = made(tmp_path)
    direct.journal(stem.with_suffix(".dir")).touch()
    with pytest.raises(FormatError, match="a patch in place is unfinished"):
        pixels(stem)
