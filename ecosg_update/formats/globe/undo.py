"""What a patch in place overwrote comes back: after a crash, and when it is asked for."""

from __future__ import annotations

import hashlib
import os
import platform

import numpy as np

from ecosg_update.errors import ConfigError, FormatError, OutputError
from ecosg_update.formats import atomic, direct, window
from ecosg_update.formats.globe import journal
from ecosg_update.formats.globe.journal import BAND_CELLS, Journal, Record
from ecosg_update.formats.globe.lock import Held


def recovered(held: Held) -> Record | None:
    """Give back the old bytes of a patch that was begun and not ended; None where there is none.

    The lock that is held proves that the patch's process is gone. Raises FormatError, with the map as it was
    found, for a journal that is damaged or belongs to another file; OutputError where the map cannot be written.
    Interrupted, it begins anew at the next call.
    """
    opened = direct.journal(held.path)
    opened.with_name(opened.name + atomic.PART).unlink(missing_ok=True)
    if not opened.exists():
        return None
    kept = journal.read(opened)
    _check_same(held, kept)
    kept.check()
    with atomic.reported(held.path):
        _give_back(held, kept)
    journal.drop(opened)
    return kept.record


def refuse_foreign(held: Held) -> None:
    """Raise OutputError for the unfinished patch of another host: a lock of one host cannot tell that it is dead."""
    opened = direct.journal(held.path)
    if not opened.exists():
        return
    record = journal.read(opened).record
    if record.host != platform.node():
        raise OutputError(
            f"{held.path}: process {record.process} of {record.host} began a patch at {record.started} and has not "
            f"ended it; wait for it or, where it is dead, give the old bytes back: `ecosg-update revert {held.path}`"
        )


def reverted(held: Held) -> Record:
    """Give back what the newest patch overwrote, byte for byte: an unfinished one, else the last that ended.

    Raises ConfigError where there is none; FormatError, with nothing changed, where the window holds other bytes
    than the patch wrote, or the journal is damaged or of another file.
    """
    unfinished = recovered(held)
    if unfinished is not None:
        return unfinished
    found = journal.undos(held.path)
    if not found:
        raise ConfigError(f"{held.path}: no patch can be given back, no {held.path.name}.undo.1 lies beside it")
    kept = journal.read(found[-1])
    _check_same(held, kept)
    kept.check()
    if _digest(held, kept.record) != kept.record.after:
        raise FormatError(
            f"{held.path}: {kept.record.window} was changed since {kept.path.name} was made, nothing was given back; "
            "restore the map from its original"
        )
    journal.rename(kept.path, direct.journal(held.path))
    recovered(held)
    return kept.record


def _give_back(held: Held, kept: Journal) -> None:
    """Write the old bytes from the first that differs to the last: that needs no room on a full disk."""
    whole = direct.unguarded_info(held.path)
    for band, old in kept.old():
        now = np.empty(band.shape, np.uint8)
        window.load(held.handle, now, band, whole.grid)
        for place, cells in window.runs(band, whole.grid):
            differs = (now[cells] != old[cells]).ravel()
            if differs.any():
                first, last = int(differs.argmax()), differs.size - int(differs[::-1].argmax())
                window.write_at(held.handle, old[cells].data.cast("B")[first:last], place + first)
    os.fsync(held.handle)


def _digest(held: Held, record: Record) -> str:
    """The sha256 of the bytes that the window holds now."""
    whole, digest = direct.unguarded_info(held.path), hashlib.sha256()
    for band in window.bands(record.window, BAND_CELLS):
        now = np.empty(band.shape, np.uint8)
        window.load(held.handle, now, band, whole.grid)
        digest.update(now.data)
    return digest.hexdigest()


def _check_same(held: Held, kept: Journal) -> None:
    file, record = os.fstat(held.handle), kept.record
    if (file.st_ino, file.st_size, journal.header_digest(held.path)) != (record.inode, record.size, record.header):
        raise FormatError(
            f"{kept.path}: belongs to another file than {held.path.name} is now (replaced or copied since, or its "
            ".hdr edited), nothing was given back; remove the journal where the map is fresh, else restore the map"
        )
