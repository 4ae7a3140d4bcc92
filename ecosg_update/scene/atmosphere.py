"""The air between the ground and the satellite: what a product says of it, and what is assumed where it is silent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import TYPE_CHECKING

from ecosg_update.errors import SceneError
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, projection
from ecosg_update.scene.aerosol import aerosol
from ecosg_update.scene.sun import sun_position

if TYPE_CHECKING:
    from ecosg_update.scene.product import Scene

AOT550 = 0.2
"""Aerosol optical thickness where nothing is known: near the mean over land (Remer et al., 2008, JGR 113, D14S07)."""

OZONE_CM_ATM = 0.33
"""Mean of the mid-latitudes; +-0.1 changes B03, the most sensitive band, by 2 %."""

SEA_LEVEL_HPA = 1013.25

LOWEST_SUN = 80.0
"""Sun zenith, degrees, beyond which plane-parallel air is no model of the globe's."""

TROPICAL, MID_SUMMER, MID_WINTER, POLAR_SUMMER, POLAR_WINTER = 4.12, 2.93, 0.85, 2.10, 0.42
"""Columnar water vapour of the standard atmospheres, cm (McClatchey et al., 1972, AFCRL-72-0497)."""

WATER_BY_LATITUDE = (
    (25, TROPICAL, TROPICAL),
    (35, TROPICAL, MID_SUMMER),
    (45, MID_SUMMER, POLAR_SUMMER),
    (65, POLAR_SUMMER, MID_WINTER),
    (90, MID_WINTER, POLAR_WINTER),
)
"""(degrees from the equator up to which, cm in June-October, cm in November-May), the southern half six months
later: the standard atmosphere whose surface temperature is nearest to the climate's, in coarse steps."""


@dataclass(frozen=True)
class Atmosphere:
    """Angles and contents of the air.

    Angles in degrees; relative_azimuth is 0 where sun and satellite stand on the same side. aot550: aerosol
    optical thickness at 550 nm. water_vapour_cm: column, cm of water. ozone_cm_atm: 1 = 1000 Dobson units.
    pressure_hpa: at the ground. Raises SceneError for what no air over a Sentinel-2 scene can be.
    """

    sun_zenith: float
    view_zenith: float = 0.0
    relative_azimuth: float = 90.0
    aot550: float = AOT550
    water_vapour_cm: float = MID_SUMMER
    ozone_cm_atm: float = OZONE_CM_ATM
    pressure_hpa: float = SEA_LEVEL_HPA

    def __post_init__(self) -> None:
        limits = {
            "sun_zenith": LOWEST_SUN,
            "view_zenith": 20.0,
            "aot550": 3.0,
            "water_vapour_cm": 10.0,
            "ozone_cm_atm": 1.0,
            "pressure_hpa": 1100.0,
        }
        for name, limit in limits.items():
            value = getattr(self, name)
            if not 0 <= value <= limit:
                raise SceneError(f"atmosphere: {name} is {value:g}, expected 0..{limit:g}; state a plausible value")


def pressure_hpa(altitude_m: float) -> float:
    """Mean pressure at a height above the sea, hPa (US Standard Atmosphere 1976, troposphere)."""
    return float(SEA_LEVEL_HPA * (1 - 2.25577e-5 * altitude_m) ** 5.25588)


def standard_water_vapour(time: datetime, latitude: float) -> float:
    """The column of water vapour in cm that climate suggests for a date and a latitude; 50 % off is common."""
    warm = (6 <= time.month <= 10) == (latitude >= 0) if latitude else True
    return next(summer if warm else winter for limit, summer, winter in WATER_BY_LATITUDE if abs(latitude) <= limit)


def over(
    scene: Scene, *, aot550: float | None = None, water_vapour_cm: float | None = None, altitude_m: float = 0.0
) -> tuple[Atmosphere, tuple[str, ...]]:
    """The air over a scene, and in words what had to be assumed.

    A stated value wins, then the product's own maps (their mean over clear ground), then a default. Angles come
    from the product, else from the sun's position at its time and centre, seen from the zenith.
    Raises SceneError where the product has neither angles nor a time.
    """
    sun, view, azimuth, assumed = _angles(scene)
    if (aot550 is None or water_vapour_cm is None) and scene.aot and scene.wvp:
        measured = aerosol(scene)
        aot550 = measured.optical_thickness if aot550 is None else aot550
        water_vapour_cm = measured.water_vapour_cm if water_vapour_cm is None else water_vapour_cm
    if aot550 is None:
        aot550 = AOT550
        assumed += (f"aerosol optical thickness {aot550:g}: the product has no AOT map",)
    if water_vapour_cm is None:
        _, latitude = _centre(_any_grid(scene))
        water_vapour_cm = standard_water_vapour(scene.acquired, latitude) if scene.acquired else MID_SUMMER
        assumed += (f"water vapour {water_vapour_cm:g} cm, from climate: the product has no WVP map",)
    found = Atmosphere(sun, view, azimuth, aot550, water_vapour_cm, pressure_hpa=pressure_hpa(altitude_m))
    return found, assumed


def _angles(scene: Scene) -> tuple[float, float, float, tuple[str, ...]]:
    if scene.angles is not None and scene.angles.view_zenith:
        azimuth = fmean(_apart(scene.angles.sun_azimuth, view) for view in scene.angles.view_azimuth.values())
        return scene.angles.sun_zenith, fmean(scene.angles.view_zenith.values()), azimuth, ()
    if scene.acquired is None:
        raise SceneError(
            f"scene {scene.product}: found neither sun angles nor a time, expected one of them; "
            "use a complete product"
        )
    zenith, _ = sun_position(scene.acquired, *_centre(_any_grid(scene)))
    return zenith, 0.0, 90.0, (f"sun zenith {zenith:.1f} from time and place, seen from the zenith",)


def _apart(one: float, other: float) -> float:
    """The angle between two azimuths, 0..180 degrees."""
    return abs((one - other + 180) % 360 - 180)


def _any_grid(scene: Scene) -> GeoGrid:
    sizes = next(iter(scene.files.values()))
    return next(iter(sizes.values())).grid


def _centre(grid: GeoGrid) -> tuple[float, float]:
    """(longitude, latitude) of the middle of a raster, degrees."""
    west, south, east, north = grid.bounds
    lon, lat = projection(grid.crs, GEOGRAPHIC).transform((west + east) / 2, (south + north) / 2)
    return lon, lat
