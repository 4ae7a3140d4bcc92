"""The undo journal of a patch in place: the bytes that a window held, and what is needed to trust them.

    "ECOSG-UNDO-1\\n" | old bytes of the window, row by row | JSON | length of the JSON, 12 digits | its sha256

It lies beside the map: `NAME.dir.journal` from before the first byte of the map is written until the last is on
the disk, then `NAME.dir.undo.1`, `.2` ... for `revert`. It gets the first name only when it is complete and on
the disk, so that a journal with that name is either whole or damaged since, and a `.journal.part` means nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.errors import FormatError, GridError
from ecosg_update.formats import atomic, direct, window
from ecosg_update.grid import LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"ECOSG-UNDO-1\n"
BAND_CELLS = 1 << 20
"""Cells that are worked on at once: they stay in the processor's cache."""

_LENGTH_DIGITS, _DIGEST = 12, 64
_FOOT = _LENGTH_DIGITS + _DIGEST
_LONGEST = 1 << 24


@dataclass(frozen=True)
class Record:
    """What a journal says of its patch.

    window: the cells. before, after: sha256 of the window's bytes, row by row from the north. inode, size and
    header (sha256 of the `.hdr`): which file it was. host, process, started: who did it. changes: for people.
    about: what the caller adds, plain values for JSON.
    """

    window: LatLonGrid
    before: str
    after: str
    inode: int
    size: int
    header: str
    started: str
    changes: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    host: str = field(default_factory=platform.node)
    process: int = field(default_factory=os.getpid)


@dataclass(frozen=True)
class Journal:
    """A journal on the disk whose record was read and found whole; the old bytes are read by `old`."""

    path: Path
    record: Record

    def old(self) -> Iterator[tuple[LatLonGrid, NDArray[np.uint8]]]:
        """The window in bands, and the bytes (y, x) that each held."""
        whole = self.record.window
        with self.path.open("rb") as stream:
            for band in window.bands(whole, BAND_CELLS):
                codes = np.empty(band.shape, np.uint8)
                window.load(stream.fileno(), codes, band, whole, start=len(MAGIC))
                yield band, codes

    def check(self) -> None:
        """Raise FormatError where the old bytes are not those that were kept."""
        digest = hashlib.sha256()
        for _, codes in self.old():
            digest.update(codes.data)
        if digest.hexdigest() != self.record.before:
            raise _damaged(self.path, "its bytes have another checksum")


def undos(data: Path) -> list[Path]:
    """The journals of the ended patches of a map, oldest first."""
    name = re.compile(rf"{re.escape(data.name)}\.undo\.([1-9]\d*)")
    found = {path: name.fullmatch(path.name) for path in data.parent.iterdir()}
    numbers = {path: int(match[1]) for path, match in found.items() if match}
    return sorted(numbers, key=numbers.__getitem__)


def next_undo(data: Path) -> Path:
    """The name that the journal of the next ended patch gets."""
    last = undos(data)[-1:]
    number = int(last[0].suffix[1:]) + 1 if last else 1
    return data.with_name(f"{data.name}.undo.{number}")


def file_size(cells: LatLonGrid) -> int:
    """Bytes of a journal, its record left out."""
    return len(MAGIC) + cells.rows * cells.cols + _FOOT


def close(handle: int, record: Record) -> None:
    """Write what follows the old bytes: with it a journal is complete."""
    text = json.dumps(asdict(record)).encode()
    foot = f"{len(text):0{_LENGTH_DIGITS}}{hashlib.sha256(text).hexdigest()}".encode()
    window.write_at(handle, memoryview(MAGIC), 0)
    window.write_at(handle, memoryview(text + foot), len(MAGIC) + record.window.rows * record.window.cols)


def read(path: Path) -> Journal:
    """The journal of a file; FormatError where it is cut short or damaged (the old bytes: see `Journal.check`)."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            magic = stream.read(len(MAGIC))
            stream.seek(max(0, size - _FOOT))
            foot = stream.read()
            length = int(foot[:_LENGTH_DIGITS]) if foot[:_LENGTH_DIGITS].isdigit() else 0
            stream.seek(max(0, size - _FOOT - min(length, _LONGEST)))
            text = stream.read(min(length, _LONGEST))
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); check the rights") from error
    if magic != MAGIC or hashlib.sha256(text).hexdigest().encode() != foot[_LENGTH_DIGITS:]:
        raise _damaged(path, "it has no whole record")
    values = json.loads(text)
    try:
        record = Record(**{**values, "window": LatLonGrid(**values["window"])})
    except (TypeError, KeyError, GridError) as error:
        raise _damaged(path, f"its record is of another version: {error}") from error
    if size != file_size(record.window) + length:
        raise _damaged(path, f"it has {size:,} bytes, its record is of {file_size(record.window) + length:,}")
    return Journal(path, record)


def header_digest(data: Path) -> str:
    """The sha256 of the `.hdr` of a map."""
    return hashlib.sha256(direct.pair(data)[1].read_bytes()).hexdigest()


def rename(path: Path, target: Path) -> None:
    """Give a journal its next name, on the disk too when this returns."""
    with atomic.reported(target):
        path.rename(target)
        atomic.flush_folder(target.parent)


def drop(path: Path) -> None:
    """Remove a journal, on the disk too when this returns."""
    with atomic.reported(path):
        path.unlink()
        atomic.flush_folder(path.parent)


def _damaged(path: Path, what: str) -> FormatError:
    if path.name.endswith(direct.JOURNAL):
        advice = "the map may be a mixture: restore it from its original, then remove the journal"
    else:
        advice = "the map is whole, but this patch cannot be given back; to be rid of it restore the original"
    return FormatError(f"{path}: the undo journal is damaged, {what}; {advice}")
