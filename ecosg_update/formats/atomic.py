"""Files that are complete or absent: written beside their name, flushed to the disk, then renamed.

A write may be killed at any moment, on a full disk, in a folder that others read: a name either holds what
it held before or the new content, whole. Several files land together: all are on the disk before the first
is renamed.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ecosg_update.errors import OutputError

PART = ".part"
"""What follows a name while its file is written. A left-over is overwritten by the next write."""


@contextmanager
def parts(*targets: Path, overwrite: bool = False, needed: int = 0) -> Iterator[tuple[Path, ...]]:
    """The paths to write, one `NAME.part` beside each target; they are renamed when the block ends well.

    The parts exist, empty, from the start, so that a missing folder or permission shows before any work.
    They are removed when the block fails. Where one file makes the others readable (`.hdr` for `.dir`), name
    it last: if it changes with another, it is withdrawn before the first rename, so that an interruption between two
    renames leaves a set that nothing can read, never a mixture that looks whole.

    needed: bytes of all files together as far as known, for the message when the disk is full.
    Raises OutputError: a target exists (without `overwrite`), is a folder or a symbolic link; the folder is
    missing or closed; the disk is full; another run wrote the same target meanwhile.
    """
    for target in targets:
        _check_free(target, overwrite=overwrite)
    written = tuple(target.with_name(target.name + PART) for target in targets)
    with ExitStack() as stack:
        handles = [stack.enter_context(_created(part, needed)) for part in written]
        with reported(targets[0], needed):
            yield written
        for target, part, handle in zip(targets, written, handles, strict=True):
            with reported(target, needed):
                _settle(target, part, handle)
        _land(targets, written)


@contextmanager
def reported(target: Path, needed: int = 0) -> Iterator[None]:
    """A block whose OSError becomes an OutputError that names `target` and the bytes it needs."""
    try:
        yield
    except OSError as error:
        raise failure(target, needed, error) from error


def failure(path: Path, needed: int, cause: Exception) -> OutputError:
    """The error to raise when `path` (a target or its part) of `needed` bytes could not be written."""
    target = path.with_name(path.name.removesuffix(PART))
    number = cause.errno if isinstance(cause, OSError) else None
    reason = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    if isinstance(cause, FileNotFoundError):
        return OutputError(f"{target}: the folder {target.parent} does not exist; create it first")
    if isinstance(cause, PermissionError) or number == errno.EROFS:
        return OutputError(f"{target}: the folder {target.parent} cannot be written ({reason}); name another")
    if isinstance(cause, NotADirectoryError):
        return OutputError(f"{target}: {target.parent} is no folder; name another")
    free = shutil.disk_usage(target.parent).free
    return OutputError(
        f"{target}: cannot be written ({reason}); {needed:,} bytes are needed, the disk has {free:,} free; "
        "make room or check quota and limits"
    )


def fill(handle: int, content: memoryview) -> None:
    """Write all of `content` at the file's position: `os.write` may accept less than it is given."""
    left = content.cast("B")
    while left:
        left = left[os.write(handle, left) :]


def flush_folder(folder: Path) -> None:
    """Have the names of a folder on the disk: what was renamed or removed stays so after a crash."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _created(part: Path, needed: int) -> Iterator[int]:
    """An open handle on a new, empty `part`, which is gone when the block ends in any way but a rename."""
    with reported(part, needed):
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        yield handle
    finally:
        if _same(part, handle):
            part.unlink()
        os.close(handle)


def _check_free(target: Path, *, overwrite: bool) -> None:
    if target.is_symlink():
        raise OutputError(f"{target}: is a link to {target.resolve()}; remove the link or name the file itself")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder, expected the name of a file to write; name another")
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already; pass overwrite (--overwrite) or name another")


def _settle(target: Path, part: Path, handle: int) -> None:
    if not _same(part, handle):
        raise OutputError(f"{target}: another run is writing the same file; let one finish or name another")
    os.fsync(handle)


def _land(targets: tuple[Path, ...], written: tuple[Path, ...]) -> None:
    *others, (key, new_key) = zip(targets, written, strict=True)
    if key.exists() and _differs(key, new_key) and any(_differs(target, part) for target, part in others):
        with reported(key):
            key.unlink()
            flush_folder(key.parent)
    for target, part in zip(targets, written, strict=True):
        with reported(target):
            part.replace(target)
    for folder in {target.parent for target in targets}:
        with reported(folder):
            flush_folder(folder)


def _differs(target: Path, part: Path) -> bool:
    return not target.exists() or not filecmp.cmp(target, part, shallow=False)


def _same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
