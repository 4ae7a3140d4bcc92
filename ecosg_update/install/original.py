"""What a data tree holds, through its own links: the shadow must reach every true file of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from ecosg_update.errors import FormatError


class Kind(Enum):
    """What stands under a name: a folder, a file, a link to another place of the same tree, a link to nothing."""

    FOLDER = "folder"
    FILE = "file"
    INNER = "inner"
    DEAD = "dead"


@dataclass(frozen=True)
class Original:
    """A data tree. Names are relative to `root` (resolved) and written with /.

    folders: all, parents first; those behind a link to another place are followed. files: name -> the true file.
    inner: links within the tree, name -> name. dead: links to nothing. homes: the true folders.
    """

    root: Path
    folders: tuple[str, ...]
    files: Mapping[str, Path]
    inner: Mapping[str, str]
    dead: tuple[str, ...]
    homes: frozenset[Path]

    def place(self, name: str) -> str:
        """The name under which the content of `name` truly stands: links within the tree are followed."""
        path = (self.root / name).resolve()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else name


def original(root: Path) -> Original:
    """What the tree `root` holds.

    Raises FormatError where it is no folder, a folder of it cannot be read, or a folder holds itself through links
    that leave the tree.
    """
    true = _resolved(root)
    if true is None or not true.is_dir():
        raise FormatError(f"{root}: is no folder, expected an ECOCLIMAP-SG data tree ($ECOSG_DATA_PATH)")
    found = list(_entries(true, "", true, (true,)))
    names = {kind: {name: path for name, is_kind, path in found if is_kind is kind} for kind in Kind}
    return Original(
        root=true,
        folders=tuple(names[Kind.FOLDER]),
        files=names[Kind.FILE],
        inner={name: path.relative_to(true).as_posix() for name, path in names[Kind.INNER].items()},
        dead=tuple(names[Kind.DEAD]),
        homes=frozenset({true, *names[Kind.FOLDER].values()}),
    )


def _entries(folder: Path, name: str, root: Path, above: tuple[Path, ...]) -> Iterator[tuple[str, Kind, Path]]:
    """(name, kind, true path) of all that lies below `folder`, whose own name in the tree is `name`."""
    for item in _listed(folder):
        path = f"{name}/{item.name}" if name else item.name
        true = _resolved(item)
        if true is None:
            yield path, Kind.DEAD, item
        elif item.is_symlink() and true.is_relative_to(root):
            yield path, Kind.INNER, true
        elif not true.is_dir():
            yield path, Kind.FILE, true
        elif true in above:
            raise FormatError(f"{item}: links to {true}, which holds it; remove the link")
        else:
            yield path, Kind.FOLDER, true
            yield from _entries(true, path, root, (*above, true))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise FormatError(f"{folder}: cannot be listed ({error.strerror}); check the rights") from error


def _resolved(path: Path) -> Path | None:
    """The true path; None for a link to nothing or to itself."""
    try:
        return path.resolve(strict=True)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:  # a link to itself is RuntimeError up to Python 3.12, then OSError
        if isinstance(error, PermissionError):
            raise FormatError(f"{path}: cannot be reached ({error.strerror}); check the rights") from error
        return None
