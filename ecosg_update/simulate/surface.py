"""Surface reflectance of a simulated landscape: every class mixes two spectra of a table, parcel by parcel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.simulate.noise import blurred, fractal
from ecosg_update.simulate.parcels import edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.simulate.landscape import Landscape

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")
UNIT = 1e-4
"""One count of tables/simulated/spectra.csv."""

FIELDS = (211, 231)
HEDGE = 311
HEDGE_SHARE = 0.45
"""A hedge or bank at the edge of a field fills this part of a 10 m pixel (4 to 5 m)."""


@dataclass(frozen=True, eq=False)
class Materials:
    """What the classes of a landscape are made of; row i of each array is `codes[i]`.

    spectra: float32 (class, 2, band), reflectance of the two states of a class. parcel, pixel: float32
    (class,), deviation of the mixture between parcels and inside one. cover: uint8, the ECOCLIMAP-SG cover.
    scl: uint8, the scene classification (4 vegetation, 5 bare, 6 water).
    """

    codes: tuple[int, ...]
    spectra: NDArray[np.float32]
    parcel: NDArray[np.float32]
    pixel: NDArray[np.float32]
    cover: NDArray[np.uint8]
    scl: NDArray[np.uint8]

    def rows(self, codes: NDArray[np.uint16]) -> NDArray[np.intp]:
        """The array row of each code (all of them known)."""
        return np.searchsorted(self.codes, codes)


@lru_cache
def materials() -> Materials:
    """The table of classes and spectra; TableError where a class lacks one of its two states."""
    classes = sorted(
        tables.rows(tables.path("simulated", "classes.csv"), ("corine", "cover", "scl", "parcel", "pixel")),
        key=lambda row: int(row["corine"]),
    )
    spectra = tables.rows(tables.path("simulated", "spectra.csv"), ("corine", "state", *BANDS, "source"))
    codes = tuple(int(row["corine"]) for row in classes)
    states = [[row for row in spectra if int(row["corine"]) == code] for code in codes]
    uneven = [code for code, rows in zip(codes, states, strict=True) if len(rows) != 2]
    if uneven:
        raise TableError(f"spectra.csv: classes {uneven} need two rows each; add or remove states")
    return Materials(
        codes,
        np.array([[[float(row[band]) * UNIT for band in BANDS] for row in rows] for rows in states], np.float32),
        np.array([float(row["parcel"]) for row in classes], np.float32),
        np.array([float(row["pixel"]) for row in classes], np.float32),
        np.array([int(row["cover"]) for row in classes], np.uint8),
        np.array([int(row["scl"]) for row in classes], np.uint8),
    )


def surface(land: Landscape, *, seed: int) -> NDArray[np.float32]:
    """Reflectance of the ground at 10 m without sky or sensor, float32 (band, y, x) in the order of `BANDS`.

    `seed` settles the season of each field and the texture; the landscape itself stays as it is.
    """
    rng = np.random.default_rng((seed, land.seed))
    made_of = materials()
    row = made_of.rows(land.codes)
    share = _mixture(rng, land, made_of.parcel[row], made_of.pixel[row])
    shine = _brightness(rng, land)
    hedge = _hedges(rng, land)
    hedge_row = int(made_of.rows(np.array(HEDGE, np.uint16)))
    values = np.empty((len(BANDS), *land.grid.shape), np.float32)
    for band, (one, other) in enumerate(made_of.spectra.transpose(2, 1, 0)):
        values[band] = (one[row] + share * (other - one)[row]) * shine
        values[band] += hedge * (made_of.spectra[hedge_row, 0, band] - values[band])
    return blurred(values)


def _mixture(
    rng: np.random.Generator, land: Landscape, parcel: NDArray[np.float32], pixel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The share of the second state, 0..1: one draw a parcel, and a texture inside it."""
    draw = rng.standard_normal(land.parcel.max() + 1, np.float32)[land.parcel]
    texture = 0.7 * fractal(rng, land.grid.shape, wavelength=8) + 0.7 * rng.standard_normal(
        land.grid.shape, np.float32
    )
    return np.asarray(np.clip(0.45 + parcel * draw + pixel * texture, 0, 1), np.float32)


def _brightness(rng: np.random.Generator, land: Landscape) -> NDArray[np.float32]:
    """A factor near 1 that all bands share: soil, slope and structure."""
    draw = rng.standard_normal(land.parcel.max() + 1, np.float32)[land.parcel]
    wide = fractal(rng, land.grid.shape, wavelength=60)
    return np.asarray(np.exp(0.04 * draw + 0.03 * wide), np.float32)


def _hedges(rng: np.random.Generator, land: Landscape) -> NDArray[np.float32]:
    """The part of each pixel that a hedge fills: along two edges of two parcels in three."""
    hedged = rng.random(land.parcel.max() + 1)[land.parcel] < 0.67
    where = edges(land.parcel) & hedged & np.isin(land.codes, FIELDS)
    return np.where(where, np.float32(HEDGE_SHARE), np.float32(0))
