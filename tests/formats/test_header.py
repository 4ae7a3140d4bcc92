"""A header says to SURFEX what it says to us, and what SURFEX misreads is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import FormatError
from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from tests import oracle_surfex
from tests.conftest import shared
from tests.formats.maps import IRELAND, grids

TEXT = header.text(Header("A map of Ireland", IRELAND))
REAL = [
    ("ecosg_like", "ireland_300m"),
    ("ecosg_like", "lanjaron_300m"),
    ("ecosg_like", "muenster_300m"),
    ("pgd_reference", "mosaic_a"),
    ("pgd_reference", "muenster_300m"),
    ("pgd_reference", "muenster_60m"),
]


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new)


@given(grids())
def test_a_header_is_read_back_as_it_was_written(grid):
    made = Header("A map", grid)
    assert header.parse(header.text(made)) == made


@given(grids(), st.integers(1, 100), st.sampled_from([16, 32, 64]), st.integers(-999, 255))
def test_the_header_of_another_map_is_read_back_too(grid, fact, bits, nodata):
    made = Header("LAI of January", grid, nodata, bits, fact, compress=bits == 16)
    assert header.parse(header.text(made)) == made
    assert made.size == (None if bits == 16 else grid.rows * grid.cols * bits // 8)


@given(grids())
def test_surfex_sees_every_pixel_centre_where_the_grid_has_it(tmp_path_factory, grid):
    path = tmp_path_factory.mktemp("hdr") / "a.hdr"
    path.write_text(header.text(Header("A map", grid)))
    seen = oracle_surfex.surfex(path)
    assert (seen.kind, seen.bits, seen.nodata, seen.fact, seen.compress) == ("integer", 8, 0, 1, False)
    assert (seen.rows, seen.cols) == grid.shape
    np.testing.assert_allclose(seen.lats, grid.latitudes, rtol=0, atol=1e-10)
    np.testing.assert_allclose(seen.lons, grid.longitudes, rtol=0, atol=1e-10)


@pytest.mark.parametrize("col", [0, 1, 7, 359, 64801, 129599])
def test_the_whole_globe_is_once_around_wherever_it_begins(tmp_path, col):
    grid = LatLonGrid(360, 0, col, 64800, 129600)
    (tmp_path / "a.hdr").write_text(header.text(Header("Globe", grid)))
    assert header.parse((tmp_path / "a.hdr").read_text()).grid == grid
    seen = oracle_surfex.surfex(tmp_path / "a.hdr")
    np.testing.assert_allclose(seen.lons, grid.longitudes, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", REAL, ids="/".join)
def test_the_header_of_a_map_that_pgd_read_comes_back_byte_for_byte(name):
    text = shared(name[0], f"{name[1]}.hdr").read_text()
    assert header.text(header.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        changed("\n", "\r\n"),
        changed("rows", "  rows").replace("north", " north"),
        changed(": ", ":"),
        changed("53.3000000000", "53.3000000000N").replace("-9.1000000000", "9.1000000000 W"),
        changed("53.3000000000", "5.33e1"),
        changed("-9.1000000000", "350.9").replace("-9.0416666667", "350.9583333333"),
        changed("-9.0416666667", "350.9583333333"),
        changed("bits", "bytes"),
        changed("rows: 13", "\nrows: 13"),
        changed("nodata: 0", "cutvalue: 0"),
        changed("rows: 13", "a line that SURFEX passes over\nrows: 13"),
        changed("rows: 13", "rows: 99\nrows: 13"),
        "\n".join([*TEXT.splitlines()[:1], *reversed(TEXT.splitlines()[1:8]), TEXT.splitlines()[8]]),
    ],
)
def test_the_variants_that_pgd_reads_alike_are_read_alike(text, tmp_path):
    assert header.parse(text).grid == IRELAND
    path = tmp_path / "a.hdr"
    path.write_text(text, newline="")
    seen = oracle_surfex.surfex(path)
    np.testing.assert_allclose(seen.lats, IRELAND.latitudes, atol=1e-9)
    np.testing.assert_allclose(np.array(seen.lons) % 360, IRELAND.longitudes % 360, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 2"),
        ("\n".join(TEXT.splitlines()[1:]), r"line 1: found 'nodata: 0'"),
        (changed("nodata: 0\n", "").replace("rows", "north: 1\nrows", 1), "no nodata"),
        (changed("nodata", "NODATA"), "line 2"),
        (changed("north:", "NORTH:"), "line 3"),
        (changed("north: ", "north : "), "line 3"),
        (changed("north: ", "north:\t"), "line 3: .* plain number"),
        (changed("west: -9.1000000000", "west: -9.1W"), "line 5: .* plain number"),
        (changed("west: -9.1000000000", "west: 9.1w"), "line 5: .* plain number"),
        (changed("53.3000000000", "5.33E1"), "line 3: .* plain number"),
        (changed("53.3000000000", "53.3 # edge"), "line 3: .* plain number"),
        (changed("rows: 13", "rows: 13e0"), "line 7: .* plain number"),
        (changed("north:", " " * 95 + "north:"), "line 3"),
        (changed("53.3000000000", "1e999"), "line 3: .* plain number"),
        (changed("rows: 13\n", "") + "\n\nrows: 13\n", "line 11: .* lines 2 to 10"),
        (TEXT + "\n\ncompress: 1\n", "line 12: .* lines 2 to 10"),
        (changed("recordtype: integer 8 bits\n", ""), "no recordtype"),
        (changed("recordtype", " recordtype"), "line 9: .* without indent"),
        (changed("recordtype", "\n\n\nrecordtype"), "line 12: .* lines 3 to 11"),
        (changed("integer 8 bits", "INTEGER 8 BITS"), "line 9: .* integer maps"),
        (changed("integer 8 bits", "float 32"), "line 9: found 'recordtype: float 32'"),
        (changed("nodata: 0", "recordtype: integer 8 bits\nnodata: 0"), "line 2"),
        (changed("nodata: 0", "nodata: 0.5"), "nodata is 0.5"),
        (changed("rows: 13", "rows: 0"), "0 rows"),
        (changed("rows: 13", "rows: 14"), "no lattice"),
        (changed("cols: 21", "cols: 20"), "no lattice"),
        (changed("north: 53.3000000000", "north: 53.2983"), "no lattice"),
        (changed("north: 53.3000000000", "north: 40.0"), "rows run southward"),
        (changed("53.3000000000", "98.3000000000").replace("53.2638888889", "98.2638888889"), "leave the globe"),
        ("BYTEORDER I\nLAYOUT BIL\nNROWS 360\nNCOLS 360\nULXMAP -9\n", "line 1: .* GDAL or ESRI"),
        ("A title\nnodata: 0\nNROWS         360\n", "line 3: .* GDAL or ESRI"),
    ],
)
def test_what_surfex_refuses_or_misreads_is_refused_with_its_line(text, message):
    with pytest.raises(FormatError, match=message):
        header.parse(text)


@given(st.text(alphabet="nodatrhsuewcl:fip-+0123456789.eENSW \n\r\t", max_size=200))
def test_no_text_does_anything_but_parse_or_be_refused(text):
    for candidate in (text, TEXT + text, text + TEXT, TEXT.replace("53.3", text), TEXT.replace("13", text)):
        try:
            header.parse(candidate)
        except FormatError as error:
            assert "\n" not in str(error)


@given(st.sampled_from(["north", "south", "west", "east", "rows", "cols", "nodata"]), st.data())
def test_what_is_accepted_lies_where_surfex_puts_it(tmp_path_factory, key, data):
    near = st.sampled_from(
        ["53.3", "52.2638888889", "52.263889", "9.1", "-9.1", "350.9", "350.9583333333", "13", "21"]
    )
    number = data.draw(
        near | st.integers(-400, 400).map(str) | st.floats(-400, 400).map(lambda value: f"{value:.3f}")
    )
    suffix = data.draw(st.sampled_from(["", "N", "S", "E", "W", ".", " W", "e0", " "]))
    lines = [f"{key}: {number}{suffix}" if line.startswith(key) else line for line in TEXT.splitlines()]
    try:
        found = header.parse("\n".join(lines))
    except FormatError:
        return
    path = tmp_path_factory.mktemp("hdr") / "a.hdr"
    path.write_text("\n".join(lines))
    seen = oracle_surfex.surfex(path)
    assert (seen.rows, seen.cols) == found.grid.shape and seen.nodata == found.nodata
    np.testing.assert_allclose(seen.lats, found.grid.latitudes, atol=2e-3 / found.grid.per_degree)
    around = (np.array(seen.lons) - found.grid.longitudes + 180) % 360 - 180
    np.testing.assert_allclose(around, 0, atol=2e-3 / found.grid.per_degree)


@pytest.mark.parametrize("title", ["", "  ", "two\nlines", "north: 5", "recordtype of a map", "x" * 101, "NROWS 3"])
def test_a_title_that_breaks_the_header_is_refused(title):
    with pytest.raises(FormatError, match="title"):
        header.text(Header(title, IRELAND))


def test_a_header_checks_its_record_type():
    with pytest.raises(FormatError, match="12 bits"):
        Header("A map", IRELAND, bits=12)
    with pytest.raises(FormatError, match="16 bits"):
        Header("A map", IRELAND, compress=True)
