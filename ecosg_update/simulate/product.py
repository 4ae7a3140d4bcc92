"""A simulated Sentinel-2 L2A product on disk, in the layout of the real ones (SAFE, baseline 05.09)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import RasterioError

from ecosg_update.errors import OutputError
from ecosg_update.simulate import metadata
from ecosg_update.simulate.metadata import NAMES
from ecosg_update.simulate.noise import block_means
from ecosg_update.simulate.sky import NO_DATA, Sky, classified, seen_through, sky
from ecosg_update.simulate.surface import BANDS, surface

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import GeoGrid
    from ecosg_update.simulate.landscape import Landscape

BLOCK = {10: 1024, 20: 640, 60: 192}
"""JPEG 2000 tile width at each pixel size, as in real products."""

RESOLUTIONS = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B09"),
}
"""Each band at its own pixel size; real products repeat the finer bands at 20 and 60 m."""

SENSOR_NOISE = (0.0006, 0.006)
"""Deviation of a pixel: a constant in reflectance and a part of it (signal-to-noise near 100 over land)."""

AEROSOL, VAPOUR = 0.10, 2.0
"""Aerosol optical thickness at 550 nm, and water vapour in cm: the same everywhere."""

TRUE_COLOUR_WHITE = 0.355
"""The reflectance that the true-colour image shows as 255."""


@dataclass(frozen=True, eq=False)
class Look:
    """What the satellite sees: reflectance float32 (band, y, x) of `BANDS` at 10 m, 0..1 and a little beyond.

    scl: uint8 (y, x), scene classification at 10 m; 0 where the swath does not reach.
    """

    values: NDArray[np.float32]
    scl: NDArray[np.uint8]


def look(land: Landscape, *, seed: int, above: Sky | None = None) -> Look:
    """One overpass over a landscape; `seed` settles season, sky and texture. `above` replaces the sky."""
    above = above or sky(land.grid.shape, seed=seed)
    ground = surface(land, seed=seed)
    return Look(seen_through(ground, above), classified(land, ground, above))


def write_safe(land: Landscape, folder: Path, *, seed: int) -> Path:
    """Write one overpass over `land` as `folder/PRODUCT.SAFE` and return that path.

    The product holds R10m (B02 B03 B04 B08 TCI), R20m (B05 B06 B07 B8A B11 B12 SCL), R60m (B01 B09 SCL), AOT
    and WVP at each size, and MTD_MSIL2A.xml, MTD_TL.xml, MTD_DS.xml and manifest.safe. Counts are uint16:
    reflectance * 10000 + 1000, 0 = no data. It is written as NAME.part and renamed; an existing product of
    that name is never replaced. OutputError where the folder cannot be written.
    """
    product = folder / NAMES.product
    part = product.with_name(product.name + ".part")
    if product.exists():
        raise OutputError(f"simulated product: {product} exists; remove it or choose another folder")
    seen = look(land, seed=seed)
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        images = _write_images(land.grid, seen, part, np.random.default_rng((seed, 2)))
        _write_texts(land.grid, seen, part, images)
        part.rename(product)
    except (OSError, RasterioError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise OutputError(
            f"simulated product: {product} cannot be written ({error}); check space and rights"
        ) from error
    return product


def counts(values: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Reflectance as the product stores it, uint16: * 10000 + 1000, at least 1, and 0 where not valid."""
    stored = np.clip(np.rint(values * metadata.QUANTIFICATION) - metadata.OFFSET, 1, 65534)
    return np.where(valid, stored, 0).astype(np.uint16)


def _write_images(grid: GeoGrid, seen: Look, root: Path, rng: np.random.Generator) -> list[str]:
    written = []
    for pixel, bands in RESOLUTIONS.items():
        folder = root / NAMES.images / f"R{pixel}m"
        folder.mkdir(parents=True)
        for name, values in _images(seen, pixel, bands, rng).items():
            file = folder / f"{NAMES.image}_{name}_{pixel}m.jp2"
            _write_jp2(file, values, grid, pixel)
            written.append(file.relative_to(root).as_posix())
    return written


def _images(seen: Look, pixel: int, bands: tuple[str, ...], rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """The images of one pixel size by name: (y, x), the true-colour image (3, y, x)."""
    factor = pixel // 10
    # The classification of a larger pixel is that of the 10 m pixel nearest its centre.
    scl = seen.scl[factor // 2 :: factor, factor // 2 :: factor]
    inside = block_means((seen.scl != NO_DATA).astype(np.float32), factor) == 1
    scl = np.where(inside, scl, NO_DATA).astype(np.uint8)
    images: dict[str, NDArray[Any]] = {}
    for band in bands:
        mean = block_means(seen.values[BANDS.index(band)], factor)
        images[band] = counts(_noisy(mean, rng), inside)
    if pixel == 10:
        images["TCI"] = _true_colour(images)
    else:
        images["SCL"] = scl
    images["AOT"] = np.where(inside, AEROSOL * metadata.ATMOSPHERE, 0).astype(np.uint16)
    images["WVP"] = np.where(inside, VAPOUR * metadata.ATMOSPHERE, 0).astype(np.uint16)
    return images


def _noisy(values: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    constant, part = SENSOR_NOISE
    noise = rng.standard_normal(values.shape, np.float32) * (constant + part * np.abs(values))
    return np.asarray(values + noise, np.float32)


def _true_colour(images: dict[str, NDArray[Any]]) -> NDArray[np.uint8]:
    stack = np.stack([images[band] for band in ("B04", "B03", "B02")])
    bright = (stack.astype(np.float32) + metadata.OFFSET) / (metadata.QUANTIFICATION * TRUE_COLOUR_WHITE)
    return np.where(stack > 0, np.clip(bright * 255, 1, 255), 0).astype(np.uint8)


def _write_jp2(file: Path, values: NDArray[Any], grid: GeoGrid, pixel: int) -> None:
    stack = values if values.ndim == 3 else values[None]
    count, height, width = stack.shape
    block = min(BLOCK[pixel], height)
    with rasterio.open(
        file, "w", driver="JP2OpenJPEG", dtype=stack.dtype, count=count, height=height, width=width,
        crs=grid.crs, transform=grid.transform @ Affine.scale(pixel / grid.pixel[0]),
        QUALITY=100, REVERSIBLE="YES", BLOCKXSIZE=block, BLOCKYSIZE=block,
    ) as image:  # fmt: skip
        image.write(stack)


def _write_texts(grid: GeoGrid, seen: Look, root: Path, images: list[str]) -> None:
    texts = {
        "MTD_MSIL2A.xml": metadata.product_xml(grid, images),
        f"{NAMES.granule}/MTD_TL.xml": metadata.tile_xml(grid, seen.scl),
        f"{NAMES.datastrip}/MTD_DS.xml": metadata.datastrip_xml(),
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    manifest = metadata.manifest_xml(grid, {name: (root / name).read_bytes() for name in (*texts, *images)})
    (root / "manifest.safe").write_text(manifest, encoding="utf-8")
