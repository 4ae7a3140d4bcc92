"""The pixels of a cover map where SURFEX puts them: from the header's own numbers, in double precision.

A header with rounded edges is no `LatLonGrid`, yet PGD reads it and lets pixels hop over the limits of cells; what
shows the result of PGD must read such a header as PGD does (`readhead.F90`, `read_direct.F90`, SURFEX 8.1).
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import FormatError
from ecosg_update.formats import direct, header, window

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Pixels:
    """A cover map of one unsigned byte a pixel, row 0 in the north.

    north, south, west, east: outer edges, degrees; east is in (west, west + 360]. nodata: the value that is skipped;
    it may be one that no byte holds.
    """

    path: Path
    north: float
    south: float
    west: float
    east: float
    rows: int
    cols: int
    nodata: float = 0.0

    def __post_init__(self) -> None:
        if min(self.rows, self.cols) < 1 or not self.south < self.north or not self.west < self.east:
            raise FormatError(
                f"{self.path}: found {self.rows} rows x {self.cols} cols from north {self.north} to south "
                f"{self.south} and west {self.west} to east {self.east}; correct the header"
            )

    @property
    def latitudes(self) -> NDArray[np.float64]:
        """Latitude of the pixel centres (rows,), degrees, north to south, in the order of operations of SURFEX."""
        step = (self.north - self.south) / self.rows
        return np.asarray(self.north - (np.arange(self.rows) + 0.5) * step, np.float64)

    @property
    def longitudes(self) -> NDArray[np.float64]:
        """Longitude of the pixel centres (cols,), degrees, as the header counts them (351 may stand for -9)."""
        step = (self.east - self.west) / self.cols
        return np.asarray(self.west + (np.arange(self.cols) + 0.5) * step, np.float64)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A handle for `load`, which several threads may use at once."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise FormatError(f"{self.path}: cannot be read ({error.strerror}); check path and rights") from error
        try:
            yield handle
        finally:
            os.close(handle)

    def load(self, handle: int, rows: slice, cols: slice, block: NDArray[np.uint8]) -> None:
        """Fill `block`, uint8 (rows, cols) without gaps, with a window; FormatError where the file ends before."""
        try:
            if cols.stop - cols.start == self.cols:
                window.read_at(handle, block.data.cast("B"), rows.start * self.cols)
                return
            for number, row in enumerate(block):
                window.read_at(handle, row.data, (rows.start + number) * self.cols + cols.start)
        except FormatError as error:
            raise FormatError(f"{self.path}: {error}") from error


def pixels(path: Path | str) -> Pixels:
    """The pixels of a cover map as SURFEX reads the pair; bytes beyond the last row are ignored, as there.

    Raises FormatError where a file is missing, the header is one that SURFEX misreads, the map is no cover map of
    8 bits, the file is too short, or a patch in place is unfinished.
    """
    data, text = direct.pair(path)
    direct.refuse_unfinished(data)
    try:
        content, size = text.read_bytes()[: direct.HEADER_BYTES].decode(errors="replace"), data.stat().st_size
    except FileNotFoundError as error:
        raise FormatError(f"{error.filename}: does not exist; a map is a .dir and a .hdr of one stem") from error
    except OSError as error:
        raise FormatError(f"{error.filename}: cannot be read ({error.strerror}); check path and rights") from error
    try:
        values = header.numbers(content)
    except FormatError as error:
        raise FormatError(f"{text}: {error}") from error
    if values["bits"] != 8 or values.get("fact", 1) != 1 or values.get("compress") == 1:
        raise FormatError(
            f"{text}: found integers of {values['bits']} bits, fact {values.get('fact', 1):g}, compress "
            f"{values.get('compress', 0):g}; a cover map has 8 bits, fact 1 and is not packed; name the cover map"
        )
    found = _placed(data, values)
    if size < found.rows * found.cols:
        raise FormatError(
            f"{data}: found {size:,} bytes, expected {found.rows} rows x {found.cols} cols = "
            f"{found.rows * found.cols:,}; the copy is incomplete or the header is another map's"
        )
    return found


def _placed(data: Path, values: dict[str, float]) -> Pixels:
    west, east = values["west"], values["east"]
    turns = _nearest((west - east + 180 * (1 + sys.float_info.epsilon)) / 360)
    return Pixels(
        path=data,
        north=values["north"],
        south=values["south"],
        west=west,
        east=east + 360 * turns,
        rows=_nearest(values["rows"]),
        cols=_nearest(values["cols"]),
        nodata=values["nodata"],
    )


def _nearest(value: float) -> int:
    """Fortran's NINT: halves go away from zero; 0.49999999999999994 goes to 0, to which adding 0.5 would do harm."""
    whole = math.floor(abs(value))
    return int(math.copysign(whole + (abs(value) - whole >= 0.5), value))
