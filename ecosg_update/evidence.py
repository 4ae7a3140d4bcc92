"""Where the evidence of a run comes from: a scene and an engine, or a raster of classes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ecosg_update import tables
from ecosg_update.config import Config, EngineSection, LabelsSection, SceneSection
from ecosg_update.errors import SceneError
from ecosg_update.formats import geotiff
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection
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

LABEL_ROWS = 2048
"""Rows of a class raster that are read together."""

IMAGE_PIXEL_M = 60.0
"""Pixel size of the true-colour picture, metres: quick to decode from any product."""

IMAGE_BANDS = ("B04", "B03", "B02")

SURROUND_PIXEL_M = 60.0
"""Pixel size at which the surroundings of each pixel are averaged over a kilometre, metres."""

GAMMA = 0.7
"""Brightens the dark parts of the picture, as screens do for photographs."""

STAND_INS = {"B08": "B8A"}
"""Products of R60m bands have no B08; B8A sees the same near infrared, narrower."""


class Evidence(Protocol):
    """Class probabilities for any cells that are asked for."""

    @property
    def legend(self) -> Legend:
        """The classes."""
        ...

    @property
    def name(self) -> str:
        """The product or file."""
        ...

    @property
    def grid(self) -> GeoGrid:
        """Where the evidence lies, and its pixels."""
        ...

    @property
    def inputs(self) -> list[Path]:
        """The files that it is read from."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know: assumptions, stand-ins, conversions."""
        ...

    @property
    def engine(self) -> dict[str, Any] | None:
        """The card of the engine, None without one."""
        ...

    def on(self, cells: LatLonGrid, progress: Progress = silent) -> Prediction:
        """The evidence aggregated to `cells`; share 0 where there is none."""
        ...

    def image(self, size: tuple[int, int], cells: LatLonGrid) -> NDArray[np.uint8] | None:
        """uint8 (y, x, 3): true colour over `cells` at (width, height), None where there is no image."""
        ...


@contextmanager
def evidence(config: Config) -> Iterator[Evidence]:
    """The evidence that a configuration names, open for reading until the block ends."""
    if config.labels is not None:
        yield Labels.opened(config.labels)
        return
    assert config.scene is not None and config.engine is not None
    with scene_evidence(config.scene, config.engine) as found:
        yield found


def footprint(grid: GeoGrid, per_degree: int) -> LatLonGrid:
    """The lat-lon cells that a raster can touch."""
    return LatLonGrid.from_bounds(per_degree, grid.lonlat_bounds())


@dataclass(frozen=True, eq=False)
class Labels:
    """A raster of classes: every pixel is certain."""

    raster: geotiff.CodeRaster
    legend: Legend

    @classmethod
    def opened(cls, section: LabelsSection) -> Labels:
        """The raster of a configuration; FormatError or GridError where it cannot serve."""
        return cls(geotiff.codes(section.path), tables.legend(section.legend))

    @property
    def name(self) -> str:
        """The file."""
        return self.raster.path.name

    @property
    def grid(self) -> GeoGrid:
        """The raster's own grid."""
        return self.raster.grid

    @property
    def inputs(self) -> list[Path]:
        """The raster."""
        return [self.raster.path]

    @property
    def notes(self) -> tuple[str, ...]:
        """Nothing is assumed of a class raster."""
        return ()

    @property
    def engine(self) -> None:
        """No engine is needed."""

    def on(self, cells: LatLonGrid, progress: Progress = silent) -> Prediction:
        """The class fractions of `cells`, exact."""
        mass = Mass.zero(self.legend, cells)
        window = self.grid.covering(cells, margin=1)
        for rows, cols in _bands(window, LABEL_ROWS):
            codes = self.raster.read(rows, cols)
            mass.add_codes(self._as_legend(codes), self.grid.window(rows, cols))
            progress("aggregating classes", rows.stop, window[0].stop if window else 0)
        return mass.prediction(f"{self.legend.name}: {self.raster.path.name}")

    def image(self, size: tuple[int, int], cells: LatLonGrid) -> None:  # noqa: ARG002
        """A class raster is no image."""
        return

    def _as_legend(self, codes: NDArray[np.integer]) -> NDArray[np.uint16]:
        """The legend's codes, 0 for no data; TableError for a code that is neither."""
        present = np.unique(codes)
        rows = tables.code_rows(self.legend, present, self.raster.nodata)
        known = np.array([0, *self.legend.codes], np.uint16)
        coded: NDArray[np.uint16] = known[rows[np.maximum(codes, 0)] + 1]
        return coded


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
    with reader(product, card.bands, card.pixel_m, resample=True, stand_ins=STAND_INS) as pixels:
        notes = [*product.assumed, *(f"{other} stands in for {band}" for band, other in pixels.stand_ins.items())]
        prepare = None
        if card.level == "L1C" and product.level == "L2A":
            prepare, how = _to_top_of_atmosphere(product, card.bands, engine)
            notes += how
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
    return weights.published(folder=section.weights, on=section.device)


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
            rows = window[0].stop - window[0].start
            walk = strips(self.pixels, self.network, window=window, size=self.window, prepare=self.prepare)
            done = 0
            for strip in walk:
                mass.add(strip)
                done += strip.grid.shape[0]
                progress("predicting rows", done, rows)
        return mass.prediction(f"{self.network.card.origin} on {self.scene.product}")

    def image(self, size: tuple[int, int], cells: LatLonGrid) -> NDArray[np.uint8]:
        """True colour over `cells`, white where nothing was measured."""
        from ecosg_update.scene.read import reader  # noqa: PLC0415

        width, height = size
        with reader(self.scene, IMAGE_BANDS, IMAGE_PIXEL_M, resample=True) as pixels:
            window = pixels.grid.covering(cells)
            if window is None:
                return np.full((height, width, 3), 255, np.uint8)
            seen = pixels.read(*window)
        lon, lat = np.meshgrid(
            cells.west + (np.arange(width) + 0.5) * (cells.east - cells.west) / width,
            cells.north - (np.arange(height) + 0.5) * (cells.north - cells.south) / height,
        )
        return _sampled(seen, lon, lat)


def _sampled(seen: Reflectance, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The nearest pixel to each point as uint8 (y, x, 3), white where there is none.

    Ground (not cloud) is stretched to its 1st and 99th percentile and brightened in the dark parts.
    """
    measured = (seen.values != 0).any(axis=0)
    ground = seen.valid if seen.valid.any() else measured
    low, high = np.percentile(seen.values[:, ground], (1, 99)) if ground.any() else (0.0, 1.0)
    scaled = np.clip((seen.values - low) / max(high - low, 1e-6), 0, 1) ** GAMMA * 255
    x, y = projection(GEOGRAPHIC, seen.grid.crs).transform(lon, lat)
    cols, rows = ~seen.grid.transform @ (x, y)
    height, width = seen.grid.shape
    inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    at = np.where(inside, rows, 0).astype(int), np.where(inside, cols, 0).astype(int)
    pixels = scaled[:, *at].transpose(1, 2, 0).astype(np.uint8)
    pixels[~(inside & measured[at])] = 255
    return pixels


def _bands(window: tuple[slice, slice] | None, height: int) -> Iterator[tuple[slice, slice]]:
    """A window in pieces of at most `height` rows."""
    if window is None:
        return
    rows, cols = window
    for top in range(rows.start, rows.stop, height):
        yield slice(top, min(top + height, rows.stop)), cols
