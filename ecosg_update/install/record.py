"""The manifest of a shadow tree: which bytes are ours, where the links end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update import __version__
from ecosg_update.install.layout import MANIFEST

if TYPE_CHECKING:
    from ecosg_update.install.plan import Plan

KIND = "shadow of an ECOCLIMAP-SG data tree"
"""What a manifest of ours says: only such a tree is ever replaced."""


def manifest(plan: Plan, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest as plain values. files: name -> sha256, bytes and source of each file that is ours.

    Linked files are recorded by path, size and time of change: hashing the original would read some 100 GB.
    """
    grid = plan.cover.grid
    return {
        "kind": KIND,
        "tool": {"name": "ecosg-update", "version": __version__},
        "version": plan.wish.version,
        "follows": plan.follows,
        "installed": datetime.now(UTC).isoformat(timespec="seconds"),
        "from": str(plan.source),
        "cover": {"title": plan.cover.title, "per_degree": grid.per_degree, "bounds": list(grid.bounds)},
        "bounds": list(plan.wish.bounds) if plan.wish.bounds else None,
        "files": {name: dict(found) for name, found in sorted(files.items())},
        "links": {name: linked(path) for name, path in plan.links.items()},
        "aliases": dict(plan.aliases),
        "left_out": dict(plan.left_out),
        "notes": list(plan.notes),
    }


def linked(path: Path) -> dict[str, Any]:
    """What is recorded of a file that a link ends at: path, bytes, time of change in ns."""
    found = path.stat()
    return {"target": str(path), "bytes": found.st_size, "mtime_ns": found.st_mtime_ns}


def manifest_of(tree: Path) -> dict[str, Any] | None:
    """What the manifest of a shadow says; None where there is none of ours."""
    try:
        found = json.loads((tree / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == KIND else None
