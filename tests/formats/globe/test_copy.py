"""A copy has every byte of its source, and no more room than the source takes."""

import errno
import os
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import FormatError
from ecosg_update.formats.globe import copy as copying
from ecosg_update.formats.globe.copy import copy, extents
from tests.formats.faults import file_size_limit, small_disk

MEBI = 1 << 20


def copied(source, target, **options):
    target.write_bytes(b"")
    with source.open("rb") as first, target.open("r+b") as second:
        copy(source, first.fileno(), second.fileno(), **options)
    return target


def sparse(path, size, pieces):
    with path.open("wb") as stream:
        stream.truncate(size)
        for place, content in pieces:
            stream.seek(place)
            stream.write(content)
    return path


def refused(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize("kernel", [None, errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
@pytest.mark.parametrize("holes", [True, False])
def test_a_copy_is_the_same_bytes_whatever_the_file_system_can(tmp_path, monkeypatch, kernel, holes):
    if kernel:
        monkeypatch.setattr(os, "copy_file_range", refused(kernel))
    if not holes:
        monkeypatch.setattr(os, "lseek", refused(errno.EINVAL))
    monkeypatch.setattr(copying, "CHUNK", 70_001)
    pieces = [(0, random.randbytes(5)), (3 * MEBI, random.randbytes(300_000)), (9 * MEBI - 3, b"end")]
    source = sparse(tmp_path / "a", 9 * MEBI, pieces)
    assert copied(source, tmp_path / "b").read_bytes() == source.read_bytes()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9000)), max_size=5), st.integers(0, 3000))
def test_extents_hold_every_byte_that_is_not_zero(tmp_path_factory, pieces, tail):
    path = tmp_path_factory.mktemp("sparse") / "a"
    content = bytearray(50 * 8192 + tail)
    for place, length in pieces:
        content[place * 8192 : place * 8192 + length] = b"x" * length
    sparse(path, len(content), [(place * 8192, b"x" * length) for place, length in pieces])
    with path.open("rb") as stream:
        found = list(extents(stream.fileno(), len(content)))
    held = bytearray(len(content))
    for start, stop in found:
        held[start:stop] = content[start:stop]
    assert held == content
    assert all(stop <= start for (_, stop), (start, _) in pairwise(found))


def test_holes_stay_holes(tmp_path):
    source = sparse(tmp_path / "a", 1 << 33, [(1 << 32, b"one byte in the middle")])
    target = copied(source, tmp_path / "b")
    assert target.stat().st_size == 1 << 33
    assert target.stat().st_blocks <= max(source.stat().st_blocks, 1024)


def test_progress_counts_the_bytes_that_are_data(tmp_path, monkeypatch):
    monkeypatch.setattr(copying, "CHUNK", MEBI)
    source = sparse(tmp_path / "a", 20 * MEBI, [(2 * MEBI, random.randbytes(3 * MEBI))])
    seen = []
    copied(source, tmp_path / "b", progress=lambda what, done, total: seen.append((what, done, total)))
    assert seen[-1][1] == seen[-1][2] and 3 * MEBI <= seen[-1][2] < 4 * MEBI
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})


def test_a_source_that_is_written_meanwhile_is_refused(tmp_path):
    source = sparse(tmp_path / "a", MEBI, [(0, random.randbytes(MEBI))])
    os.utime(source, (1, 1))

    def meddle(*_):
        source.write_bytes(bytes(MEBI))

    with pytest.raises(FormatError, match="a: was written while it was copied"):
        copied(source, tmp_path / "b", progress=meddle)


def test_a_full_disk_fails_before_the_first_byte(tmp_path):
    source = sparse(tmp_path / "a", MEBI, [(0, random.randbytes(MEBI))])
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, MEBI // 2), pytest.raises(OSError, match="No space left"):
        copied(source, disk / "b", progress=lambda *_: pytest.fail("bytes were copied"))


def test_a_limit_on_file_sizes_is_an_error(tmp_path):
    source = sparse(tmp_path / "a", MEBI, [(0, b"x")])
    with file_size_limit(MEBI // 2), pytest.raises(OSError, match="File too large"):
        copied(source, tmp_path / "b")
