"""The bytes that are ours: copied, checked and hashed in one pass of constant memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ecosg_update.errors import FormatError
from ecosg_update.formats import atomic, direct, netcdf
from ecosg_update.formats.header import Header
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.progress import Progress, silent

CHUNK = 1 << 23
"""Bytes read at once."""

ROW_CELLS = 1 << 24
"""Cells compared at once."""

Check = Callable[[memoryview, int], None]
"""(bytes, offset of the first in the file): raises for what must not be installed."""


def copied(
    source: Path, part: Path, *, name: str, check: Check | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Copy `source` to the new file `part`, flushed to the disk; returns what the manifest says of it.

    Raises FormatError where the source cannot be read or fails the check, OutputError where the disk is full.
    """
    with _reading(source) as reading:
        size = os.fstat(reading).st_size
        with atomic.reported(part, size), _creating(part, size) as writing:
            found = _passed(source, reading, writing, name=name, check=check, progress=progress)
            os.fsync(writing)
    return found


def linked(
    source: Path, part: Path, *, name: str, check: Check | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Link `part` to `source`, which is checked and hashed as by `copied`."""
    with _reading(source) as reading:
        found = _passed(source, reading, None, name=name, check=check, progress=progress)
    with atomic.reported(part):
        part.symlink_to(source.resolve())
    return found


def described(path: Path) -> dict[str, Any]:
    """What the manifest says of a file that was made by the installation."""
    return {"source": None, "bytes": path.stat().st_size, "sha256": sha256(path)}


def sha256(path: Path) -> str:
    """The sha256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def cover_check(path: Path, header: Header) -> Check:
    """A check that every byte is nodata or a cover of 1..33: SURFEX writes outside its arrays for any other."""
    legal = np.zeros(256, bool)
    legal[1:34] = True
    if 0 <= header.nodata <= 255:
        legal[header.nodata] = True

    def check(chunk: memoryview, offset: int) -> None:
        codes = np.frombuffer(chunk, np.uint8)
        if codes.max() <= 33 and (legal[0] or codes.all()):
            return  # the common case, a hundred times as fast as the table
        fine = legal[codes]
        if not fine.all():
            at = int(np.argmin(fine))
            row, col = divmod(offset + at, header.grid.cols)
            raise FormatError(
                f"{path}: byte {codes[at]} in row {row + 1}, column {col + 1} is neither nodata ({header.nodata}) "
                "nor a cover of 1..33; PGD breaks on it: mend the map (ecosg-update check)"
            )

    return check


def check_same(nc: Path, data: Path, grid: LatLonGrid, *, progress: Progress = silent) -> None:
    """FormatError where a NetCDF holds other covers than the `.dir` that PGD reads."""
    height = max(1, ROW_CELLS // grid.cols)
    for top in range(0, grid.rows, height):
        rows = min(height, grid.rows - top)
        band = LatLonGrid(grid.per_degree, grid.row + top, grid.col, rows, grid.cols)
        other = netcdf.read_cover(nc, band).codes != direct.read(data, band).codes
        if other.any():
            row, col = np.argwhere(other)[0]
            raise FormatError(
                f"{nc}: differs from {data} first in row {top + row + 1}, column {col + 1}; export it again"
            )
        progress("compare the NetCDF", top + rows, grid.rows)


def write_netcdf(data: Path, path: Path, header: Header) -> None:
    """Write the map of `data` as NetCDF."""
    about = Provenance(title=header.title, source=data.name, history="ecosg-update install")
    netcdf.write_cover(direct.read(data), path, provenance=about)


def _passed(
    source: Path, reading: int, writing: int | None, *, name: str, check: Check | None, progress: Progress
) -> dict[str, Any]:
    """Read the source once: check, hash and, where there is a handle to write to, copy each chunk."""
    digest, done, size = hashlib.sha256(), 0, os.fstat(reading).st_size
    for chunk in _chunks(reading, source):
        if check is not None:
            check(chunk, done)
        digest.update(chunk)
        if writing is not None:
            atomic.fill(writing, chunk)
        done += len(chunk)
        progress(name, done, size)
    return {"source": str(source.absolute()), "bytes": done, "sha256": digest.hexdigest()}


def _chunks(handle: int, path: Path) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(CHUNK))
    while True:
        try:
            count = os.readv(handle, [buffer])
        except OSError as error:
            raise FormatError(f"{path}: cannot be read ({error.strerror}); copy it again") from error
        if not count:
            return
        yield buffer[:count]


@contextmanager
def _reading(path: Path) -> Iterator[int]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the path and the rights") from error
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _creating(path: Path, size: int) -> Iterator[int]:
    """A new file with its room taken at once: a full disk shows before 8 GB were copied."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        if size and hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        yield handle
    finally:
        os.close(handle)
