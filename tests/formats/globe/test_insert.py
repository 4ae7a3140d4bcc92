"""The window changes and nothing else does; what was there comes back byte for byte."""

import os
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError, CoverageError, FormatError, GridError, OutputError
from ecosg_update.formats import direct
from ecosg_update.formats.globe import insert, journal, lock
from ecosg_update.formats.globe.insert import Region, insert_in_place
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests.formats.faults import file_size_limit, small_disk
from tests.formats.globe.maps import (
    ACROSS,
    CORNER,
    ROWS,
    TURNED,
    WORLD,
    beside,
    codes_of,
    expected,
    put,
    recover,
    revert,
    written,
)
from tests.formats.maps import ECOSG, cover

WINDOWS = [CORNER, ACROSS, ROWS, TURNED, WORLD]


@pytest.mark.parametrize("nodata", [0, 255])
@pytest.mark.parametrize("window", WINDOWS, ids=["corner", "dateline", "rows", "turned", "world"])
def test_the_window_changes_and_nothing_else_and_comes_back(tmp_path, window, nodata):
    data = written(tmp_path, nodata=nodata)
    before, head = codes_of(data), direct.pair(data)[1].read_bytes()
    region = cover(window, 5)
    record, undo = put(data, region)
    np.testing.assert_array_equal(codes_of(data), expected(before, WORLD, region))
    assert record.changes["changed"] == (codes_of(data) != before).sum()
    assert undo == data.with_name("globe.dir.undo.1") and beside(data) == {undo.name}
    revert(data)
    np.testing.assert_array_equal(codes_of(data), before)
    assert not beside(data) and direct.pair(data)[1].read_bytes() == head


@given(st.integers(1, 40), st.data())
@settings(max_examples=25)
def test_bands_of_any_height_make_the_same_map_and_the_same_record(tmp_path_factory, most, data):
    window = data.draw(st.sampled_from([CORNER, ACROSS]))
    maps = [written(tmp_path_factory.mktemp("map")) for _ in range(2)]
    region = cover(window, 3)
    records = []
    with pytest.MonkeyPatch.context() as patched:
        for path in maps:
            records.append(put(path, region)[0])
            patched.setattr(insert, "BAND_CELLS", most)
            patched.setattr(insert, "REGION_CELLS", 3 * most)
            patched.setattr(journal, "BAND_CELLS", most)
    assert maps[0].read_bytes() == maps[1].read_bytes()
    assert (records[0].before, records[0].after) == (records[1].before, records[1].after)


def test_no_data_never_overwrites_data(tmp_path):
    data = written(tmp_path)
    before = data.read_bytes()
    empty = CoverMap(np.zeros(CORNER.shape, np.uint8), CORNER, ECOSG)
    record, undo = put(data, empty)
    assert data.read_bytes() == before and undo is None and record.changes["changed"] == 0
    assert not beside(data)


def test_the_same_patch_twice_writes_nothing_the_second_time(tmp_path):
    data = written(tmp_path)
    put(data, cover(CORNER, 5))
    os.utime(data, (1, 1))
    assert put(data, cover(CORNER, 5))[1] is None
    assert data.stat().st_mtime == 1 and beside(data) == {"globe.dir.undo.1"}


def test_patches_stack_and_come_back_newest_first(tmp_path):
    data = written(tmp_path)
    versions = [data.read_bytes()]
    shifted = LatLonGrid(1, CORNER.row + 3, CORNER.col + 4, 7, 11)
    for number, window in enumerate([CORNER, shifted, ACROSS], 1):
        assert put(data, cover(window, number))[1].name == f"globe.dir.undo.{number}"
        versions.append(data.read_bytes())
    for version in reversed(versions[:-1]):
        revert(data)
        assert data.read_bytes() == version
    with pytest.raises(ConfigError, match=r"globe.dir: no patch can be given back"):
        revert(data)


def test_ten_patches_are_numbered_as_people_count(tmp_path):
    data = written(tmp_path)
    for number in range(11):
        put(data, cover(CORNER, 20 + number))
    assert [path.name for path in journal.undos(data)][-2:] == ["globe.dir.undo.10", "globe.dir.undo.11"]


def test_a_window_that_was_changed_since_is_not_given_back(tmp_path):
    data = written(tmp_path)
    put(data, cover(CORNER, 5))
    with data.open("r+b") as stream:
        stream.seek(CORNER.row * WORLD.cols + CORNER.col)
        stream.write(bytes([35 - stream.read(1)[0] or 1]))
    now = data.read_bytes()
    with pytest.raises(FormatError, match=r"globe.dir: .* was changed since globe.dir.undo.1 was made, nothing was"):
        revert(data)
    assert data.read_bytes() == now and beside(data) == {"globe.dir.undo.1"}


def test_a_change_outside_the_window_does_not_keep_a_patch_from_coming_back(tmp_path):
    data = written(tmp_path)
    before = bytearray(data.read_bytes())
    put(data, cover(CORNER, 5))
    with data.open("r+b") as stream:
        stream.write(b"\x07")
    before[0] = 7
    revert(data)
    assert data.read_bytes() == before


def test_a_region_that_does_not_fit_is_refused_and_nothing_is_written(tmp_path):
    data = written(tmp_path, grid=LatLonGrid(1, 20, 20, 50, 300))
    before = data.read_bytes()
    with pytest.raises(GridError, match=r"7 cells a degree, globe.dir has 1; .*export MAP --per-degree 1"):
        put(data, cover(LatLonGrid(7, 400, 400, 3, 5)))
    with pytest.raises(CoverageError, match="is not inside the map"):
        put(data, cover(ACROSS))
    assert data.read_bytes() == before and not beside(data)


def test_a_cover_that_the_map_calls_no_data_is_refused(tmp_path):
    data = written(tmp_path, nodata=12)
    before = data.read_bytes()
    with pytest.raises(FormatError, match="cells of cover 12, no data in the map's header"):
        put(data, cover(CORNER, 5))
    assert data.read_bytes() == before and not beside(data)


def test_a_region_that_is_not_the_same_twice_leaves_the_map_as_it_was(tmp_path):
    data = written(tmp_path)
    before = data.read_bytes()
    seeds = iter(range(9))
    fickle = Region(CORNER, lambda band: cover(band, next(seeds)), "fickle.dir")
    with pytest.raises(FormatError, match=r"fickle.dir: changed while it was inserted"), lock.writing(data) as held:
        insert_in_place(held, fickle)
    assert data.read_bytes() == before and not beside(data)


def test_short_writes_make_the_same_map(tmp_path, monkeypatch):
    whole_write = os.pwrite
    monkeypatch.setattr(
        os, "pwrite", lambda handle, content, at: whole_write(handle, content[: random.randint(1, 5)], at)
    )
    data = written(tmp_path)
    before = codes_of(data)
    put(data, cover(ACROSS, 5))
    np.testing.assert_array_equal(codes_of(data), expected(before, WORLD, cover(ACROSS, 5)))
    revert(data)
    np.testing.assert_array_equal(codes_of(data), before)


def test_a_failing_write_in_the_middle_gives_the_old_bytes_back_at_once(tmp_path, monkeypatch):
    whole_write, calls = os.pwrite, []

    def failing(handle, content, at):
        calls.append(at)
        if len(calls) == journaled + 4:
            raise OSError(5, "Input/output error")
        return whole_write(handle, content, at)

    data, journaled = written(tmp_path), 3  # the old bytes in one piece, the magic, the record
    before = data.read_bytes()
    monkeypatch.setattr(os, "pwrite", failing)
    with pytest.raises(OutputError, match=r"globe.dir: cannot be written .Input/output error"):
        put(data, cover(CORNER, 5))
    assert data.read_bytes() == before and not beside(data)
    assert len(calls) > journaled + 4, "rows had been written and were given back"


def test_no_room_for_the_journal_leaves_the_map_untouched(tmp_path):
    data = written(tmp_path)
    before = data.read_bytes()
    with file_size_limit(1000), pytest.raises(OutputError, match=r"globe.dir.journal: .* bytes are needed"):
        put(data, cover(WORLD, 5))
    assert data.read_bytes() == before and not beside(data)


def test_a_sparse_map_on_a_full_disk_is_as_before(tmp_path):
    """The journal still fits, the blocks of the map do not: rows that were written are given back."""
    with small_disk(tmp_path, 3 << 20):
        whole = LatLonGrid.globe(8)
        data = written(tmp_path, LatLonGrid(1, 0, 0, 1, 1))
        direct.pair(data)[1].write_text(
            direct.header.text(direct.Header("Sparse", whole))  # 4.1 MB of holes
        )
        os.truncate(data, whole.rows * whole.cols)
        with data.open("r+b") as stream:
            stream.write(b"\0")
        window = LatLonGrid(8, 100, 0, 600, 2880)
        with pytest.raises(OutputError, match=r"globe.dir: cannot be written .No space left"):
            put(data, cover(window, 1))
        assert not beside(data) and not any(data.read_bytes())


def test_a_crash_before_the_journal_is_whole_leaves_a_part_that_means_nothing(tmp_path):
    data = written(tmp_path)
    part = data.with_name("globe.dir.journal.part")
    part.write_bytes(b"ECOSG-UNDO-1\nhalf")
    assert direct.read(data).grid == WORLD
    assert recover(data) is None and not beside(data)
