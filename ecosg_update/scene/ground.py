"""Which pixels of a scene show ground, on any grid: from the best mask that the product carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import GeoGrid
from ecosg_update.scene.layer import Layer
from ecosg_update.scene.mask import votes
from ecosg_update.scene.product import Scene, fitting
from ecosg_update.scene.raster import pixel_metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHOLE = 0.999
"""A pixel larger than those of the mask is ground where all of it is: half a cloud shifts the mean."""


class Ground:
    """The scene classification where there is one, else the classification mask, else everything is ground."""

    def __init__(self, scene: Scene, grid: GeoGrid, *, threads: int) -> None:
        """Opens the mask files; SceneError where one is damaged."""
        self._scl: Layer | None = None
        self._flags: list[Layer] = []
        if scene.scl:
            self._scl = Layer(fitting(scene.scl, pixel_metres(grid)), grid, threads=threads)
        else:
            self._flags = [Layer(raster, grid, threads=threads) for raster in scene.clouds]

    def read(self, rows: slice, cols: slice) -> NDArray[np.bool_]:
        """bool (y, x): the pixel shows ground that may vote."""
        if self._scl is not None and not self._scl.is_finer:
            return votes(self._scl.nearest(rows, cols))
        if self._scl is not None:
            return self._scl.share(rows, cols, votes) >= WHOLE
        valid = np.ones((rows.stop - rows.start, cols.stop - cols.start), np.bool_)
        for flag in self._flags:
            valid &= ~_is_flagged(flag, rows, cols)
        return valid

    def classes(self, rows: slice, cols: slice) -> NDArray[np.uint8]:
        """The scene class nearest to each pixel, uint8 (y, x), 0 where there is none."""
        if self._scl is None:
            return np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.uint8)
        return self._scl.nearest(rows, cols)

    def close(self) -> None:
        """Closes the files."""
        for layer in (self._scl, *self._flags):
            if layer is not None:
                layer.close()


def _is_flagged(flag: Layer, rows: slice, cols: slice) -> NDArray[np.bool_]:
    """bool (y, x): any part of the pixel carries the flag."""
    if not flag.is_finer:
        return flag.nearest(rows, cols) > 0
    return flag.share(rows, cols, lambda stored: stored > 0) > 1 - WHOLE
