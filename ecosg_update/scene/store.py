"""A product lies in a folder or in a zip: both are a list of names, and a zip is never unpacked."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ecosg_update.errors import SceneError

MOST_FILES = 20_000
"""A SAFE holds some 130 files: a folder with more than this many is not one product."""

DEEPEST = 8
"""Folders below the one that was given; a SAFE within a folder needs 5."""

LARGEST_TEXT = 32 * 2**20
"""Bytes of metadata that are read at most; the largest MTD_TL.xml has 0.6 MB."""


RASTERS = (".tif", ".tiff", ".jp2")
"""Endings of a file that can be a scene by itself."""


@dataclass(frozen=True)
class File:
    """A file on disk, or a member of a zip on disk."""

    container: Path
    member: str = ""

    @property
    def name(self) -> str:
        """The last part of its name."""
        return (self.member or self.container.as_posix()).rsplit("/", 1)[-1]

    @property
    def gdal(self) -> str:
        """The path as GDAL reads it."""
        return f"/vsizip/{{{self.container}}}/{self.member}" if self.member else str(self.container)

    def __str__(self) -> str:
        return f"{self.container}!{self.member}" if self.member else str(self.container)

    @contextmanager
    def stream(self) -> Iterator[tuple[BinaryIO, int]]:
        """The bytes and how many there are; SceneError where they cannot be read."""
        try:
            if not self.member:
                with self.container.open("rb") as plain:
                    yield plain, self.container.stat().st_size
                return
            with zipfile.ZipFile(self.container) as archive, archive.open(self.member) as packed:
                yield packed, archive.getinfo(self.member).file_size  # type: ignore[misc]
        # RuntimeError is what zipfile raises for a member that is encrypted or packed in an unknown way.
        except (OSError, zipfile.BadZipFile, zlib.error, KeyError, EOFError, RuntimeError) as error:
            raise SceneError(f"{self}: cannot be read ({error}); fetch the product again") from error

    def content(self) -> bytes:
        """All bytes of a small file; SceneError beyond 32 MB."""
        with self.stream() as (stream, size):
            if size > LARGEST_TEXT:
                raise SceneError(f"{self}: metadata of {size} bytes, expected at most {LARGEST_TEXT}")
            return stream.read()


@dataclass(frozen=True)
class Store:
    """What a product folder or zip holds: `names` are relative, with forward slashes, sorted."""

    root: Path
    names: tuple[str, ...]
    zipped: bool

    def file(self, name: str) -> File:
        """The file of that name."""
        return File(self.root, name) if self.zipped else File(self.root / name)


def store(path: Path) -> Store:
    """The product at a path; a path inside a `.SAFE` folder stands for that folder.

    Raises SceneError where there is nothing, or more than a product could hold.
    """
    if not path.exists():
        raise SceneError(f"{path}: no such file or folder; check the path of the scene")
    if path.is_file() and zipfile.is_zipfile(path):
        return Store(path, _zip_names(path), zipped=True)
    if path.suffix.lower() == ".zip":
        raise SceneError(f"{path}: not a whole zip file; fetch the product again")
    safe = next((folder for folder in (path, *path.parents) if folder.suffix == ".SAFE"), None)
    if safe is not None:
        return Store(safe, _folder_names(safe), zipped=False)
    if path.is_file() and path.suffix.lower() not in RASTERS:
        raise SceneError(f"{path}: is no scene, expected a .SAFE folder or zip, a folder of band files or a GeoTIFF")
    if path.is_file():
        return Store(path.parent, (path.name,), zipped=False)
    return Store(path, _folder_names(path), zipped=False)


def _zip_names(path: Path) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (OSError, zipfile.BadZipFile) as error:
        raise SceneError(f"{path}: not a whole zip file ({error}); fetch the product again") from error
    return _few(path, names)


def _folder_names(root: Path) -> tuple[str, ...]:
    names: list[str] = []
    for folder, below, files in os.walk(root):
        place = Path(folder).relative_to(root)
        if len(place.parts) >= DEEPEST:
            below.clear()
        names += [(place / file).as_posix() for file in files]
        if len(names) > MOST_FILES:
            break
    return _few(root, names)


def _few(path: Path, names: list[str]) -> tuple[str, ...]:
    if len(names) > MOST_FILES:
        raise SceneError(f"{path}: more than {MOST_FILES} files, expected one product; give its own folder")
    return tuple(sorted(names))
