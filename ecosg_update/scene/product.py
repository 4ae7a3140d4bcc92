"""What is known of a Sentinel-2 product before a pixel is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ecosg_update.errors import SceneError
from ecosg_update.layers import Level
from ecosg_update.scene.raster import Raster

Sizes = Mapping[float, Raster]
"""The files of one layer by pixel size in metres."""

SAME_SIZE = 0.05
"""Pixel sizes that differ by less than 5 % are one size: the "10 m" of chips in degrees are 9.8 m."""


@dataclass(frozen=True)
class Angles:
    """Means over the tile, degrees from the zenith and clockwise from north; view angles by band."""

    sun_zenith: float
    sun_azimuth: float
    view_zenith: Mapping[str, float]
    view_azimuth: Mapping[str, float]


@dataclass(frozen=True)
class Scene:
    """A product: metadata and where its layers lie, no pixels.

    Reflectance is (stored + offset[band]) / quantification. `acquired` is UTC, the tile's own sensing time
    where MTD_TL.xml gives it. `scl`, `aot`, `wvp` are the scene classification, aerosol and water vapour maps
    of an L2A product by pixel size, `clouds` the three layers of MSK_CLASSI_B00 (opaque, cirrus, snow); all
    may be empty. Aerosol optical thickness is stored / aot_quantification, water vapour in cm stored /
    wvp_quantification. `assumed` says in words what the product did not state: for the log.
    """

    product: str
    level: Level
    acquired: datetime | None
    tile: str | None
    baseline: str | None
    quantification: float
    offset: Mapping[str, float]
    files: Mapping[str, Sizes]
    scl: Sizes = field(default_factory=dict)
    aot: Sizes = field(default_factory=dict)
    wvp: Sizes = field(default_factory=dict)
    clouds: tuple[Raster, ...] = ()
    aot_quantification: float = 1000.0
    wvp_quantification: float = 1000.0
    angles: Angles | None = None
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise SceneError(f"scene {self.product}: no band was found; check the path")
        if self.quantification <= 0:
            raise SceneError(f"scene {self.product}: quantification {self.quantification}, expected more than 0")

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands that have a file."""
        return tuple(self.files)

    @property
    def inventory(self) -> str:
        """Bands and their pixel sizes in words: B02 B03 at 10 and 60 m; B05 at 20 m."""
        alike: dict[str, list[str]] = {}
        for band, sizes in self.files.items():
            alike.setdefault(" and ".join(f"{size:g}" for size in sorted(sizes)), []).append(band)
        return "; ".join(f"{' '.join(bands)} at {sizes} m" for sizes, bands in alike.items())


def fitting(sizes: Sizes, pixel_m: float) -> Raster:
    """The file to read for pixels of `pixel_m`: the coarsest that is fine enough, else the finest there is.

    A product's own coarser file of a band was made for that pixel size and costs a fraction of the decoding
    (1/36 at 60 m against 10 m). Where all are too coarse the finest loses least.
    """
    enough = [size for size in sizes if size <= pixel_m * (1 + SAME_SIZE)]
    return sizes[max(enough)] if enough else sizes[min(sizes)]
