"""Small rasters and products that the tests of the scene stage make for themselves."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from tests.conftest import shared

UTM = "EPSG:32633"


def tiff(
    path: Path, values: Any, *, pixel: float = 10.0, west: float = 0.0, north: float = 0.0, **options: Any
) -> Path:
    """A GeoTIFF of (y, x) or (layer, y, x) values whose north-west corner lies at (west, north)."""
    stack = values if values.ndim == 3 else values[None]
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff",
        "count": stack.shape[0],
        "height": stack.shape[1],
        "width": stack.shape[2],
        "dtype": stack.dtype,
        "crs": UTM,
        "transform": Affine(pixel, 0, west, 0, -pixel, north),
    }
    with rasterio.open(path, "w", **(profile | options)) as dataset:
        dataset.write(stack)
    return path


def noise(shape: tuple[int, int], seed: int = 0) -> Any:
    """uint16 values 1 ... 9999."""
    return np.random.default_rng(seed).integers(1, 10_000, shape, dtype=np.uint16)


def sicily() -> Path:
    """The real cropped SAFE with three pixel sizes and a 10 m shift."""
    return next(shared("s2_l2a_safe_crop_sicily").glob("*/*.SAFE"))


def ireland() -> Path:
    """The real SAFE of west Ireland: all 60 m bands, baseline 04.00."""
    return next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE"))


def shrunk() -> Path:
    """The real SAFE with TIFF in the place of JP2, every band at 1098 m."""
    return next(shared("safe_metadata_variants").glob("*_T07HFE_*.SAFE"))


def zipped(folder: Path, target: Path, method: int = zipfile.ZIP_STORED) -> Path:
    """A zip that holds the folder as its only entry."""
    with zipfile.ZipFile(target, "w", method) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{folder.name}/{file.relative_to(folder).as_posix()}")
    return target


def copied(folder: Path, target: Path) -> Path:
    """A copy of a product that a test may damage."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    return target
