"""A tree that is complete or absent: built beside its name, then renamed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic
from ecosg_update.install import record, verify
from ecosg_update.install.layout import MARK

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a parallel file system answers that was mounted without locks."""

OLD = ".old"
"""What follows the name of a tree while its successor takes its place."""


@contextmanager
def claimed(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """The folder `TARGET.part` to fill; it gets its name when the block ends well, and is gone otherwise.

    A left-over of a killed run is removed, a tree that a killed run had set aside is put back. Raises OutputError
    where the target exists (without `overwrite`), where it holds anything that an installation did not write, where
    another run builds the same tree, and where the folder above is missing or closed.
    """
    part, old = target.with_name(target.name + atomic.PART), target.with_name(target.name + OLD)
    with _taken(part, target):
        try:
            with atomic.reported(target):
                _restore(target, old)
                _check_free(target, overwrite=overwrite)
            yield part
            with atomic.reported(target):
                _land(part, target, old)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


@contextmanager
def _taken(part: Path, target: Path) -> Iterator[None]:
    """A block in which `part` is a new folder that no other run takes."""
    with atomic.reported(target):
        if part.is_symlink() or part.exists():
            _remove_left_over(part, target)
        part.mkdir()
        mark = os.open(part / MARK, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _is_locked(mark)
        yield
    finally:
        os.close(mark)


def _remove_left_over(part: Path, target: Path) -> None:
    if not _is_left_over(part):
        raise OutputError(f"{part}: is in the way and no left-over of an installation; move it")
    if (part / MARK).is_file():
        with (part / MARK).open("wb") as mark:
            if not _is_locked(mark.fileno()):
                raise OutputError(f"{target}: another run is installing it; let it finish or name another")
    _remove(part)


def _is_left_over(folder: Path) -> bool:
    """Whether a run was killed while it filled or removed the folder."""
    return not folder.is_symlink() and folder.is_dir() and ((folder / MARK).is_file() or not any(folder.iterdir()))


def _remove(folder: Path) -> None:
    """Remove a marked folder, the mark last: a removal that is killed leaves a left-over, not a riddle."""
    for item in folder.iterdir():
        if item.is_dir() and not item.is_symlink():
            shutil.rmtree(item)
        elif item.name != MARK:
            item.unlink()
    shutil.rmtree(folder)


def _is_locked(handle: int) -> bool:
    """Whether the lock is ours now; True also on a file system that has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    return True


def _restore(target: Path, old: Path) -> None:
    """Put back a tree that a run killed between two renames had set aside; remove one that was being removed."""
    if _is_left_over(old):
        _remove(old)
    elif old.exists() and not target.exists():
        _check_ours(old)
        old.rename(target)


def _check_free(target: Path, *, overwrite: bool) -> None:
    if not target.exists():
        return
    if not overwrite:
        raise OutputError(f"{target}: exists already; pass overwrite (--overwrite) or name another")
    _check_ours(target)


def _check_ours(tree: Path) -> None:
    """OutputError for a tree that would be lost with something in it that nobody could make again."""
    found = record.manifest_of(tree) if tree.is_dir() else None
    if found is None:
        raise OutputError(f"{tree}: is no tree that an installation made, only such a one is replaced; name another")
    strays = verify.strays(tree, found)
    if strays:
        raise OutputError(f"{tree}: holds {strays[0]}, which no installation wrote; move it or name another tree")


def _land(part: Path, target: Path, old: Path) -> None:
    """Rename the part; its mark goes last, so that a part without its name is always known as a left-over."""
    if target.exists():
        _remove_old(old)
        (target / MARK).unlink(missing_ok=True)
        target.rename(old)
    try:
        part.rename(target)
    except OSError:
        _restore(target, old)
        raise
    atomic.flush_folder(target.parent)
    (target / MARK).unlink()
    _remove_old(old)


def _remove_old(old: Path) -> None:
    """Remove a tree that was replaced."""
    if not old.exists():
        return
    _check_ours(old)
    (old / MARK).touch()
    _remove(old)
