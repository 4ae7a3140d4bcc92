"""Folders of products: complete or absent, filled beside their name then renamed; or made for files to come."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic

_NEW, _OLD = "new", "old"
"""Inside `NAME.part`: the folder that is filled, and the one that it replaces, between two renames."""


@contextmanager
def made(path: Path) -> Iterator[None]:
    """A folder for files to come, made if absent and removed if nothing came of it; OutputError if it cannot."""
    absent = not path.exists()
    with atomic.reported(path):
        path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if absent and not any(path.iterdir()):
            path.rmdir()


@contextmanager
def part(target: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """The folder to fill, within `NAME.part` beside the target; it gets its name when the block ends well.

    With `overwrite` an existing folder is replaced and lost: the caller makes sure that nothing else is in it. A
    left-over part is removed. Raises OutputError: the target exists (without `overwrite`) or is no folder; the
    folder around it is missing or closed; another run fills the same folder meanwhile.
    """
    target = target.absolute()
    _check_free(target, overwrite=overwrite)
    beside = target.with_name(target.name + atomic.PART)
    filled = beside / _NEW
    with atomic.reported(target):
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir()
        filled.mkdir()
        mine = os.open(beside, os.O_RDONLY | os.O_CLOEXEC)  # while it is open no other folder gets its inode number
    try:
        yield filled
        with atomic.reported(target):
            _land(target, beside, mine)
    finally:
        if _same(beside, mine):
            shutil.rmtree(beside)
        os.close(mine)


def _check_free(target: Path, *, overwrite: bool) -> None:
    if target.is_symlink():
        raise OutputError(f"{target}: is a link to {target.resolve()}; remove the link or name the folder itself")
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target}: is a file, expected the name of a folder to make; name another")
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already; pass overwrite (--overwrite) or name another")


def _land(target: Path, beside: Path, mine: int) -> None:
    if not _same(beside, mine):
        raise OutputError(f"{target}: another run is filling the same folder; let one finish or name another")
    atomic.flush_folder(beside / _NEW)
    if target.exists():
        target.rename(beside / _OLD)
    (beside / _NEW).rename(target)
    atomic.flush_folder(target.parent)


def _same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
