"""A training set on the disk, read sample by sample: shards of pixels, an index, and a manifest.

The folder holds `manifest.json`, `index.csv` and shards `SPLIT-NNNNN.safetensors`, in each of which a sample NAME is
two arrays: `NAME/values`, uint16 (band, y, x) as `coding` stores them (a band of zeros is absent), and `NAME/labels`,
int16 (y, x), rows of the legend, -1 where nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from safetensors import SafetensorError, safe_open

from ecosg_update.errors import FormatError
from ecosg_update.legend import Legend
from ecosg_update.sample import Sample
from ecosg_update.training import coding, entry
from ecosg_update.training.entry import Entry

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANIFEST = "manifest.json"
INDEX = "index.csv"
FORMAT = 2
"""Changes when a reader of the older folders would misread the newer. 2: samples may lack bands."""
READABLE = (1, 2)
"""The formats that mean the same to this reader."""

StoreLevel = Literal["L1C", "L2A", "mixed"]


@dataclass(frozen=True, eq=False)
class Store:
    """A training set.

    level: the product level of all samples, or "mixed" (each entry then says its own). pixel_m: size of a pixel,
    metres. index: every sample, in the order in which it was written.
    """

    folder: Path
    manifest: dict[str, Any]
    legend: Legend
    bands: tuple[str, ...]
    level: StoreLevel
    pixel_m: float
    index: tuple[Entry, ...]

    @cached_property
    def _of_split(self) -> dict[str, tuple[Entry, ...]]:
        return {name: tuple(line for line in self.index if line.split == name) for name in entry.SPLITS}

    def entries(self, split: str) -> tuple[Entry, ...]:
        """The samples of "train", "val" or "test" (FormatError for another), in the order of `samples`."""
        if split not in self._of_split:
            raise FormatError(f"{self.folder}: has no split {split!r}, it has {', '.join(entry.SPLITS)}")
        return self._of_split[split]

    def samples(self, split: str) -> Samples:
        """The samples of a split, each read from the disk when it is asked for."""
        return Samples(self.folder, self.entries(split), self.legend, len(self.bands))

    def weights(self, split: str) -> NDArray[np.float64]:
        """float64 (sample,): how often to draw each, mean 1."""
        return np.array([line.weight for line in self.entries(split)], np.float64)

    def counts(self, split: str) -> NDArray[np.int64]:
        """int64 (sample, class): the labelled pixels of each."""
        lines = [line.counts for line in self.entries(split)]
        return np.array(lines, np.int64).reshape(len(lines), len(self.legend))


class Samples(Sequence[Sample]):
    """A lazy sequence: nothing but the index is in memory, and it may be sent to other processes."""

    def __init__(self, folder: Path, entries: tuple[Entry, ...], legend: Legend, bands: int) -> None:
        """`Store.samples` is the door."""
        self._folder = folder
        self._entries = entries
        self._legend = legend
        self._bands = bands
        self._shards: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Open files stay in their own process."""
        return self.__dict__ | {"_shards": {}}

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, at: int) -> Sample: ...

    @overload
    def __getitem__(self, at: slice) -> Samples: ...

    def __getitem__(self, at: int | slice) -> Sample | Samples:
        if isinstance(at, slice):
            return Samples(self._folder, self._entries[at], self._legend, self._bands)
        line = self._entries[at]
        numbers, labels = self._pixels(line)
        return Sample(coding.reflectance(numbers), labels, self._present(line))

    def _pixels(self, line: Entry) -> tuple[NDArray[np.uint16], NDArray[np.int16]]:
        path = self._folder / line.shard
        try:
            shard = self._shards.get(line.shard) or self._shards.setdefault(line.shard, safe_open(path, "numpy"))
            numbers, labels = shard.get_tensor(f"{line.name}/values"), shard.get_tensor(f"{line.name}/labels")
        except (OSError, SafetensorError) as error:
            raise FormatError(f"{path}: {line.name} cannot be read ({error}); prepare the set again") from error
        shapes = numbers.shape, labels.shape
        if shapes != ((self._bands, *line.shape), line.shape) or numbers.dtype != np.uint16:
            raise FormatError(
                f"{path}: {line.name} has shapes {shapes}, not those of the index; prepare the set again"
            )
        return numbers, labels

    def _present(self, line: Entry) -> NDArray[np.bool_] | None:
        if line.present is None:
            return None
        present = np.zeros(len(self._legend), np.bool_)
        present[[self._legend.index(code) for code in line.present]] = True
        return present


def opened(folder: Path | str) -> Store:
    """The training set in a folder; FormatError for another folder, or one that lacks a shard of its index."""
    folder = Path(folder)
    manifest = _manifest(folder)
    try:
        legend = _legend(manifest["legend"])
        bands, level, pixel_m = tuple(manifest["bands"]), manifest["level"], float(manifest["pixel_m"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{folder / MANIFEST}: {error!r} is missing or wrong; prepare the set again") from error
    index = entry.read(folder / INDEX, legend.codes)
    absent = sorted(name for name in {line.shard for line in index} if not (folder / name).is_file())
    if absent:
        raise FormatError(
            f"{folder}: {', '.join(absent[:3])} of its {INDEX} is missing; copy it whole or prepare again"
        )
    return Store(folder, manifest, legend, bands, level, pixel_m, index)


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FormatError(
            f"{folder}: is no training set ({MANIFEST}: {error}); make one with `ecosg-update train prepare`"
        ) from error
    version = found.get("format") if isinstance(found, dict) else None
    if version not in READABLE:
        expected = " or ".join(map(str, READABLE))
        raise FormatError(
            f"{path}: is format {version}, expected {expected}; prepare the set again with this version"
        )
    return dict(found)


def legend_document(legend: Legend) -> dict[str, Any]:
    """A legend as plain values for the manifest; `opened` makes it a Legend again."""
    colours = ["#" + bytes(colour).hex() for colour in legend.colours]
    columns = {"codes": legend.codes, "names": legend.names, "group": legend.group, "priority": legend.priority}
    return {"name": legend.name, "colours": colours, **{name: list(cells) for name, cells in columns.items()}}


def _legend(document: dict[str, Any]) -> Legend:
    colours = tuple((red, green, blue) for red, green, blue in map(_rgb, document["colours"]))
    columns = (tuple(document[name]) for name in ("group", "priority"))
    group, priority = columns
    return Legend(document["name"], tuple(document["codes"]), tuple(document["names"]), colours, group, priority)


def _rgb(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("#"))
