"""Scattering against two oracles: runs of 6SV2.1 and a Monte Carlo of photons written here."""

import math

import numpy as np
import pytest

from ecosg_update.scene.scattering import Air, Sight, path_reflectance, spherical_albedo, transmittance

ASYMMETRY_6S = 0.64

# 6SV2.1, continental aerosol, Sentinel-2A responses: sun zenith, view zenith, azimuth between, then what it printed:
# optical depths of molecules and aerosol, aerosol albedo, Rayleigh reflectance, transmittance down and up, spherical
# albedo.
RUNS = [
    (20, 5, 30, 0.23693, 0.24662, 0.90037, 0.09343, 0.83659, 0.84579, 0.19811),
    (44, 6, 134, 0.15601, 0.11186, 0.89881, 0.06047, 0.86834, 0.90502, 0.14083),
    (58, 9, 117, 0.15601, 0.44744, 0.89881, 0.06835, 0.69652, 0.83772, 0.18094),
    (30, 0, 0, 0.04531, 0.16337, 0.88469, 0.01742, 0.93161, 0.94298, 0.08105),
    (65, 10, 60, 0.01561, 0.17931, 0.85701, 0.00881, 0.84870, 0.94808, 0.06213),
    (44, 6, 134, 0.00037, 0.04515, 0.72020, 0.00014, 0.97829, 0.98494, 0.00836),
]


def sight(sun_zenith, view_zenith, azimuth):
    sun, view, turn = (math.radians(angle) for angle in (sun_zenith, view_zenith, azimuth))
    scattering = -math.cos(sun) * math.cos(view) - math.cos(turn) * math.sin(sun) * math.sin(view)
    return Sight(math.cos(sun), math.cos(view), -math.cos(turn), scattering)


@pytest.mark.parametrize("run", RUNS)
def test_molecules_reflect_what_6s_says(run):
    sun, view, azimuth, rayleigh, _, _, reflected, *_ = run
    found = path_reflectance(Air(rayleigh, 0.0, 1.0, 0.6), sight(sun, view, azimuth))
    assert found == pytest.approx(reflected, abs=2e-4)


@pytest.mark.parametrize("run", RUNS)
def test_the_mixture_transmits_what_6s_says(run):
    sun, view, _, rayleigh, aerosol, albedo, _, down, up, _ = run
    air = Air(rayleigh, aerosol, albedo, ASYMMETRY_6S)
    assert transmittance(air, math.cos(math.radians(sun))) == pytest.approx(down, abs=0.013)
    assert transmittance(air, math.cos(math.radians(view))) == pytest.approx(up, abs=0.005)


@pytest.mark.parametrize("run", RUNS)
def test_the_mixture_sends_back_what_6s_says(run):
    _, _, _, rayleigh, aerosol, albedo, *_, back = run
    assert spherical_albedo(Air(rayleigh, aerosol, albedo, ASYMMETRY_6S)) == pytest.approx(back, abs=0.012)


def turned(directions, cosines, rng):
    """Unit vectors (n, 3) at angles of given cosine from `directions`, the azimuth at random."""
    helper = np.where(np.abs(directions[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(directions, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(directions, first)
    around = rng.uniform(0, 2 * np.pi, len(cosines))[:, None]
    sines = np.sqrt(1 - cosines**2)[:, None]
    return directions * cosines[:, None] + sines * (first * np.cos(around) + second * np.sin(around))


def photons(depth, albedo, asymmetry, start, towards, rng):
    """(share that leaves above, share that leaves below, reflectance seen from `towards`); z points down."""
    position, moving = np.zeros(len(start)), start
    weight, seen, out = np.ones(len(start)), 0.0, [0.0, 0.0]
    while len(weight):
        position = position - moving[:, 2] * np.log(rng.uniform(size=len(weight)))
        above, below = position < 0, position > depth
        out[0] += weight[above].sum()
        out[1] += weight[below].sum()
        inside = ~(above | below)
        position, moving, weight = position[inside], moving[inside], weight[inside] * albedo
        phase = (1 - asymmetry**2) / (1 + asymmetry**2 - 2 * asymmetry * (moving @ towards)) ** 1.5
        seen += (weight * phase / 4 * np.exp(position / towards[2]) / -towards[2]).sum()
        chance = rng.uniform(size=len(weight))
        cosines = 1 + asymmetry**2 - ((1 - asymmetry**2) / (1 - asymmetry + 2 * asymmetry * chance)) ** 2
        moving = turned(moving, np.clip(cosines / (2 * asymmetry), -1, 1), rng)
    return out[0] / len(start), out[1] / len(start), seen / len(start)


@pytest.mark.parametrize(
    ("depth", "albedo", "asymmetry", "sun"),
    [(0.1, 0.94, 0.65, 30.0), (0.3, 0.94, 0.65, 55.0), (0.25, 0.85, 0.62, 20.0)],
)
def test_aerosol_alone_reflects_and_transmits_as_photons_do(depth, albedo, asymmetry, sun):
    rng = np.random.default_rng(7)
    count = 200_000
    angles = sight(sun, 8.0, 120.0)
    side = math.sqrt(1 - angles.sun**2)
    start = np.tile([side, 0.0, angles.sun], (count, 1))
    view = math.sqrt(1 - angles.view**2)
    # The light travels along +x; the azimuth between the ways of the light is 180 - 120 degrees.
    towards = np.array([view * angles.azimuth, view * math.sqrt(1 - angles.azimuth**2), -angles.view])
    _, through, seen = photons(depth, albedo, asymmetry, start, towards, rng)
    air = Air(0.0, depth, albedo, asymmetry)
    assert path_reflectance(air, angles) == pytest.approx(seen, abs=0.004)
    assert transmittance(air, angles.sun) == pytest.approx(through, abs=0.012)


def test_the_spherical_albedo_is_what_photons_from_everywhere_do():
    rng = np.random.default_rng(8)
    cosines = np.sqrt(rng.uniform(size=200_000))
    start = turned(np.tile([0.0, 0.0, 1.0], (len(cosines), 1)), cosines, rng)
    back, _, _ = photons(0.3, 0.94, 0.65, start, np.array([0.0, 0.0, -1.0]), rng)
    assert spherical_albedo(Air(0.0, 0.3, 0.94, 0.65)) == pytest.approx(back, abs=0.01)


def test_no_air_reflects_nothing_and_lets_all_pass():
    nothing = Air(0.0, 0.0, 0.9, 0.6)
    assert path_reflectance(nothing, sight(40, 5, 90)) == 0
    assert transmittance(nothing, 0.7) == pytest.approx(1, abs=1e-12)
    assert spherical_albedo(nothing) == pytest.approx(0, abs=1e-9)


def test_sun_and_satellite_may_change_places():
    air = Air(0.15, 0.2, 0.94, 0.65)
    assert path_reflectance(air, sight(50, 10, 70)) == pytest.approx(path_reflectance(air, sight(10, 50, 70)))
