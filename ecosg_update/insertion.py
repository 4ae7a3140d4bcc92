"""A regional result into a map that is larger, such as the global one: what `patch --into` and `revert` do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ecosg_update import logbook, pipeline, tables
from ecosg_update.deciding import crossing
from ecosg_update.deciding.decision import believed, judged, warned
from ecosg_update.errors import ConfigError
from ecosg_update.formats import atomic, direct, header, netcdf, window
from ecosg_update.formats.covers import opened
from ecosg_update.formats.globe import journal, lock, undo
from ecosg_update.formats.globe.copy import copy, extents
from ecosg_update.formats.globe.insert import Region, check, insert, insert_in_place, record
from ecosg_update.formats.globe.journal import Record
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Reason
from ecosg_update.legend import Legend
from ecosg_update.manifest import sha256
from ecosg_update.patch.decide import Policy
from ecosg_update.patch.sweep import moves, swept
from ecosg_update.progress import Progress, silent


@dataclass(frozen=True)
class Inserted:
    """What an insertion made: the changes in plain values for JSON, and the files."""

    changes: dict[str, Any]
    files: list[Path]


@dataclass(frozen=True)
class Source:
    """What is put into a map, and how it is decided.

    covers: cover probabilities (`.nc` of `map`), or a cover map (`.dir`, `.nc`, `.tif`) that is taken as it is.
    base: the map that probabilities are weighed against; None for the map that is patched. policy: for
    probabilities.
    """

    covers: Path
    base: Path | None = None
    policy: Policy = field(default_factory=Policy)

    @property
    def undecided(self) -> bool:
        """Whether the file holds probabilities."""
        return self.covers.suffix == ".nc" and netcdf.holds_prediction(self.covers)


@dataclass(frozen=True)
class Spool:
    """Decided covers in an open file of no name, read by window: a `CoverReader`."""

    handle: int
    grid: LatLonGrid
    legend: Legend = field(default_factory=lambda: tables.legend("ecosg"))

    def read(self, cells: LatLonGrid) -> CoverMap:
        """A window."""
        codes = np.empty(cells.shape, np.uint8)
        window.load(self.handle, codes, cells, self.grid)
        return CoverMap(codes, cells, self.legend)


def inserted(
    source: Source,
    whole: Path,
    output: Path,
    *,
    title: str | None = None,
    overwrite: bool = False,
    timeout: float = lock.TIMEOUT_S,
    progress: Progress = silent,
) -> Inserted:
    """Write a copy of the map `whole` with the source in it; `whole` is not touched, unless it is `output` too.

    The new map, its `.hdr` (the same bytes, but for a new title) and `STEM_manifest.json` are complete or absent.
    Raises GridError for another lattice, CoverageError for cells outside the map, OutputError for a full disk,
    existing files without `overwrite` and a lock that did not come free in `timeout` seconds, FormatError for
    damaged input.
    """
    data, text = direct.pair(whole)
    new_data, new_text = direct.targets(output)
    targets = new_data, logbook.manifest_path(new_data), new_text
    with (
        _held(data, new_data, timeout, overwrite=overwrite) as held,
        atomic.parts(*targets, overwrite=overwrite, needed=_needed(held)) as (part, note, head),
    ):
        found, kept = direct.cover_info(data), logbook.manifest(data)
        head.write_bytes(_titled(text.read_bytes(), found, title))
        with _region(source, data, found, new_data.parent) as (region, reasons), part.open("r+b") as stream:
            copy(held.path, held.handle, stream.fileno(), progress=progress)
            tally = insert(stream.fileno(), region, found, progress=progress)
        entry = logbook.entry(record(held, region.grid, tally, _about(source)))
        listed = {"copy_of": str(data), "insertions": kept.get("insertions", [])}
        note.write_text(logbook.text(logbook.with_entry(listed, entry)), encoding="utf-8")
    return Inserted(tally.changes() | {"reasons": reasons}, [new_data, new_text, targets[1]])


def inserted_in_place(
    source: Source, whole: Path, *, timeout: float = lock.TIMEOUT_S, progress: Progress = silent
) -> Inserted:
    """Write the source into the map `whole` itself; `reverted` gives back what was there.

    At any moment of a crash the map is the old or the new one, once the next command has recovered it. Raises as
    `inserted`, and OutputError for a map that is a link or has several names, and on a file system without locks.
    """
    data, _ = direct.pair(whole)
    with lock.writing(data, timeout=timeout) as held:
        undo.refuse_foreign(held)
        undo.recovered(held)
        kept, found = logbook.manifest(data), direct.cover_info(data)
        with _region(source, data, found, data.parent) as (region, reasons):
            done, undone = insert_in_place(held, region, about=_about(source), progress=progress)
        changes = {**done.changes, "reasons": reasons}
        if undone is None:
            return Inserted(changes, [data])
        entry = logbook.entry(done) | {"undo": undone.name}
        note = logbook.store(data, logbook.with_entry(kept, entry))
    return Inserted(changes, [data, undone, note])


def reverted(whole: Path, *, everything: bool = False, timeout: float = lock.TIMEOUT_S) -> list[Record]:
    """Give back what the newest patch in place overwrote, or what all of them did; their records, newest first.

    An unfinished patch counts as one. Raises ConfigError where there is none, FormatError where a journal is
    damaged or the window was changed since, OutputError as `inserted_in_place`.
    """
    data, _ = direct.pair(whole)
    records: list[Record] = []
    with lock.writing(data, timeout=timeout) as held:
        while not records or (everything and journal.undos(data)):
            records.append(undo.reverted(held))
            logbook.forget(data, records[-1])
    return records


@contextmanager
def _held(data: Path, new: Path, timeout: float, *, overwrite: bool) -> Iterator[lock.Held]:
    """The map to copy, with nobody writing it, nor the one that the copy is about to replace."""
    for one in (data, new):
        _settle(one, timeout)
    with ExitStack() as stack:
        if overwrite and new.exists():
            held = stack.enter_context(lock.writing(new, timeout=timeout))
            if data.exists() and new.samefile(data):
                yield held
                return
        yield stack.enter_context(lock.copying(data, timeout=timeout))


def _settle(data: Path, timeout: float) -> None:
    """End an unfinished patch of a map that is ours to write, or wait for whoever is at it."""
    if direct.journal(data).exists() and not data.is_symlink() and os.access(data, os.W_OK):
        with lock.writing(data, timeout=timeout) as held:
            undo.refuse_foreign(held)
            undo.recovered(held)


def _needed(held: lock.Held) -> int:
    """Bytes of the map that are no holes."""
    return sum(stop - start for start, stop in extents(held.handle, os.fstat(held.handle).st_size))


@contextmanager
def _region(source: Source, data: Path, whole: Header, folder: Path) -> Iterator[tuple[Region, dict[str, int]]]:
    """The covers to put in, and the cells by reason where they are decided here."""
    if not source.undecided:
        covers = opened(source.covers)
        region = Region(covers, str(source.covers))
        check(region, whole, data)
        if data.samefile(covers.files[0]):
            raise ConfigError(f"{source.covers}: is the map that it shall be put into; name a regional map")
        yield region, {}
        return
    with tempfile.TemporaryFile(dir=folder) as stream:
        spool = Spool(stream.fileno(), netcdf.grid(source.covers))
        region = Region(spool, str(source.covers))
        check(region, whole, data)
        yield region, _decide(source, data, spool, folder)


def _decide(source: Source, data: Path, spool: Spool, folder: Path) -> dict[str, int]:
    """Fill a file with the decided covers, by bands; the cells by reason."""
    counts, moved = np.zeros(max(Reason) + 1, np.int64), np.zeros((), np.int64)
    base = source.base or data

    said = partial(crossing.read, source.covers, base)
    belief = believed(said, spool.grid, source.policy)
    for band in window.bands(spool.grid, pipeline.COVER_VALUES // len(spool.legend)):
        _, patch = judged(said(band), source.policy, belief=belief)
        with atomic.reported(folder / source.covers.name, spool.grid.cells):
            window.store(spool.handle, patch.cover.codes, band, spool.grid)
        counts += np.bincount(patch.reason.ravel(), minlength=len(counts))
        moved = moved + moves(patch)
    warned(swept(moved, spool.legend))
    return {reason.label: int(counts[reason]) for reason in Reason if counts[reason]}


def _titled(content: bytes, found: Header, title: str | None) -> bytes:
    """The bytes of a `.hdr`, under another title where one is given."""
    if title is None:
        return content
    header.text(replace(found, title=title))  # refuses what SURFEX would read as a key
    return title.encode() + content[content.index(b"\n") :]


def _about(source: Source) -> dict[str, Any]:
    """Where the cells come from: plain values for JSON."""
    if not source.undecided:
        return {"sources": {str(file): sha256(file) for file in opened(source.covers).files}}
    return {
        "sources": {str(source.covers): sha256(source.covers)},
        "policy": asdict(source.policy),
        "base": str(source.base) if source.base else None,
    }
