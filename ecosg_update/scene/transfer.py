"""Radiative transfer through plane-parallel air, band by band: from the ground's reflectance to the satellite's.

The satellite sees (Vermote et al., 1997, IEEE TGRS 35, 675-686, their equations 2-4):

    toa = gas * (path + water * down * (direct * ground + diffuse * around) / (1 - S * around))

`path` is what the air reflects by itself; `down` and `direct + diffuse` are the transmittances from the sun and
to the satellite; `around` is the mean reflectance of the ground within about a kilometre, whose light is scattered
into the line of sight (adjacency effect); S is the reflectance of the air as seen from below. Everything is
closed-form: Rayleigh scattering by Vermote and Tanré (1992), aerosol by the two-stream and Sobolev approximations
for the continental model of 6S. Over 240 cases (15-72 degrees sun zenith, aerosol 0.05-0.9, eight bands) against
6SV2.1, with the constants of `tables/atmosphere.csv`, see tests/scene/test_transfer.py for the accuracy that holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from ecosg_update.errors import SceneError
from ecosg_update.scene.atmosphere import SEA_LEVEL_HPA, Atmosphere
from ecosg_update.scene.scattering import Air, Sight, path_reflectance, spherical_albedo, transmittance
from ecosg_update.tables import path, rows

@dataclass(frozen=True)
class Optics:
    """What a band meets at sea level: a line of `tables/atmosphere.csv`.

    rayleigh: optical depth at 1013.25 hPa. aerosol: optical thickness over that at 550 nm; albedo: its single
    scattering albedo; asymmetry: its mean cosine of the scattering angle. ozone: optical depth a
    cm-atm. water, mixed: optical depth = a * (airmass * cm) ** power; mixed gases (O2, CO2, CH4, N2O) without cm.
    """

    rayleigh: float
    aerosol: float
    albedo: float
    asymmetry: float
    ozone: float
    water: float
    water_power: float
    mixed: float
    mixed_power: float


@dataclass(frozen=True)
class Coefficients:
    """The equation of a band: see the module; no units, `spherical_albedo` is S. `gas` spares `path` the water below."""

    gas: float
    path: float
    down: float
    direct: float
    diffuse: float
    spherical_albedo: float


@lru_cache(maxsize=1)
def optics() -> dict[str, Optics]:
    """The lines of `tables/atmosphere.csv` by band; TableError where one is incomplete."""
    names = tuple(Optics.__dataclass_fields__)
    lines = rows(path("atmosphere.csv"), ("band", *names, "source"))
    return {line["band"]: Optics(*(float(line[name]) for name in names)) for line in lines}


def coefficients(band: str, atmosphere: Atmosphere) -> Coefficients:
    """The equation of a band; SceneError for a band that is made to see the air itself (B09, B10)."""
    if band not in optics():
        raise SceneError(f"band {band}: no top-of-atmosphere conversion, found {', '.join(optics())}")
    constants = optics()[band]
    sight = _sight(atmosphere)
    air = Air(
        constants.rayleigh * atmosphere.pressure_hpa / SEA_LEVEL_HPA,
        constants.aerosol * atmosphere.aot550,
        constants.albedo,
        constants.asymmetry,
    )
    up = transmittance(air, sight.view)
    direct = math.exp(-(air.rayleigh + air.aerosol) / sight.view)
    water = _water(constants, sight.airmass * atmosphere.water_vapour_cm)
    # Half of the water lies below the aerosol: the path reflectance crosses the other half (Vermote et al., 1997).
    above = _water(constants, sight.airmass * atmosphere.water_vapour_cm / 2)
    return Coefficients(
        gas=_dry_gases(constants, atmosphere, sight.airmass) * water,
        path=path_reflectance(air, sight) * above / water,
        down=transmittance(air, sight.sun),
        direct=direct,
        diffuse=up - direct,
        spherical_albedo=spherical_albedo(air),
    )


def _sight(atmosphere: Atmosphere) -> Sight:
    sun, view = math.radians(atmosphere.sun_zenith), math.radians(atmosphere.view_zenith)
    azimuth = -math.cos(math.radians(atmosphere.relative_azimuth))
    scattering = -math.cos(sun) * math.cos(view) + azimuth * math.sin(sun) * math.sin(view)
    return Sight(math.cos(sun), math.cos(view), azimuth, scattering)


def _water(constants: Optics, slant_cm: float) -> float:
    """Transmittance of water vapour along the path down and up."""
    return math.exp(-constants.water * slant_cm**constants.water_power)


def _dry_gases(constants: Optics, atmosphere: Atmosphere, airmass: float) -> float:
    """Transmittance of ozone and of the well-mixed gases along the path down and up."""
    mixed = airmass * atmosphere.pressure_hpa / SEA_LEVEL_HPA
    ozone = airmass * atmosphere.ozone_cm_atm
    return math.exp(-constants.ozone * ozone - constants.mixed * mixed**constants.mixed_power)
