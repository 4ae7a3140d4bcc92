"""What is inspected: a run's folder, the NetCDF that it wrote, or any cover map beside its original."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update.config import SceneSection, checked
from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.formats import covers, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.legend import Legend
from ecosg_update.patch.resample import Resampled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MANIFEST = "_manifest.json"
"""How the name of a run's manifest ends."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Some cells of what is inspected, each array (y, x) on `grid`.

    cover, base: uint8, the new and the original cover, 0 for no data. confidence: float32, 0..1. reason: uint8 of
    `layers.Reason`. What is not known is None.
    """

    grid: LatLonGrid
    cover: NDArray[np.uint8]
    base: NDArray[np.uint8] | None = None
    confidence: NDArray[np.float32] | None = None
    reason: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Source:
    """A map to inspect, read by window. knows: which of base, confidence and reason its pieces hold.

    scene: the satellite product that the run saw, None without one.
    """

    path: Path
    grid: LatLonGrid
    legend: Legend
    knows: frozenset[str]
    read: Callable[[LatLonGrid], Piece]
    scene: SceneSection | None = None


def opened(path: Path, *, base: Path | None = None) -> Source:
    """The map of a run's folder or manifest, of the `.nc` of a run, or of any cover map beside its original `base`.

    Raises ConfigError where a folder holds no run, or `base` is given for a file that holds its own; FormatError for
    what cannot be read.
    """
    if path.is_dir() or path.suffix == ".json":
        return _of_run(_manifest(path) if path.is_dir() else path, base)
    if path.suffix == ".nc" and netcdf.holds_patch(path):
        if base is not None:
            raise ConfigError(f"{path}: holds the original map itself; leave {base.name} (--base) out")
        knows = frozenset({"base", "confidence", "reason"})
        return Source(path, netcdf.grid(path), netcdf.legend(path), knows, lambda cells: _of_patch(path, cells))
    return _of_maps(path, base)


def _of_patch(path: Path, cells: LatLonGrid) -> Piece:
    patch = netcdf.read(path, cells)
    return Piece(cells, patch.cover.codes, patch.base, patch.confidence, patch.reason)


def _of_maps(path: Path, base: Path | None) -> Source:
    cover = covers.opened(path)
    if base is None:
        return Source(
            path, cover.grid, cover.legend, frozenset(), lambda cells: Piece(cells, cover.read(cells).codes)
        )
    original = Resampled(covers.opened(base), cover.grid)
    if original.legend != cover.legend:
        raise ConfigError(f"{base}: has classes of {original.legend.name}, the map those of {cover.legend.name}")

    def read(cells: LatLonGrid) -> Piece:
        return Piece(cells, cover.read(cells).codes, original.read(cells).codes)

    return Source(path, cover.grid, cover.legend, frozenset({"base"}), read)


def _manifest(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{MANIFEST}"))
    if len(found) != 1:
        raise ConfigError(
            f"{folder}: holds {len(found)} files *{MANIFEST}, expected the one of a run; name the .nc or the manifest"
        )
    return found[0]


def _of_run(manifest: Path, base: Path | None) -> Source:
    document = _document(manifest)
    names = [name for name in document.get("products", {}) if name.endswith(".nc")]
    if not names:
        raise ConfigError(f"{manifest}: the run wrote no .nc; run it with formats nc, or name its map and --base")
    found = opened(manifest.parent / names[0], base=base)
    section = document.get("config", {}).get("scene")
    scene = checked(SceneSection, section, manifest.name) if section else None
    return Source(found.path, found.grid, found.legend, found.knows, found.read, scene)


def _document(manifest: Path) -> dict[str, Any]:
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{manifest}: cannot be read ({error.strerror}); name a run's folder") from error
    except ValueError as error:
        raise FormatError(f"{manifest}: is no JSON ({error}); name a run's folder") from error
    if not isinstance(found, dict):
        raise FormatError(f"{manifest}: is no manifest of a run; name a run's folder")
    return found
