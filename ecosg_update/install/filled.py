"""Which files of the original the filled parameters replace."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable
from pathlib import Path

from ecosg_update.errors import FormatError
from ecosg_update.formats import direct
from ecosg_update.install.original import Original


def placed(original: Original, folder: Path) -> dict[str, Path]:
    """Name in the tree -> filled file, for every `.dir` below `folder` and its `.hdr`.

    A file belongs where the original has the same path; else where it has the same file name, if only one place has.
    Raises FormatError where that is nowhere or not clear, for a pair that cannot be read, and for an empty folder.
    """
    if not folder.is_dir():
        raise FormatError(f"{folder}: is no folder, expected the one that `params fill` wrote")
    maps = sorted(folder.rglob("*.dir"))
    if not maps:
        raise FormatError(f"{folder}: holds no .dir, expected the parameters that `params fill` wrote")
    found: dict[str, Path] = {}
    for data in maps:
        direct.info(data)
        place = _place(original, data.relative_to(folder).as_posix())
        for source, name in zip(direct.pair(data), (place, f"{place.removesuffix('.dir')}.hdr"), strict=True):
            if name in found and not filecmp.cmp(found[name], source, shallow=False):
                raise FormatError(f"{source}: differs from {found[name]}, but the original has one file for both")
            found[name] = source
    return found


def others(folder: Path) -> list[str]:
    """Files below `folder` that are no part of a map and no manifest: they are not installed."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".dir", ".hdr"))
    return [path.relative_to(folder).as_posix() for path in files if path != folder / "manifest.json"]


def _place(original: Original, name: str) -> str:
    names = {*original.files, *original.inner}
    true = original.place(name)
    if true in names or name in names:
        return true
    file = name.rpartition("/")[2]
    places = sorted({original.place(other) for other in names if other.rpartition("/")[2] == file})
    if len(places) == 1:
        return places[0]
    where = _listed(places) if places else "nowhere"
    raise FormatError(f"{name}: the original has it {where}; keep the original's folders in the filled ones")


def _listed(places: Iterable[str]) -> str:
    return "at " + " and ".join(places)
