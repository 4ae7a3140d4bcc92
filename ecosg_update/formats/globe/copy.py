"""A second file with the bytes of a first: as quick as the file system can, holes stay holes.

Where it can share blocks (XFS, Btrfs: FICLONE) nothing is copied at all; else the kernel copies each extent of
data (`copy_file_range`), else we do. Room is taken before the first byte, so that a full disk fails at once.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ecosg_update.errors import FormatError
from ecosg_update.formats.window import reserve, write_at
from ecosg_update.progress import Progress, silent

FICLONE = 0x40049409
"""`ioctl_ficlone(2)`: the target shares all blocks of the source."""

CHUNK = 1 << 25
"""Bytes a call: progress shows and a signal is heard in between."""

_CANNOT = {errno.EOPNOTSUPP, errno.ENOTTY, errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EPERM}
"""What a file system answers that does not know the call, or not for these two files."""


def copy(path: Path, source: int, target: int, *, progress: Progress = silent) -> None:
    """Give the open, empty file `target` the content of the open file `source`, whose name is `path`.

    Raises OSError where the disk is full, FormatError where the source was written meanwhile.
    """
    before = os.fstat(source)
    if not _cloned(source, target):
        os.truncate(target, before.st_size)
        pieces = list(extents(source, before.st_size))
        for start, stop in pieces:
            reserve(target, start, stop)
        total, done = sum(stop - start for start, stop in pieces), 0
        for start, stop in pieces:
            for place in range(start, stop, CHUNK):
                _copy(source, target, place, min(place + CHUNK, stop))
                done += min(CHUNK, stop - place)
                progress("copying", done, total)
    after = os.fstat(source)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise FormatError(f"{path}: was written while it was copied; run again when nobody writes it")


def extents(handle: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of each stretch of data of an open file of `size` bytes; what lies between is zeros."""
    place = 0
    while place < size:
        try:
            start = os.lseek(handle, place, os.SEEK_DATA)
            place = os.lseek(handle, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            if error.errno not in _CANNOT:
                raise
            start, place = place, size
        yield start, min(place, size)


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT:
            return False
        raise
    return True


def _copy(source: int, target: int, place: int, stop: int) -> None:
    """Copy the bytes `place`..`stop`: by the kernel as far as it goes, by hand from there on."""
    while place < stop and (count := _copied_by_kernel(source, target, place, stop)):
        place += count
    while place < stop:
        content = os.pread(source, min(1 << 20, stop - place), place)
        if not content:
            return  # it was cut short meanwhile: `copy` compares the sizes
        write_at(target, memoryview(content), place)
        place += len(content)


def _copied_by_kernel(source: int, target: int, place: int, stop: int) -> int:
    try:
        return os.copy_file_range(source, target, stop - place, place, place)
    except OSError as error:
        if error.errno in _CANNOT:
            return 0
        raise
