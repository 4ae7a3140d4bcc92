"""The shadow tree: real folders, links to every file of the original, ours in place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosg_update.formats import atomic
from ecosg_update.install import claim, content, namelist, record, workflows
from ecosg_update.install.layout import MANIFEST, VERSION, WORKFLOWS
from ecosg_update.install.plan import Plan, Wish, planned
from ecosg_update.progress import Progress, silent


@dataclass(frozen=True)
class Installation:
    """What was made: the plan that was followed, what each workflow needs (file name -> text), the manifest."""

    plan: Plan
    workflows: Mapping[str, str]
    manifest: Mapping[str, Any]


def installed(
    wish: Wish,
    *,
    fallbacks: Mapping[str, float] | None = None,
    link: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Installation:
    """Make the shadow tree that `wish` asks for, complete or not at all; the original is only read.

    fallbacks: as for `namelist.blocks`. link: link to our files instead of copying them. overwrite: replace a tree
    that an installation made. Raises what `planned` and `namelist.blocks` raise; FormatError for a cover map with
    illegal bytes or a NetCDF that differs from it; OutputError where the tree exists or cannot be written.
    """
    plan = planned(wish)
    told = texts(plan, fallbacks)
    with claim.claimed(plan.target, overwrite=overwrite) as part:
        with atomic.reported(plan.target):
            _make_links(part, plan)
        files = _our_files(part, plan, link=link, progress=progress)
        for name, text in {VERSION: f"{wish.version}\n", **_in_folder(told)}.items():
            files[name] = _written(part / name, text)
        found = record.manifest(plan, files)
        _written(part / MANIFEST, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    return Installation(plan, told, found)


def texts(plan: Plan, fallbacks: Mapping[str, float] | None = None) -> dict[str, str]:
    """What each workflow needs to read the tree of a plan: file name -> text."""
    return workflows.texts(
        plan.target,
        version=plan.wish.version,
        folders=plan.directories,
        namelist=namelist.text(namelist.blocks(fallbacks)),
    )


def _make_links(part: Path, plan: Plan) -> None:
    for name in plan.folders:
        (part / name).mkdir()
    for name, path in plan.links.items():
        (part / name).symlink_to(path)
    for name, end in plan.aliases.items():
        (part / name).symlink_to(os.path.relpath(end, Path(name).parent))
    (part / WORKFLOWS).mkdir()


def _our_files(part: Path, plan: Plan, *, link: bool, progress: Progress) -> dict[str, dict[str, Any]]:
    """Put our files in place; name -> what the manifest says of each."""
    wish, grid = plan.wish, plan.cover.grid
    if wish.nc is not None:
        content.check_same(wish.nc, wish.cover, grid, progress=progress)
    files = {}
    for name, path in plan.ours.items():
        check = content.cover_check(path, plan.cover) if name == plan.cover_name else None
        place = content.linked if link else content.copied
        files[name] = place(path, part / name, name=name, check=check, progress=progress)
    if plan.nc is not None:
        content.write_netcdf(part / plan.cover_name, part / plan.nc, plan.cover)
        files[plan.nc] = content.described(part / plan.nc)
    return files


def _in_folder(texts: Mapping[str, str]) -> dict[str, str]:
    return {f"{WORKFLOWS}/{name}": text for name, text in texts.items()}


def _written(path: Path, text: str) -> dict[str, Any]:
    """Write a small file, flushed to the disk; what the manifest says of it."""
    with atomic.reported(path, len(text)), path.open("x", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return content.described(path)
