"""A map of classes, raster or polygons, brought to the pixels of an image with what makes a label doubtful."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy import ndimage

from ecosg_update.formats import geotiff, polygons
from ecosg_update.formats.geotiff import CodeRaster
from ecosg_update.formats.polygons import Polygons
from ecosg_update.grid import GeoGrid, projection
from ecosg_update.sample import UNLABELLED
from ecosg_update.scene.raster import METRES_PER_DEGREE, pixel_metres
from ecosg_update.training.labelling import Labelling

if TYPE_CHECKING:
    from numpy.typing import NDArray

ATTRIBUTES = ("CODE_18", "CLC18", "CODE_12", "CODE_06", "CODE_00", "CODE_90", "clc_code", "code")
"""What CORINE files call the code, the newest edition first."""

MOST_POINTS = 11
"""Points a side of a pixel at which labels are looked up, at most."""

NODE_M = 1000.0
"""Spacing of the points that are projected; between them a projection is as good as straight (centimetres)."""


class Codes(Protocol):
    """A raster of codes that is read by window: a GeoTIFF, a cover map."""

    @property
    def grid(self) -> GeoGrid: ...  # noqa: D102

    def read(self, rows: slice, cols: slice) -> NDArray[np.integer]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels on a grid: see `piece.Piece`."""

    labels: NDArray[np.int16]
    edge_m: NDArray[np.float32]
    pure: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelMap:
    """A map of classes and what they mean. map: read by window, never whole."""

    map: CodeRaster | Polygons
    labelling: Labelling

    @property
    def path(self) -> Path:
        """The file."""
        return self.map.path

    def on(self, grid: GeoGrid, *, reach_m: float = 0.0, pure: bool = False) -> Labels:
        """The labels at the pixel centres of `grid`.

        reach_m: how far to look for another label; edge_m is at most about that. pure: whether to look at several
        points of each pixel; without it all pixels count as pure. Raises TableError for codes that are no classes.
        """
        margin = math.ceil(reach_m / pixel_metres(grid)) + 1 if reach_m > 0 else 0
        rows, cols = grid.shape
        around = grid.window(slice(-margin, rows + margin), slice(-margin, cols + margin))
        points = self._points(grid) if pure else 1
        kinds = self._kinds(_finer(around, points))
        centres = kinds[points // 2 :: points, points // 2 :: points]
        same = (_cells(kinds, points) == centres[:, :, None]).all(axis=2)
        inner = slice(margin, margin + rows), slice(margin, margin + cols)
        labels = np.maximum(centres, np.int16(UNLABELLED))
        edge = edge_distance(centres, pixel_metres(grid))
        return Labels(labels[inner].copy(), edge[inner].copy(), same[inner].copy())

    def _kinds(self, grid: GeoGrid) -> NDArray[np.int16]:
        if isinstance(self.map, Polygons):
            return self.labelling.kinds(polygons.burnt(self.map, grid))
        return self.labelling.kinds(nearest(self.map, grid), self.map.nodata)

    def _points(self, grid: GeoGrid) -> int:
        """How many points a side see every cell of a finer map: odd, so that the centre is one of them."""
        ratio = pixel_metres(grid) / pixel_metres(self.map.grid) if isinstance(self.map, CodeRaster) else 1.0
        return int(np.clip(math.ceil(ratio) // 2 * 2 + 1, 3, MOST_POINTS))


def label_map(
    path: Path, labelling: Labelling, *, attribute: str | None = None, layer: str | None = None
) -> LabelMap:
    """A GeoTIFF of codes, or polygons with codes in `attribute` (default: any of `ATTRIBUTES`) of `layer`.

    Raises FormatError or GridError for a file that is neither.
    """
    if polygons.is_vector(path):
        return LabelMap(polygons.polygons(path, (attribute,) if attribute else ATTRIBUTES, layer), labelling)
    return LabelMap(geotiff.codes(path), labelling)


def nearest(raster: Codes, grid: GeoGrid) -> NDArray[np.integer]:
    """The codes of a raster at the pixel centres of `grid`, in any projection; 0 outside the raster."""
    cols, rows = ~raster.grid.transform @ _projected_centres(grid, raster.grid.crs)
    height, width = raster.grid.shape
    with np.errstate(invalid="ignore"):
        inside = (rows >= 0) & (rows < height) & (cols >= 0) & (cols < width)
    if not inside.any():
        return np.zeros(grid.shape, np.uint8)
    row, col = (np.where(inside, at, 0).astype(np.intp) for at in (rows, cols))
    top, left = row[inside].min(), col[inside].min()
    window = slice(top, row[inside].max() + 1), slice(left, col[inside].max() + 1)
    codes = raster.read(*window)
    found = codes[np.where(inside, row - top, 0), np.where(inside, col - left, 0)]
    return np.where(inside, found, 0)


def edge_distance(kinds: NDArray[np.int16], pixel_m: float) -> NDArray[np.float32]:
    """float32 (y, x), metres from the centre of each pixel to the nearest edge between two kinds.

    kinds: int16 (y, x); pixels of -1 (nothing is known) have no edges. Beyond the array nothing is known either.
    inf where there is no edge at all.
    """
    beside = np.zeros(kinds.shape, np.bool_)
    for first, second in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        one, other = kinds[first], kinds[second]
        differs = (one != other) & (one != UNLABELLED) & (other != UNLABELLED)
        beside[first] |= differs
        beside[second] |= differs
    if not beside.any():
        return np.full(kinds.shape, np.inf, np.float32)
    pixels = ndimage.distance_transform_edt(~beside)
    return np.asarray((pixels + 0.5) * pixel_m, np.float32)


def _finer(grid: GeoGrid, points: int) -> GeoGrid:
    """The same area with `points` x `points` pixels in each."""
    rows, cols = grid.shape
    return GeoGrid(grid.crs, grid.transform @ grid.transform.scale(1 / points), (rows * points, cols * points))


def _cells(values: NDArray[np.int16], points: int) -> NDArray[np.int16]:
    """(y, x, point): the points of each pixel."""
    rows, cols = values.shape[0] // points, values.shape[1] // points
    blocks = values.reshape(rows, points, cols, points).transpose(0, 2, 1, 3)
    return blocks.reshape(rows, cols, points * points)


def _projected_centres(grid: GeoGrid, crs: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y (y, x) of the pixel centres in another projection: nodes are projected, the rest lies between them."""
    step = NODE_M / (METRES_PER_DEGREE if grid.is_geographic else 1.0)
    weights, nodes = [], []
    for size, pixel in zip(grid.shape, reversed(grid.pixel), strict=True):
        count = max(2, math.ceil(size * pixel / step) + 1)
        place = np.linspace(0.5, size - 0.5, count) if size > 1 else np.array([0.5, 1.5])
        nodes.append(place)
        weights.append(_hats(np.arange(size) + 0.5, place))
    cols, rows = np.meshgrid(nodes[1], nodes[0])
    west, north = grid.bounds[0], grid.bounds[3]
    width, height = grid.pixel
    x, y = projection(grid.crs, crs).transform(west + cols * width, north - rows * height)
    return weights[0] @ x @ weights[1].T, weights[0] @ y @ weights[1].T


def _hats(at: NDArray[np.floating], nodes: NDArray[np.floating]) -> NDArray[np.float64]:
    """(at, node): the weights of linear interpolation between equidistant nodes."""
    place = (at - nodes[0]) / (nodes[1] - nodes[0])
    return np.asarray(np.clip(1 - np.abs(place[:, None] - np.arange(len(nodes))), 0, 1), np.float64)
