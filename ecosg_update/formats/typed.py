"""Typed maps as SURFEX reads them (`DIRTYP`): leaf area, albedo and tree height, each pixel with its own cover.

A pixel is 100 x cover + value, the value 0..99 in units of 1/fact; 0 is no data (`average1_mesh.F90`, SURFEX 8.1).
Packed (`compress: 1`): an int32 a row, the number of its words, then the words of all rows, north to south, all
little-endian. Plain: 16-bit rows like a cover map's, in the byte order that `byte_order` finds. The rows of a window
are read, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecosg_update.errors import FormatError, GridError, OutputError
from ecosg_update.formats import atomic, direct, header, window
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

Order = Literal["<", ">"]
"""Byte order of a plain file: little-endian, big-endian."""

STEP = 100
"""A pixel is this times its cover, plus its value."""

COVERS = 33
"""The last cover; SURFEX writes outside its arrays for a higher type."""

LARGEST = COVERS * STEP + 99
"""Of any pixel."""

SWAPPED = 15_000
"""SURFEX turns the byte order of a plain file at the first row with a value above this (`read_direct.F90`)."""

RUN = 4000
"""The first word of a packed file that is a run of empty pixels."""

COUNT = 4
"""Bytes of a row's number of words."""

WORD = 2
"""Bytes of a word."""

BLOCK = 16_000_000
"""Pixels that are held at a time where a whole file is walked through."""


@dataclass(frozen=True, eq=False)
class Typed:
    """A typed map that can be read by window.

    starts: int64 (rows + 1), the byte in `data` where each row begins, and the end. order: of a word's bytes.
    """

    data: Path
    header: Header
    starts: NDArray[np.int64]
    order: Order

    @property
    def grid(self) -> LatLonGrid:
        """Its cells."""
        return self.header.grid


def opened(path: Path | str) -> Typed:
    """The typed map of a `.dir` and `.hdr`, once their sizes and row counts agree.

    Raises FormatError where a file is missing or torn, the header cannot be read, or the map is no typed one.
    """
    data, text = direct.pair(path)
    found = direct.info(path)
    if found.bits != 16 or found.nodata != 0:
        raise FormatError(
            f"{text}: found {found.bits} bits and nodata {found.nodata}, a typed map has 16 and 0; "
            "name a map of leaf area, albedo or tree height"
        )
    if found.compress:
        return Typed(data, found, _starts(data, found.grid.rows), "<")
    starts = np.arange(found.grid.rows + 1, dtype=np.int64) * found.grid.cols * WORD
    return Typed(data, found, starts, byte_order(data, found.grid))


def read(source: Typed, grid: LatLonGrid | None = None) -> NDArray[np.uint16]:
    """The pixels, uint16 (y, x), of the map or of the window `grid`, which may cross the dateline; 0 is no data.

    In a packed map a value of 0 is no data as well: SURFEX drops it there (`uncompress_field.F90`). Raises
    FormatError for a row that does not hold as many pixels as it must and for a type above 33, CoverageError and
    GridError as `direct.read`.
    """
    part = grid or source.grid
    pixels, wrong = raw(source, part)
    if wrong:
        row, col = np.argwhere(illegal(pixels))[0]
        raise FormatError(
            f"{source.data}: found {pixels[row, col]} in row {part.row - source.grid.row + row + 1}, expected 0 or "
            f"{STEP} x cover + value, {STEP} to {LARGEST}; the file is damaged or its byte order is mixed"
        )
    return pixels


def raw(source: Typed, part: LatLonGrid) -> tuple[NDArray[np.uint16], int]:
    """As `read`, whatever the types are, and the number of pixels whose type is no cover."""
    pixels, wrong = np.empty(part.shape, np.uint16), 0
    for (rows, cols), (from_rows, from_cols) in part.windows_in(source.grid):
        piece, count = _piece(source, from_rows, from_cols)
        wrong += count
        if piece.shape == part.shape:
            return piece, wrong
        pixels[rows, cols] = piece
    return pixels, wrong


def illegal(pixels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Where a pixel's type is not a cover: SURFEX would write outside its arrays."""
    return np.greater(pixels, LARGEST) | (np.less(pixels, STEP) & np.not_equal(pixels, 0))


def blocks(source: Typed) -> Iterator[LatLonGrid]:
    """The map in bands of whole rows, small enough to hold."""
    return window.bands(source.grid, BLOCK)


def counted(source: Typed) -> NDArray[np.int64]:
    """How often each pixel value 0..3399 occurs in the whole map, int64 (3400,); read in bands."""
    found = np.zeros(LARGEST + 1, np.int64)
    for block in blocks(source):
        found += np.bincount(read(source, block).ravel(), minlength=found.size)
    return found


def row_words(source: Typed, first: int, end: int) -> NDArray[np.uint16]:
    """The words of the rows first..end-1 as they stand in the file, one after the other."""
    content = _loaded(source.data, int(source.starts[first]), int(source.starts[end]))
    return np.frombuffer(content, f"{source.order}u2").astype(np.uint16, copy=False)


def packed(pixels: NDArray[np.uint16]) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """The number of words of each row, int32 (y,), and the words of all rows one after the other.

    Raises OutputError for a pixel that would be read as another: above 3399, or a cover with a value of 0.
    """
    from ecosg_update.formats.typed_kernel import pack  # noqa: PLC0415  numba loads where it is needed

    words, counts = np.empty(pixels.size, np.uint16), np.empty(pixels.shape[0], np.int32)
    size = pack(pixels, words, counts)
    if size < 0:
        lost = int(np.count_nonzero((checked(pixels) % STEP == 0) & (pixels != 0)))
        raise OutputError(
            f"typed map: {lost} pixels have a cover and the value 0, which SURFEX drops from a packed file; "
            "write the smallest value, 1, or no data"
        )
    return counts, words[:size]


def write(
    pixels: NDArray[np.uint16],
    grid: LatLonGrid,
    path: Path | str,
    *,
    title: str,
    fact: int = 1,
    compress: bool = True,
    order: Order = "<",
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write `pixels` (y, x) as `.dir` and `.hdr`, both or neither, and return their paths.

    order: of a plain file's bytes; a packed one is little-endian. Raises OutputError as `direct.write` and for pixels
    that SURFEX would read as others, GridError where the pixels are not the grid's.
    """
    data, text = direct.targets(path)
    if pixels.shape != grid.shape or pixels.dtype != np.uint16:
        raise GridError(
            f"{data}: found {pixels.dtype} of shape {pixels.shape}, expected uint16 of shape {grid.shape}"
        )
    content = header.text(Header(title, grid, bits=16, fact=fact, compress=compress)).encode()
    if compress:
        counts, words = packed(pixels)
        body = counts.astype("<i4").tobytes() + words.astype("<u2").tobytes()
    else:
        body = checked(pixels).astype(f"{order}u2").tobytes()
    with atomic.parts(data, text, overwrite=overwrite, needed=len(body)) as (data_part, text_part):
        data_part.write_bytes(body)
        text_part.write_bytes(content)
    return data, text


def checked(pixels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The pixels, once each is 0 or has a cover for its type; OutputError otherwise."""
    wrong = pixels[illegal(pixels)]
    if wrong.size:
        raise OutputError(
            f"typed map: found a pixel of {wrong[0]}, expected 0 or {STEP} to {LARGEST}; covers are 1 to {COVERS}"
        )
    return pixels


def byte_order(data: Path, grid: LatLonGrid) -> Order:
    """The order of a plain file's bytes, by SURFEX's rule: big-endian from the first value above 15,000 on.

    The walk ends early at a row that only the little-endian reading makes legal. A big-endian file in which no value
    reads as more than 15,000 is read little-endian, as by SURFEX; `parameters.lint` tells.
    """
    rows, size = max(1, BLOCK // grid.cols), grid.cols * WORD
    for top in range(0, grid.rows, rows):
        words = np.frombuffer(_loaded(data, top * size, min(top + rows, grid.rows) * size), "<i2")
        if words.max() > SWAPPED:
            return ">"
        if words.min() >= 0 and words.max() <= LARGEST and words.byteswap().max() > SWAPPED:
            return "<"
    return "<"


def _starts(data: Path, rows: int) -> NDArray[np.int64]:
    """Where the rows of a packed file begin, from the counts at its head."""
    size = data.stat().st_size
    if size < rows * COUNT:
        raise FormatError(
            f"{data}: found {size:,} bytes, the counts of {rows} rows alone are {rows * COUNT:,}; copy it anew"
        )
    counts = np.frombuffer(_loaded(data, 0, rows * COUNT), "<i4")
    if counts.min() < 1:
        row = int(np.argmin(counts))
        raise FormatError(f"{data}: row {row + 1} has {counts[row]} words, expected 1 or more; copy it anew")
    starts = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]) * WORD + rows * COUNT
    if starts[-1] != size:
        raise FormatError(
            f"{data}: found {size:,} bytes, the counts of its rows add up to {starts[-1]:,}; "
            "the copy is incomplete or the header is another map's"
        )
    return starts


def _loaded(data: Path, start: int, end: int) -> bytearray:
    """The bytes start..end-1 of a file; FormatError where it cannot be read or ends before."""
    content = bytearray(end - start)
    try:
        with data.open("rb") as stream:
            stream.seek(start)
            count = stream.readinto(content)
    except OSError as error:
        raise FormatError(f"{data}: cannot be read ({error.strerror}); check the path and the rights") from error
    if count != len(content):
        raise FormatError(f"{data}: ends at byte {start + count:,}, it was longer when opened; read it again")
    return content


def _piece(source: Typed, rows: slice, cols: slice) -> tuple[NDArray[np.uint16], int]:
    """The pixels of rows and columns of the file, and how many of them are of no cover."""
    words = row_words(source, rows.start, rows.stop)
    if not source.header.compress:
        pixels = words.reshape(-1, source.grid.cols)[:, cols]
        return pixels, int(np.count_nonzero(illegal(pixels)))
    from ecosg_update.formats.typed_kernel import unpack  # noqa: PLC0415  numba loads where it is needed

    starts = (source.starts[rows.start : rows.stop + 1] - source.starts[rows.start]) // WORD
    pixels = np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.uint16)
    held, wrong = unpack(words, starts, cols.start, pixels)
    short = np.flatnonzero(held != source.grid.cols)
    if short.size:
        raise FormatError(
            f"{source.data}: row {rows.start + short[0] + 1} holds {held[short[0]]:,} pixels, expected "
            f"{source.grid.cols:,}; the file is damaged or the header is another map's"
        )
    return pixels, int(wrong)
