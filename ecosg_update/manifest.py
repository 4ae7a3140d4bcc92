"""What a run leaves for the next person: which inputs, tables and weights made which bytes."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import __version__, tables
from ecosg_update.layers import Patch, Reason

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIBRARIES = ("numpy", "torch", "torchvision", "rasterio", "netCDF4", "pyproj", "numba", "safetensors")
_CHUNK = 1 << 20


def manifest(
    *,
    patch: Patch,
    config: dict[str, Any],
    inputs: Iterable[Path],
    engine: dict[str, Any] | None,
    products: Mapping[str, Path],
    notes: Iterable[str],
    started: datetime,
) -> dict[str, Any]:
    """The manifest of a run as plain values for JSON; everything but the two times is the same in every repeat.

    products: the name of each product and the file that holds its bytes now.
    """
    grid = patch.cover.grid
    west, south, east, north = grid.bounds
    return {
        "tool": tool(),
        "libraries": library_versions(),
        "started": started.isoformat(timespec="seconds"),
        "wall_seconds": round((datetime.now(UTC) - started).total_seconds(), 1),
        "config": config,
        "notes": list(notes),
        "grid": {
            "per_degree": grid.per_degree, "row": grid.row, "col": grid.col, "rows": grid.rows, "cols": grid.cols,
            "west": west, "south": south, "east": east, "north": north,
        },
        "engine": engine,
        "inputs": {str(path): sha256(path) for path in inputs},
        "tables": tables.checksums(),
        "products": {name: sha256(path) for name, path in products.items()},
        "changes": changes(patch),
    }  # fmt: skip


def changes(patch: Patch) -> dict[str, Any]:
    """Cells changed, cells by reason, and cells by cover before and after."""
    legend = patch.cover.legend
    before, after = _counts(patch.base), _counts(patch.cover.codes)
    covers = {
        legend.name_of(code): {"code": code, "before": int(before[code]), "after": int(after[code])}
        for code in (0, *legend.codes)
        if before[code] or after[code]
    }
    reasons = np.bincount(patch.reason.ravel(), minlength=max(Reason) + 1)
    return {
        "cells": int(patch.base.size),
        "changed": int(patch.changed.sum()),
        "reasons": {reason.label: int(reasons[reason]) for reason in Reason if reasons[reason]},
        "covers": covers,
    }


def tool() -> dict[str, str]:
    """Which tool made a file."""
    return {"name": "ecosg-update", "version": __version__, "python": platform.python_version()}


def library_versions() -> dict[str, str]:
    """The installed versions of the libraries that can change a result."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sha256(path: Path) -> str:
    """The sha256 of a file, as `sha256sum` prints it."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _counts(codes: NDArray[np.uint8]) -> NDArray[np.intp]:
    return np.bincount(codes.ravel(), minlength=256)
