"""A run that is reported: its manifest and what it decided."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.formats import netcdf
from ecosg_update.layers import Patch

ENDING = "_manifest.json"

NEEDED = ("tool", "libraries", "started", "wall_seconds", "config", "notes", "engine", "inputs", "tables", "products")
"""What a manifest holds (`manifest.manifest`)."""


@dataclass(frozen=True, eq=False)
class Ran:
    """A run. path: where its manifest lies; patch: what it decided."""

    path: Path
    manifest: dict[str, Any]
    patch: Patch

    @property
    def title(self) -> str:
        """As it was named, else after its place."""
        return str(self.manifest["config"]["output"].get("title") or f"Land cover of {self.patch.cover.grid}")

    @property
    def base(self) -> str:
        """The original map."""
        return str(self.manifest["config"]["base"]["path"])

    @property
    def map(self) -> Path:
        """The NetCDF file with the new map, its reasons and its confidence."""
        return self.path.with_name(f"{self.manifest['config']['output']['stem']}.nc")


def manifest_of(run: Path) -> Path:
    """The manifest in an output folder, or itself; FormatError where there is none, ConfigError for several."""
    if run.is_file():
        return run
    found = sorted(run.glob(f"*{ENDING}"))
    if len(found) > 1:
        raise ConfigError(f"{run}: holds {len(found)} runs, expected one; name a manifest, such as {found[0]}")
    if not found:
        raise FormatError(f"{run}: holds no *{ENDING}; name the folder that `ecosg-update run` wrote")
    return found[0]


def opened(run: Path) -> Ran:
    """The run of an output folder or a manifest; raises FormatError for anything else, and as `manifest_of`."""
    path = manifest_of(run)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        missing = [key for key in NEEDED if key not in manifest]
        stem, _ = str(manifest["config"]["output"]["stem"]), manifest["config"]["base"]["path"]
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path}: is no manifest of a run; name the folder that `ecosg-update run` wrote"
        ) from error
    if missing:
        raise FormatError(f"{path}: lacks {', '.join(missing)}; name a manifest that `ecosg-update run` wrote")
    if f"{stem}.nc" not in manifest["products"]:
        raise FormatError(f"{path}: the run wrote no {stem}.nc, which holds the reasons; run it with the format nc")
    return Ran(path, manifest, netcdf.read(path.with_name(f"{stem}.nc")))
