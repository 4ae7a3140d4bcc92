"""What file and folder names say: product, level, baseline, time, tile; and which band a file holds.

Source of the pattern: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), product naming since
2016-12-06, `MMM_MSIXXX_YYYYMMDDTHHMMSS_Nxxyy_ROOO_Txxxxx_...`. Chips cut from products (BigEarthNet, SSL4EO)
keep parts of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ecosg_update.layers import Level

PRODUCT = re.compile(r"S2[A-D]_MSI(L1C|L2A)_\d{8}T\d{5,6}(?:_N(\d{4}))?")
TIME = re.compile(r"(?<!\d)(\d{8})T(\d{5,6})(?!\d)")
TILE = re.compile(r"(?:^|_)T(\d{2}[C-X][A-Z]{2})(?=[_.]|$)")
IMAGE = re.compile(r"(?:^|_)(B\d{1,2}A?|SCL|AOT|WVP)(?:_(\d{2})m)?(?:\.jp2)?\.(?:jp2|tiff?)$", re.IGNORECASE)

TOOLBOX = "9999"
"""The baseline in the name of what a user's own Sen2Cor made: it says nothing about the offset."""


@dataclass(frozen=True)
class Name:
    """What names say; None or "" where they do not."""

    product: str = ""
    level: Level | None = None
    baseline: str | None = None
    acquired: datetime | None = None
    tile: str | None = None


@dataclass(frozen=True)
class ImageName:
    """A file that holds one layer: `B02` ... or SCL, AOT, WVP; `stated_m` as named, 0 where it is not."""

    layer: str
    stated_m: int


def named(parts: Iterable[str]) -> Name:
    """What the parts of a path say, the first part that says something wins."""
    texts = list(parts)
    product = next((text for text in texts if PRODUCT.search(text)), "")
    stated = PRODUCT.search(product)
    level, baseline = stated.groups() if stated else (None, None)
    known = baseline if baseline != TOOLBOX else None
    return Name(
        product=product.removesuffix(".zip").removesuffix(".SAFE"),
        level=level,  # type: ignore[arg-type]
        baseline=f"{known[:2]}.{known[2:]}" if known else None,
        acquired=next((time for text in texts if (time := _time(text))), None),
        tile=next((found[1] for text in texts if (found := TILE.search(text))), None),
    )


def image_name(name: str) -> ImageName | None:
    """Which layer the file `name` (a path in the product) holds, None where it is no image of the product."""
    *folders, file = name.split("/")
    found = IMAGE.search(file)
    if found is None or "QI_DATA" in folders or file.startswith("MSK_"):
        return None
    return ImageName(found[1].upper(), int(found[2] or 0))


def _time(text: str) -> datetime | None:
    found = TIME.search(text)
    if found is None:
        return None
    # BigEarthNet drops the leading zero of the hour.
    date, clock = found[1], found[2].zfill(6)
    try:
        return datetime.strptime(date + clock, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
