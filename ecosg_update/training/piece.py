"""What a source yields: a piece of an image with all that is known of its labels and its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecosg_update.errors import GridError
from ecosg_update.grid import GEOGRAPHIC, Bounds, GeoGrid, projection
from ecosg_update.layers import Level

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Piece:
    """An image before selection.

    name: unique within its source. values: float32 (band, y, x), reflectance, all bands 0 where nothing was measured,
    NaN in absent bands. valid: bool (y, x), False also for cloud and shadow. labels: int16 (y, x), rows of the wanted
    legend, -1 where nothing is known. edge_m: float32 (y, x), distance to the nearest pixel of another label, metres.
    pure: bool (y, x), False where a pixel holds several labels. present: bool (class,), None where that is not known.
    flags: what the publisher warns of ("cloud", "snow"). country, split: as the publisher says, "" where it does not.
    """

    name: str
    values: NDArray[np.float32]
    valid: NDArray[np.bool_]
    labels: NDArray[np.int16]
    edge_m: NDArray[np.float32]
    pure: NDArray[np.bool_]
    grid: GeoGrid
    level: Level
    present: NDArray[np.bool_] | None = None
    flags: frozenset[str] = field(default_factory=frozenset)
    country: str = ""
    split: str = ""

    def __post_init__(self) -> None:
        shapes = {self.values.shape[1:], self.valid.shape, self.labels.shape, self.edge_m.shape, self.pure.shape}
        if shapes != {self.grid.shape}:
            raise GridError(
                f"piece {self.name}: arrays of {sorted(shapes)} do not lie on a grid of {self.grid.shape}"
            )

    @property
    def box(self) -> Bounds:
        """The lat-lon box around it, degrees."""
        return self.grid.lonlat_bounds()

    @property
    def centre(self) -> tuple[float, float]:
        """(longitude, latitude) of its middle, degrees."""
        west, south, east, north = self.grid.bounds
        lon, lat = projection(self.grid.crs, GEOGRAPHIC).transform((west + east) / 2, (south + north) / 2)
        return float(lon), float(lat)


class Source(Protocol):
    """Where pieces come from, one after the other."""

    @property
    def name(self) -> str:
        """The source, as the index and the manifest call it."""
        ...

    @property
    def inputs(self) -> list[Path]:
        """The files whose checksum the manifest states: all but the patches of a large collection."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed."""
        ...

    def __len__(self) -> int:
        """How many pieces it has: for the progress."""
        ...

    def pieces(self) -> Iterator[Piece]:
        """All of them, in an order that is always the same."""
        ...
