"""Simulated Sentinel-2 scenes over the real CORINE of Muenster and Guadeloupe, where context tells the classes.

    python tools/simulated_corine.py FOLDER OUT

FOLDER holds the shared data. Writes OUT/muenster.tif and OUT/guadeloupe.tif: surface reflectance * 10000, uint16, ten
bands at 20 m, 0 where CORINE says nothing. Where the classes lie is real, what they look like is chosen:
`ARRANGEMENTS` lays out each class from materials that classes share (tables/simulated/spectra.csv), so that one pixel
of grass may be a field, a pasture, a park or a golf course. docs/proof-simulated.md says what that proves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from affine import Affine

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.grid import GeoGrid
from ecosg_update.simulate.noise import blurred, fractal, ranks
from ecosg_update.simulate.parcels import parcels
from ecosg_update.simulate.surface import UNIT
from ecosg_update.training.labelling import to_level
from ecosg_update.training.labelmap import label_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
PIXEL = 20.0
QUANTIFICATION = 10_000
L3 = tables.legend("corine-l3")

LIGHT, TINT = 0.15, 0.08
"""Deviation of the logarithm of brightness between parcels: of all bands together, and of each band."""
GRAIN = 0.12
"""The same between pixels, each band on its own: what a pixel holds besides its material."""
TILT = (30.0, 60.0)
"""Widths of the districts in which streets and rows run one way, pixels."""


@dataclass(frozen=True)
class Place:
    """Where CORINE is real. file: in the shared data. bounds: west, south, east, north in `crs`, metres."""

    file: str
    crs: str
    bounds: tuple[float, float, float, float]

    def grid(self) -> GeoGrid:
        """Its pixels."""
        west, south, east, north = self.bounds
        shape = round((north - south) / PIXEL), round((east - west) / PIXEL)
        return GeoGrid(self.crs, Affine(PIXEL, 0, west, 0, -PIXEL, north), shape)


PLACES = {
    "muenster": Place(
        "clc5_2018_muenster/clc5_2018_muenster.gpkg", "EPSG:25832", (395_100, 5_744_180, 415_700, 5_768_640)
    ),
    "guadeloupe": Place(
        "clc2018_guadeloupe_100m/U2018_CLC2018_V2020_20u1_FR_GLP.tif",
        "EPSG:32620",
        (630_000, 1_768_000, 676_000, 1_808_000),
    ),
}


@dataclass(frozen=True)
class Arrangement:
    """What a class is laid out from.

    pattern: a name of `PATTERNS`; size: its width, period or wavelength in pixels. shares: of the materials, each a
    state of spectra.csv, sum 1; the first is the one that streets, rows and dots are made of.
    """

    pattern: str
    size: float
    shares: Mapping[str, float]

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS or abs(sum(self.shares.values()) - 1) > 1e-6:
            raise TableError(f"arrangement: {self}, expected a pattern of {', '.join(PATTERNS)} and shares of sum 1")


class Canvas:
    """The random ground that all classes of a scene are laid out on."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self.rng, self.shape = rng, shape
        tilt = parcels(rng, shape, width=TILT)
        angle = rng.uniform(0, np.pi, tilt.max() + 1).astype(np.float32)[tilt]
        y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        self.across, self.along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        self.everywhere = np.ones(shape, np.bool_)

    def plots(self, size: float) -> NDArray[np.int32]:
        """Numbers of fields with straight edges, int32 (y, x)."""
        return parcels(self.rng, self.shape, width=(0.6 * size, 1.4 * size))

    def each(self, number: NDArray[np.integer]) -> NDArray[np.float32]:
        """A number of 0..1 for each plot, float32 (y, x)."""
        return np.asarray(self.rng.random(int(number.max()) + 1, np.float32)[number], np.float32)

    def clumps(self, wavelength: float) -> NDArray[np.float32]:
        """Ragged patches: 0..1, float32 (y, x), every value as frequent."""
        return ranks(fractal(self.rng, self.shape, wavelength=wavelength, slope=2.6), self.everywhere)


def fields(canvas: Canvas, size: float, _: float) -> NDArray[np.float32]:
    """One material a field."""
    return canvas.each(canvas.plots(size))


def clumps(canvas: Canvas, size: float, _: float) -> NDArray[np.float32]:
    """Patches without straight edges."""
    return canvas.clumps(size)


def rows(canvas: Canvas, size: float, first: float) -> NDArray[np.float32]:
    """Stripes of the first material, `size` pixels apart."""
    return _framed(canvas, _phase(canvas.across, size) < first, first)


def dots(canvas: Canvas, size: float, first: float) -> NDArray[np.float32]:
    """A lattice of squares of the first material, `size` pixels apart."""
    width = np.sqrt(first)
    return _framed(canvas, (_phase(canvas.across, size) < width) & (_phase(canvas.along, size) < width), first)


def streets(canvas: Canvas, size: float, first: float) -> NDArray[np.float32]:
    """Lines of the first material that cross, `size` pixels apart, and plots of the others between them."""
    width = 1 - np.sqrt(1 - first)
    return _framed(canvas, (_phase(canvas.across, size) < width) | (_phase(canvas.along, size) < width), first)


def _phase(along: NDArray[np.float32], size: float) -> NDArray[np.float32]:
    return np.asarray(np.mod(along / size, 1), np.float32)


def _framed(canvas: Canvas, where: NDArray[np.bool_], first: float) -> NDArray[np.float32]:
    """Below `first` where the first material lies, above it by plot elsewhere."""
    other = first + (1 - first) * canvas.each(canvas.plots(4))
    return np.where(where, np.float32(0), other).astype(np.float32)


Pattern = Callable[[Canvas, float, float], "NDArray[np.float32]"]
PATTERNS: dict[str, Pattern] = {
    "fields": fields, "clumps": clumps, "rows": rows, "dots": dots, "streets": streets,
}  # fmt: skip
"""Each gives float32 (y, x) of 0..1 that the shares of the materials cut into parts."""

ARRANGEMENTS = {
    111: Arrangement("streets", 5, {"roofs and streets": 0.4, "tiles and yards": 0.35, "houses": 0.25}),
    112: Arrangement("streets", 8, {"roofs and streets": 0.25, "houses": 0.3, "gardens": 0.2, "June canopy": 0.25}),
    121: Arrangement("fields", 4, {"roofs and streets": 0.4, "metal roofs": 0.2, "tiles and yards": 0.4}),
    122: Arrangement("rows", 6, {"roofs and streets": 0.4, "mown or dry grass": 0.3, "scrub and grass": 0.3}),
    123: Arrangement("fields", 6, {"roofs and streets": 0.4, "metal roofs": 0.2, "clear": 0.4}),
    124: Arrangement("rows", 14, {"roofs and streets": 0.25, "mown or dry grass": 0.75}),
    131: Arrangement("clumps", 6, {"pale quarry": 0.25, "tilled or stubble": 0.5, "lake": 0.25}),
    132: Arrangement("clumps", 6, {"wet quarry": 0.3, "scrub and grass": 0.4, "roofs and streets": 0.3}),
    133: Arrangement("clumps", 6, {"tilled or stubble": 0.5, "pale quarry": 0.15, "roofs and streets": 0.35}),
    141: Arrangement("clumps", 5, {"June canopy": 0.4, "lush grass": 0.4, "houses": 0.2}),
    142: Arrangement("streets", 6, {"June canopy": 0.3, "lush grass": 0.5, "houses": 0.2}),
    211: Arrangement("fields", 12, {"green crop": 0.4, "tilled or stubble": 0.4, "lush grass": 0.2}),
    222: Arrangement("dots", 4, {"June canopy": 0.4, "mown or dry grass": 0.35, "green crop": 0.25}),
    231: Arrangement(
        "streets", 9, {"June canopy": 0.2, "lush grass": 0.4, "mown or dry grass": 0.2, "green crop": 0.2}
    ),
    242: Arrangement("fields", 4, {"green crop": 0.3, "tilled or stubble": 0.3, "lush grass": 0.25, "houses": 0.15}),
    243: Arrangement("clumps", 4, {"June canopy": 0.4, "green crop": 0.2, "scrub and grass": 0.2, "lush grass": 0.2}),
    311: Arrangement("clumps", 3, {"June canopy": 0.7, "September canopy": 0.15, "scrub and grass": 0.15}),
    312: Arrangement("clumps", 3, {"dense stand": 0.6, "open stand": 0.4}),
    313: Arrangement("clumps", 6, {"June canopy": 0.5, "dense stand": 0.5}),
    321: Arrangement("clumps", 8, {"mown or dry grass": 0.6, "scrub and grass": 0.4}),
    322: Arrangement("clumps", 6, {"green heath": 0.3, "brown heath": 0.3, "scrub and grass": 0.4}),
    323: Arrangement("clumps", 4, {"scrub and grass": 0.5, "brown heath": 0.3, "tilled or stubble": 0.2}),
    324: Arrangement("clumps", 5, {"young plantation": 0.25, "scrub and grass": 0.35, "June canopy": 0.4}),
    411: Arrangement("clumps", 4, {"reeds": 0.25, "lake": 0.3, "June canopy": 0.25, "scrub and grass": 0.2}),
    412: Arrangement("clumps", 5, {"sedge and peat": 0.4, "lake": 0.2, "young plantation": 0.4}),
    511: Arrangement("clumps", 5, {"lake": 0.4, "clear": 0.4, "turbid": 0.2}),
    512: Arrangement("clumps", 8, {"lake": 0.5, "clear": 0.3, "shelf sea": 0.2}),
    523: Arrangement("rows", 6, {"clear": 0.4, "lake": 0.4, "shelf sea": 0.2}),
}
"""By CORINE code, for the classes that occur in `PLACES`. All chosen, with the ground seen from above in mind: houses
along streets, hedges around pastures, trees in a lattice, swell on the sea."""


def spectra() -> dict[str, NDArray[np.float32]]:
    """The reflectance of each material in the order of `BANDS`, float32 (band,)."""
    lines = tables.rows(tables.path("simulated", "spectra.csv"), ("state", *BANDS))
    return {line["state"]: np.array([float(line[band]) * UNIT for band in BANDS], np.float32) for line in lines}


def materials(canvas: Canvas, codes: NDArray[np.integer], names: Sequence[str]) -> NDArray[np.uint8]:
    """The material of each pixel, uint8 (y, x), numbers of `names`; 0 where `codes` is 0."""
    found = np.zeros(codes.shape, np.uint8)
    for code in np.unique(codes[codes > 0]).tolist():
        if code not in ARRANGEMENTS:
            raise TableError(f"arrangement: class {code} has none; add it to ARRANGEMENTS")
        made = ARRANGEMENTS[code]
        shares = np.cumsum(list(made.shares.values()))
        part = PATTERNS[made.pattern](canvas, made.size, float(shares[0]))
        numbers = np.array([names.index(name) for name in made.shares], np.uint8)
        where = codes == code
        found[where] = numbers[np.searchsorted(shares[:-1], part[where], side="right")]
    return found


def reflectance(codes: NDArray[np.integer], *, seed: int) -> NDArray[np.float32]:
    """Surface reflectance float32 (band, y, x) of CORINE level-3 codes (y, x); 0 where the code is 0."""
    canvas = Canvas(np.random.default_rng(seed), codes.shape)
    palette = spectra()
    material = materials(canvas, codes, list(palette))
    parcel = canvas.plots(12)
    light = LIGHT * canvas.rng.standard_normal(int(parcel.max()) + 1, np.float32)
    values = np.empty((len(BANDS), *codes.shape), np.float32)
    for band, of_material in enumerate(np.stack(list(palette.values())).T):
        tint = light + TINT * canvas.rng.standard_normal(len(light), np.float32)
        grain = GRAIN * canvas.rng.standard_normal(codes.shape, np.float32)
        values[band] = of_material[material] * np.exp(tint[parcel] + grain)
    return np.asarray(blurred(values) * (codes > 0), np.float32)


def codes_at(place: Place, grid: GeoGrid, folder: Path) -> NDArray[np.int16]:
    """CORINE's codes at the pixels of a grid, int16 (y, x), 0 where it says nothing."""
    labels = label_map(folder / place.file, to_level(L3, 3)).on(grid).labels
    return np.append(np.array(L3.codes, np.int16), np.int16(0))[labels]


def write(values: NDArray[np.float32], grid: GeoGrid, path: Path) -> None:
    """A GeoTIFF of counts, uint16 (band, y, x), reflectance * 10000, 0 = no data."""
    rows_, cols = grid.shape
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint16", count=len(BANDS), height=rows_, width=cols, crs=grid.crs,
        transform=grid.transform, nodata=0, tiled=True, blockxsize=256, blockysize=256, interleave="band",
    ) as image:  # fmt: skip
        image.write(np.clip(np.rint(values * QUANTIFICATION), 0, 65_535).astype(np.uint16))


def main(folder: Path, out: Path, places: Mapping[str, Place] = PLACES) -> None:
    """Write a scene of each place."""
    out.mkdir(parents=True, exist_ok=True)
    for seed, (name, place) in enumerate(places.items()):
        grid = place.grid()
        write(reflectance(codes_at(place, grid, folder), seed=seed), grid, out / f"{name}.tif")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
