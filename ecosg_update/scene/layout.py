"""Finds the layers of a product among its files, whatever their layout.

Layouts: SAFE folder or zip (JP2, or TIFF in their place), a folder of JP2 or GeoTIFF with a band in each file
name, one GeoTIFF of many bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ecosg_update.errors import SceneError
from ecosg_update.scene.bands import band_name, bands
from ecosg_update.scene.naming import ImageName, image_name
from ecosg_update.scene.product import Sizes
from ecosg_update.scene.raster import Raster, rasters
from ecosg_update.scene.store import Store

EXTRAS = ("SCL", "AOT", "WVP")
CLOUDS = "MSK_CLASSI_B00.jp2"


@dataclass(frozen=True)
class Layers:
    """Where the layers lie: bands in the product's order; scene classification, aerosol and water vapour maps."""

    files: Mapping[str, Sizes]
    extras: Mapping[str, Sizes] = field(default_factory=dict)
    clouds: tuple[Raster, ...] = ()


def layers(found: Store, order: Sequence[str] | None = None) -> Layers:
    """The layers of a product; `order` names those of a single GeoTIFF.

    Raises SceneError where there is no band, or a band twice.
    """
    images = {name: image for name in found.names if (image := image_name(name))}
    stacks = [name for name in found.names if _is_tiff(name)]
    if len(stacks) == 1 and (order is not None or not images):
        return Layers(_stacked(found, stacks[0], order))
    if images and order is not None:
        raise SceneError(f"{found.root}: bands= names the layers of one GeoTIFF, found {len(images)} band files")
    sizes = _sizes(found, images)
    files = {band: sizes[band] for band in bands() if band in sizes}
    if not files:
        raise SceneError(f"{found.root}: no band of Sentinel-2 among {len(found.names)} files; {_cure(found)}")
    return Layers(files, {extra: sizes[extra] for extra in EXTRAS if extra in sizes}, _clouds(found))


def _cure(found: Store) -> str:
    if any(name.endswith("manifest.safe") or "GRANULE/" in name for name in found.names):
        return "the product is incomplete, fetch it again"
    return "give a .SAFE folder or zip, a folder with a band in each file name, or one GeoTIFF"


def _stacked(found: Store, name: str, order: Sequence[str] | None) -> dict[str, Sizes]:
    """The layers of one GeoTIFF, named by the caller or by their own descriptions."""
    file = found.file(name)
    stack = rasters(file)
    texts = tuple(order) if order is not None else tuple(description for _, description in stack)
    if not all(texts):
        raise SceneError(f"{file}: {len(stack)} layers without band names; name them in order with bands=")
    names = [band_name(text) for text in texts]
    if len(names) != len(stack) or len(set(names)) != len(names):
        raise SceneError(f"{file}: {len(stack)} layers, bands are {', '.join(names)}; name each layer once, in order")
    return {band: {raster.pixel_m: raster} for band, (raster, _) in zip(names, stack, strict=True)}


def _sizes(found: Store, images: Mapping[str, ImageName]) -> dict[str, dict[float, Raster]]:
    """Layer -> true pixel size -> file; of files that share both, the one that is named finest."""
    sizes: dict[str, dict[float, Raster]] = {}
    seen: dict[tuple[str, int], str] = {}
    for name, image in sorted(images.items(), key=lambda item: (item[1].stated_m, item[0])):
        layer = image.layer if image.layer in EXTRAS else band_name(image.layer)
        other = seen.setdefault((layer, image.stated_m), name)
        if other != name:
            raise SceneError(f"{found.root}: {other} and {name} are both {layer}; give a path that holds one product")
        raster, _ = rasters(found.file(name))[0]
        sizes.setdefault(layer, {}).setdefault(raster.pixel_m, raster)
    return sizes


def _clouds(found: Store) -> tuple[Raster, ...]:
    """The layers of the classification mask that products since baseline 04.00 carry as JP2."""
    name = next((name for name in found.names if PurePosixPath(name).name == CLOUDS), None)
    return () if name is None else tuple(raster for raster, _ in rasters(found.file(name)))


def _is_tiff(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in (".tif", ".tiff")
