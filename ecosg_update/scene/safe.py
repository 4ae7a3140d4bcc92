"""The metadata of a SAFE: MTD_MSIL1C.xml or MTD_MSIL2A.xml of the product, MTD_TL.xml of the tile.

Documents are told apart by their root element, not by their name: spellings differ (MTD_MSIL2a.xml) and some
archives put the tile's document where the product's should be. Source of the elements: Sentinel-2 Products
Specification Document, user product and tile metadata.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ecosg_update.errors import SceneError
from ecosg_update.layers import Level
from ecosg_update.scene.bands import bands
from ecosg_update.scene.naming import named
from ecosg_update.scene.product import Angles
from ecosg_update.scene.store import File, Store

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

QUANTIFICATION = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
OFFSET = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET")


@dataclass(frozen=True)
class Metadata:
    """What the documents state; None or empty where they are silent."""

    product: str = ""
    level: Level | None = None
    baseline: str | None = None
    tile: str | None = None
    started: datetime | None = None
    sensed: datetime | None = None
    quantification: float | None = None
    aot_quantification: float | None = None
    wvp_quantification: float | None = None
    offset: Mapping[str, float] | None = None
    angles: Angles | None = None

    @property
    def acquired(self) -> datetime | None:
        """UTC: when the tile was sensed, else when the datatake started."""
        return self.sensed or self.started


def metadata(store: Store) -> Metadata:
    """All that the XML documents of a product state.

    Raises SceneError for a document that is no XML, or whose numbers are none.
    """
    known = Metadata()
    tiles: set[str] = set()
    for name in _documents(store.names):
        file = store.file(name)
        root = document(file)
        try:
            if root.tag.endswith("_User_Product"):
                known = _with_product(known, root)
            elif root.tag.endswith("_Tile_ID"):
                tiles.add(_text(root, "TILE_ID"))
                known = _with_tile(known, root)
        except (ValueError, IndexError) as error:
            raise SceneError(f"{file}: metadata cannot be understood ({error}); fetch the product again") from error
    if len(tiles) > 1:
        raise SceneError(f"{store.root}: holds {len(tiles)} tiles, expected one; give the path of one product")
    return known


def _documents(names: Iterable[str]) -> list[str]:
    """Tile documents first: what the product's document says then stands."""
    found = [name for name in names if name.rsplit("/", 1)[-1].upper().startswith("MTD_") and _is_xml(name)]
    wanted = [name for name in found if "DATASTRIP" not in name.split("/")]
    return sorted(wanted, key=lambda name: (-name.count("/"), name))


def _is_xml(name: str) -> bool:
    return name.lower().endswith(".xml")


def document(file: File) -> Element:
    """The root of an XML file; SceneError where it is none, or defines entities of its own."""
    try:
        root: Element = fromstring(file.content(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise SceneError(f"{file}: not readable as XML ({error}); fetch the product again") from error
    return root


def _with_product(known: Metadata, root: Element) -> Metadata:
    offsets = {_band(found.get("band_id")): _number(found) for tag in OFFSET for found in root.iter(tag)}
    return replace(
        known,
        product=_text(root, "PRODUCT_URI").removesuffix(".SAFE") or known.product,
        level=_level(_text(root, "PROCESSING_LEVEL")) or known.level,
        baseline=_text(root, "PROCESSING_BASELINE") or known.baseline,
        tile=known.tile or named([_text(root, "PRODUCT_URI")]).tile,
        started=_time(_text(root, "PRODUCT_START_TIME") or _text(root, "DATATAKE_SENSING_START")),
        quantification=_first_number(root, QUANTIFICATION),
        aot_quantification=_first_number(root, ("AOT_QUANTIFICATION_VALUE", "L2A_AOT_QUANTIFICATION_VALUE")),
        wvp_quantification=_first_number(root, ("WVP_QUANTIFICATION_VALUE", "L2A_WVP_QUANTIFICATION_VALUE")),
        offset=offsets or None,
    )


def _with_tile(known: Metadata, root: Element) -> Metadata:
    identity = _text(root, "TILE_ID")
    baseline = identity.rpartition("_N")[2]
    return replace(
        known,
        level=_level(root.tag),
        baseline=baseline if baseline.replace(".", "").isdigit() else None,
        tile=named([identity]).tile,
        sensed=_time(_text(root, "SENSING_TIME")),
        angles=_angles(root),
    )


def _angles(root: Element) -> Angles | None:
    sun = next(root.iter("Mean_Sun_Angle"), None)
    if sun is None:
        return None
    views = {
        _band(view.get("bandId")): (_number(view.find("ZENITH_ANGLE")), _number(view.find("AZIMUTH_ANGLE")))
        for view in root.iter("Mean_Viewing_Incidence_Angle")
    }
    return Angles(
        sun_zenith=_number(sun.find("ZENITH_ANGLE")),
        sun_azimuth=_number(sun.find("AZIMUTH_ANGLE")),
        view_zenith={band: zenith for band, (zenith, _) in views.items()},
        view_azimuth={band: azimuth for band, (_, azimuth) in views.items()},
    )


def _band(number: str | None) -> str:
    return tuple(bands())[int(number or "")]


def _level(text: str) -> Level | None:
    """From Level-2A, Level-2Ap, Level-1C or the name of a root element."""
    if "Level-2A" in text:
        return "L2A"
    return "L1C" if "Level-1C" in text else None


def _text(root: Element, tag: str) -> str:
    found = next(root.iter(tag), None)
    return (found.text or "").strip() if found is not None else ""


def _first_number(root: Element, tags: Iterable[str]) -> float | None:
    found = next((element for tag in tags for element in root.iter(tag)), None)
    return None if found is None else _number(found)


def _number(element: Element | None) -> float:
    number = float((element.text or "") if element is not None else "")
    if not math.isfinite(number):
        raise ValueError(f"found {number}, expected a number")
    return number


def _time(text: str) -> datetime | None:
    if not text:
        return None
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
