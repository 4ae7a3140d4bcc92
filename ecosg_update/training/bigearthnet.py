"""BigEarthNet v1 and v2 (reBEN) as sources, in their published layouts.

v1: a folder for each patch with a GeoTIFF for each band and `*_labels_metadata.json`. v2: the same folders, one
level deeper in a folder for each tile, without the json; `metadata.parquet` names labels, split, country and flags,
and `Reference_Maps` hold CORINE level 3 for each pixel. Sources: Sumbul et al. 2019 and 2021, Clasen et al. 2024.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import FormatError
from ecosg_update.formats import geotiff, parquet
from ecosg_update.sample import UNLABELLED
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import reader
from ecosg_update.training.labelling import Labelling
from ecosg_update.training.labelmap import LabelMap, Labels
from ecosg_update.training.piece import Piece
from ecosg_update.training.scenes import Wanted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.layers import Reflectance

SPLITS = {"train": "train", "validation": "val", "test": "test"}
FLAGS = {"contains_cloud_or_shadow": "cloud", "contains_seasonal_snow": "snow"}
COLUMNS = ("patch_id", "labels", "split", "country", "s2v1_name", *FLAGS)
MAP = "_reference_map.tif"
LABELS = "_labels_metadata.json"


@dataclass(frozen=True, eq=False)
class Metadata:
    """`metadata.parquet`, found by the names of both versions."""

    path: Path
    table: parquet.Table
    rows: Mapping[str, int]

    def of(self, patch: str) -> dict[str, Any]:
        """What it says of a patch, {} where it does not know it."""
        return parquet.row(self.table, self.rows[patch]) if patch in self.rows else {}


def metadata(path: Path) -> Metadata:
    """The published table; FormatError for another file."""
    found = parquet.table(path, COLUMNS)
    rows = {name: number for column in ("s2v1_name", "patch_id") for number, name in _numbered(found, column)}
    return Metadata(path, found, rows)


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of one version below a folder.

    folders: the folder of each patch. labelling: from CORINE level 3. known: the published table. maps: the folder
    of v2's reference maps; without it a patch has only the labels of the whole.
    """

    name: str
    folders: tuple[Path, ...]
    wanted: Wanted
    labelling: Labelling
    known: Metadata | None = None
    maps: Path | None = None

    @property
    def inputs(self) -> list[Path]:
        """The table; what the patches held is in the manifest's digest of the pixels."""
        return [self.known.path] if self.known else []

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed of the first patch holds for all."""
        return open_scene(self.folders[0]).assumed

    def __len__(self) -> int:
        return len(self.folders)

    def pieces(self) -> Iterator[Piece]:
        """The patches by name."""
        for folder in self.folders:
            scene = open_scene(folder)
            self.wanted.check(scene)
            with reader(scene, self.wanted.bands, self.wanted.pixel_m, resample=True, threads=1) as pixels:
                rows, cols = (slice(0, size) for size in pixels.grid.shape)
                yield self._piece(folder, pixels.read(rows, cols))

    def _piece(self, folder: Path, seen: Reflectance) -> Piece:
        said = self.known.of(folder.name) if self.known else {}
        known, present = self._labels(folder, seen, said)
        return Piece(
            f"{self.name}/{folder.name}",
            seen.values,
            seen.valid,
            known.labels,
            known.edge_m,
            known.pure,
            seen.grid,
            seen.level,
            present=present,
            flags=frozenset(flag for column, flag in FLAGS.items() if said.get(column)),
            country=said.get("country") or "",
            split=SPLITS.get(said.get("split") or "", ""),
        )

    def _labels(
        self, folder: Path, seen: Reflectance, said: Mapping[str, Any]
    ) -> tuple[Labels, NDArray[np.bool_] | None]:
        """Labels and the classes that are present: of the map of the patch, else of its json, else of the table."""
        classes = np.arange(len(self.labelling.target))
        if self.maps is not None:
            known = LabelMap(geotiff.codes(_map(self.maps, folder)), self.labelling).on(
                seen.grid, reach_m=self.wanted.reach_m, pure=self.wanted.pure
            )
            return known, np.isin(classes, known.labels) if (known.labels >= 0).all() else None
        label_file = folder / f"{folder.name}{LABELS}"
        if label_file.is_file():
            codes = [_code(name, label_file) for name in _names(label_file)]
            rows = [self.labelling.row([code]) for code in codes]
            return uniform(self.labelling.row(codes), seen.grid.shape), np.isin(classes, rows)
        rows = [self.labelling.row(codes) for codes in _merged(said.get("labels", ()))]
        known = uniform(UNLABELLED, seen.grid.shape)
        return known, np.isin(classes, rows) if rows and UNLABELLED not in rows else None


def uniform(row: int, shape: tuple[int, int]) -> Labels:
    """The same label everywhere."""
    labels = np.full(shape, row, np.int16)
    return Labels(labels, np.full(shape, np.inf, np.float32), np.ones(shape, np.bool_))


def patches(folder: Path) -> tuple[Path, ...]:
    """The folders of patches at any depth, by name: each holds files that begin with its own name and end in a band.

    Raises FormatError where there is none.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        if f"{Path(place).name}_B02.tif" in files:
            found.append(Path(place))
            folders.clear()
    if not found:
        raise FormatError(
            f"{folder}: holds no patch of BigEarthNet (a folder NAME with NAME_B02.tif in it); check the path"
        )
    return tuple(sorted(found, key=lambda path: path.name))


@lru_cache(maxsize=1)
def nomenclature() -> tuple[dict[str, int], dict[str, tuple[int, ...]]]:
    """CORINE level 3 of v1's 43 names, and of v2's 19, from `tables/bigearthnet.csv`."""
    lines = tables.rows(tables.path("bigearthnet.csv"), ("code", "v1", "v2", "source"))
    merged: dict[str, tuple[int, ...]] = {}
    for line in lines:
        merged[line["v2"]] = (*merged.get(line["v2"], ()), int(line["code"]))
    return {line["v1"]: int(line["code"]) for line in lines}, merged


def _map(maps: Path, folder: Path) -> Path:
    """The reference map of a patch: beside its tile as published, or in one folder."""
    name, tile = folder.name, folder.name.rsplit("_", 2)[0]
    places = (maps / tile / name, maps / name, maps / tile, maps)
    found = next((path for place in places if (path := place / f"{name}{MAP}").is_file()), None)
    if found is None:
        raise FormatError(f"{maps}: has no {tile}/{name}/{name}{MAP}; unpack Reference_Maps whole, or leave maps out")
    return found


def _names(path: Path) -> list[str]:
    try:
        return [str(name) for name in json.loads(path.read_text(encoding="utf-8"))["labels"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: is no label file of BigEarthNet v1 ({error!r}); unpack it again") from error


def _code(name: str, path: Path) -> int:
    codes, _ = nomenclature()
    if name not in codes:
        raise FormatError(f"{path}: {name!r} is none of the 43 names of BigEarthNet; see tables/bigearthnet.csv")
    return codes[name]


def _merged(names: Iterable[str]) -> list[tuple[int, ...]]:
    _, merged = nomenclature()
    unknown = [name for name in names if name not in merged]
    if unknown:
        raise FormatError(
            f"metadata: {unknown[0]!r} is none of the 19 names of BigEarthNet v2; give the published table"
        )
    return [merged[name] for name in names]


def _numbered(found: parquet.Table, column: str) -> Iterator[tuple[int, str]]:
    return enumerate(found.column(column).to_pylist())
