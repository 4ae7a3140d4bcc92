"""What a model's cells hold: cover, tile and vegetation-type fractions, as PGD makes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.domain import Domain
from ecosg_update.errors import GridError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COVERS = 33
"""Of ECOCLIMAP-SG."""

VEGTYPES = 20
"""Of SURFEX with ECOCLIMAP-SG (`NVEGTYPE_ECOSG`)."""

TILES = ("SEA", "NATURE", "WATER", "TOWN")
"""The order of `Fractions.tile`: that of PGD's files."""


@dataclass(frozen=True, eq=False)
class Fractions:
    """The cells of a domain, y from the south.

    cover: float64 (33, ny, nx), part of the cell (0..1) that each cover has; they sum to 1. tile: float64
    (4, ny, nx), part of the cell in the order of `TILES`, sum 1. vegtype: float64 (20, ny, nx), part of the NATURE
    tile, not of the cell, that each vegetation type has: sum 1, nan where the cell has no nature. pixels: int64
    (ny, nx), pixels of the map with data; a cell of 0 was filled from its neighbours.
    """

    domain: Domain
    cover: NDArray[np.float64]
    tile: NDArray[np.float64]
    vegtype: NDArray[np.float64]
    pixels: NDArray[np.int64]

    def __post_init__(self) -> None:
        wanted = {"cover": COVERS, "tile": len(TILES), "vegtype": VEGTYPES}
        for name, count in wanted.items():
            values = getattr(self, name)
            if values.dtype != np.float64 or values.shape != (count, *self.domain.shape):
                raise GridError(
                    f"{name} fractions: found {values.dtype} of shape {values.shape}, "
                    f"expected float64 of {(count, *self.domain.shape)}"
                )
        found = self.pixels.dtype, self.pixels.shape
        if found != (np.dtype(np.int64), self.domain.shape):
            raise GridError(f"map pixels: found {found}, expected int64 of shape {self.domain.shape}")

    @property
    def filled(self) -> NDArray[np.bool_]:
        """bool (ny, nx): no pixel of the map lies in the cell, its fractions are its neighbours'."""
        return np.equal(self.pixels, 0)
