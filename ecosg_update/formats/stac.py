"""A cover map as an item of a SpatioTemporal Asset Catalog: what catalogues, browsers and scripts find it by.

STAC 1.1.0 with the extensions classification 2.0 (codes, names, colours), projection 2.0 (the lattice) and file 2.1
(size and SHA-256 of each file). The item stands beside its files and names them by relative paths, so that a folder
can be moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from ecosg_update.errors import ConfigError
from ecosg_update.formats import cf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import GEOGRAPHIC, LatLonGrid
from ecosg_update.layers import Reason
from ecosg_update.legend import Legend

ENDING = ".stac.json"
VERSION = "1.1.0"
EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("classification/v2.0.0", "projection/v2.0.0", "file/v2.1.0")
)

DEGREE_M = 111_195
"""Of a meridian, on a sphere of 6,371 km."""

SHA256 = "1220"
"""What a multihash of 32 bytes of SHA-256 begins with."""

KINDS = {
    ".dir": ("application/octet-stream", "data", "cover map for SURFEX, one byte a cell, from the north-west"),
    ".hdr": ("text/plain", "metadata", "header of the .dir"),
    ".nc": ("application/netcdf", "data", "covers and what they rest on, CF conventions"),
    ".tif": ("image/tiff; application=geotiff; profile=cloud-optimized", "data", "cover map"),
    ".xml": ("application/xml", "metadata", "class names for GDAL"),
    ".qml": ("application/xml", "metadata", "style for QGIS"),
    ".png": ("image/png", "overview", "picture"),
    ".toml": ("application/toml", "metadata", "configuration of the run"),
    ".json": ("application/json", "metadata", "manifest of the run: inputs, tables, checksums"),
}
"""By ending: media type, role, title."""

MAPS = (".dir", ".tif")
"""Files of one band of codes."""

Document: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Period:
    """The time that a map stands for, UTC; a moment where both are equal."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ConfigError(f"time: {self.start} is after {self.end}; give START/END")

    @classmethod
    def parsed(cls, text: str) -> Period:
        """Of `2018-07-01`, `2018-07-01T10:30:00Z` or `2018-01-01/2018-12-31`; ConfigError for other text."""
        try:
            moments = [datetime.fromisoformat(part) for part in text.split("/")]
        except ValueError:
            moments = []
        if len(moments) not in (1, 2):
            raise ConfigError(f"time: found {text!r}, expected a date, a date and time, or START/END as ISO 8601")
        start, end = moments[0], moments[-1]
        return cls(*(one.astimezone(UTC) if one.tzinfo else one.replace(tzinfo=UTC) for one in (start, end)))


def beside(stem: Path) -> Path:
    """The item of the files of a stem."""
    return stem.with_name(stem.name + ENDING)


def text(
    stem: Path,
    grid: LatLonGrid,
    legend: Legend,
    files: Mapping[Path, Path],
    *,
    about: Provenance,
    when: Period,
    bands: Sequence[Document] = (),
    linked: Iterable[Path] = (),
) -> str:
    """The item of a map as JSON.

    files: the name of each file and the file that holds its bytes now; they are read for their checksums. bands: the
    variables of classes in a NetCDF, where it holds more than the covers. linked: files that are named without a
    checksum, for they are not written yet.
    """
    bands = bands or [{"name": "cover", **_codes(classes(legend))}]
    sizes = {name: _file(part) for name, part in files.items()} | {name: {} for name in linked}
    assets = {
        _key(name, stem): _asset(name, legend, bands) | facts
        for name, facts in sorted(sizes.items(), key=lambda pair: pair[0].name)
    }
    return json.dumps(_item(stem.name, grid, assets, about, when), indent=2) + "\n"


def _item(name: str, grid: LatLonGrid, assets: Document, about: Provenance, when: Period) -> Document:
    west, south, east, north = grid.bounds
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": name,
        "geometry": _geometry(grid),
        "bbox": [west, south, east - 360 if east > 180 else east, north],
        "properties": {
            "title": about.title,
            "description": " ".join(part for part in (f"From {about.source}.", about.comment) if part),
            **_time(when),
            "gsd": round(DEGREE_M / grid.per_degree, 1),
            "proj:code": GEOGRAPHIC,
            "proj:shape": list(grid.shape),
            "proj:transform": list(grid.transform)[:6],
        },
        "links": [{"rel": "related", "href": about.references.split(": ", 1)[-1], "title": "ECOCLIMAP-SG"}],
        "assets": assets,
    }


def _geometry(grid: LatLonGrid) -> Document:
    """The outline as GeoJSON: two polygons where it crosses the dateline, as RFC 7946 asks."""
    west, south, east, north = grid.bounds
    if east <= 180:
        return {"type": "Polygon", "coordinates": [_ring(west, south, east, north)]}
    pieces = [[_ring(west, south, 180.0, north)], [_ring(-180.0, south, east - 360, north)]]
    return {"type": "MultiPolygon", "coordinates": pieces}


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _time(when: Period) -> Document:
    """STAC's `datetime`, null where the time is a span, which it then names."""
    start, end = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (when.start, when.end))
    if start == end:
        return {"datetime": start}
    return {"datetime": None, "start_datetime": start, "end_datetime": end}


def _key(file: Path, stem: Path) -> str:
    """What an asset is called: `dir` for STEM.dir, `quicklook.png` for STEM_quicklook.png."""
    return file.name.removeprefix(stem.name).lstrip("._")


def _asset(file: Path, legend: Legend, bands: Sequence[Document]) -> Document:
    media, role, title = KINDS[file.suffix]
    found: Document = {"href": f"./{file.name}", "type": media, "roles": [role], "title": title}
    if file.suffix in MAPS:
        found |= _codes(classes(legend))
    if file.suffix == ".nc":
        found["bands"] = list(bands)
    return found


def patch_bands(legend: Legend) -> list[Document]:
    """The bands of a patch's NetCDF that hold classes."""
    covers = [{"name": name, **_codes(classes(legend))} for name in ("cover", "base_cover")]
    return [*covers, {"name": "reason", **_codes([_class(reason, reason.label, reason.label) for reason in Reason])}]


def _codes(kinds: list[Document]) -> Document:
    return {"data_type": "uint8", "nodata": 0, "classification:classes": kinds}


def classes(legend: Legend) -> list[Document]:
    """The class objects of a legend, 0 among them as no data; names are those of the NetCDF's `flag_meanings`."""
    words = cf.meanings(legend).split()
    named = zip(legend.codes, words, legend.names, legend.group, legend.colours, strict=True)
    found = [
        _class(code, word, name) | {"description": f"{name} ({group})", "color_hint": bytes(colour).hex().upper()}
        for code, word, name, group, colour in named
    ]
    return [_class(0, "no_data", "no data") | {"nodata": True}, *found]


def _class(value: int, name: str, title: str) -> Document:
    return {"value": int(value), "name": name, "title": title, "description": title}


def _file(path: Path) -> Document:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file:size": path.stat().st_size, "file:checksum": SHA256 + digest}
