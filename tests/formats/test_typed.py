"""Typed files: what is written is what SURFEX reads, and a window is the window of the whole."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import CoverageError, FormatError, GridError, OutputError
from ecosg_update.formats import header, typed
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid, cut
from tests import oracle_typed as oracle
from tests.formats.maps import DATELINE, IRELAND, grids

FACT = 10
AROUND = LatLonGrid(1, 120, 77, 9, 360)
"""Once around the globe, from 103 W."""


def pixels(shape, seed=0, *, empty=0.5):
    """Legal pixels; runs of empty ones, and values that a byte swap would make legal as well."""
    rng = np.random.default_rng(seed)
    found = rng.integers(1, 34, shape) * 100 + rng.integers(1, 100, shape)
    found[rng.random(shape) < empty] = 0
    return found.astype(np.uint16)


@given(grids(), st.integers(0, 99), st.sampled_from([0.0, 0.5, 1.0]))
def test_surfex_reads_every_packed_pixel_that_was_written(tmp_path_factory, grid, seed, empty):
    made = pixels(grid.shape, seed, empty=empty)
    data, _ = typed.write(made, grid, tmp_path_factory.mktemp("map") / "a", title="A map", fact=FACT)
    assert oracle.read_packed(data, *grid.shape) == made.tolist()
    source = typed.opened(data)
    assert (source.grid, source.header.fact, source.header.compress) == (grid, FACT, True)
    np.testing.assert_array_equal(typed.read(source), made)


@given(grids(), st.integers(0, 99), st.sampled_from("<>"))
def test_surfex_reads_every_plain_pixel_that_was_written(tmp_path_factory, grid, seed, order):
    made = pixels(grid.shape, seed)
    made.flat[0] = 3399  # 0x0D47, 0x470D swapped: the order can be told
    data, _ = typed.write(
        made, grid, tmp_path_factory.mktemp("map") / "a", title="A map", compress=False, order=order
    )
    assert oracle.read_plain(data, *grid.shape) == made.tolist()
    source = typed.opened(data)
    assert source.order == order
    np.testing.assert_array_equal(typed.read(source), made)


@given(grids(), st.integers(0, 99))
def test_what_another_writer_packed_is_read(tmp_path_factory, grid, seed):
    made = pixels(grid.shape, seed)
    path = tmp_path_factory.mktemp("map") / "a.dir"
    oracle.write_packed(path, made.tolist())
    oracle.write_header(path.with_suffix(".hdr"), grid.bounds, *grid.shape, fact=FACT)
    np.testing.assert_array_equal(typed.read(typed.opened(path)), made)
    again, _ = typed.write(made, grid, path.with_name("b"), title="A map", fact=FACT)
    assert again.read_bytes() == path.read_bytes()


@given(st.data())
def test_a_window_of_the_file_is_the_window_of_the_map(tmp_path_factory, data):
    whole = data.draw(st.sampled_from([IRELAND, DATELINE, AROUND]))
    made = pixels(whole.shape)
    compress = data.draw(st.booleans())
    path = typed.write(made, whole, tmp_path_factory.mktemp("map") / "a", title="A map", compress=compress)[0]
    rows, cols = data.draw(st.integers(1, whole.rows)), data.draw(st.integers(1, whole.cols))
    top = data.draw(st.integers(0, whole.rows - rows))
    left = data.draw(st.integers(0, whole.cols - 1 if whole.cols == whole.world_cols else whole.cols - cols))
    part = LatLonGrid(whole.per_degree, whole.row + top, (whole.col + left) % whole.world_cols, rows, cols)
    np.testing.assert_array_equal(typed.read(typed.opened(path), part), cut(made, whole, part))


@pytest.mark.parametrize("empty", [0, 1, 61534, 61535, 61536, 123070, 123071])
def test_a_run_longer_than_a_word_holds_is_split(tmp_path, empty):
    """129,600 columns of ocean are more than 61,535."""
    grid = LatLonGrid(360, 100, 0, 2, 129_600)
    made = pixels(grid.shape, empty=0.0)
    made[:, 7 : 7 + empty] = 0
    data, _ = typed.write(made, grid, tmp_path / "wide", title="A map")
    assert oracle.read_packed(data, *grid.shape) == made.tolist()
    part = LatLonGrid(360, 101, 60_000, 1, 129_000)
    np.testing.assert_array_equal(typed.read(typed.opened(data), part), cut(made, grid, part))


def test_a_packed_value_of_0_is_no_data(tmp_path):
    """UNCOMPRESS_FIELD sets multiples of 100 to 0; a plain file keeps them."""
    grid = LatLonGrid(360, 0, 0, 1, 3)
    path = tmp_path / "a.dir"
    oracle.write_header(path.with_suffix(".hdr"), grid.bounds, 1, 3, fact=1)
    path.write_bytes(struct.pack("<i3H", 3, 800, 801, 0))
    assert typed.read(typed.opened(path)).tolist() == oracle.read_packed(path, 1, 3) == [[0, 801, 0]]
    with pytest.raises(OutputError, match="1 pixels have a cover and the value 0"):
        typed.write(np.array([[800, 801, 0]], np.uint16), grid, tmp_path / "b", title="A map")
    plain, _ = typed.write(np.array([[800, 801, 0]], np.uint16), grid, tmp_path / "c", title="A", compress=False)
    assert typed.read(typed.opened(plain)).tolist() == [[800, 801, 0]]


def test_the_byte_order_of_an_empty_file_and_of_one_that_cannot_be_told_is_surfex_s(tmp_path):
    grid = LatLonGrid(360, 0, 0, 2, 2)
    for name, table in (("empty", [[0, 0], [0, 0]]), ("low", [[1025, 0], [0, 1281]])):
        data, _ = typed.write(np.array(table, np.uint16), grid, tmp_path / name, title="A", compress=False, order=">")
        assert typed.read(typed.opened(data)).tolist() == oracle.read_plain(data, 2, 2)


def test_a_packed_map_of_the_globe_is_read_by_window(tmp_path):
    """50,400 rows of 129,600 columns, all but one empty: 4 bytes of count and 6 of words a row."""
    grid = LatLonGrid(360, 3600, 0, 50_400, 129_600)
    words = np.tile(np.array([65535, 65535, 10530], "<u2"), (grid.rows, 1))
    one = oracle.packed_row([0] * 70_000 + [1734] + [0] * 59_599)
    counts = np.full(grid.rows, 3, "<i4")
    counts[20_000] = len(one)
    body = words[:20_000].tobytes() + struct.pack(f"<{len(one)}H", *one) + words[20_001:].tobytes()
    (tmp_path / "globe.dir").write_bytes(counts.tobytes() + body)
    (tmp_path / "globe.hdr").write_text(header.text(Header("Globe", grid, bits=16, fact=10, compress=True)))
    source = typed.opened(tmp_path / "globe")
    part = LatLonGrid(360, 3600 + 19_999, 69_998, 3, 5)
    assert typed.read(source, part).tolist() == [[0] * 5, [0, 0, 1734, 0, 0], [0] * 5]
    with pytest.raises(CoverageError, match=r"globe\.dir|domain"):
        typed.read(source, LatLonGrid(360, 0, 0, 3, 3))


def test_a_window_looks_at_its_own_rows_only(tmp_path):
    """A damaged row elsewhere is not read."""
    made = pixels(IRELAND.shape, empty=0.0)
    data, _ = typed.write(made, IRELAND, tmp_path / "a", title="A map")
    body = data.read_bytes()
    data.write_bytes(body[:-2] + struct.pack("<H", 3999))
    part = LatLonGrid(360, IRELAND.row, IRELAND.col, IRELAND.rows - 1, IRELAND.cols)
    np.testing.assert_array_equal(typed.read(typed.opened(data), part), made[:-1])
    with pytest.raises(FormatError):
        typed.read(typed.opened(data))


def test_values_are_counted(tmp_path):
    made = pixels(IRELAND.shape)
    data, _ = typed.write(made, IRELAND, tmp_path / "a", title="A map")
    np.testing.assert_array_equal(typed.counted(typed.opened(data)), np.bincount(made.ravel(), minlength=3400))


BAD_FILES = {
    "torn": (lambda body: body[:-3], "the counts of its rows add up to"),
    "longer": (lambda body: body + b"\0\0", "the counts of its rows add up to"),
    "without its counts": (lambda body: body[:20], "the counts of 13 rows alone are 52"),
    "empty": (lambda _: b"", "the counts of 13 rows alone are 52"),
    "negative count": (lambda body: struct.pack("<i", -1) + body[4:], "row 1 has -1 words"),
    "no words in a row": (lambda body: body[:8] + struct.pack("<i", 0) + body[12:], "row 3 has 0 words"),
    "row too short": (lambda body: body[:52] + struct.pack("<H", 4000) + body[54:], "row 1 holds 12 pixels"),
    "row too long": (lambda body: body[:52] + struct.pack("<H", 4099) + body[54:], "row 1 holds 1[0-9]{2} pixels"),
    "type 0": (lambda body: body[:-2] + struct.pack("<H", 99), "found 99 in row 13"),
    "type 34": (lambda body: body[:-2] + struct.pack("<H", 3401), "found 3401 in row 13"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_damaged_packed_file_is_refused(tmp_path, name):
    spoil, message = BAD_FILES[name]
    made = pixels(IRELAND.shape, empty=0.0)
    made[0, :9] = 0  # the first word is a run
    data, _ = typed.write(made, IRELAND, tmp_path / "a", title="A map")
    data.write_bytes(spoil(data.read_bytes()))
    with pytest.raises(FormatError, match=message) as caught:
        typed.read(typed.opened(data))
    assert str(data) in str(caught.value) and "\n" not in str(caught.value)


def test_a_damaged_plain_file_is_refused(tmp_path):
    made = pixels(IRELAND.shape, empty=0.0)
    data, _ = typed.write(made, IRELAND, tmp_path / "a", title="A map", compress=False)
    body = data.read_bytes()
    data.write_bytes(body[:-1])
    with pytest.raises(FormatError, match="the copy is incomplete"):
        typed.opened(data)
    data.write_bytes(body[:-2] + struct.pack("<H", 3400))
    with pytest.raises(FormatError, match="found 3400 in row 13"):
        typed.read(typed.opened(data))


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("nodata: 0", "nodata: 255"),
        ("recordtype: integer 16 bits", "recordtype: integer 8 bits"),
        ("recordtype: integer 16 bits", "recordtype: integer 32 bits"),
    ],
)
def test_a_map_of_another_kind_is_refused(tmp_path, line, other):
    data, text = typed.write(pixels(IRELAND.shape), IRELAND, tmp_path / "a", title="A map")
    text.write_text(text.read_text().replace(line, other))
    with pytest.raises(FormatError):
        typed.opened(data)


def test_a_cover_map_is_no_typed_map(tmp_path):
    (tmp_path / "a.hdr").write_text(header.text(Header("Covers", IRELAND)))
    (tmp_path / "a.dir").write_bytes(bytes(IRELAND.rows * IRELAND.cols))
    with pytest.raises(FormatError, match="found 8 bits and nodata 0, a typed map has 16"):
        typed.opened(tmp_path / "a")


def test_pixels_that_surfex_would_misread_are_not_written(tmp_path):
    grid = LatLonGrid(360, 0, 0, 1, 3)
    for compress in (True, False):
        with pytest.raises(OutputError, match="found a pixel of 3400"):
            typed.write(np.array([[0, 3400, 100]], np.uint16), grid, tmp_path / "a", title="A", compress=compress)
        with pytest.raises(OutputError, match="found a pixel of 7"):
            typed.write(np.array([[0, 7, 101]], np.uint16), grid, tmp_path / "a", title="A", compress=compress)
    with pytest.raises(GridError, match="expected uint16 of shape"):
        typed.write(np.zeros((3, 1), np.uint16), grid, tmp_path / "a", title="A")
    assert not list(tmp_path.iterdir())
