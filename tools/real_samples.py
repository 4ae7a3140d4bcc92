"""The real labelled Sentinel-2 pixels of the shared data as samples of one kind, to teach and to judge engines.

    python tools/real_samples.py FOLDER

FOLDER holds the data sets by name. Prints what each region holds: product level, images, pixels of each class.

Labels are given at level 1 and level 2 of CORINE; a pixel whose level 2 is not told by its source has level 1 alone.
The two places in Flanders appear twice, as medians of a season and as single dates: `region` is the same, and all
samples of a region belong on one side of a split.
"""

from __future__ import annotations

import csv
import io
import json
import sys
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pyarrow.parquet
import pyogrio.raw
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import rowcol

from ecosg_update import tables
from ecosg_update.layers import Level
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.training.bigearthnet import nomenclature, patches

L1, L2 = tables.legend("corine-l1"), tables.legend("corine-l2")
DN = 10_000
TEN = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
THIRTEEN = ("B01", *TEN[:7], "B8A", "B09", "B10", "B11", "B12")
COPERNICUS = "contains modified Copernicus Sentinel data"

WORLDCEREAL = {11: (2, 21), 13: (2, 23), 60: (1, 11)}
"""Annual crops, grassland of farms, built-up; 99 is houses, roads, trees and water together: nothing is known."""
SLOVENIA = {1: (2, 0), 2: (3, 31), 3: (2, 23), 4: (3, 32), 8: (1, 0)}
"""RABA: cultivated land may hold 21 or 22, artificial surfaces 11 or 12."""
LEIPZIG = {"urban": (1, 0), "forest": (3, 31), "pasture": (2, 23), "water": (5, 51)}
BRANDENBURG = {
    "meadow": (2, 23), "wetland": (4, 41), "farm": (2, 21), "scrub": (3, 32),
    "forest": (3, 31), "water": (5, 51), "residential": (1, 11),
}  # fmt: skip
"""OpenStreetMap; its "grass" may be a lawn in town or a pasture, and is left out."""
EUROSAT = {
    "AnnualCrop": (2, 21), "PermanentCrop": (2, 22), "Pasture": (2, 23), "Forest": (3, 31),
    "HerbaceousVegetation": (3, 32), "Highway": (1, 12), "Industrial": (1, 12), "Residential": (1, 11),
    "River": (5, 51), "SeaLake": (5, 51),
}  # fmt: skip
"""SeaLake may be 52 as well; the README of the data names these classes."""
EUROSAT_MIXED = ("Highway", "River")
"""A road or a river and what lies beside it: the class is present, no pixel is told."""
EUROSAT_WHITE = 0.275
"""Reflectance of grey level 255, from four 13-band originals (README of the data)."""
CLEAR_SCL = (4, 5, 6, 7)
CLEAR_SHARE = 0.99
"""Of a date that counts as clear."""


@dataclass(frozen=True, eq=False)
class RealSample:
    """A labelled image.

    values: float32 (band, y, x), reflectance. level1, level2: int16 (y, x), rows of CORINE's legends, -1 where not
    known. present: the codes of level 2 that occur, where only that is known. near: pixels that are neighbours in
    the image are so on the ground; where False they are single pixels of one polygon side by side.
    block: what lies together; split, kind: of EuroSAT.
    """

    name: str
    region: str
    block: str
    level: Level
    bands: tuple[str, ...]
    values: NDArray[np.float32]
    level1: NDArray[np.int16]
    level2: NDArray[np.int16]
    licence: str
    near: bool = True
    present: tuple[int, ...] = ()
    split: str = ""
    kind: str = ""

    def sample(self, level: int, bands: tuple[str, ...] | None = None) -> Sample:
        """With the labels of level 1 or 2, and some of the bands."""
        chosen = self.values if bands is None else self.values[[self.bands.index(band) for band in bands]]
        legend, labels = (L1, self.level1) if level == 1 else (L2, self.level2)
        present = None
        if self.present:
            codes = {code // 10 if level == 1 else code for code in self.present}
            present = np.isin(legend.codes, list(codes))
        return Sample(np.ascontiguousarray(chosen), labels, present)


def german(folder: Path) -> Iterator[RealSample]:
    """Single pixels of polygons of Jena and Luebeck, L1C by their values: an image of 1 x n a polygon."""
    table = pyarrow.parquet.read_table(folder / "s2_pixels_germany_wwu" / "s2_pixels.parquet")
    cells = {name: np.array(table[name].to_pylist()) for name in (*TEN, "Region", "ID", "Label", "clc_l1", "clc_l2")}
    polygons = list(zip(cells["Region"], cells["ID"].astype(int), strict=True))
    for region, number in sorted(set(polygons)):
        own = (cells["Region"] == region) & (cells["ID"].astype(int) == number)
        values = np.stack([cells[band][own] for band in TEN])[:, None] / DN
        level1, level2 = (cells[name][own].astype(int)[None] for name in ("clc_l1", "clc_l2"))
        yield RealSample(
            f"wwu/{region}/{number}", str(region), f"{region}/{number}", "L1C", TEN, values.astype(np.float32),
            L1.rows[level1], L2.rows[level2], f"GPL-3.0 (OpenGeoHub_2021); {COPERNICUS}", near=False,
        )  # fmt: skip


def flanders(folder: Path) -> Iterator[RealSample]:
    """Two places of 640 m in Flanders, medians of three seasons, surface reflectance."""
    for tile in ("31UDS_2018", "31UES_2019"):
        stem = folder / "worldcereal_s2" / f"flanders_{tile}"
        numbers, names = _raster(Path(f"{stem}_s2.tif"))
        labels = _flemish(folder, tile)
        for season in dict.fromkeys(name.split("_")[1] for name in names):
            rows = [names.index(f"{band}_{season}") for band in TEN]
            values = (numbers[rows] / DN).astype(np.float32)
            yield _flemish_sample(tile, season, values, labels)


def flanders_dates(folder: Path) -> Iterator[RealSample]:
    """The clear dates of the same two places, surface reflectance before baseline 04.00."""
    sites = {"00002806639B424A": "31UDS_2018", "0000280849BAC91C": "31UES_2019"}
    for site, tile in sites.items():
        (fine_file,) = (folder / "s2_l2a_timeseries_belgium_labels" / site).glob("S2_L2A_10m_*.nc")
        coarse_file = fine_file.with_name(fine_file.name.replace("_10m_", "_20m_"))
        labels = _flemish(folder, tile)
        with netCDF4.Dataset(fine_file) as fine, netCDF4.Dataset(coarse_file) as coarse:
            clear = np.isin(np.ma.filled(coarse["SCL"][:], 0), CLEAR_SCL).mean(axis=(1, 2)) >= CLEAR_SHARE
            for date in np.flatnonzero(clear).tolist():
                values = np.stack([_date(fine if band in fine.variables else coarse, band, date) for band in TEN])
                if values.all(axis=0).all():
                    yield _flemish_sample(tile, f"date{date:03}", values, labels)


def leipzig(folder: Path) -> Iterator[RealSample]:
    """A chip of Leipzig in 2021, surface reflectance, of which 97 pixels have a class."""
    place = folder / "s2_l2a_leipzig_landcover_points"
    numbers, names = _raster(place / "leipzig_raster.tif")
    with rasterio.open(place / "leipzig_raster.tif") as file:
        transform = file.transform
    _, _, points, (classes,) = pyogrio.raw.read(place / "leipzig_points.gpkg", columns=["land_cover"])
    codes = np.zeros((2, *numbers.shape[1:]), np.int16)
    for point, name in zip(shapely.from_wkb(points), classes, strict=True):
        row, col = rowcol(transform, shapely.get_x(point), shapely.get_y(point))
        codes[:, int(row), int(col)] = LEIPZIG[name]
    bands = tuple(name.upper() for name in names[:-1])  # the last one is NDVI
    yield RealSample(
        "leipzig", "Leipzig", "leipzig", "L2A", bands, (numbers[:-1] / DN).astype(np.float32),
        L1.rows[codes[0]], L2.rows[codes[1]], f"LGPL-3 (mlr3spatial); {COPERNICUS}",
    )  # fmt: skip


def slovenia(folder: Path) -> Iterator[RealSample]:
    """A square kilometre of Slovenia on three clear dates, top of atmosphere."""
    place = folder / "eolearn_slovenia"
    level1, level2 = _coded(np.load(place / "LULC.npy")[..., 0], SLOVENIA)
    for number, scene in enumerate(np.load(place / "REFERENCE_SCENES.npy")):
        if number >= 2:  # the first is cloud, the second partly
            values = np.ascontiguousarray(scene.transpose(2, 0, 1), np.float32)
            yield RealSample(
                f"slovenia/{number}", "Slovenia", "slovenia", "L1C", THIRTEEN, values, level1, level2,
                f"MIT (eo-learn), labels CC-BY (RABA, Ministry of Agriculture, Slovenia); {COPERNICUS}",
            )  # fmt: skip


def brandenburg(folder: Path) -> Iterator[RealSample]:
    """The Havel lakes in February 2017, top of atmosphere, where OpenStreetMap has a polygon: not wall to wall."""
    place = folder / "s2_l1c_brandenburg_jp2"
    layers = [_repeated(place / "IMG_DATA" / f"T33UUU_20170216T102101_{band}.jp2") for band in TEN]
    with rasterio.open(place / "IMG_DATA" / "T33UUU_20170216T102101_B04.jp2") as file:
        transform, shape = file.transform, file.shape
    (vector,) = place.glob("gis_osm_landuse*.gpkg")
    _, _, outlines, (kinds,) = pyogrio.raw.read(vector, columns=["fclass"])
    known = [(shapely.from_wkb(outline), kind) for outline, kind in zip(outlines, kinds, strict=True)]
    level1, level2 = _rasterised([pair for pair in known if pair[1] in BRANDENBURG], transform, shape)
    yield RealSample(
        "brandenburg", "Brandenburg", "brandenburg", "L1C", TEN, np.stack(layers), level1, level2,
        f"MIT (eo-box), polygons ODbL (OpenStreetMap contributors); {COPERNICUS}",
    )  # fmt: skip


def bigearthnet(folder: Path) -> Iterator[RealSample]:
    """Patches of BigEarthNet, surface reflectance: labelled where all CORINE classes of one lie in one class."""
    codes, _ = nomenclature()
    for place in patches(folder / "bigearthnet_s2_patches"):
        layers = [_raster(place / f"{place.name}_{band}.tif")[0][0] / np.float32(DN) for band in TEN]
        fine = max(len(layer) for layer in layers)
        values = [layer.repeat(fine // len(layer), 0).repeat(fine // len(layer), 1) for layer in layers]
        names = json.loads((place / f"{place.name}_labels_metadata.json").read_text(encoding="utf-8"))["labels"]
        level1, level2 = (
            np.full((fine, fine), legend.rows[_only({codes[name] // part for name in names})], np.int16)
            for legend, part in ((L1, 100), (L2, 10))
        )
        yield RealSample(
            f"bigearthnet/{place.name}", "BigEarthNet", place.name, "L2A", TEN, np.stack(values), level1, level2,
            f"CDLA-Permissive-1.0 (BigEarthNet), labels CORINE Land Cover 2018; {COPERNICUS}",
        )  # fmt: skip


def unlabelled(folder: Path) -> Iterator[RealSample]:
    """Two scenes of surface reflectance without any label: hills of Sicily in December, the Congo basin in July."""
    (safe,) = (folder / "s2_l2a_safe_crop_sicily").glob("S2A*/*.SAFE")
    (tiles_,) = (folder / "majortom_s2_l2a").glob("S2A*")
    for name, path, licence in (("Sicily", safe, "MIT (mapchete-eo)"), ("Congo", tiles_, "CC-BY-SA-4.0 (Major TOM)")):
        with reader(open_scene(path), TEN, 10.0, resample=True) as pixels:
            rows, cols = pixels.grid.shape
            seen = pixels.read(slice(0, rows), slice(0, cols))
        nothing = np.full(seen.valid.shape, UNLABELLED, np.int16)
        yield RealSample(
            name.lower(), name, name.lower(), "L2A", TEN, seen.values * seen.valid, nothing, nothing,
            f"{licence}; {COPERNICUS}",
        )  # fmt: skip


def eurosat(folder: Path, *, most: int | None = None) -> Iterator[RealSample]:
    """The RGB patches of EuroSAT, top of atmosphere, saturated above 0.275; at most `most` of each class and split.

    Each is a block of its own: the files carry no place, so neighbours may stand in both splits.
    """
    place = folder / "eurosat_rgb"
    with (place / "files.csv").open(newline="") as stream:
        splits = {line["path"]: line["split"] for line in csv.DictReader(stream)}
    for kind in EUROSAT:
        seen: dict[str, int] = defaultdict(int)
        with tarfile.open(place / f"{kind}.tar") as archive:
            for member in archive:
                split = splits[member.name]
                seen[split] += 1
                if most is None or seen[split] <= most:
                    content = archive.extractfile(member)
                    assert content is not None, member.name
                    yield _patch(member.name, kind, split, content.read())
                elif len(seen) == 2 and min(seen.values()) > most:
                    break


def tiles(real: RealSample, side: int) -> Iterator[RealSample]:
    """An image cut into squares of `side` pixels (the last ones smaller), each a block, unless it has no label."""
    for top in range(0, real.level1.shape[0], side):
        for left in range(0, real.level1.shape[1], side):
            at = slice(top, top + side), slice(left, left + side)
            if (real.level1[at] != UNLABELLED).any():
                block = f"{real.block}/{top // side}.{left // side}"
                yield _changed(real, block, at)


def everything(folder: Path) -> Iterator[RealSample]:
    """All but EuroSAT, image by image."""
    for source in (german, flanders, flanders_dates, leipzig, slovenia, brandenburg, bigearthnet):
        yield from source(folder)


def _changed(real: RealSample, block: str, at: tuple[slice, slice]) -> RealSample:
    cut = {"values": real.values[:, *at], "level1": real.level1[at], "level2": real.level2[at]}
    return RealSample(**{**real.__dict__, **cut, "block": block, "name": f"{real.name}@{block}"})


def _only(codes: set[int]) -> int:
    """The one code of a set, 0 where there are several."""
    return codes.pop() if len(codes) == 1 else 0


def _patch(name: str, kind: str, split: str, content: bytes) -> RealSample:
    grey = np.asarray(Image.open(io.BytesIO(content)), np.float32).transpose(2, 0, 1)  # (B04 B03 B02, y, x)
    code1, code2 = (0, 0) if kind in EUROSAT_MIXED else EUROSAT[kind]
    whole = np.ones(grey.shape[1:], np.int16)
    return RealSample(
        name, "EuroSAT", name, "L1C", ("B04", "B03", "B02"), grey / np.float32(255 / EUROSAT_WHITE),
        L1.rows[whole * code1], L2.rows[whole * code2], f"MIT (EuroSAT, Helber et al. 2019); {COPERNICUS}",
        present=(EUROSAT[kind][1],), split=split, kind=kind,
    )  # fmt: skip


def _coded(codes: NDArray[Any], table: Mapping[int, tuple[int, int]]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Rows of level 1 and level 2 of a source's codes; what the table does not name is not known."""
    found = np.zeros((2, *codes.shape), np.int16)
    for code, pair in table.items():
        found[:, codes == code] = np.array(pair, np.int16)[:, None]
    return L1.rows[found[0]], L2.rows[found[1]]


def _rasterised(
    polygons: list[tuple[Any, str]], transform: Affine, shape: tuple[int, int]
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Pixels whose centre lies in polygons of one class; where classes overlap nothing is known."""
    layers = {
        kind: rasterio.features.rasterize(
            [(outline, 1) for outline, own in polygons if own == kind], shape, transform=transform, dtype=np.uint8
        )
        for kind in sorted({kind for _, kind in polygons})
    }
    codes = np.zeros(shape, np.int16)
    for number, layer in enumerate(layers.values(), start=1):
        codes += layer.astype(np.int16) * number
    codes[sum(layer.astype(np.int16) for layer in layers.values()) > 1] = 0
    return _coded(codes, {number: BRANDENBURG[kind] for number, kind in enumerate(layers, start=1)})


def _flemish(folder: Path, tile: str) -> NDArray[Any]:
    labels, _ = _raster(folder / "worldcereal_s2" / f"flanders_{tile}_labels.tif")
    return np.asarray(labels[0])


def _flemish_sample(tile: str, when: str, values: NDArray[np.float32], labels: NDArray[Any]) -> RealSample:
    level1, level2 = _coded(labels, WORLDCEREAL)
    region = f"Flanders {tile.partition('_')[0]}"
    licence = f"MIT (ESA WorldCereal), labels of the Flemish parcel survey; {COPERNICUS}"
    return RealSample(f"flanders/{tile}/{when}", region, region, "L2A", TEN, values, level1, level2, licence)


def _date(file: Any, band: str, date: int) -> NDArray[np.float32]:
    """A band of a date at 10 m, reflectance, 0 where nothing was measured."""
    layer = np.ma.filled(file[band][date].astype(np.float32), 0)
    times = 64 // len(layer)
    return np.asarray(layer.repeat(times, 0).repeat(times, 1), np.float32)


def _raster(path: Path) -> tuple[NDArray[Any], list[str]]:
    with rasterio.open(path) as file:
        return file.read(), list(file.descriptions)


def _repeated(path: Path) -> NDArray[np.float32]:
    """A band at 10 m, each coarser pixel repeated."""
    with rasterio.open(path) as file:
        times = round(file.transform.a / 10)
        layer = (file.read(1) / DN).astype(np.float32)
    return np.asarray(layer.repeat(times, 0).repeat(times, 1))


def main(folder: Path) -> None:
    """Print what each region holds."""
    images: dict[tuple[str, str], int] = defaultdict(int)
    counts: dict[tuple[str, str], NDArray[np.int64]] = defaultdict(lambda: np.zeros(len(L2) + 1, np.int64))
    for real in everything(folder):
        key = real.region, real.level
        images[key] += 1
        known = real.level2[real.level1 != UNLABELLED]
        counts[key] += np.bincount(known % (len(L2) + 1), minlength=len(L2) + 1)
    for key, number in sorted(images.items()):
        held = zip([*L2.codes, "level 1 only"], counts[key], strict=True)
        print(*key, f"{number} images:", ", ".join(f"{code}: {count}" for code, count in held if count))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
