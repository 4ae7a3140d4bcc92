"""A folder that is complete or absent: filled beside its name, then renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic

OLD = ".old"
"""What follows the name of a folder while a new one takes its place."""


@contextmanager
def folder(target: Path, *, mark: str, overwrite: bool = False) -> Iterator[Path]:
    """The folder to fill, `NAME.part`, new and empty; it takes the name when the block ends well, else it is removed.

    mark: a file that the block writes last; with `overwrite` only a folder that holds it is replaced. Raises
    OutputError where the name is taken, or where a part stands there: of an interrupted run, or of one under way.
    """
    _check_free(target, mark, overwrite=overwrite)
    part = target.with_name(target.name + atomic.PART)
    try:
        part.mkdir()
    except FileExistsError as error:
        raise OutputError(
            f"{part}: exists, another run is writing it or was killed; let it finish, or remove the folder"
        ) from error
    except OSError as error:
        raise atomic.failure(part, 0, error) from error
    try:
        yield part
        _land(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_free(target: Path, mark: str, *, overwrite: bool) -> None:
    if target.is_symlink() or target.is_file():
        raise OutputError(f"{target}: is a file or a link, expected the name of a new folder; name another")
    if not target.exists():
        return
    if not overwrite:
        raise OutputError(f"{target}: exists already; pass overwrite (--overwrite) or name another")
    if not (target / mark).is_file():
        raise OutputError(f"{target}: holds no {mark}, it was not made by this command; remove it or name another")
    old = target.with_name(target.name + OLD)
    if old.exists():
        raise OutputError(f"{old}: is in the way, a run was killed while it replaced {target.name}; move it away")


def _land(part: Path, target: Path) -> None:
    old = target.with_name(target.name + OLD)
    with atomic.reported(target):
        for path in (*part.rglob("*"), part):
            _flush(path)
        replaced = target.exists()
        if replaced:
            target.rename(old)
        part.rename(target)
        if replaced:
            shutil.rmtree(old, ignore_errors=True)
        _flush(target.absolute().parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
