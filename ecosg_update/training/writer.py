"""Writes a training set as it arrives: what is in memory is one shard of each split."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import save_file

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic, folder
from ecosg_update.legend import Legend
from ecosg_update.training import coding, entry
from ecosg_update.training.entry import SPLITS, Entry
from ecosg_update.training.store import FORMAT, INDEX, MANIFEST, StoreLevel, legend_document

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.sample import Sample

SHARD_BYTES = 64 * 2**20
"""A shard is closed when it holds this much."""


@dataclass(eq=False)
class _Shard:
    """The arrays that wait for the next file of a split."""

    number: int = 0
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    bytes: int = 0


@dataclass(frozen=True, eq=False)
class Layout:
    """What all samples of a set share."""

    legend: Legend
    bands: tuple[str, ...]
    level: StoreLevel
    pixel_m: float


class Writer:
    """A training set that is being written; `writing` is the door."""

    def __init__(self, part: Path, layout: Layout, shard_bytes: int) -> None:
        """part: the folder that is filled."""
        self.layout = layout
        self.index: list[Entry] = []
        self._part = part
        self._shard_bytes = shard_bytes
        self._shards = {split: _Shard() for split in SPLITS}
        self._names: set[str] = set()

    def add(self, sample: Sample, line: Entry) -> None:
        """Store a sample. The line's shard, shape, counts and present are set here from what is stored."""
        if line.name in self._names:
            raise OutputError(f"sample {line.name}: stands twice among the sources; name each source once")
        self._names.add(line.name)
        shard = self._shards[line.split]
        pixels = {f"{line.name}/values": coding.stored(sample.values), f"{line.name}/labels": sample.labels.copy()}
        shard.arrays |= pixels
        shard.bytes += sum(array.nbytes for array in pixels.values())
        self.index.append(self._completed(sample, replace(line, shard=_name(line.split, shard.number))))
        if shard.bytes >= self._shard_bytes:
            self._flush(line.split)

    def finish(self, weights: NDArray[np.float64], manifest: dict[str, Any]) -> None:
        """Write what waits, the index with its weights (float64, in the order of `index`), and the manifest."""
        for split in SPLITS:
            self._flush(split)
        layout = self.layout
        lines = (replace(line, weight=float(weight)) for line, weight in zip(self.index, weights, strict=True))
        shared = {"format": FORMAT, "bands": list(layout.bands), "level": layout.level, "pixel_m": layout.pixel_m}
        document = shared | {"legend": legend_document(layout.legend)} | manifest
        with atomic.reported(self._part):
            entry.write(lines, layout.legend.codes, self._part / INDEX)
            (self._part / MANIFEST).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def _completed(self, sample: Sample, line: Entry) -> Entry:
        legend = self.layout.legend
        counts = np.bincount(sample.labels[sample.labels >= 0], minlength=len(legend))
        codes = None
        if sample.present is not None:
            codes = tuple(code for code, there in zip(legend.codes, sample.present, strict=True) if there)
        shape = (sample.labels.shape[0], sample.labels.shape[1])
        return replace(line, shape=shape, present=codes, counts=tuple(map(int, counts)))

    def _flush(self, split: str) -> None:
        shard = self._shards[split]
        if not shard.arrays:
            return
        path = self._part / _name(split, shard.number)
        with atomic.reported(path, shard.bytes):
            save_file(shard.arrays, path)
        self._shards[split] = _Shard(shard.number + 1)


@contextmanager
def writing(
    target: Path, layout: Layout, *, overwrite: bool = False, shard_bytes: int = SHARD_BYTES
) -> Iterator[Writer]:
    """A writer into `target`, which appears, whole, when the block ends well; errors are those of `folder.part`."""
    with folder.part(target, overwrite=overwrite) as part:
        yield Writer(part, layout, shard_bytes)


def _name(split: str, number: int) -> str:
    return f"{split}-{number:05}.safetensors"
