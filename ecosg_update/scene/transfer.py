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

import numpy as np

from ecosg_update.errors import SceneError
from ecosg_update.scene.atmosphere import SEA_LEVEL_HPA, Atmosphere
from ecosg_update.tables import path, rows

DEPOLARISED = 0.958725775
"""Share of Rayleigh scattering with the dipole's phase function: depolarisation 0.0279 (Young, 1980)."""

DIFFUSE_AIRMASS = 1.5
"""Mean slant path of diffuse light, in vertical paths."""

# Vermote and Tanré (1992, JQSRT 47, 305-314), table 2: multiple Rayleigh scattering by Fourier order.
_ORDER_0 = (
    (0.33243832, -0.06777104),
    (0.16285370, 0.001577425),
    (-0.30924818, -0.01240906),
    (-0.10324388, 0.03241678),
    (0.11493334, -0.03503695),
)
_ORDER_1 = (0.19666292, -0.05439061)
_ORDER_2 = (0.14545937, -0.02910845)

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True)
class Optics:
    """What a band meets at sea level: a line of `tables/atmosphere.csv`.

    rayleigh: optical depth at 1013.25 hPa. aerosol: optical thickness over that at 550 nm; albedo: its single
    scattering albedo; asymmetry: its mean cosine of the scattering angle. ozone: optical depth a
    cm-atm. water, mixed: optical depth = a * (airmass * cm) ** power; mixed gases (O2, CO2, CH4, N2O) without cm.
    sen2cor: what Sen2Cor takes away beyond 6S, optical depth a cm of water vapour and airmass.
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
    sen2cor: float


@dataclass(frozen=True)
class Coefficients:
    """The equation of a band: see the module; no units, `spherical_albedo` is S. `gas` spares `path` the water below."""

    gas: float
    path: float
    down: float
    direct: float
    diffuse: float
    spherical_albedo: float


@dataclass(frozen=True)
class _Sight:
    """Cosines of sun and view zenith, of the azimuth between (as the light travels) and of the scattering angle."""

    sun: float
    view: float
    azimuth: float
    scattering: float

    @property
    def airmass(self) -> float:
        return 1 / self.sun + 1 / self.view


@dataclass(frozen=True)
class _Air:
    """Optical depths of molecules and aerosol, and the aerosol's single scattering albedo and asymmetry."""

    rayleigh: float
    aerosol: float
    albedo: float
    asymmetry: float

    @property
    def absorbed(self) -> float:
        return (1 - self.albedo) * self.aerosol

    @property
    def scattered(self) -> float:
        return self.albedo * self.aerosol


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
    air = _Air(
        constants.rayleigh * atmosphere.pressure_hpa / SEA_LEVEL_HPA,
        constants.aerosol * atmosphere.aot550,
        constants.albedo,
        constants.asymmetry,
    )
    up = _transmittance(air, sight.view)
    direct = math.exp(-(air.rayleigh + air.aerosol) / sight.view)
    water = _water(constants, sight.airmass * atmosphere.water_vapour_cm)
    # Half of the water lies below the aerosol: the path reflectance crosses the other half (Vermote et al., 1997).
    above = _water(constants, sight.airmass * atmosphere.water_vapour_cm / 2)
    return Coefficients(
        gas=_dry_gases(constants, atmosphere, sight.airmass) * water,
        path=_path(air, sight) * above / water,
        down=_transmittance(air, sight.sun),
        direct=direct,
        diffuse=up - direct,
        spherical_albedo=_spherical_albedo(air),
    )


def _sight(atmosphere: Atmosphere) -> _Sight:
    sun, view = math.radians(atmosphere.sun_zenith), math.radians(atmosphere.view_zenith)
    azimuth = -math.cos(math.radians(atmosphere.relative_azimuth))
    scattering = -math.cos(sun) * math.cos(view) + azimuth * math.sin(sun) * math.sin(view)
    return _Sight(math.cos(sun), math.cos(view), azimuth, scattering)


def _water(constants: Optics, slant_cm: float) -> float:
    """Transmittance of water vapour along the path down and up."""
    return math.exp(-constants.water * slant_cm**constants.water_power - constants.sen2cor * slant_cm)


def _dry_gases(constants: Optics, atmosphere: Atmosphere, airmass: float) -> float:
    """Transmittance of ozone and of the well-mixed gases along the path down and up."""
    mixed = airmass * atmosphere.pressure_hpa / SEA_LEVEL_HPA
    ozone = airmass * atmosphere.ozone_cm_atm
    return math.exp(-constants.ozone * ozone - constants.mixed * mixed**constants.mixed_power)


def _path(air: _Air, sight: _Sight) -> float:
    """Reflectance of the air over black ground.

    Rayleigh alone as of Vermote and Tanré (polarised), single scattering of the mixture exactly, and what multiple
    scattering the aerosol adds as of Sobolev.
    """
    if air.rayleigh + air.aerosol == 0:
        return 0.0
    added = _added_by_aerosol(air, sight) if air.aerosol else 0.0
    return (_rayleigh(air.rayleigh, sight) if air.rayleigh else 0.0) + added


def _added_by_aerosol(air: _Air, sight: _Sight) -> float:
    total = air.rayleigh + air.aerosol
    mixed, alone = (1 - math.exp(-depth * sight.airmass) for depth in (total, air.rayleigh))
    dipole = 1 + DEPOLARISED * (3 * sight.scattering**2 - 1) / 4
    aerosol = _henyey_greenstein(air.asymmetry, sight.scattering)
    single = (air.scattered * aerosol + air.rayleigh * dipole) / total * mixed - dipole * alone
    scattering = air.rayleigh + air.scattered
    with_aerosol = _multiple(scattering, 3 * air.asymmetry * air.scattered / scattering, sight)
    dimmed = with_aerosol * math.exp(-air.absorbed * sight.airmass / 2)
    return single / (4 * (sight.sun + sight.view)) + dimmed - _multiple(air.rayleigh, 0.0, sight)


def _henyey_greenstein(asymmetry: float, cosine: float) -> float:
    """Phase function, mean 1 over the sphere (Henyey and Greenstein, 1941)."""
    return float((1 - asymmetry**2) / (1 + asymmetry**2 - 2 * asymmetry * cosine) ** 1.5)


def _multiple(depth: float, first: float, sight: _Sight) -> float:
    """Reflectance by two and more scatterings in a layer over black ground (Sobolev, 1975, ch. 8).

    first: first Legendre coefficient of the phase function, three times its asymmetry.
    """
    sun, view = sight.sun, sight.view
    single = (1 - math.exp(-depth * sight.airmass)) / (4 * (sun + view))
    return (
        1
        - _stream(sun, depth) * _stream(view, depth) / (4 + (3 - first) * depth)
        + ((3 + first) * sun * view - 2 * (sun + view)) * single
    )


def _stream(cosine: float, depth: float) -> float:
    return 1 + 1.5 * cosine + (1 - 1.5 * cosine) * math.exp(-depth / cosine)


def _rayleigh(depth: float, sight: _Sight) -> float:
    """Reflectance of molecular air over black ground, polarisation included (Vermote and Tanré, 1992)."""
    sun, view, log_depth = sight.sun, sight.view, math.log(depth)
    sines = math.sqrt((1 - sun**2) * (1 - view**2))
    orders = (
        1 + (3 * sun**2 - 1) * (3 * view**2 - 1) * DEPOLARISED / 8,
        -sun * view * sines * DEPOLARISED * 0.75,
        sines**2 * DEPOLARISED * 0.1875,
    )
    powers = (1, sun + view, sun * view, sun**2 + view**2, (sun * view) ** 2)
    multiple = (
        sum(power * (one + log_depth * other) for power, (one, other) in zip(powers, _ORDER_0, strict=True)),
        _ORDER_1[0] + log_depth * _ORDER_1[1],
        _ORDER_2[0] + log_depth * _ORDER_2[1],
    )
    single = (1 - math.exp(-depth * sight.airmass)) / (4 * (sun + view))
    twice = (1 - math.exp(-depth / sun)) * (1 - math.exp(-depth / view))
    fourier = (1, 2 * sight.azimuth, 2 * (2 * sight.azimuth**2 - 1))
    terms = zip(fourier, orders, multiple, strict=True)
    return sum(turn * order * (single + twice * more) for turn, order, more in terms)


def _transmittance(air: _Air, cosine: float) -> float:
    """Direct and diffuse light that crosses the air once, black ground.

    Two-stream; the forward peak of the aerosol (its asymmetry squared) counts as not scattered
    (Joseph et al., 1976, J. Atmos. Sci. 33, 2452).
    """
    aerosol = air.scattered * (1 - air.asymmetry**2)
    depth = air.rayleigh + aerosol
    first = 3 * air.asymmetry / (1 + air.asymmetry) * aerosol / depth if depth else 0.0
    return 2 * _stream(cosine, depth) / (4 + (3 - first) * depth) * math.exp(-air.absorbed / cosine)


def _spherical_albedo(air: _Air) -> float:
    """Share of the ground's light that the air sends back.

    Rayleigh's closed form (Vermote et al., 1997) with the aerosol as the molecules that scatter back as much.
    """
    depth = air.rayleigh + (1 - air.asymmetry) * air.scattered
    nodes = (_NODES + 1) / 2
    third = float((_WEIGHTS / 2 * nodes * np.exp(-depth / nodes)).sum())  # exponential integral of order 3
    back = (3 * depth - third * (4 + 2 * depth) + 2 * math.exp(-depth)) / (4 + 3 * depth)
    return back * math.exp(-DIFFUSE_AIRMASS * air.absorbed)
