"""The manifest beside a map that regions were put into: what went where, and from which files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecosg_update import tables
from ecosg_update.errors import FormatError
from ecosg_update.formats import atomic
from ecosg_update.formats.globe.journal import Record
from ecosg_update.manifest import library_versions, tool

IDENTITY = ("time", "sha256_before", "sha256_after")
"""What tells one insertion from another."""

OURS = ("tool", "libraries", "tables")
"""What says by which tool the manifest was written last."""


def manifest_path(data: Path) -> Path:
    """The manifest of a map."""
    return data.with_name(f"{data.stem}_manifest.json")


def manifest(data: Path) -> dict[str, Any]:
    """What lies beside a map, empty where nothing does; FormatError for a file that is no manifest."""
    path = manifest_path(data)
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise FormatError(f"{path}: is no manifest ({error}); move it away") from error
    if not isinstance(found, dict) or not isinstance(found.get("insertions", []), list):
        raise FormatError(f"{path}: is no manifest of this tool; move it away")
    return found


def entry(done: Record) -> dict[str, Any]:
    """What the manifest says of one insertion: plain values for JSON."""
    west, south, east, north = done.window.bounds
    return {
        "time": done.started,
        "window": {**asdict(done.window), "west": west, "south": south, "east": east, "north": north},
        "sha256_before": done.before,
        "sha256_after": done.after,
        "changes": done.changes,
        **done.about,
    }


def with_entry(found: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A manifest with one more insertion, made by the present tool."""
    made = {"tool": tool(), "libraries": library_versions(), "tables": tables.checksums()}
    return found | made | {"insertions": [*found.get("insertions", []), new]}


def text(found: dict[str, Any]) -> str:
    """A manifest as it is written."""
    return json.dumps(found, indent=2) + "\n"


def store(data: Path, found: dict[str, Any]) -> Path:
    """Write the manifest of a map, complete or not at all, and return its path."""
    path, content = manifest_path(data), text(found)
    with atomic.parts(path, overwrite=True, needed=len(content)) as (part,):
        part.write_text(content, encoding="utf-8")
    return path


def forget(data: Path, done: Record) -> None:
    """Take an insertion out of a map's manifest; a manifest that then says nothing else goes."""
    found, gone = manifest(data), entry(done)
    before = found.get("insertions", [])
    left = [other for other in before if any(other.get(key) != gone[key] for key in IDENTITY)]
    if len(left) == len(before):
        return
    if left or set(found) - {*OURS, "insertions"}:
        store(data, found | {"insertions": left})
    else:
        with atomic.reported(manifest_path(data)):
            manifest_path(data).unlink()
