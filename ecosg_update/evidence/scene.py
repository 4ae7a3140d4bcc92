"""A scene seen by an engine as evidence. Torch is imported when a scene is opened and nowhere before."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.config import DEFAULT_ENGINE, EngineSection, SceneSection
from ecosg_update.errors import SceneError
from ecosg_update.evidence.conflict import agreed
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.layers import Prediction, Reflectance
from ecosg_update.legend import Legend
from ecosg_update.patch.aggregate import Mass
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.scene.product import Scene
    from ecosg_update.scene.read import SceneReader
    from ecosg_update.segment.engine import Engine

log = logging.getLogger(__name__)

STAND_INS = {"B08": "B8A"}
"""Products of R60m bands have no B08; B8A sees the same near infrared, narrower."""

SURROUND_PIXEL_M = 60.0
"""Pixel size at which the surroundings of each pixel are averaged over a kilometre, metres."""


@contextmanager
def scene_evidence(scene: SceneSection, engine: EngineSection) -> Iterator[SceneEvidence]:
    """A scene and an engine, open for reading. Torch is imported here and nowhere before."""
    from ecosg_update.scene.discover import open_scene  # noqa: PLC0415
    from ecosg_update.scene.read import reader  # noqa: PLC0415

    product = open_scene(
        scene.path,
        bands=scene.bands,
        level=scene.level,
        quantification=scene.quantification,
        offset=scene.offset,
    )
    _check_whole(scene.path)
    network = _engine(engine)
    card = network.card
    with reader(
        product, card.bands, card.pixel_m, resample=True, stand_ins=STAND_INS, optional=card.optional
    ) as pixels:
        notes = [*product.assumed, *(f"{other} stands in for {band}" for band, other in pixels.stand_ins.items())]
        if pixels.resampled:
            notes.append(f"resampled to {card.pixel_m:g} m, for want of finer files: {', '.join(pixels.resampled)}")
        absent = [band for band in card.bands if band not in pixels.bands]
        if absent:
            notes.append(f"the scene has no {', '.join(absent)}: the engine was trained to do without")
        prepare = None
        if card.level == "L1C" and product.level == "L2A":
            prepare, how = _to_top_of_atmosphere(product, pixels.bands, engine)
            notes += how
        if product.scl:
            notes.append("pixels that contradict the scene classification about water do not vote")
        yield SceneEvidence(product, scene.path, pixels, network, engine.window, prepare, tuple(notes))


def _to_top_of_atmosphere(
    scene: Scene, bands: tuple[str, ...], engine: EngineSection
) -> tuple[Callable[[Reflectance], Reflectance], list[str]]:
    """What brings windows of surface reflectance to the level of an L1C engine, and how in words.

    Raises SceneError where the product says too little of its angles and its time.
    """
    from ecosg_update.scene import atmosphere, surround  # noqa: PLC0415
    from ecosg_update.scene.read import reader  # noqa: PLC0415
    from ecosg_update.scene.toa import toa  # noqa: PLC0415

    given = engine.atmosphere
    air, assumed = atmosphere.over(
        scene, aot550=given.aot550, water_vapour_cm=given.water_vapour_cm, altitude_m=given.altitude_m
    )
    with reader(scene, bands, SURROUND_PIXEL_M, resample=True, stand_ins=STAND_INS) as coarse:
        around = surround.whole(coarse)
    how = (
        "surface reflectance converted to top of atmosphere, as the engine was trained there: "
        f"sun zenith {air.sun_zenith:.1f}, AOT {air.aot550:.3f}, water vapour {air.water_vapour_cm:.2f} cm"
    )
    return (lambda window: toa(window, air, around=around)), [how, *(f"assumed {what}" for what in assumed)]


def _check_whole(path: Path) -> None:
    """Compare a SAFE with its own checksums (a second for each GB): a flipped bit decodes without an error."""
    from ecosg_update.scene.checksum import checksum_faults  # noqa: PLC0415
    from ecosg_update.scene.store import store  # noqa: PLC0415

    if not any(name.endswith("manifest.safe") for name in store(path).names):
        return
    faults = checksum_faults(path)
    if faults:
        raise SceneError(faults[0])


def _engine(section: EngineSection) -> Engine:
    from ecosg_update.segment import checkpoint, weights  # noqa: PLC0415

    if section.checkpoint is not None:
        return checkpoint.load(section.checkpoint, on=section.device)
    if section.name in (None, DEFAULT_ENGINE):
        return weights.shipped(on=section.device)
    return weights.published(section.name, folder=section.weights, on=section.device)


@dataclass(frozen=True, eq=False)
class SceneEvidence:
    """A scene seen by an engine."""

    scene: Scene
    path: Path
    pixels: SceneReader
    network: Engine
    window: int
    prepare: Callable[[Reflectance], Reflectance] | None
    notes: tuple[str, ...]

    @property
    def legend(self) -> Legend:
        """The classes of the engine."""
        return self.network.legend

    @property
    def name(self) -> str:
        """The product."""
        return self.scene.product

    @property
    def grid(self) -> GeoGrid:
        """The scene at the engine's pixel size."""
        return self.pixels.grid

    @property
    def acquired(self) -> datetime | None:
        """When the satellite passed, UTC."""
        return self.scene.acquired

    @property
    def inputs(self) -> list[Path]:
        """Every file of the product."""
        return [self.path] if self.path.is_file() else sorted(file for file in self.path.rglob("*") if file.is_file())

    @property
    def engine(self) -> dict[str, Any]:
        """The card of the engine."""
        from ecosg_update.segment.card import to_json  # noqa: PLC0415

        return dict(json.loads(to_json(self.network.card)))

    def on(self, cells: LatLonGrid, progress: Progress = silent) -> Prediction:
        """The class probabilities of `cells`: windows of the scene predicted, blended and aggregated exactly."""
        from ecosg_update.segment.predict import strips  # noqa: PLC0415

        mass = Mass.zero(self.legend, cells)
        window = self.grid.covering(cells, margin=1)
        if window is not None:
            walk = strips(self.pixels, self.network, window=window, size=self.window, prepare=self.prepare)
            top, kept_out = window[0].start, 0
            for strip in walk:
                rows = slice(top, top + strip.grid.shape[0])
                voting = agreed(strip, self.pixels.classification(rows, window[1]))
                kept_out += int(np.count_nonzero(strip.share) - np.count_nonzero(voting.share))
                mass.add(voting)
                top = rows.stop
                progress("predicting rows", top - window[0].start, window[0].stop - window[0].start)
            if self.scene.scl:
                log.info("%d pixels contradict the scene classification about water and did not vote", kept_out)
        return mass.prediction(f"{self.network.card.origin} on {self.scene.product}")

    def image(self, size: tuple[int, int], cells: LatLonGrid) -> NDArray[np.uint8] | None:
        """True colour over `cells`, None for a scene that lacks one of its bands."""
        from ecosg_update.evidence.image import BANDS, true_colour  # noqa: PLC0415

        if not set(BANDS) <= set(self.scene.bands):
            return None
        return true_colour(self.scene, size, cells)
