"""The thirteen bands of Sentinel-2's MultiSpectral Instrument, from `tables/sentinel2.csv`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ecosg_update.errors import SceneError
from ecosg_update.tables import path, rows


@dataclass(frozen=True)
class Band:
    """One band: centre and width (full width at half maximum) in nm, the pixel it is measured at in metres."""

    name: str
    centre_nm: float
    width_nm: float
    pixel_m: float


@lru_cache(maxsize=1)
def bands() -> dict[str, Band]:
    """All bands by name, in the order of the product's own `band_id` 0 ... 12."""
    table = rows(path("sentinel2.csv"), ("band", "centre_nm", "width_nm", "pixel_m", "source"))
    return {
        row["band"]: Band(row["band"], float(row["centre_nm"]), float(row["width_nm"]), float(row["pixel_m"]))
        for row in table
    }


def band_name(text: str) -> str:
    """The standard name of a band in any usual spelling; SceneError for what is no band of Sentinel-2.

    >>> band_name("B2"), band_name("b8a"), band_name("B11")
    ('B02', 'B8A', 'B11')
    """
    spelled = re.fullmatch(r"B0?(\d{1,2})(A?)", text.strip().upper())
    number, letter = spelled.groups() if spelled else ("", "")
    name = f"B{number}{letter}" if letter else f"B{number:0>2}"
    if name not in bands():
        raise SceneError(f"band {text!r}: not a band of Sentinel-2; expected one of {', '.join(bands())}")
    return name
