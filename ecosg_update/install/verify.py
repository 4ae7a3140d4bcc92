"""Whether a shadow tree still is what was installed: an original that was moved leaves links to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ecosg_update.errors import FormatError
from ecosg_update.fault import Fault, Severity
from ecosg_update.install import content, record
from ecosg_update.install.layout import MANIFEST, MARK
from ecosg_update.progress import Progress, silent

MISSING = "a workflow that links it into the run directory makes PGD stop: THIS FILE IS MISSING"
OTHER = "PGD reads other bytes than those that were installed"
AGAIN = "install the version again"


def faults(tree: Path, *, progress: Progress = silent) -> list[Fault]:
    """What is wrong with the tree that `installed` made: links, and the sha256 of what is ours.

    An original that was rewritten with the same size is a warning. Raises FormatError where there is no manifest.
    """
    found = record.manifest_of(tree)
    if found is None:
        raise FormatError(f"{tree}: has no {MANIFEST} of an installation; name the folder that install wrote")
    return [
        *_link_faults(tree, found["links"]),
        *_alias_faults(tree, found["aliases"]),
        *_file_faults(tree, found["files"], progress),
        *(
            Fault(Severity.WARNING, "stray", name, "no installation wrote it", "PGD may read it", "move it")
            for name in strays(tree, found)
        ),
    ]


def strays(tree: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Names in the tree that the manifest does not know."""
    known = {MANIFEST, MARK, *manifest["files"], *manifest["links"], *manifest["aliases"]}
    found = (path for path in sorted(tree.rglob("*")) if path.is_symlink() or not path.is_dir())
    return [name for path in found if (name := path.relative_to(tree).as_posix()) not in known]


def _link_faults(tree: Path, links: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    for name, wanted in links.items():
        path = tree / name
        if not path.is_symlink() or str(path.readlink()) != wanted["target"]:
            yield _error("link", name, f"is not the link to {wanted['target']} that was made", OTHER, AGAIN)
        elif not path.exists():
            yield _error("dead-link", name, f"{wanted['target']} is gone", MISSING, f"put it back, or {AGAIN}")
        elif (now := record.linked(Path(wanted["target"])))["bytes"] != wanted["bytes"]:
            what = f"{wanted['target']} has {now['bytes']:,} bytes, it had {wanted['bytes']:,}"
            yield _error("changed", name, what, OTHER, f"find out who changed it, then {AGAIN}")
        elif now["mtime_ns"] != wanted["mtime_ns"]:
            what = f"{wanted['target']} was written again, with the same size"
            yield Fault(Severity.WARNING, "touched", name, what, "PGD may read other bytes", "ask who wrote it")


def _alias_faults(tree: Path, aliases: Mapping[str, str]) -> Iterator[Fault]:
    for name, end in aliases.items():
        if not (tree / name).exists() or not (tree / name).samefile(tree / end):
            yield _error("link", name, f"does not lead to {end}", MISSING, AGAIN)


def _file_faults(tree: Path, files: Mapping[str, Mapping[str, Any]], progress: Progress) -> Iterator[Fault]:
    for number, (name, wanted) in enumerate(files.items(), 1):
        path = tree / name
        if not path.is_file():
            yield _error("gone", name, "is gone", MISSING, AGAIN)
        elif path.stat().st_size != wanted["bytes"] or content.sha256(path) != wanted["sha256"]:
            yield _error("changed", name, "its sha256 is another than the manifest's", OTHER, AGAIN)
        progress("check", number, len(files))


def _error(rule: str, where: str, what: str, effect: str, cure: str) -> Fault:
    return Fault(Severity.ERROR, rule, where, what, effect, cure)
