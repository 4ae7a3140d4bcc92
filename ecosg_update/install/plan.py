"""What an installation would make, decided before anything is written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from ecosg_update.errors import FormatError
from ecosg_update.formats import direct, netcdf
from ecosg_update.formats.header import Header
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.install import checks, filled, record
from ecosg_update.install.layout import COVER_NAMES, FILL_MANIFEST, FOLDER_KEYS, MANIFEST, OWN
from ecosg_update.install.original import Original, original

NC_CELLS = 100_000_000
"""A NetCDF of up to so many cells is made from the `.dir` where none is given: the map is held in memory."""


@dataclass(frozen=True)
class Wish:
    """What is asked for.

    source: the original tree. target: the shadow to make. cover: the patched `.dir`. nc: the same map as NetCDF.
    parameters: the folder that `params fill` wrote. bounds: the only box (degrees) that will be read, where a map
    does not hold all that the original's holds.
    """

    source: Path
    target: Path
    version: str
    cover: Path
    nc: Path | None = None
    parameters: Path | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True)
class Plan:
    """A shadow tree; names are relative to it and written with /.

    source: the original, resolved. follows: its version where it is a shadow itself. folders: to make, parents
    first. links: name -> true file of the original. aliases: name -> another name of the shadow. ours: name ->
    file to put there. cover_name, cover: the name of the cover map's `.dir`, and its header. nc: the name of the
    NetCDF to make from it. left_out: names of the original that the shadow lacks, and why.
    """

    wish: Wish
    target: Path
    source: Path
    follows: str | None
    folders: tuple[str, ...]
    links: Mapping[str, Path]
    aliases: Mapping[str, str]
    ours: Mapping[str, Path]
    cover_name: str
    cover: Header
    nc: str | None
    left_out: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def directories(self) -> dict[str, Path]:
        """The folder of each kind of parameters: that of the filled files, else the only one of the tree."""
        found = {}
        for key, pattern in FOLDER_KEYS.items():
            folders = _folders(self.ours, pattern) or _folders(self.links, pattern)
            if len(folders) == 1:
                found[key] = self.target / folders.pop()
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "tree": str(self.target),
            "exists": self.target.exists(),
            "version": self.wish.version,
            "from": str(self.source),
            "follows": self.follows,
            "ours": {name: str(path) for name, path in self.ours.items()},
            "made": [self.nc] if self.nc else [],
            "links": {name: str(path) for name, path in self.links.items()},
            "aliases": dict(self.aliases),
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


def planned(wish: Wish) -> Plan:
    """The shadow that `wish` asks for; inputs are opened and checked, nothing is written.

    Raises ConfigError for a version that is not plain, FormatError for inputs that are not what they must be,
    CoverageError for a map that holds less than the original's (or than the bounds), OutputError for a target that
    lies in the original, holds it, or cannot be passed through a shell.
    """
    checks.check_version(wish.version)
    target = checks.target_path(wish.target)
    tree = original(wish.source)
    checks.check_apart(target, tree, wish.cover, *(path for path in (wish.nc, wish.parameters) if path))
    base = checks.base_header(tree).grid
    cover = checks.cover_header(wish.cover)
    checks.check_extent(wish.cover, cover.grid, base, wish.bounds)
    names = _cover_names(tree)
    ours = {**_cover_files(names[0], wish, cover), **_parameter_files(tree, wish)}
    makes_nc = wish.nc is None and cover.grid.rows * cover.grid.cols <= NC_CELLS
    nc = f"{names[0]}.nc" if makes_nc else None
    made = {*ours, nc} if nc else set(ours)
    renamed = _renamed(tree, names, made)
    left_out = dict(_left_out(tree, {*made, *renamed}))
    gone = {*made, *renamed, *left_out}
    links = {name: path for name, path in tree.files.items() if name not in gone and not _is_own(name)}
    inner, broken = _inner(tree, gone, {*links, *made, *tree.folders, "."})
    before = record.manifest_of(tree.root)
    return Plan(
        wish=wish,
        target=target,
        source=tree.root,
        follows=str(before["version"]) if before else None,
        folders=tuple(name for name in tree.folders if not _is_own(name)),
        links=links,
        aliases={**inner, **renamed},
        ours=ours,
        cover_name=f"{names[0]}.dir",
        cover=cover,
        nc=nc,
        left_out={**left_out, **broken, **({} if before else _displaced(tree))},
        notes=tuple(_notes(wish, cover, base=base, nc=nc)),
    )


def _cover_names(tree: Original) -> list[str]:
    """Where the names of the cover map truly stand: COVER may be a link to another folder of the tree."""
    folders = {name: str(PurePosixPath(name).parent) for name in COVER_NAMES}
    return [f"{tree.place(folder)}/{name.rpartition('/')[2]}" for name, folder in folders.items()]


def _cover_files(name: str, wish: Wish, cover: Header) -> dict[str, Path]:
    data, text = direct.pair(wish.cover)
    files = {f"{name}.dir": data, f"{name}.hdr": text}
    if wish.nc is None:
        return files
    if netcdf.grid(wish.nc) != cover.grid:
        raise FormatError(f"{wish.nc}: holds {netcdf.grid(wish.nc)}, the .dir holds {cover.grid}; export it again")
    return {**files, f"{name}.nc": wish.nc}


def _parameter_files(tree: Original, wish: Wish) -> dict[str, Path]:
    """The filled maps under the names that they replace, and the manifest of the filling."""
    if wish.parameters is None:
        return {}
    if wish.parameters.resolve() in tree.homes:
        raise FormatError(f"{wish.parameters}: is the original's own; name the folder that `params fill` wrote")
    files = filled.placed(tree, wish.parameters)
    for name, path in files.items():
        if name.rpartition(".")[0] in _cover_names(tree):
            raise FormatError(f"{path}: is a cover map, expected parameters only; give it with --cover")
        if name.endswith(".dir"):
            base = direct.info(tree.root / name).grid
            checks.check_extent(path, direct.info(path).grid, base, wish.bounds)
    record_of_filling = wish.parameters / MANIFEST
    return {**files, FILL_MANIFEST: record_of_filling} if record_of_filling.is_file() else files


def _renamed(tree: Original, names: list[str], made: Collection[str]) -> dict[str, str]:
    """The cover under its other names, where the original has them: links to ours."""
    first, *others = names
    pairs = ((f"{other}{ending}", f"{first}{ending}") for other in others for ending in (".dir", ".hdr", ".nc"))
    return {other: name for other, name in pairs if name in made and _has(tree, other)}


def _left_out(tree: Original, made: Collection[str]) -> Iterator[tuple[str, str]]:
    """Names of the original that would be wrong beside ours, and those that nothing is behind."""
    stems = {name.rpartition(".")[0]: name for name in sorted(made)}
    for name in (*tree.files, *tree.inner):
        folder, _, file = name.rpartition("/")
        parts = file.split(".")
        above = (".".join(parts[:count]) for count in range(1, len(parts)))
        stem = next((stem for stem in above if f"{folder}/{stem}" in stems), None)
        if stem is not None and name not in made:
            yield name, f"belongs to the original's {stem}, which is replaced"
    yield from ((name, "links to nothing") for name in tree.dead)


def _inner(tree: Original, gone: Collection[str], there: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Links within the tree: those to keep, and those whose end was left out."""
    links = {name: end for name, end in tree.inner.items() if name not in gone and not _is_own(name)}
    kept = {name: end for name, end in links.items() if end in there and not _is_own(end)}
    return kept, {name: f"links to {end}, which is left out" for name, end in links.items() if name not in kept}


def _displaced(tree: Original) -> dict[str, str]:
    """Files of the original under the shadow's own names."""
    return {name: "the shadow has its own" for name in (*tree.files, *tree.inner) if _is_own(name)}


def _notes(wish: Wish, cover: Header, *, base: LatLonGrid, nc: str | None) -> Iterator[str]:
    yield from checks.extent_notes(cover.grid, base, wish.bounds)
    if wish.nc is None and nc is None:
        yield f"no NetCDF is made of {cover.grid.rows * cover.grid.cols:,} cells; give one with --nc if it is needed"
    if wish.parameters is None:
        yield "no filled parameters: types new to a place take LAI, albedo and tree height from afar, or PGD stops"
    else:
        yield from (f"not installed: {name} of {wish.parameters}" for name in filled.others(wish.parameters))


def _folders(names: Iterable[str], pattern: str) -> set[str]:
    pairs = (name.rpartition("/") for name in names)
    return {folder for folder, _, file in pairs if fnmatch(file, pattern)}


def _has(tree: Original, name: str) -> bool:
    return name in tree.files or name in tree.inner


def _is_own(name: str) -> bool:
    return name.partition("/")[0] in OWN
