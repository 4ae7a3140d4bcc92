"""What an installation refuses, seen before anything is written."""

from __future__ import annotations

import re
from pathlib import Path

from ecosg_update.errors import ConfigError, CoverageError, FormatError, OutputError
from ecosg_update.formats import direct
from ecosg_update.formats.header import Header
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.install.layout import COVER
from ecosg_update.install.original import Original

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_PLAIN = re.compile(r"[\w./+,:=~%-]+")


def check_version(name: str) -> None:
    """ConfigError for a version that is not plain: it stands in files and is used in the names of experiments."""
    if not _VERSION.fullmatch(name):
        raise ConfigError(f"version: found {name!r}, expected 1 to 64 of the characters A-Z a-z 0-9 . _ + -")


def target_path(path: Path) -> Path:
    """The absolute path of the tree to make; OutputError for a link, and for what no workflow passes on unharmed."""
    if path.is_symlink():
        raise OutputError(f"{path}: is a link to {path.readlink()}; remove the link or name the folder itself")
    found = path.resolve() if ".." in path.parts else path.absolute()
    if not _PLAIN.fullmatch(str(found)):
        raise OutputError(
            f"{found}: workflows pass the path to a shell and to templates; "
            "expected letters, digits and . _ + , : = ~ % -"
        )
    return found


def check_apart(target: Path, tree: Original, *inputs: Path) -> None:
    """OutputError where the tree to make lies in the original, holds it, or holds what the installation reads."""
    place = target.resolve()
    for home in sorted(tree.homes):
        if place.is_relative_to(home):
            raise OutputError(f"{target}: lies in the original ({home}); name a folder beside it")
    if tree.root.is_relative_to(place):
        raise OutputError(f"{target}: holds the original {tree.root}; name a folder beside it")
    for path in (*inputs, *tree.files.values()):
        if path.resolve().is_relative_to(place):
            raise OutputError(f"{target}: holds {path}, which the installation reads; name another folder")


def base_header(tree: Original) -> Header:
    """The header of the original's cover map; FormatError where the tree has none."""
    if not (tree.root / COVER).parent.is_dir():
        below = next((name for name in tree.folders if (tree.root / name / COVER).parent.is_dir()), None)
        cure = f"name {tree.root / below}" if below else "name the folder that HARMONIE calls ECOSG_DATA_PATH"
        raise FormatError(f"{tree.root}: has no folder COVER, expected an ECOCLIMAP-SG data tree; {cure}")
    return direct.info(tree.root / COVER)


def cover_header(path: Path) -> Header:
    """The header of a map that PGD can read as covers; FormatError for any other."""
    found = direct.info(path)
    if found.bits != 8 or found.fact != 1 or found.compress:
        raise FormatError(
            f"{path}: found integers of {found.bits} bits, fact {found.fact}, compress {int(found.compress)}; "
            "a cover map has 8 bits a cell, fact 1 and is not packed; name the cover map"
        )
    if 1 <= found.nodata <= 33:
        raise FormatError(f"{path}: nodata is {found.nodata}, which is a cover that PGD would skip; set nodata to 0")
    return found


def check_extent(path: Path, grid: LatLonGrid, base: LatLonGrid, bounds: Bounds | None) -> None:
    """CoverageError where `grid` holds neither all that `base` holds nor, if they are given, the bounds.

    Nothing else would notice: PGD fills model cells without a pixel by smearing the nearest three.
    """
    if grid.contains(base.at(grid.per_degree)):
        return
    if bounds is None:
        raise CoverageError(
            f"{path}: holds {grid}, the original holds {base}; put it into the original first "
            "(ecosg-update patch --into), or name the --bounds or the --domain that alone will be read"
        )
    needed = LatLonGrid.from_bounds(grid.per_degree, bounds)
    if not grid.contains(needed):
        raise CoverageError(
            f"{path}: holds {grid}, the bounds need {needed}; ask for less or put it into the original "
            "(ecosg-update patch --into)"
        )


def extent_notes(grid: LatLonGrid, base: LatLonGrid, bounds: Bounds | None) -> list[str]:
    """What a person should know of the cover's lattice and extent."""
    notes = []
    if grid.per_degree != base.per_degree:
        notes.append(f"the cover has {grid.per_degree} cells a degree, the original {base.per_degree}")
    if not grid.contains(base.at(grid.per_degree)):
        within = f", checked for {LatLonGrid.from_bounds(grid.per_degree, bounds)}" if bounds else ""
        notes.append(f"regional: the cover holds only {grid}{within}; PGD smears it over any domain that leaves it")
    return notes
