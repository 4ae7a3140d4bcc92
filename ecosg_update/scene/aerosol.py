"""The state of the air that an L2A product was corrected for: aerosol optical thickness and water vapour.

What a conversion back to the top of the atmosphere needs, besides `Scene.angles`.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import SceneError
from ecosg_update.grid import GeoGrid
from ecosg_update.scene.ground import Ground
from ecosg_update.scene.layer import Layer
from ecosg_update.scene.product import Scene, Sizes, fitting
from ecosg_update.scene.raster import decoders, pixel_metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRIP = 1024
"""Rows read at a time."""


@dataclass(frozen=True)
class Aerosol:
    """Scene means: aerosol optical thickness at 550 nm (no unit) and columnar water vapour in cm."""

    optical_thickness: float
    water_vapour_cm: float


def aerosol(scene: Scene) -> Aerosol:
    """Means over the ground that may vote; over all measured pixels where clouds leave none.

    Raises SceneError where the product carries no such maps.
    """
    return Aerosol(
        _mean(scene, scene.aot, "AOT") / scene.aot_quantification,
        _mean(scene, scene.wvp, "WVP") / scene.wvp_quantification,
    )


def optical_thickness(scene: Scene, grid: GeoGrid) -> NDArray[np.float32]:
    """Aerosol optical thickness at 550 nm on a grid in the scene's projection, float32 (y, x), nan = none."""
    return _map(scene, scene.aot, "AOT", grid) / np.float32(scene.aot_quantification)


def water_vapour_cm(scene: Scene, grid: GeoGrid) -> NDArray[np.float32]:
    """Columnar water vapour in cm on a grid in the scene's projection, float32 (y, x), nan = none."""
    return _map(scene, scene.wvp, "WVP", grid) / np.float32(scene.wvp_quantification)


def _map(scene: Scene, sizes: Sizes, what: str, grid: GeoGrid) -> NDArray[np.float32]:
    _check_present(scene, sizes, what)
    with closing(Layer(fitting(sizes, pixel_metres(grid)), grid, threads=decoders())) as layer:
        stored, share = layer.mean(slice(0, grid.shape[0]), slice(0, grid.shape[1]))
    return np.where(share > 0, stored, np.float32(np.nan))


def _mean(scene: Scene, sizes: Sizes, what: str) -> float:
    """The mean stored value, from the coarsest map: it is smooth."""
    _check_present(scene, sizes, what)
    raster = sizes[max(sizes)]
    grid, threads = raster.grid, decoders()
    totals = np.zeros((2, 2))
    with (
        closing(Layer(raster, grid, threads=threads)) as layer,
        closing(Ground(scene, grid, threads=threads)) as ground,
    ):
        cols = slice(0, grid.shape[1])
        for top in range(0, grid.shape[0], STRIP):
            rows = slice(top, min(top + STRIP, grid.shape[0]))
            stored, share = layer.mean(rows, cols)
            measured = share > 0
            for row, chosen in enumerate((measured & ground.read(rows, cols), measured)):
                totals[row] += stored[chosen].sum(dtype=np.float64), chosen.sum()
    total, count = totals[0] if totals[0, 1] else totals[1]
    if not count:
        raise SceneError(f"{raster.file}: the {what} map holds no data; state the value instead")
    return float(total / count)


def _check_present(scene: Scene, sizes: Sizes, what: str) -> None:
    if not sizes:
        raise SceneError(f"scene {scene.product}: carries no {what} map; state the value instead")
