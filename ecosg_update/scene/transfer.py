"""Radiative transfer through plane-parallel air, band by band: from the ground's reflectance to the satellite's.

The satellite sees (Vermote et al., 1997, IEEE TGRS 35, 675-686):

    toa = gas * (path + down * (direct * ground + diffuse * around) / (1 - S * around))

`path` is what the air reflects by itself; `down` and `direct + diffuse` are the transmittances from the sun and
to the satellite; `around` is the mean reflectance of the ground within about a kilometre, whose light is scattered
into the line of sight (adjacency effect); S is the reflectance of the air as seen from below. Scattering is that
of `scene.scattering` with the rural aerosol of Shettle and Fenn (1979), which is also Sen2Cor's default; gases are
fitted on 6S. No constant is fitted to a Sentinel-2 image.

How near it comes on real pairs (tests/scene/test_toa.py): within 10-35 DN (1e-4) rms of the L1C of Lommel from its
iCOR and SMAC surfaces. From Sen2Cor's surface (Punjab, 2020-06-04) B02 comes out 5 % too bright, B05 7 %, B11 5 %,
B12 13 %, others within 2 %: with water vapour of the tropics; its gases seem to absorb more than those of 6S.
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
    scattering albedo; asymmetry: its mean cosine of the scattering angle. ozone: optical depth a cm-atm. water:
    optical depth = water * (airmass * cm) ** water_power; mixed (O2, CO2, CH4, N2O): the same of the airmass alone.
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
    """The equation of a band as the module states it; `spherical_albedo` is S, `gas` holds the water too."""

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
