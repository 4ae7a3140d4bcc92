"""The training sets of the default engine, from the shared data: patches of EuroSAT, and all real pixels mixed.

    python tools/engine_set.py DATA SETS

DATA holds the data sets by name. In SETS appear `eurosat` (RGB, one class a patch: a classifier's set) and `mixed`
(ten bands, pixels of level 2), for `tools/engine.toml`. `without` makes the view of `mixed` that a region leaves
nothing in, neither labels nor what a teacher says of its scenes.

`mixed` draws, by the weights of its samples, from four kinds:

- euro: patches of EuroSAT whose class all pixels share; their other seven bands are absent;
- quilt: single pixels of the German polygons laid side by side in squares, as they have no neighbours of their own;
- label: scenes with labelled pixels, drawn by class, however many or few pixels a class has;
- teacher: scenes without labels where Dynamic World is sure. Where it sees a built area, the local climate zones of
  So2Sat say whether it is industry (zones 8 and 10) or housing.

Cultivated land in Slovenia is taken for arable land (21), artificial surfaces there and in Leipzig for urban fabric
(11): the sources tell level 1 alone.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecosg_update.legend import Legend
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.scoring.contestant import Contestant, network
from ecosg_update.segment.weights import published
from ecosg_update.training import entry
from ecosg_update.training.entry import Entry
from ecosg_update.training.store import INDEX, MANIFEST, opened
from ecosg_update.training.writer import Layout, Writer, writing
from tools.real_samples import EUROSAT, L1, L2, TEN, RealSample, eurosat, everything, unlabelled

RGB = ("B04", "B03", "B02")
PATCHES = Legend(
    "eurosat", tuple(range(1, len(EUROSAT) + 1)), tuple(EUROSAT), tuple(L2.colours[: len(EUROSAT)]),
    tuple(EUROSAT), tuple(range(1, len(EUROSAT) + 1)),
)  # fmt: skip
"""The ten classes that the patches were published with, so that the classifier compares with published ones."""
SIDE = 64
"""Pixels of a patch of EuroSAT, and of the crops."""
LARGEST = 192
"""Scenes are cut into parts of at most about this side, so that a crop costs little to read."""
QUILTS = 3000
KINDS = {"euro": 0.30, "quilt": 0.25, "label": 0.25, "teacher": 0.20}
"""How often each kind is drawn."""
COMMON = {11: 0.15, 12: 0.10, 21: 0.19, 22: 0.07, 23: 0.15, 31: 0.14, 32: 0.08, 51: 0.12}
"""How often each class is drawn: rare ones more often than they are in European landscapes, common ones less."""
SURE = 0.5
"""Of a teacher's probability: below it nothing is learned."""
OF_TEACHER = {1: 51, 2: 31, 3: 23, 5: 21, 6: 32, 7: 11}
"""CORINE of Dynamic World's classes; flooded plants, bare ground and snow are nothing that can be told here."""
INDUSTRY = (8, 10)
"""Local climate zones of large low and of heavy industry buildings."""
COMMONEST = {("Slovenia", 1): 11, ("Slovenia", 2): 21, ("Leipzig", 1): 11}
"""Level 2 of a region's labels that tell level 1 alone."""
TOLD = (11, 12, 21, 22, 23, 31, 32, 51)
"""What is learned. Wetlands are in one place alone, in February, which is too little."""


@dataclass(frozen=True, eq=False)
class Line:
    """A sample of the set and where it belongs."""

    name: str
    kind: str
    region: str
    block: str
    level: str
    split: str
    sample: Sample


def classifier_set(folder: Path, target: Path) -> None:
    """The patches of EuroSAT, each with which of its ten classes it is: no pixel has a label."""
    with writing(target, Layout(PATCHES, RGB, "L1C", 10.0), overwrite=True) as writer:
        for real in eurosat(folder):
            nothing = np.full(real.level2.shape, UNLABELLED, np.int16)
            sample = Sample(real.values, nothing, np.array([name == real.kind for name in PATCHES.names]))
            _add(writer, Line(real.name, "euro", real.region, real.block, real.level, real.split, sample))
        weights = _even([line.present for line in writer.index])
        writer.finish(weights, {"what": "EuroSAT, RGB", "kinds": {"euro": 1.0}})


def mixed_set(folder: Path, target: Path, *, seed: int = 0) -> None:
    """All that is known."""
    with writing(target, Layout(L2, TEN, "mixed", 10.0), overwrite=True) as writer:
        for line in _lines(folder, np.random.default_rng(seed)):
            _add(writer, line)
        manifest = {"what": "real pixels, EuroSAT and teachers", "kinds": KINDS, "classes": COMMON, "held": []}
        writer.finish(_weights(writer.index), manifest)


def without(full: Path, target: Path, held: Sequence[str]) -> None:
    """The set `full` but for some regions, in a new folder `target`; the shards are shared (hard links)."""
    store = opened(full)
    left = [line for line in store.index if _region(line) not in held]
    target.mkdir(parents=True)
    for name in sorted({line.shard for line in left}):
        os.link(full / name, target / name)
    lines = [replace(line, weight=float(one)) for line, one in zip(left, _weights(left), strict=True)]
    entry.write(lines, store.legend.codes, target / INDEX)
    manifest = store.manifest | {"held": list(held)}
    (target / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _lines(folder: Path, rng: np.random.Generator) -> Iterator[Line]:
    for real in eurosat(folder):
        if (real.level2 != UNLABELLED).any():
            yield Line(real.name, "euro", real.region, real.block, real.level, real.split, _widened(real))
    known = list(everything(folder))
    yield from _quilts([real for real in known if not real.near], rng)
    teachers = _Teachers.of(folder)
    scenes = [real for real in known if real.near]
    for real in [*scenes, *unlabelled(folder)]:
        labels = _specific(real)
        told = np.where(labels == UNLABELLED, teachers.labels(real), labels)
        for kind, marked in (("label", labels), ("teacher", told)):
            for number, at in enumerate(_parts(marked.shape)):
                if (marked[at] != UNLABELLED).any():
                    sample = Sample(np.ascontiguousarray(_widened(real).values[:, *at]), marked[at].copy())
                    name = f"{kind}/{real.name}/{number}"
                    yield Line(name, kind, real.region, f"{real.block}/{number}", real.level, "train", sample)


@dataclass(frozen=True, eq=False)
class _Teachers:
    """Dynamic World for vegetation and water, So2Sat for towns."""

    land: Contestant
    town: Contestant

    @classmethod
    def of(cls, folder: Path) -> _Teachers:
        """With the published weights of the shared data."""
        land = published(folder=folder / "weights_dynamicworld" / "forward" / "variables")
        town = published("so2sat-lcz", folder=folder / "weights_so2sat_lcz")
        return cls(network("dynamicworld", land, TEN, 10.0), network("so2sat-lcz", town, TEN, 10.0))

    def labels(self, real: RealSample) -> NDArray[np.int16]:
        """int16 (y, x), rows of CORINE's level 2, -1 where the teachers are not sure or lack a band."""
        told = np.full(real.level2.shape, UNLABELLED, np.int16)
        if not set(TEN) <= set(real.bands):
            return told
        values = real.sample(2, TEN).values
        land = self.land.probabilities(values, real.level)
        town = np.array(self.town.legend.codes)[self.town.probabilities(values, real.level).argmax(axis=0)]
        sure, codes = land.max(axis=0) >= SURE, np.array(self.land.legend.codes)[land.argmax(axis=0)]
        for code, meant in OF_TEACHER.items():
            told[sure & (codes == code)] = L2.index(meant)
        told[(told == L2.index(11)) & np.isin(town, INDUSTRY)] = L2.index(12)
        return told


def _specific(real: RealSample) -> NDArray[np.int16]:
    """The labels of level 2; where only level 1 is known, the commonest of it."""
    labels = np.where(np.isin(real.level2, L2.rows[list(TOLD)]), real.level2, np.int16(UNLABELLED))
    for (region, code), commonest in COMMONEST.items():
        if region == real.region:
            labels[(labels == UNLABELLED) & (real.level1 == L1.index(code))] = L2.index(commonest)
    return labels


def _widened(real: RealSample) -> Sample:
    """The sample in ten bands; those that it has not are NaN, which means absent."""
    values = np.full((len(TEN), *real.level1.shape), np.nan, np.float32)
    for row, band in enumerate(TEN):
        if band in real.bands:
            values[row] = real.values[real.bands.index(band)]
    return Sample(values, _specific(real))


def _quilts(polygons: Sequence[RealSample], rng: np.random.Generator) -> Iterator[Line]:
    """Squares of single pixels: one, four or sixteen fields, each the pixels of one polygon in any order."""
    regions = sorted({real.region for real in polygons})
    for number in range(QUILTS if regions else 0):
        region = regions[number % len(regions)]
        own = [real for real in polygons if real.region == region]
        classes = sorted({int(real.level2[0, 0]) for real in own})
        chances = np.array([COMMON[L2.codes[label]] for label in classes])
        chances /= chances.sum()
        fields = int(rng.choice([1, 2, 4]))
        side = SIDE // fields
        values = np.zeros((len(TEN), SIDE, SIDE), np.float32)
        labels = np.zeros((SIDE, SIDE), np.int16)
        for top in range(0, SIDE, side):
            for left in range(0, SIDE, side):
                label = int(rng.choice(classes, p=chances))
                alike = [real for real in own if real.level2[0, 0] == label]
                field = alike[int(rng.integers(len(alike)))]
                grain = int(rng.integers(1, 9))
                drawn = rng.integers(field.level2.size, size=(side // grain + 1,) * 2)
                drawn = drawn.repeat(grain, axis=0).repeat(grain, axis=1)[:side, :side]
                at = slice(top, top + side), slice(left, left + side)
                values[:, *at], labels[at] = field.values[:, 0, drawn], label
        yield Line(f"quilt/{number}", "quilt", region, region, "L1C", "train", Sample(values, labels))


def _parts(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """An image in parts of nearly equal sides."""
    rows, cols = (
        np.linspace(0, size, max(1, round(size / LARGEST)) + 1).astype(int).tolist() for size in (shape[0], shape[1])
    )
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            yield slice(top, bottom), slice(left, right)


def _add(writer: Writer, line: Line) -> None:
    place = Entry(
        line.name, line.split, "", f"{line.kind}:{line.region}", line.level, line.block, "", 0.0, 0.0,
        (0, 0), 1.0, None, (),
    )  # fmt: skip
    writer.add(line.sample, place)


def _even(classes: Sequence[object]) -> NDArray[np.float64]:
    """A weight a sample, so that all classes are drawn alike; mean 1."""
    counts: dict[object, int] = defaultdict(int)
    for one in classes:
        counts[one] += 1
    weights = np.array([1 / counts[one] for one in classes])
    return weights / weights.mean()


def _kind(line: Entry) -> str:
    return line.source.partition(":")[0]


def _region(line: Entry) -> str:
    return line.source.partition(":")[2]


def _weights(index: Sequence[Entry]) -> NDArray[np.float64]:
    """A weight a sample: the share of its kind, within it by `COMMON`, and alike for each region of a class."""
    pixels = np.array([line.counts for line in index], np.float64)  # (sample, class)
    weights = np.zeros(len(index))
    for kind, share in KINDS.items():
        rows = [row for row, line in enumerate(index) if line.split == "train" and _kind(line) == kind]
        if rows:
            weights[rows] = share * _of_kind(pixels[rows], [index[row].source for row in rows], kind)
    weights[weights == 0] = weights[weights > 0].mean()  # what is not trained on is not drawn either
    return weights / weights.mean()


def _of_kind(pixels: NDArray[np.float64], regions: Sequence[str], kind: str) -> NDArray[np.float64]:
    """Weights (sample,) with sum 1 of labelled pixels (sample, class)."""
    common = np.array([COMMON.get(code, 0.0) for code in L2.codes])
    if kind == "teacher":  # what is common may be drawn often: there is enough of everything
        root = np.sqrt(pixels.sum(axis=1))
        return np.asarray(root / root.sum())
    weights = np.zeros(len(pixels))
    for column in np.flatnonzero(pixels.sum(axis=0)):
        holders = sorted({region for region, own in zip(regions, pixels[:, column], strict=True) if own})
        for region in holders:
            own = np.where([name == region for name in regions], pixels[:, column], 0)
            weights += common[column] * own / own.sum() / len(holders)
    return np.asarray(weights / weights.sum())


def main() -> None:
    """Write both sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("sets", type=Path)
    given = parser.parse_args()
    given.sets.mkdir(parents=True, exist_ok=True)
    classifier_set(given.data, given.sets / "eurosat")
    mixed_set(given.data, given.sets / "mixed")


if __name__ == "__main__":
    main()
