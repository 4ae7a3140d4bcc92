"""Reads a scene window by window on one grid: bands of several pixel sizes become `Reflectance`."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from affine import Affine

from ecosg_update.errors import GridError, SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reflectance
from ecosg_update.scene.bands import band_name, bands
from ecosg_update.scene.ground import Ground
from ecosg_update.scene.layer import Layer
from ecosg_update.scene.product import SAME_SIZE, Scene, fitting
from ecosg_update.scene.raster import Raster, decoders, pixel_metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_SHARE = 0.5
"""A resampled value counts where at least half of its weight falls on measured pixels."""

EDGE = 1e-3
"""Pixels: footprints that end within this much of a lattice line end on it."""


def reader(
    scene: Scene,
    names: Sequence[str],
    pixel_m: float,
    *,
    resample: bool = False,
    stand_ins: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
    threads: int | None = None,
) -> SceneReader:
    """The scene's reflectance in `names`, in that order, at pixels of `pixel_m` metres.

    Bands are brought to the grid from the file that fits best: bilinear from coarser pixels, the mean of finer
    ones. A band that exists only coarser than both `pixel_m` and its own native pixel (a product of 60 m files
    at 10 m) is an error unless `resample`. stand_ins: bands to read in the place of absent ones, such as
    {"B08": "B8A"}; those that were needed are in the reader's `stand_ins`. optional: bands that are left out where
    the scene has neither them nor a stand-in; the reader's `bands` are those that are left.

    Raises SceneError where bands are absent, too coarse or damaged, GridError where bands do not share a
    projection or an area.
    """
    spare = {band_name(band): band_name(other) for band, other in (stand_ins or {}).items()}
    if len({band_name(name) for name in names}) != len(names) or not names:
        raise SceneError(f"scene {scene.product}: bands {', '.join(names) or 'none'} wanted; name each band once")
    wanted = _wanted(map(band_name, names), scene, spare, set(map(band_name, optional)))
    _check_present(scene, wanted, pixel_m)
    sources = tuple(
        Source(name, band, fitting(scene.files[band], pixel_m), scene.offset[band]) for name, band in wanted.items()
    )
    if not resample:
        _check_fine_enough(scene, sources, pixel_m)
    grid = shared_grid([source.raster for source in sources], pixel_m)
    return SceneReader(scene, sources, grid, threads=threads or decoders())


@dataclass(frozen=True)
class Source:
    """Where a band of a reader comes from: `band` is another than `name` where it stands in for it."""

    name: str
    band: str
    raster: Raster
    offset: float


class SceneReader:
    """A `layers.Reader` of one scene. It holds open files: close it, or use it in a `with`; one thread only."""

    def __init__(self, scene: Scene, sources: tuple[Source, ...], grid: GeoGrid, *, threads: int) -> None:
        """Opens the files; `reader` is the door."""
        self.scene = scene
        self.sources = sources
        self._grid = grid
        with ExitStack() as opening:
            self._layers = [
                opening.enter_context(closing(Layer(source.raster, grid, threads=threads))) for source in sources
            ]
            self._ground = opening.enter_context(closing(Ground(scene, grid, threads=threads)))
            self._files = opening.pop_all()

    @property
    def grid(self) -> GeoGrid:
        """The area that all bands cover, at the pixel size that was asked for."""
        return self._grid

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands as asked for, also where another stands in, without optional ones that the scene lacks."""
        return tuple(source.name for source in self.sources)

    @property
    def stand_ins(self) -> dict[str, str]:
        """The bands that another stands in for, and which: to be logged."""
        return {source.name: source.band for source in self.sources if source.name != source.band}

    @property
    def resampled(self) -> list[str]:
        """The bands whose finer files the product lacks, such as "B02 at 60 m": to be logged."""
        return _too_coarse(self.sources, pixel_metres(self._grid))

    @property
    def level(self) -> Level:
        """L1C or L2A."""
        return self.scene.level

    def read(self, rows: slice, cols: slice) -> Reflectance:
        """The reflectance of rows and columns of the grid.

        valid: measured in every band, not saturated, and ground that may vote (`scene.mask`). Cloud and shadow
        keep what was measured, so that an engine sees the neighbours of its pixels as they are. Values may be
        a little below 0 over dark water and above 1 over bright cloud. Raises GridError for a window that leaves
        the grid, SceneError for pixels that cannot be decoded.
        """
        _check_window(self._grid, rows, cols)
        values = np.empty((len(self._layers), rows.stop - rows.start, cols.stop - cols.start), np.float32)
        measured = np.ones(values.shape[1:], np.bool_)
        for number, (layer, source) in enumerate(zip(self._layers, self.sources, strict=True)):
            stored, share = layer.mean(rows, cols)
            values[number] = (stored + np.float32(source.offset)) / np.float32(self.scene.quantification)
            measured &= share >= LEAST_SHARE
        values[:, ~measured] = 0
        valid = measured & self._ground.read(rows, cols)
        return Reflectance(
            values, valid, self.bands, self._grid.window(rows, cols), self.scene.level, self.scene.acquired
        )

    def classification(self, rows: slice, cols: slice) -> NDArray[np.uint8]:
        """The scene class (`mask.SceneClass`) nearest to each pixel, uint8 (y, x), 0 where there is none."""
        _check_window(self._grid, rows, cols)
        return self._ground.classes(rows, cols)

    def close(self) -> None:
        """Closes all files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def shared_grid(chosen: Sequence[Raster], pixel_m: float) -> GeoGrid:
    """The lattice of the file whose pixels are nearest to `pixel_m`, cut to what all files cover.

    Pixels of that file's own size keep its transform to the last digit; another size keeps its north-west
    corner. Raises GridError where the files do not share a projection or an area.
    """
    anchor = min(chosen, key=lambda raster: (abs(math.log(raster.pixel_m / pixel_m)), raster.pixel_m))
    other = next((raster for raster in chosen if raster.grid.crs != anchor.grid.crs), None)
    if other is not None:
        raise GridError(f"{other.file}: in {other.grid.crs}, {anchor.file} in {anchor.grid.crs}; warp one of them")
    same = abs(anchor.pixel_m / pixel_m - 1) < SAME_SIZE
    scale = 1.0 if same else pixel_m / anchor.pixel_m
    lattice = anchor.grid.transform @ Affine.scale(scale)
    west, south, east, north = _intersection(raster.grid.bounds for raster in chosen)
    left, top = ~lattice @ (west, north)
    right, bottom = ~lattice @ (east, south)
    first_col, first_row = math.ceil(left - EDGE), math.ceil(top - EDGE)
    cols, rows = math.floor(right + EDGE) - first_col, math.floor(bottom + EDGE) - first_row
    if rows < 1 or cols < 1:
        raise GridError(
            f"{anchor.file.container}: no pixel of {pixel_m:g} m is covered by all bands; check the files"
        )
    return GeoGrid(anchor.grid.crs, lattice @ Affine.translation(first_col, first_row), (rows, cols))


def _intersection(bounds: Iterable[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    wests, souths, easts, norths = zip(*bounds, strict=True)
    return max(wests), max(souths), min(easts), min(norths)


def _wanted(names: Iterable[str], scene: Scene, spare: Mapping[str, str], optional: Container[str]) -> dict[str, str]:
    """The band to read for each name, without the optional ones that are not there; all where none would be left."""
    found = {name: _present(name, scene, spare) for name in names}
    return {name: band for name, band in found.items() if band in scene.files or name not in optional} or found


def _present(name: str, scene: Scene, spare: Mapping[str, str]) -> str:
    """The band itself, else its stand-in where the scene has that, else the band again."""
    other = spare.get(name, name)
    return other if name not in scene.files and other in scene.files else name


def _check_present(scene: Scene, wanted: Mapping[str, str], pixel_m: float) -> None:
    absent = [name for name, band in wanted.items() if band not in scene.files]
    if absent:
        raise SceneError(
            f"scene {scene.product}: {', '.join(absent)} wanted at {pixel_m:g} m, "
            f"found {scene.inventory}; fetch the missing files or name stand-ins"
        )


def _too_coarse(sources: Sequence[Source], pixel_m: float) -> list[str]:
    """The bands, with their pixel size, that are coarser than both what is wanted and what Sentinel-2 measures."""
    table = bands()
    return [
        f"{source.band} at {source.raster.pixel_m:g} m"
        for source in sources
        if source.raster.pixel_m > max(pixel_m, table[source.band].pixel_m) * (1 + SAME_SIZE)
    ]


def _check_fine_enough(scene: Scene, sources: Sequence[Source], pixel_m: float) -> None:
    coarse = _too_coarse(sources, pixel_m)
    if coarse:
        raise SceneError(
            f"scene {scene.product}: {pixel_m:g} m wanted, found only {', '.join(coarse)}; "
            "fetch the finer files or allow resampling"
        )


def _check_window(grid: GeoGrid, rows: slice, cols: slice) -> None:
    for wanted, size in zip((rows, cols), grid.shape, strict=True):
        if wanted.step not in (None, 1) or not 0 <= _whole(wanted.start) < _whole(wanted.stop) <= size:
            raise GridError(f"window: rows {rows}, columns {cols} are not inside a grid of {grid.shape}")


def _whole(edge: Any) -> int:
    return -1 if edge is None else int(edge)
