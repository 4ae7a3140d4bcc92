"""A typed file again, with some of its rows changed and all others byte for byte as they were."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ecosg_update.errors import FormatError
from ecosg_update.formats import atomic, typed
from ecosg_update.formats.typed import WORD, Typed

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1 << 24
"""Bytes that are copied at a time."""


@dataclass(frozen=True)
class Edits:
    """The changed rows of one file, north to south, as their bytes will stand in it, kept in the file `spool`.

    rows: their numbers from 0; sizes: the bytes of each.
    """

    spool: Path
    rows: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def add(edits: Edits, source: Typed, rows: Sequence[int], pixels: NDArray[np.uint16]) -> None:
    """Append changed rows, south of those that are there: pixels uint16 (row, column), all columns of the file.

    Raises OutputError as `typed.packed`, and where the spool cannot be written.
    """
    if source.header.compress:
        counts, words = typed.packed(pixels)
        content, sizes = words.astype("<u2").tobytes(), (counts.astype(np.int64) * WORD).tolist()
    else:
        content = typed.checked(pixels).astype(f"{source.order}u2").tobytes()
        sizes = [pixels.shape[1] * WORD] * len(rows)
    with atomic.reported(edits.spool, len(content)), edits.spool.open("ab") as stream:
        stream.write(content)
    edits.rows.extend(rows)
    edits.sizes.extend(sizes)


def rewrite(source: Typed, edits: Edits, target: Path) -> None:
    """Write the map anew to `target`, with the changed rows in place, and flush it to the disk.

    Raises OutputError where it cannot be written, FormatError where the source has become shorter.
    """
    sizes = np.diff(source.starts)
    sizes[edits.rows] = edits.sizes
    head = (sizes // WORD).astype("<i4").tobytes() if source.header.compress else b""
    needed = len(head) + int(sizes.sum())
    with atomic.reported(target, needed), target.open("wb") as out, source.data.open("rb") as old:
        out.write(head)
        _merge(source, edits, old, out)
        out.flush()
        os.fsync(out.fileno())
        if out.tell() != needed:
            raise FormatError(f"{source.data}: has changed while it was read; run again")


def _merge(source: Typed, edits: Edits, old: BinaryIO, out: BinaryIO) -> None:
    """The rows in order, from the old file or from the spool."""
    done = 0
    if edits.rows:
        with edits.spool.open("rb") as new:
            for row, size in zip(edits.rows, edits.sizes, strict=True):
                _copy(old, out, int(source.starts[done]), int(source.starts[row]))
                out.write(new.read(size))
                done = row + 1
    _copy(old, out, int(source.starts[done]), int(source.starts[-1]))


def _copy(old: BinaryIO, out: BinaryIO, start: int, end: int) -> None:
    if start == end:
        return
    old.seek(start)
    while start < end and (piece := old.read(min(CHUNK, end - start))):
        out.write(piece)
        start += len(piece)
