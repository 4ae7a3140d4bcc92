"""A regional result into a map that is larger, such as the global one: what `patch --into` and `revert` do."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ecosg_update import pipeline, stages, tables
from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.formats import atomic, direct, header, netcdf, window
from ecosg_update.formats.globe import journal, lock, undo
from ecosg_update.formats.globe.copy import copy, extents
from ecosg_update.formats.globe.insert import Region, check, insert, insert_in_place, record
from ecosg_update.formats.globe.journal import Record
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Reason
from ecosg_update.manifest import library_versions, sha256, tool
from ecosg_update.patch.decide import Policy
from ecosg_update.progress import Progress, silent

_IDENTITY = ("time", "sha256_before", "sha256_after")


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
    new_record = manifest_path(new_data)
    _settle(data, timeout)
    replaces = new_data.exists() and data.exists() and new_data.samefile(data)
    hold = lock.writing if replaces else lock.copying
    with (
        hold(data, timeout=timeout) as held,
        atomic.parts(new_data, new_record, new_text, overwrite=overwrite, needed=_needed(held)) as (part, note, head),
    ):
        found, kept = direct.cover_info(data), _loaded(manifest_path(data))
        head.write_bytes(_titled(text.read_bytes(), found, title))
        with _region(source, data, found, new_data.parent) as (region, reasons), part.open("r+b") as stream:
            copy(held.path, held.handle, stream.fileno(), progress=progress)
            tally = insert(stream.fileno(), region, found, progress=progress)
        entry = _entry(record(held, region.grid, tally, _about(source)))
        note.write_text(_manifest({"insertions": [*_insertions(kept), entry]}), encoding="utf-8")
    return Inserted(tally.changes() | {"reasons": reasons}, [new_data, new_text, new_record])


def inserted_in_place(
    source: Source, whole: Path, *, timeout: float = lock.TIMEOUT_S, progress: Progress = silent
) -> Inserted:
    """Write the source into the map `whole` itself; `reverted` gives back what was there.

    At any moment of a crash the map is the old or the new one, once the next command has recovered it. Raises as
    `inserted`, and OutputError for a map that is a link or has several names, and on a file system without locks.
    """
    data, _ = direct.pair(whole)
    note = manifest_path(data)
    with lock.writing(data, timeout=timeout) as held:
        undo.refuse_foreign(held)
        undo.recovered(held)
        kept, found = _loaded(note), direct.cover_info(data)
        with _region(source, data, found, data.parent) as (region, reasons):
            done = insert_in_place(held, region, about=_about(source), progress=progress)
        undone = journal.undos(data)[-1]
        entry = _entry(done) | {"undo": undone.name}
        _store(note, kept | {"insertions": [*_insertions(kept), entry]})
    return Inserted({**done.changes, "reasons": reasons}, [data, undone, note])


def reverted(whole: Path, *, everything: bool = False, timeout: float = lock.TIMEOUT_S) -> list[Record]:
    """Give back what the newest patch in place overwrote, or what all of them did; their records, newest first.

    An unfinished patch counts as one. Raises ConfigError where there is none, FormatError where a journal is
    damaged or the window was changed since, OutputError as `inserted_in_place`.
    """
    data, _ = direct.pair(whole)
    note = manifest_path(data)
    with lock.writing(data, timeout=timeout) as held:
        records = [undo.reverted(held)]
        _forget(note, records[-1])
        while everything and journal.undos(data):
            records.append(undo.reverted(held))
            _forget(note, records[-1])
    return records


def manifest_path(data: Path) -> Path:
    """The manifest beside a map."""
    return data.with_name(f"{data.stem}_manifest.json")


def _settle(data: Path, timeout: float) -> None:
    """End an unfinished patch of the map, or wait for whoever is at it."""
    if direct.journal(data).exists():
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
        region = Region(
            stages.cover_grid(source.covers), lambda band: stages.read_cover(source.covers, band), str(source.covers)
        )
        check(region, whole, data)
        if source.covers.suffix in (".dir", ".hdr") and direct.pair(source.covers)[0].samefile(data):
            raise ConfigError(f"{source.covers}: is the map that it shall be put into; name a regional map")
        yield region, {}
        return
    with tempfile.TemporaryFile(dir=folder) as spool:
        region = Region(netcdf.grid(source.covers), lambda band: _spooled(spool.fileno(), band, region.grid))
        check(region, whole, data)
        yield region, _decide(source, data, region.grid, spool.fileno(), folder)


def _decide(source: Source, data: Path, grid: LatLonGrid, spool: int, folder: Path) -> dict[str, int]:
    """Fill a file with the decided covers of a grid, by bands; the cells by reason."""
    counts = np.zeros(max(Reason) + 1, np.int64)
    for band in window.bands(grid, pipeline.COVER_VALUES // len(tables.legend("ecosg"))):
        patch = pipeline.decided_on(netcdf.read_prediction(source.covers, band), source.base or data, source.policy)
        with atomic.reported(folder / source.covers.name, grid.rows * grid.cols):
            window.store(spool, patch.cover.codes, band, grid)
        counts += np.bincount(patch.reason.ravel(), minlength=len(counts))
    return {reason.label: int(counts[reason]) for reason in Reason if counts[reason]}


def _spooled(spool: int, band: LatLonGrid, grid: LatLonGrid) -> CoverMap:
    codes = np.empty(band.shape, np.uint8)
    window.load(spool, codes, band, grid)
    return CoverMap(codes, band, tables.legend("ecosg"))


def _titled(content: bytes, found: Header, title: str | None) -> bytes:
    """The bytes of a `.hdr`, under another title where one is given."""
    if title is None:
        return content
    header.text(replace(found, title=title))  # refuses what SURFEX would read as a key
    return title.encode() + content[content.index(b"\n") :]


def _about(source: Source) -> dict[str, Any]:
    """Where the cells come from: plain values for JSON."""
    files = direct.pair(source.covers) if source.covers.suffix in (".dir", ".hdr") else [source.covers]
    about: dict[str, Any] = {"sources": {str(file): sha256(file) for file in files}}
    if source.undecided:
        about |= {"policy": asdict(source.policy), "base": str(source.base) if source.base else None}
    return about


def _entry(done: Record) -> dict[str, Any]:
    """What the manifest says of one insertion."""
    west, south, east, north = done.window.bounds
    return {
        "time": done.started,
        "window": {**asdict(done.window), "west": west, "south": south, "east": east, "north": north},
        "sha256_before": done.before,
        "sha256_after": done.after,
        "changes": done.changes,
        **done.about,
    }


def _loaded(path: Path) -> dict[str, Any]:
    """The manifest of a map, empty where there is none; FormatError for another file of that name."""
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FormatError(f"{path}: is no manifest ({error}); move it away") from error
    if not isinstance(found, dict) or not isinstance(found.get("insertions", []), list):
        raise FormatError(f"{path}: is no manifest of this tool; move it away")
    return found


def _insertions(found: dict[str, Any]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = found.get("insertions", [])
    return listed


def _manifest(found: dict[str, Any]) -> str:
    made = {"tool": tool(), "libraries": library_versions(), "tables": tables.checksums()}
    return json.dumps(made | found, indent=2) + "\n"


def _store(path: Path, found: dict[str, Any]) -> None:
    text = _manifest(found)
    with atomic.parts(path, overwrite=True, needed=len(text)) as (part,):
        part.write_text(text, encoding="utf-8")


def _forget(path: Path, done: Record) -> None:
    """Take an insertion out of the manifest; remove a manifest that says nothing else."""
    found, entry = _loaded(path), _entry(done)
    listed = [other for other in _insertions(found) if any(other.get(key) != entry[key] for key in _IDENTITY)]
    if len(listed) == len(_insertions(found)):
        return
    if listed or set(found) - {"tool", "libraries", "tables", "insertions"}:
        _store(path, found | {"insertions": listed})
    else:
        path.unlink()
