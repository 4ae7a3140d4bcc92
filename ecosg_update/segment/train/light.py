"""Another light over a crop: a gain and an offset a band. A crop keeps its shape, and no data stays 0."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.sample import measured
from ecosg_update.segment.train.recipe import Light

if TYPE_CHECKING:
    from numpy.typing import NDArray

WAVELENGTH = {
    "B01": 0.4427, "B02": 0.4924, "B03": 0.5598, "B04": 0.6646, "B05": 0.7041, "B06": 0.7405, "B07": 0.7828,
    "B08": 0.8328, "B8A": 0.8647, "B09": 0.9451, "B11": 1.6137, "B12": 2.2024,
}  # fmt: skip
"""Central wavelengths of Sentinel-2A in micrometres (ESA, Sentinel-2 spectral response functions 3.0)."""
OZONE = 0.32
"""Column, cm-atm: a common one over Europe."""
DRIEST = 0.3
"""Column of water vapour of the driest air that is drawn, cm."""
NOISE = 0.004
"""Reflectance: dark water of surface reflectance products lies this far below 0."""
ANGSTROM = 1.3
"""Aerosol optical thickness falls with wavelength to this power: continental aerosol."""
SINGLE_SCATTERING, ASYMMETRY = 0.95, 0.65
"""Albedo of aerosol and mean cosine of its scattering angle, plausible for continental air."""


def change(
    values: NDArray[np.float32], bands: tuple[str, ...], light: Light, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gain and offset, a number a band each, of another light over reflectance float32 (band, y, x)."""
    gain = np.exp(rng.normal(0, light.brightness) + rng.normal(0, light.tint, len(bands)))
    offset = rng.normal(0, light.haze, len(bands))
    fate = rng.random()
    if fate < light.atmosphere + light.clearing:
        zenith, thickness = rng.uniform(15, max(15, light.low_sun)), rng.uniform(0, light.aerosol)
        water = rng.uniform(DRIEST, max(DRIEST, light.water)) if light.water else 0.0
        path, through = atmosphere(bands, zenith=zenith, aerosol=thickness, water=water)
        if fate >= light.atmosphere:
            share = rng.uniform(0.5, 1) * _removable(values[:, measured(values)], path)
            through = 1 / (1 - share * (1 - through))
            path = -share * path * through
        gain, offset = gain * through, offset * through + path
    return gain, offset


def relit(values: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
    """Reflectance (n, band, y, x) times gain plus offset, (n, band) each; no data stays 0, an absent band NaN."""
    seen = (values.abs() > 0).any(dim=1, keepdim=True)  # NaN is not
    return values * gain[..., None, None] + offset[..., None, None] * seen


def _removable(pixels: NDArray[np.float32], path: NDArray[np.float64]) -> float:
    """The share of a path reflectance (band,) that leaves no pixel (band, pixel) below 0 by more than noise."""
    if not pixels.size:
        return 0.0
    least = np.where(np.isnan(pixels[:, 0]), np.inf, pixels.min(axis=1))
    return float(np.clip(((least + NOISE) / np.maximum(path, NOISE)).min(), 0, 1))


def atmosphere(
    bands: tuple[str, ...], *, zenith: float, aerosol: float, water: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a clear sky makes of reflectance, seen from the zenith: (path reflectance, transmittance) a band.

    At the top of the atmosphere stands path + transmittance * reflectance. zenith: of the sun, degrees. aerosol:
    optical thickness at 550 nm. water: column of water vapour, cm; 0 is air without any gas that absorbs. Single
    scattering by air (Hansen and Travis 1974) and aerosol (Henyey and Greenstein 1941); an augmentation, not a
    correction. ModelError for a band whose wavelength is not known.
    """
    unknown = sorted(set(bands) - WAVELENGTH.keys())
    if unknown:
        raise ModelError(f"training: the wavelength of {unknown[0]} is not known; set light.atmosphere to 0")
    length = np.array([WAVELENGTH[band] for band in bands])
    sun = np.cos(np.radians(zenith))
    air = 0.008569 * length**-4 * (1 + 0.0113 * length**-2 + 0.00013 * length**-4)
    dust = aerosol * (length / 0.55) ** -ANGSTROM
    by_air = air * 0.75 * (1 + sun**2)
    by_dust = SINGLE_SCATTERING * dust * _henyey_greenstein(-sun)
    back = (1 - ASYMMETRY) / 2  # what aerosol scatters backwards, to first order
    lost = air / 2 + (1 - SINGLE_SCATTERING * (1 - back)) * dust
    through = np.exp(-lost * (1 / sun + 1))
    if water:
        through = through * [_gases(band, 1 / sun + 1, water) for band in bands]
    return (by_air + by_dust) / (4 * sun), through


def _gases(band: str, mass: float, water: float) -> float:
    """What ozone, water vapour (column in cm) and the mixed gases let through along `mass` vertical atmospheres.

    The fits of tables/atmosphere.csv; 1 for a band that it lacks (B09).
    """
    fit = _fits().get(band)
    if fit is None:
        return 1.0
    vapour = fit["water"] * (mass * water) ** fit["water_power"]
    depth = fit["ozone"] * OZONE * mass + vapour + fit["mixed"] * mass ** fit["mixed_power"]
    return float(np.exp(-depth))


def _henyey_greenstein(cosine: float) -> float:
    return float((1 - ASYMMETRY**2) / (1 + ASYMMETRY**2 - 2 * ASYMMETRY * cosine) ** 1.5)


@cache
def _fits() -> dict[str, dict[str, float]]:
    names = ("ozone", "water", "water_power", "mixed", "mixed_power")
    lines = tables.rows(tables.path("atmosphere.csv"), ("band", *names))
    return {line["band"]: {name: float(line[name]) for name in names} for line in lines}
