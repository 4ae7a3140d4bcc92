"""The cells of a region into the raw bytes of a map: the window changes, nothing else does.

No data never overwrites data: where the region holds 0 the map keeps its byte, whatever it is.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError
from ecosg_update.formats import atomic, direct, window
from ecosg_update.formats.globe import journal, undo
from ecosg_update.formats.globe.journal import BAND_CELLS, MAGIC, Record
from ecosg_update.formats.globe.lock import Held
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = 256

REGION_CELLS = 1 << 24
"""Cells that a region is asked for at once: tall enough a band that no block of a GeoTIFF is unpacked often."""


@dataclass(frozen=True)
class Region:
    """What is put into a map: cells, and the covers of any band of them.

    covers is called for bands of whole rows, north to south, twice where the map is written in place; it must
    give the same covers each time. name: for messages.
    """

    grid: LatLonGrid
    covers: Callable[[LatLonGrid], CoverMap]
    name: str = "region"

    @classmethod
    def of(cls, cover: CoverMap) -> Region:
        """A cover map that is in memory."""
        return cls(cover.grid, lambda band: CoverMap(cut(cover.codes, cover.grid, band), band, cover.legend))


@dataclass
class Tally:
    """What an insertion changes, counted while the bands pass.

    before, after: sha256 of the window's bytes, row by row from the north. lost, gained: changed cells by the
    byte that they held and that they hold now.
    """

    before: Any = field(default_factory=hashlib.sha256)
    after: Any = field(default_factory=hashlib.sha256)
    cells: int = 0
    lost: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CODES, np.int64))
    gained: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CODES, np.int64))

    def add(self, old: NDArray[np.uint8], new: NDArray[np.uint8]) -> None:
        """Count one band."""
        self.before.update(old.data)
        self.after.update(new.data)
        self.cells += old.size
        changed = old != new
        self.lost += np.bincount(old[changed], minlength=CODES)
        self.gained += np.bincount(new[changed], minlength=CODES)

    def changes(self) -> dict[str, Any]:
        """Cells, changed cells, and changed cells by cover before and after: plain values for JSON."""
        legend = tables.legend("ecosg")
        named = {
            code: legend.name_of(code) if code in (0, *legend.codes) else f"byte {code}" for code in range(CODES)
        }
        covers = {
            named[code]: {"code": code, "lost": int(self.lost[code]), "gained": int(self.gained[code])}
            for code in range(CODES)
            if self.lost[code] or self.gained[code]
        }
        return {"cells": self.cells, "changed": int(self.lost.sum()), "covers": covers}


def check(region: Region, whole: Header, data: Path) -> None:
    """Raise GridError for another lattice, CoverageError for cells outside the map: before anything is read."""
    found, expected = region.grid.per_degree, whole.grid.per_degree
    if found != expected:
        raise GridError(
            f"{region.name}: has {found} cells a degree, {data.name} has {expected}; bring the map there first: "
            f"`ecosg-update export MAP --per-degree {expected} -o OTHER.dir`"
        )
    if not whole.grid.contains(region.grid):
        raise CoverageError(
            f"{region.name}: {region.grid} is not inside the map {data.name}, {whole.grid}; cut it first"
        )


def insert(handle: int, region: Region, whole: Header, *, progress: Progress = silent) -> Tally:
    """Write the region into an open map that nobody else sees yet; OSError where the disk is full."""
    tally = Tally()
    for band, old, new in _bands(handle, region, whole):
        window.store(handle, new, band, whole.grid)
        tally.add(old, new)
        progress("inserting", tally.cells, region.grid.rows * region.grid.cols)
    return tally


def insert_in_place(
    held: Held, region: Region, *, about: Mapping[str, Any] | None = None, progress: Progress = silent
) -> tuple[Record, Path | None]:
    """Write the region into a map under its own name; return the record and the journal for `undo.reverted`.

    The journal is `NAME.dir.undo.N`, None where no byte changes: then nothing is written.

    At any moment of a crash the map is the old or the new one, once `undo.recovered` was called: the old bytes
    are on the disk before the first is overwritten. A failure gives them back at once. about: for the record of
    the journal. Raises OutputError where the disk is full, FormatError for a map that is not whole and for a
    region that is not the same twice, and all that `check` raises.
    """
    data, whole = held.path, direct.cover_info(held.path)
    check(region, whole, data)
    opened = direct.journal(data)
    size = journal.file_size(region.grid)
    with atomic.parts(opened, needed=size) as (part,), part.open("r+b") as stream:
        tally = _keep(held.handle, stream.fileno(), region, whole, progress)
        kept = record(held, region.grid, tally, about or {})
        journal.close(stream.fileno(), kept)
    if kept.before == kept.after:
        journal.drop(opened)
        return kept, None
    target = journal.next_undo(data)
    with ExitStack() as failing:
        failing.callback(undo.recovered, held)
        with atomic.reported(data, region.grid.rows * region.grid.cols):
            after = _write(held.handle, region, whole, progress)
            os.fsync(held.handle)
        if after != kept.after:
            raise FormatError(f"{region.name}: changed while it was inserted; the map is as before, run again")
        journal.rename(opened, target)
        failing.pop_all()
    return kept, target


def _keep(map_handle: int, handle: int, region: Region, whole: Header, progress: Progress) -> Tally:
    """Copy the old bytes of the window into a journal and foresee what the insertion will change."""
    tally = Tally()
    window.reserve(handle, 0, journal.file_size(region.grid))
    for band, old, new in _bands(map_handle, region, whole):
        window.store(handle, old, band, region.grid, start=len(MAGIC))
        tally.add(old, new)
        progress("keeping the old bytes", tally.cells, region.grid.rows * region.grid.cols)
    return tally


def _write(handle: int, region: Region, whole: Header, progress: Progress) -> str:
    """Put the region in and return the sha256 of what the window holds now."""
    digest, done = hashlib.sha256(), 0
    for band, _, new in _bands(handle, region, whole):
        window.store(handle, new, band, whole.grid)
        digest.update(new.data)
        done += new.size
        progress("inserting", done, region.grid.rows * region.grid.cols)
    return digest.hexdigest()


def _bands(
    handle: int, region: Region, whole: Header
) -> Iterator[tuple[LatLonGrid, NDArray[np.uint8], NDArray[np.uint8]]]:
    """The region in bands: the cells, the bytes (y, x) that the map holds there, and those that it shall hold."""
    for tall in window.bands(region.grid, REGION_CELLS):
        cover = region.covers(tall)
        _check_covers(cover, tall, region, whole)
        for band in window.bands(tall, BAND_CELLS):
            codes = cover.codes[band.row - tall.row : band.row - tall.row + band.rows]
            old = np.empty(band.shape, np.uint8)
            window.load(handle, old, band, whole.grid)
            yield band, old, np.where(codes == 0, old, codes)


def _check_covers(cover: CoverMap, band: LatLonGrid, region: Region, whole: Header) -> None:
    legend = tables.legend("ecosg")
    if cover.legend != legend:
        raise FormatError(
            f"{region.name}: found classes of {cover.legend.name}, expected ecosg's; cross it over first"
        )
    if cover.grid != band:
        raise GridError(f"{region.name}: gave the covers of {cover.grid}, asked for {band}")
    if whole.nodata in legend.codes and (cover.codes == whole.nodata).any():
        raise FormatError(
            f"{region.name}: has cells of cover {whole.nodata}, no data in the map's header; correct the header"
        )


def record(held: Held, cells: LatLonGrid, tally: Tally, about: Mapping[str, Any]) -> Record:
    """The record of an insertion into a map that was read from `held`."""
    file = os.fstat(held.handle)
    return Record(
        window=cells,
        before=tally.before.hexdigest(),
        after=tally.after.hexdigest(),
        inode=file.st_ino,
        size=file.st_size,
        header=journal.header_digest(held.path),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        changes=tally.changes(),
        about=about,
    )
