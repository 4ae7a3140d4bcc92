"""A window's bytes are its own: nothing beside them is read or written."""

import os
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import CoverageError, FormatError, GridError
from ecosg_update.formats import window
from ecosg_update.grid import LatLonGrid, cut, pasted
from tests.formats.maps import DATELINE, IRELAND, cover

WHOLES = [IRELAND, DATELINE, LatLonGrid(1, 120, 0, 9, 360), LatLonGrid(1, 120, 77, 9, 360)]


@st.composite
def parts(draw):
    """A map, and a window of it; whole rows and the dateline are often asked for."""
    whole = draw(st.sampled_from(WHOLES))
    rows = draw(st.integers(1, whole.rows))
    cols = draw(st.integers(1, whole.cols) | st.just(whole.cols))
    top = draw(st.integers(0, whole.rows - rows))
    left = draw(st.integers(0, whole.cols - 1 if whole.cols == whole.world_cols else whole.cols - cols))
    return whole, LatLonGrid(whole.per_degree, whole.row + top, (whole.col + left) % whole.world_cols, rows, cols)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("window") / "map"


@given(parts(), st.integers(0, 7))
def test_what_is_stored_is_the_window_and_nothing_else(file, grids, start):
    whole, part = grids
    codes, piece = cover(whole, 1).codes, cover(part, 2).codes
    file.write_bytes(bytes(start) + codes.tobytes() + b"end")
    with file.open("r+b") as stream:
        window.store(stream.fileno(), piece, part, whole, start=start)
        again = np.empty_like(piece)
        window.load(stream.fileno(), again, part, whole, start=start)
    expected = pasted(codes, whole, part, piece)
    assert file.read_bytes() == bytes(start) + expected.tobytes() + b"end"
    np.testing.assert_array_equal(again, cut(expected, whole, part))


@given(parts())
def test_whole_rows_are_one_piece_and_others_one_or_two_a_row(grids):
    whole, part = grids
    pieces = list(window.runs(part, whole))
    assert sum(np.prod([one.stop - one.start for one in cells]) for _, cells in pieces) == part.rows * part.cols
    wraps = (part.col - whole.col) % whole.world_cols + part.cols > whole.cols
    whole_rows = part.cols == whole.cols and not wraps
    assert len(pieces) == (1 if whole_rows else part.rows * (1 + wraps))


@given(parts(), st.integers(1, 5000))
def test_bands_are_the_window_from_north_to_south(grids, most):
    _, part = grids
    found = list(window.bands(part, most))
    assert found[0].row == part.row and sum(band.rows for band in found) == part.rows
    assert all(band.row + band.rows == below.row for band, below in pairwise(found))
    assert all((band.col, band.cols) == (part.col, part.cols) for band in found)
    assert all(band.rows == 1 or band.rows * band.cols <= most for band in found)


def test_short_writes_are_continued(file, monkeypatch):
    whole_write = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda handle, content, at: whole_write(handle, content[: random.randint(1, 3)], at)
    )
    part = LatLonGrid(360, IRELAND.row + 2, IRELAND.col + 3, 4, 17)
    codes, piece = cover(IRELAND, 1).codes, cover(part, 2).codes
    file.write_bytes(codes.tobytes())
    with file.open("r+b") as stream:
        window.store(stream.fileno(), piece, part, IRELAND)
    assert file.read_bytes() == pasted(codes, IRELAND, part, piece).tobytes()


def test_a_window_of_another_lattice_or_outside_is_refused_before_a_byte_is_written(file):
    file.write_bytes(bytes(IRELAND.rows * IRELAND.cols))
    outside = LatLonGrid(360, IRELAND.row, IRELAND.col - 1, 2, 3)
    with file.open("r+b") as stream:
        with pytest.raises(CoverageError):
            window.store(stream.fileno(), cover(outside).codes, outside, IRELAND)
        with pytest.raises(GridError):
            window.store(stream.fileno(), cover(DATELINE).codes, DATELINE, IRELAND)
    assert not any(file.read_bytes())


def test_a_file_that_ends_early_is_an_error(file):
    file.write_bytes(bytes(IRELAND.rows * IRELAND.cols - 1))
    with file.open("rb") as stream, pytest.raises(FormatError, match="the file ends at byte 272"):
        window.load(stream.fileno(), np.empty(IRELAND.shape, np.uint8), IRELAND, IRELAND)
