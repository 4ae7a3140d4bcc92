"""One raster seen on a target grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.grid import GeoGrid
from ecosg_update.scene.mask import measured
from ecosg_update.scene.raster import Raster, Tiles
from ecosg_update.scene.resample import FULL, Taps, averaging, axes, nearest, weighted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Layer:
    """The stored values of a raster on the pixels of `grid` (same projection), read window by window."""

    def __init__(self, raster: Raster, grid: GeoGrid, *, threads: int) -> None:
        """Opens the file; SceneError where it is damaged."""
        self._tiles = Tiles(raster, threads=threads)
        self._rows, self._cols = axes(raster.grid, grid)

    @property
    def is_finer(self) -> bool:
        """Whether the raster's pixels are smaller than the grid's."""
        return self._rows.is_coarser or self._cols.is_coarser

    def close(self) -> None:
        """Closes the file."""
        self._tiles.close()

    def mean(self, rows: slice, cols: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Stored values and the share (0..1) of each pixel's weight that is measured, float32 (y, x).

        The mean is over measured pixels only (no data does not bleed); 0 where there is none.
        """
        across, down = averaging(self._cols, cols), averaging(self._rows, rows)
        stored = self._stored(down, across)
        good = measured(stored, self._tiles.raster.nodata)
        total = weighted(np.where(good, stored, 0).astype(np.float32), down, across)
        if good.all() and down.is_full and across.is_full:
            return total, np.ones_like(total)
        share = weighted(good, down, across)
        # All that is measured counts as 1 to the last bit, so that a value never depends on its window.
        share[share > FULL] = 1
        return np.divide(total, share, out=np.zeros_like(total), where=share > 0), share

    def nearest(self, rows: slice, cols: slice) -> NDArray[np.uint8]:
        """The code at each pixel's centre, uint8 (y, x), 0 outside the raster."""
        across, down = nearest(self._cols, cols), nearest(self._rows, rows)
        codes = self._stored(down, across)[np.ix_(down.index[:, 0] - down.span.start, _columns(across))]
        inside = down.weight[:, :1] * across.weight[:, 0] > 0
        return np.where(inside, codes, 0).astype(np.uint8)

    def share(
        self, rows: slice, cols: slice, test: Callable[[NDArray[Any]], NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """The share (0..1) of each pixel's area whose stored values pass a test, float32 (y, x)."""
        across, down = averaging(self._cols, cols), averaging(self._rows, rows)
        return weighted(test(self._stored(down, across)), down, across)

    def _stored(self, down: Taps, across: Taps) -> NDArray[Any]:
        return self._tiles.window(down.span, across.span)


def _columns(across: Taps) -> NDArray[np.intp]:
    columns: NDArray[np.intp] = across.index[:, 0] - across.span.start
    return columns
