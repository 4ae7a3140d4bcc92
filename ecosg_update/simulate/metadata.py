"""The XML of a simulated Sentinel-2 product: the elements that readers of real products look for.

Element names follow the Sentinel-2 Products Specification Document (PSD 14). Every file says SIMULATED.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.grid import GEOGRAPHIC, projection
from ecosg_update.simulate.sky import SUN_AZIMUTH, SUN_ZENITH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.grid import GeoGrid

QUANTIFICATION = 10000
OFFSET = -1000
ATMOSPHERE = 1000.0
"""Counts of the AOT and WVP images for one unit."""

NOTE = "SIMULATED: no satellite took this image and no such place exists"
SENSED = "2023-06-15T11:43:51.024Z"
GENERATED = "2023-06-15T15:00:00.000000Z"
BASELINE = "05.09"

PHYSICAL_BANDS = {
    "B1": (60, 442.7), "B2": (10, 492.7), "B3": (10, 559.8), "B4": (10, 664.6), "B5": (20, 704.1), "B6": (20, 740.5),
    "B7": (20, 782.8), "B8": (10, 832.8), "B8A": (20, 864.7), "B9": (60, 945.1), "B10": (60, 1373.5),
    "B11": (20, 1613.7), "B12": (20, 2202.4),
}  # fmt: skip
"""Pixel size (m) and central wavelength (nm) of Sentinel-2A by bandId 0..12 (ESA, spectral response of S2A)."""

VIEW_ZENITH, VIEW_AZIMUTH = 5.0, 105.0
"""Degrees; one view for all bands."""

CLASSES = (
    "NODATA", "SATURATED_DEFECTIVE", "DARK_FEATURE", "CLOUD_SHADOW", "VEGETATION", "NOT_VEGETATED", "WATER",
    "UNCLASSIFIED", "CLOUD_MEDIUM_PROBA", "CLOUD_HIGH_PROBA", "THIN_CIRRUS", "SNOW_ICE",
)  # fmt: skip
"""The scene classification by value 0..11."""

_PSD = "https://psd-14.sentinel2.eo.esa.int/PSD"
_HEAD = f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<!-- {NOTE} -->\n'


@dataclass(frozen=True)
class Names:
    """What the parts of the product are called.

    Relative orbit 999 does not exist (there are 143), so that no real product has this name.
    """

    tile: str = "T29UNV"
    sensed: str = "20230615T114351"
    product: str = "S2A_MSIL2A_20230615T114351_N0509_R999_T29UNV_20230615T150000.SAFE"
    granule: str = "GRANULE/L2A_T29UNV_A000000_20230615T114351"
    datastrip: str = "DATASTRIP/DS_SIMU_20230615T150000_S20230615T114351"

    @property
    def images(self) -> str:
        """The folder of the images, below the product."""
        return f"{self.granule}/IMG_DATA"

    @property
    def image(self) -> str:
        """What the names of images begin with."""
        return f"{self.tile}_{self.sensed}"


NAMES = Names()


def product_xml(grid: GeoGrid, images: Iterable[str]) -> str:
    """MTD_MSIL2A.xml: what was sensed when, the quantification and the offset of each band, the images."""
    files = _lines(f"<IMAGE_FILE>{name.removesuffix('.jp2')}</IMAGE_FILE>" for name in images)
    offsets = _lines(f'<BOA_ADD_OFFSET band_id="{band}">{OFFSET}</BOA_ADD_OFFSET>' for band in range(13))
    spectra = _lines(
        f'<Spectral_Information bandId="{number}" physicalBand="{band}"><RESOLUTION>{pixel}</RESOLUTION>'
        f'<Wavelength><CENTRAL unit="nm">{centre}</CENTRAL></Wavelength></Spectral_Information>'
        for number, (band, (pixel, centre)) in enumerate(PHYSICAL_BANDS.items())
    )
    classes = _lines(
        f"<Scene_Classification_ID><SCENE_CLASSIFICATION_TEXT>SC_{name}</SCENE_CLASSIFICATION_TEXT>"
        f"<SCENE_CLASSIFICATION_INDEX>{value}</SCENE_CLASSIFICATION_INDEX></Scene_Classification_ID>"
        for value, name in enumerate(CLASSES)
    )
    return f"""{_HEAD}<n1:Level-2A_User_Product xmlns:n1="{_PSD}/User_Product_Level-2A.xsd">
<n1:General_Info>
<Product_Info>
<PRODUCT_START_TIME>{SENSED}</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>{SENSED}</PRODUCT_STOP_TIME>
<PRODUCT_URI>{NAMES.product}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
<PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
<PROCESSING_BASELINE>{BASELINE}</PROCESSING_BASELINE>
<GENERATION_TIME>{GENERATED}</GENERATION_TIME>
<PREVIEW_IMAGE_URL>Not applicable</PREVIEW_IMAGE_URL>
<PREVIEW_GEO_INFO>{NOTE}</PREVIEW_GEO_INFO>
<Datatake datatakeIdentifier="GS2A_{NAMES.sensed}_000000_N{BASELINE}">
<SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_TYPE>INS-NOBS</DATATAKE_TYPE>
<DATATAKE_SENSING_START>{SENSED}</DATATAKE_SENSING_START>
<SENSING_ORBIT_NUMBER>999</SENSING_ORBIT_NUMBER>
<SENSING_ORBIT_DIRECTION>DESCENDING</SENSING_ORBIT_DIRECTION>
</Datatake>
<Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
<Product_Organisation>
<Granule_List>
<Granule datastripIdentifier="{_datastrip_id()}" granuleIdentifier="{_tile_id()}" imageFormat="JPEG2000">
{files}
</Granule>
</Granule_List>
</Product_Organisation>
</Product_Info>
<Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
<QUANTIFICATION_VALUES_LIST>
<BOA_QUANTIFICATION_VALUE unit="none">{QUANTIFICATION}</BOA_QUANTIFICATION_VALUE>
<AOT_QUANTIFICATION_VALUE unit="none">{ATMOSPHERE}</AOT_QUANTIFICATION_VALUE>
<WVP_QUANTIFICATION_VALUE unit="cm">{ATMOSPHERE}</WVP_QUANTIFICATION_VALUE>
</QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>
{offsets}
</BOA_ADD_OFFSET_VALUES_LIST>
<Spectral_Information_List>
{spectra}
</Spectral_Information_List>
<Scene_Classification_List>
{classes}
</Scene_Classification_List>
</Product_Image_Characteristics>
</n1:General_Info>
<n1:Geometric_Info>
<Product_Footprint><Product_Footprint><Global_Footprint>
<EXT_POS_LIST>{_footprint(grid)}</EXT_POS_LIST>
</Global_Footprint></Product_Footprint></Product_Footprint>
</n1:Geometric_Info>
</n1:Level-2A_User_Product>
"""


def tile_xml(grid: GeoGrid, scl: NDArray[np.uint8]) -> str:
    """MTD_TL.xml: where the tile lies, sun and view angles, and the shares of the scene classification."""
    sizes = _lines(_size(grid, pixel) for pixel in (10, 20, 60))
    positions = _lines(_position(grid, pixel) for pixel in (10, 20, 60))
    views = _lines(
        f'<Mean_Viewing_Incidence_Angle bandId="{band}">{_angles(VIEW_ZENITH, VIEW_AZIMUTH)}'
        "</Mean_Viewing_Incidence_Angle>"
        for band in range(13)
    )
    return f"""{_HEAD}<n1:Level-2A_Tile_ID xmlns:n1="{_PSD}/S2_PDI_Level-2A_Tile_Metadata.xsd">
<n1:General_Info>
<TILE_ID metadataLevel="Brief">{_tile_id()}</TILE_ID>
<DATASTRIP_ID metadataLevel="Standard">{_datastrip_id()}</DATASTRIP_ID>
<DOWNLINK_PRIORITY metadataLevel="Standard">NOMINAL</DOWNLINK_PRIORITY>
<SENSING_TIME metadataLevel="Standard">{SENSED}</SENSING_TIME>
</n1:General_Info>
<n1:Geometric_Info>
<Tile_Geocoding metadataLevel="Brief">
<HORIZONTAL_CS_NAME>WGS84 / UTM zone 29N</HORIZONTAL_CS_NAME>
<HORIZONTAL_CS_CODE>{grid.crs}</HORIZONTAL_CS_CODE>
{sizes}
{positions}
</Tile_Geocoding>
<Tile_Angles metadataLevel="Standard">
<Mean_Sun_Angle>{_angles(SUN_ZENITH, SUN_AZIMUTH)}</Mean_Sun_Angle>
<Mean_Viewing_Incidence_Angle_List>
{views}
</Mean_Viewing_Incidence_Angle_List>
</Tile_Angles>
</n1:Geometric_Info>
<n1:Quality_Indicators_Info metadataLevel="Standard">
<Image_Content_QI>
{_shares(scl)}
</Image_Content_QI>
</n1:Quality_Indicators_Info>
</n1:Level-2A_Tile_ID>
"""


def datastrip_xml() -> str:
    """MTD_DS.xml: only the identifier; readers of land products need no more."""
    return f"""{_HEAD}<n1:Level-2A_DataStrip_ID xmlns:n1="{_PSD}/S2_PDI_Level-2A_Datastrip_Metadata.xsd">
<n1:General_Info>
<Datatake_Info datatakeIdentifier="GS2A_{NAMES.sensed}_000000_N{BASELINE}">
<SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>{SENSED}</DATATAKE_SENSING_START>
</Datatake_Info>
</n1:General_Info>
</n1:Level-2A_DataStrip_ID>
"""


def manifest_xml(grid: GeoGrid, files: Mapping[str, bytes]) -> str:
    """manifest.safe: every file with its size and SHA3-256."""
    objects = _lines(
        f'<dataObject ID="D{number:03d}"><byteStream mimeType="{_mime(name)}" size="{len(content)}">'
        f'<fileLocation href="./{name}" locatorType="URL"/>'
        f'<checksum checksumName="SHA3-256">{hashlib.sha3_256(content).hexdigest()}</checksum>'
        "</byteStream></dataObject>"
        for number, (name, content) in enumerate(files.items())
    )
    return f"""{_HEAD}<xfdu:XFDU xmlns:gml="http://www.opengis.net/gml" \
xmlns:safe="http://www.esa.int/safe/sentinel/1.1" xmlns:xfdu="urn:ccsds:schema:xfdu:1" \
version="esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product">
<informationPackageMap>
<xfdu:contentUnit textInfo="SENTINEL-2 MSI Level-2A User Product, SIMULATED" unitType="Product_Level-2A"/>
</informationPackageMap>
<metadataSection>
<metadataObject ID="acquisitionPeriod"><metadataWrap><xmlData><safe:acquisitionPeriod>
<safe:startTime>{SENSED}</safe:startTime>
</safe:acquisitionPeriod></xmlData></metadataWrap></metadataObject>
<metadataObject ID="processing"><metadataWrap><xmlData>
<safe:processing name="{NOTE}" start="{GENERATED}"/>
</xmlData></metadataWrap></metadataObject>
<metadataObject ID="measurementFrameSet"><metadataWrap><xmlData><safe:frameSet>
<safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">
<gml:coordinates>{_footprint(grid)}</gml:coordinates>
</safe:footPrint></safe:frameSet></xmlData></metadataWrap></metadataObject>
</metadataSection>
<dataObjectSection>
{objects}
</dataObjectSection>
</xfdu:XFDU>
"""


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)


def _datastrip_id() -> str:
    return f"S2A_OPER_MSI_L2A_DS_SIMU_20230615T150000_S{NAMES.sensed}_N{BASELINE}"


def _tile_id() -> str:
    return f"S2A_OPER_MSI_L2A_TL_SIMU_20230615T150000_A000000_{NAMES.tile}_N{BASELINE}"


def _size(grid: GeoGrid, pixel: int) -> str:
    rows, cols = (round(side * grid.pixel[0] / pixel) for side in grid.shape)
    return f'<Size resolution="{pixel}"><NROWS>{rows}</NROWS><NCOLS>{cols}</NCOLS></Size>'


def _position(grid: GeoGrid, pixel: int) -> str:
    west, _, _, north = grid.bounds
    return (
        f'<Geoposition resolution="{pixel}"><ULX>{west:.0f}</ULX><ULY>{north:.0f}</ULY>'
        f"<XDIM>{pixel}</XDIM><YDIM>-{pixel}</YDIM></Geoposition>"
    )


def _angles(zenith: float, azimuth: float) -> str:
    return f'<ZENITH_ANGLE unit="deg">{zenith}</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">{azimuth}</AZIMUTH_ANGLE>'


def _shares(scl: NDArray[np.uint8]) -> str:
    """Percentages: no data of the whole tile, every class of what the swath covers, as real products count."""
    number = np.bincount(scl.ravel(), minlength=len(CLASSES))
    percent = 100 * number / max(1, number[1:].sum())
    shares = {
        "CLOUDY_PIXEL_PERCENTAGE": percent[8:11].sum(),
        "NODATA_PIXEL_PERCENTAGE": 100 * number[0] / scl.size,
        "CLOUD_SHADOW_PERCENTAGE": percent[3],
        "VEGETATION_PERCENTAGE": percent[4],
        "NOT_VEGETATED_PERCENTAGE": percent[5],
        "WATER_PERCENTAGE": percent[6],
        "MEDIUM_PROBA_CLOUDS_PERCENTAGE": percent[8],
        "HIGH_PROBA_CLOUDS_PERCENTAGE": percent[9],
        "THIN_CIRRUS_PERCENTAGE": percent[10],
    }
    return _lines(f"<{name}>{value:.6f}</{name}>" for name, value in shares.items())


def _footprint(grid: GeoGrid) -> str:
    """The corners as latitude and longitude in turn, clockwise and closed."""
    west, south, east, north = grid.bounds
    corners = [(west, north), (east, north), (east, south), (west, south), (west, north)]
    points = [projection(grid.crs, GEOGRAPHIC).transform(*corner) for corner in corners]
    return " ".join(f"{lat:.8f} {lon:.8f}" for lon, lat in points)


def _mime(name: str) -> str:
    return "application/octet-stream" if name.endswith(".jp2") else "text/xml"
