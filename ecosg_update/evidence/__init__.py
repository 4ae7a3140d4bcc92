"""Where the evidence of a run comes from: a scene and an engine, or a raster of classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ecosg_update.config import Config
from ecosg_update.errors import CoverageError
from ecosg_update.evidence.labels import Labels
from ecosg_update.evidence.scene import scene_evidence
from ecosg_update.grid import Bounds, GeoGrid, LatLonGrid
from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.progress import Progress, silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    def acquired(self) -> datetime | None:
        """When it was seen, UTC; None where that is not known."""
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


def asked_cells(seen: Evidence, per_degree: int, bounds: Bounds | None) -> LatLonGrid:
    """The cells within `bounds`, or all that the evidence can touch; CoverageError where they do not meet."""
    reach = footprint(seen.grid, per_degree)
    cells = LatLonGrid.from_bounds(per_degree, bounds) if bounds else reach
    if cells.intersection(reach) is None:
        raise CoverageError(f"{seen.name}: lies in {reach}, the bounds are {cells}; they do not meet")
    return cells
