"""A scene and a map of classes over it as a source: tiles of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import SceneError
from ecosg_update.sample import arranged
from ecosg_update.scene.discover import open_scene
from ecosg_update.scene.read import SceneReader, reader
from ecosg_update.training.labelmap import LabelMap
from ecosg_update.training.piece import Piece

if TYPE_CHECKING:
    from ecosg_update.grid import Window
    from ecosg_update.layers import Reflectance
    from ecosg_update.scene.product import Scene
    from ecosg_update.training.labelmap import Labels


@dataclass(frozen=True)
class Wanted:
    """What every sample of a set shall be.

    bands in this order; pixel_m metres; tile: least side of a piece of a scene, pixels; level: "L1C", "L2A", or
    "mixed" where both may come. reach_m and pure: as `LabelMap.on`. optional: bands that a scene may lack.
    """

    bands: tuple[str, ...]
    pixel_m: float
    tile: int
    level: str
    reach_m: float = 0.0
    pure: bool = False
    optional: tuple[str, ...] = ()

    def reader(self, scene: Scene) -> SceneReader:
        """The scene's pixels, of those bands that it has."""
        return reader(scene, self.bands, self.pixel_m, resample=True, optional=self.optional)

    def check(self, scene: Scene) -> None:
        """SceneError for a product of another level."""
        if self.level not in ("mixed", scene.level):
            raise SceneError(
                f"scene {scene.product}: is {scene.level}, the training set is {self.level}; leave it out, or state "
                'samples.level = "mixed"'
            )


@dataclass(frozen=True, eq=False)
class SceneSource:
    """Tiles of one scene. stated: what the product does not say, as `open_scene` takes it."""

    name: str
    path: Path
    labels: LabelMap
    wanted: Wanted
    country: str = ""
    stated: dict[str, object] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Path]:
        """Every file of the product, and the map."""
        product = (
            [self.path] if self.path.is_file() else sorted(part for part in self.path.rglob("*") if part.is_file())
        )
        return [*product, self.labels.path]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed of the product, and which bands it lacks."""
        scene = self._scene()
        with self.wanted.reader(scene) as pixels:
            lacking = [band for band in self.wanted.bands if band not in pixels.bands]
        return (*scene.assumed, *(f"the scene has no {band}" for band in lacking))

    def __len__(self) -> int:
        with self.wanted.reader(self._scene()) as pixels:
            return len(list(tiles(pixels.grid.shape, self.wanted.tile)))

    def pieces(self) -> Iterator[Piece]:
        """The tiles row by row."""
        scene = self._scene()
        self.wanted.check(scene)
        with self.wanted.reader(scene) as pixels:
            for rows, cols in tiles(pixels.grid.shape, self.wanted.tile):
                seen = pixels.read(rows, cols)
                known = self.labels.on(seen.grid, reach_m=self.wanted.reach_m, pure=self.wanted.pure)
                yield self._piece(f"{self.name}/{rows.start}-{cols.start}", seen, known)

    def _scene(self) -> Scene:
        return open_scene(self.path, **self.stated)  # type: ignore[arg-type]

    def _piece(self, name: str, seen: Reflectance, known: Labels) -> Piece:
        present = None
        if (known.labels >= 0).all():
            present = np.isin(np.arange(len(self.labels.labelling.target)), known.labels)
        parts = (known.labels, known.edge_m, known.pure)
        values = arranged(seen.values, seen.bands, self.wanted.bands)
        return Piece(name, values, seen.valid, *parts, seen.grid, seen.level, present=present, country=self.country)


def tiles(shape: tuple[int, int], size: int) -> Iterator[Window]:
    """Windows that hold every pixel of an image once; sides from `size` to below twice that, or the image's own."""
    rows, cols = (_cuts(length, size) for length in shape)
    for top, bottom in pairwise(rows):
        for left, right in pairwise(cols):
            yield slice(top, bottom), slice(left, right)


def _cuts(length: int, size: int) -> list[int]:
    count = max(1, length // size)
    return [number * length // count for number in range(count + 1)]
