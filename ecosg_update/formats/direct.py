"""Cover maps as SURFEX reads them: a raw `.dir` of one unsigned byte a cell and its `.hdr`.

Row 1 is the northernmost, there are no record marks, and a byte is 0 (no data) or a cover of 1..33: SURFEX
writes outside its arrays for anything else (`average1_cover.F90`). Windows are read by row
(`formats.window`).
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError, OutputError, TableError
from ecosg_update.formats import atomic, blocks, header, window
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEM_LENGTH = 24
"""CHARACTER(28) less ".dir" (`read_direct.F90`, SURFEX 8.1): a longer name is cut and not found."""

JOURNAL = ".journal"
"""What follows the name of a `.dir` in the name of its open undo journal (`formats.globe`)."""

HEADER_BYTES = 65536
"""Of a `.hdr` that are looked at: any more is no header."""

_STEM = re.compile(r"[!#-&(-~]+")


def journal(data: Path) -> Path:
    """The file beside a `.dir` (the real one, where `data` is a link) that exists while it is patched in place."""
    real = data.resolve()
    return real.with_name(f"{real.name}{JOURNAL}")


def refuse_unfinished(data: Path) -> None:
    """Raise FormatError where a patch in place was begun and not ended: the bytes are a mixture of two maps."""
    if journal(data).exists():
        raise FormatError(
            f"{data}: a patch in place is unfinished ({journal(data).name}); wait for it or, where it was killed, "
            f"give back the old bytes with `ecosg-update revert {data}`"
        )


def pair(path: Path | str) -> tuple[Path, Path]:
    """The `.dir` and the `.hdr` that a stem, or either of the two names, stands for."""
    path = Path(path)
    stem = path.stem if path.suffix in (".dir", ".hdr") else path.name
    return path.with_name(f"{stem}.dir"), path.with_name(f"{stem}.hdr")


def info(path: Path | str) -> Header:
    """What the header says, once the size of the `.dir` agrees with it.

    Raises FormatError where a file is missing, the header cannot be read, the size is another or a patch in
    place is unfinished: then the map is neither the old nor the new one.
    """
    refuse_unfinished(pair(path)[0])
    return unguarded_info(path)


def unguarded_info(path: Path | str) -> Header:
    """As `info`, for whoever ends an unfinished patch."""
    data, text = pair(path)
    with _named(text):
        found = header.parse(_content(text))
    with _named(data):
        size = data.stat().st_size
    if found.size is not None and size != found.size:
        raise FormatError(
            f"{data}: found {size:,} bytes, expected {found.grid.rows} rows x {found.grid.cols} cols x "
            f"{found.bits} bits = {found.size:,}; the copy is incomplete or the header is another map's"
        )
    return found


def cover_info(path: Path | str) -> Header:
    """What the header of a cover map says; FormatError as `info`, and for a map that is not one byte a cell."""
    data, _ = pair(path)
    found = info(path)
    if found.bits != 8 or found.compress or found.fact != 1:
        raise FormatError(
            f"{data}: found integers of {found.bits} bits, fact {found.fact}, compress {int(found.compress)}; "
            "a cover map has 8 bits a cell, fact 1 and is not packed; name the cover map"
        )
    return found


def read(path: Path | str, grid: LatLonGrid | None = None) -> CoverMap:
    """The cover map, or the window `grid` of it: only its rows and columns are read.

    A window may cross the dateline. Pixels of the header's nodata become 0. The codes are covers of
    ECOCLIMAP-SG. Raises FormatError for a map that is no cover map of one byte a cell, CoverageError for a
    window that the map does not hold, GridError for one on another lattice.
    """
    data, _ = pair(path)
    found = cover_info(path)
    legend = tables.legend("ecosg")
    with _named(data):
        part = grid or found.grid
        codes = np.empty(part.shape, np.uint8)
        with _opened(data, os.O_RDONLY) as handle:
            window.load(handle, codes, part, found.grid)
        _blank_nodata(codes, found.nodata)
        return CoverMap(codes, part, legend)


def write(cover: CoverReader, path: Path | str, *, title: str, overwrite: bool = False) -> tuple[Path, Path]:
    """Write `cover`, block by block, as `.dir` and `.hdr`, both or neither, and return their paths.

    title: the first line of the header. Raises OutputError for a name that SURFEX cannot find, another legend
    than ECOCLIMAP-SG's, existing files without `overwrite` and all that `atomic.parts` refuses; FormatError for
    a title that is not one plain line.
    """
    data, text = targets(path)
    with atomic.parts(data, text, overwrite=overwrite, needed=cover.grid.cells) as (data_part, text_part):
        encode(cover, data_part, text_part, title=title)
    return data, text


def targets(path: Path | str) -> tuple[Path, Path]:
    """The `.dir` and the `.hdr` to write; OutputError for a stem that SURFEX would not find."""
    data, text = pair(path)
    if len(data.stem) > STEM_LENGTH or not is_plain_stem(data.stem):
        raise OutputError(
            f"{data}: the stem {data.stem!r} has {len(data.stem)} characters; "
            f"SURFEX finds 1 to {STEM_LENGTH}, plain and without blanks or quotes; shorten it"
        )
    return data, text


def is_plain_stem(stem: str) -> bool:
    """Whether a stem can stand in a namelist: printable ASCII without blanks and quotes."""
    return _STEM.fullmatch(stem) is not None


def encode(cover: CoverReader, data: Path, text: Path, *, title: str) -> None:
    """Fill two files with the bytes and the header of `cover`; `write` makes them land.

    The bytes are claimed first: a disk that is too small says so before any work, and is not filled.
    """
    if cover.legend != tables.legend("ecosg"):
        raise OutputError(f"{data}: found classes of {cover.legend.name}, expected ecosg's; cross the map over first")
    header.check_title(title)
    with atomic.reported(data, cover.grid.cells), _opened(data, os.O_WRONLY) as handle:
        _claim(data, handle, cover.grid.cells)
        for block in blocks.of_rows(cover.grid):
            atomic.fill(handle, np.ascontiguousarray(cover.read(block).codes).data)
    encode_header(text, cover.grid, title=title)


def append(data: Path, codes: NDArray[np.uint8]) -> None:
    """Add the next rows of covers, uint8 (y, x), to a `.dir` that is written from the north on."""
    with atomic.reported(data, codes.size), _opened(data, os.O_WRONLY | os.O_APPEND) as handle:
        atomic.fill(handle, np.ascontiguousarray(codes).data)


def appended(data: Path, grid: LatLonGrid) -> CoverMap:
    """The covers that `append` wrote so far, as a map of these cells; GridError for another number of them."""
    codes = np.fromfile(data, np.uint8)
    if codes.size != grid.cells:
        raise GridError(f"{data}: holds {codes.size} cells, expected {grid.cells}; append every row first")
    return CoverMap(codes.reshape(grid.shape), grid, tables.legend("ecosg"))


def encode_header(text: Path, grid: LatLonGrid, *, title: str) -> None:
    """Fill a file with the header of a cover map; FormatError for a title that is not one plain line."""
    content = header.text(Header(title, grid)).encode()
    with atomic.reported(text, len(content)), _opened(text, os.O_WRONLY) as handle:
        atomic.fill(handle, memoryview(content))


def _claim(path: Path, handle: int, size: int) -> None:
    if shutil.disk_usage(path.parent).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size)


def _blank_nodata(codes: NDArray[np.uint8], nodata: int) -> None:
    if nodata == 0:
        return
    if not codes.all():
        raise FormatError(f"found bytes of 0 although nodata is {nodata}; SURFEX crashes on them: set nodata to 0")
    if nodata in range(1, 256):
        codes[codes == nodata] = 0


def _content(text: Path) -> str:
    return text.read_bytes()[:HEADER_BYTES].decode(errors="replace")


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """A block whose failures name `path`."""
    try:
        yield
    except FileNotFoundError as error:
        raise FormatError(f"{path}: does not exist; a map is a .dir and a .hdr of one stem") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the path and the rights") from error
    except TableError as error:
        raise FormatError(f"{path}: {error}") from error
    except (FormatError, CoverageError, GridError) as error:
        raise type(error)(f"{path}: {error}") from error
