"""Where the sun stands, for products that do not carry its angles."""

from __future__ import annotations

import math
from datetime import UTC, datetime

EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""J2000.0."""


def sun_position(time: datetime, lon: float, lat: float) -> tuple[float, float]:
    """(zenith, azimuth) of the sun in degrees, azimuth clockwise from north; refraction is left out.

    time: UTC where it names no zone. lon, lat: degrees east and north. Within 0.01 degrees for 1950-2050:
    the Astronomical Almanac's low-precision sun (Michalsky, 1988, Solar Energy 40, 227-235).
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    days = (time - EPOCH).total_seconds() / 86400
    right_ascension, declination = _equatorial(days)
    greenwich = math.radians((280.46062 + 360.98564737 * days) % 360)
    hour_angle = greenwich + math.radians(lon) - right_ascension
    phi = math.radians(lat)
    up = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(phi) * math.sin(declination) - math.sin(phi) * math.cos(declination) * math.cos(hour_angle)
    return math.degrees(math.acos(min(1.0, max(-1.0, up)))), math.degrees(math.atan2(east, north)) % 360


def _equatorial(days: float) -> tuple[float, float]:
    """Right ascension and declination in radians, `days` after J2000.0."""
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians((357.528 + 0.9856003 * days) % 360)
    ecliptic = math.radians((mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly)) % 360)
    obliquity = math.radians(23.439 - 4e-7 * days)
    right_ascension = math.atan2(math.cos(obliquity) * math.sin(ecliptic), math.cos(ecliptic))
    return right_ascension, math.asin(math.sin(obliquity) * math.sin(ecliptic))
