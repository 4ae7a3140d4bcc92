"""What a file or folder is, in a few lines: for `ecosg-update info`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import FormatError
from ecosg_update.formats import direct, geotiff, netcdf, pgdfile, typed
from ecosg_update.grid import GeoGrid, LatLonGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL_CELLS = 500_000_000
"""Class counts are given for cover maps up to this many cells; larger ones are described by their header."""


Kind = Literal["direct", "netcdf", "checkpoint", "raster", "scene"]


def kind(path: Path, **scene_options: Any) -> Kind:
    """Which reader `path` is for, by its name; a GeoTIFF of which bands are named is a scene.

    Raises FormatError where nothing is there.
    """
    if not path.exists() and not direct.pair(path)[1].exists():
        raise FormatError(f"{path}: nothing is there; check the path")
    if path.suffix in (".dir", ".hdr"):
        return "direct"
    if path.suffix == ".nc":
        return "netcdf"
    if path.suffix == ".safetensors":
        return "checkpoint"
    if path.is_file() and path.suffix in (".tif", ".tiff") and not any(scene_options.values()):
        return "raster"
    return "scene"


def described(path: Path, **scene_options: Any) -> dict[str, Any]:
    """What `path` is, as plain values. scene_options: as for `scene.discover.open_scene`.

    Raises FormatError where nothing is there, and the error of the format where it is damaged.
    """
    found = kind(path, **scene_options)
    if found == "scene":
        return _scene(path, scene_options)
    readers = {"direct": _cover_map, "netcdf": _netcdf, "checkpoint": _checkpoint, "raster": _raster}
    return readers[found](path)


def _cover_map(path: Path) -> dict[str, Any]:
    header = direct.info(path)
    if header.bits == 16:
        return _typed_map(path)
    found = {"kind": "cover map for SURFEX", "title": header.title, **_cells(header.grid), "nodata": header.nodata}
    if header.bits != 8 or header.grid.rows * header.grid.cols > SMALL_CELLS:
        return found
    return found | {"covers": _covers(direct.read(path).codes)}


def _typed_map(path: Path) -> dict[str, Any]:
    source = typed.opened(path)
    order = {"<": "little-endian", ">": "big-endian"}[source.order]
    found = {
        "kind": "typed map for SURFEX (leaf area, albedo or tree height)",
        "title": source.header.title,
        **_cells(source.grid),
        "pixels": "100 x cover + value" + (f" x {source.header.fact}" if source.header.fact != 1 else ""),
        "packing": "packed" if source.header.compress else f"plain, {order}",
    }
    if source.grid.rows * source.grid.cols > SMALL_CELLS:
        return found
    return found | {"values": _values(typed.counted(source), source.header.fact)}


def _netcdf(path: Path) -> dict[str, Any]:
    if netcdf.holds_prediction(path):
        prediction = netcdf.read_prediction(path)
        seen = float((prediction.share > 0).mean())
        return {
            "kind": "class probabilities",
            "legend": f"{prediction.legend.name} ({len(prediction.legend)} classes)",
            "origin": prediction.origin,
            **_cells(netcdf.grid(path)),
            "cells with evidence": f"{seen:.1%}",
        }
    if pgdfile.holds_fractions(path):
        (ny, nx), tiles, covers = pgdfile.means(path)
        return {
            "kind": "fractions of a model's cells, as PGD makes them",
            "cells": f"{nx} x {ny}",
            "mean of the tiles": [f"{name.lower()} {mean:.4f}" for name, mean in tiles.items()],
            "covers": [f"{code} {tables.legend('ecosg').name_of(code)}" for code in covers],
        }
    return {
        "kind": "cover map, NetCDF",
        **_cells(netcdf.grid(path)),
        "covers": _covers(netcdf.read_cover(path).codes),
    }


def _checkpoint(path: Path) -> dict[str, Any]:
    from ecosg_update.segment.checkpoint import card  # noqa: PLC0415

    found = card(path)
    level = "L1C or L2A" if found.level == "any" else found.level
    return {
        "kind": "checkpoint",
        "engine": found.engine,
        "input": f"{level}, {found.pixel_m:g} m: {' '.join(found.bands)}",
        "bands it can do without": " ".join(found.optional) or "none",
        "legend": f"{found.legend} ({len(found.codes)} classes)",
        "provenance": found.provenance,
        "licence": found.licence,
        "notes": found.notes,
        "sha256": found.sha256,
    }


def _raster(path: Path) -> dict[str, Any]:
    raster = geotiff.codes(path)
    codes, counts = np.unique(raster.read(), return_counts=True)
    most = np.argsort(-counts, kind="stable")[:12]
    return {
        "kind": "raster of classes",
        **_pixels(raster.grid),
        "nodata": raster.nodata,
        "codes": [f"{codes[at]}: {counts[at]:,}" for at in most],
    }


def _scene(path: Path, options: dict[str, Any]) -> dict[str, Any]:
    from ecosg_update.scene.discover import open_scene  # noqa: PLC0415

    bands = options.get("bands")
    scene = open_scene(path, **{**options, "bands": bands.split(",") if bands else None})
    return {
        "kind": f"Sentinel-2 {scene.level}",
        "product": scene.product,
        "acquired": scene.acquired.isoformat() if scene.acquired else "not stated",
        "tile": scene.tile or "not stated",
        "baseline": scene.baseline or "not stated",
        "bands": scene.inventory,
        "scene classification": "yes" if scene.scl else "no",
        "sun zenith": f"{scene.angles.sun_zenith:.1f} degrees" if scene.angles else "not stated",
        "assumed": list(scene.assumed),
    }


def _cells(grid: LatLonGrid) -> dict[str, Any]:
    west, south, east, north = grid.bounds
    return {
        "cells": f"{grid.rows} rows x {grid.cols} columns, {grid.per_degree} a degree",
        "bounds": f"{west:.6f} {south:.6f} {east:.6f} {north:.6f}",
    }


def _pixels(grid: GeoGrid) -> dict[str, Any]:
    west, south, east, north = grid.lonlat_bounds()
    width, height = grid.pixel
    return {
        "pixels": f"{grid.shape[0]} rows x {grid.shape[1]} columns of {width:g} x {height:g}",
        "bounds": f"{west:.6f} {south:.6f} {east:.6f} {north:.6f}",
    }


def _values(counts: NDArray[np.int64], fact: int) -> list[str]:
    """Each type with its pixels and its least, mean and greatest value."""
    legend, found = tables.legend("ecosg"), []
    for cover in legend.codes:
        own = counts[cover * typed.STEP : (cover + 1) * typed.STEP]
        if own.any():
            held = np.flatnonzero(own)
            mean = float(np.average(np.arange(typed.STEP), weights=own)) / fact
            found.append(
                f"{cover} {legend.name_of(cover)}: {own.sum():,} pixels, "
                f"{held[0] / fact:g} to {held[-1] / fact:g}, mean {mean:.3g}"
            )
    return [*found, f"no data: {counts[0]:,}"]


def _covers(codes: Any) -> list[str]:
    legend = tables.legend("ecosg")
    counts = np.bincount(codes.ravel(), minlength=34)
    order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    return [f"{code} {legend.name_of(code)}: {counts[code]:,}" for code in order]
