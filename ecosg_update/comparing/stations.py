"""Weather stations: what lies under each of them, before and after."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update.comparing.changes import Change
from ecosg_update.comparing.onmodel import NOISE, TOLD_TILES, OnModel
from ecosg_update.domain import RADIUS
from ecosg_update.errors import FormatError
from ecosg_update.fractions import TILES
from ecosg_update.grid import LatLonGrid
from ecosg_update.pgd.tiles import Arrangement

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = {
    "id": ("usaf", "wmo", "wmoid", "stationid", "idstation", "numersta", "id", "wban", "station"),
    "name": ("stationname", "nom", "name", "nomstation"),
    "country": ("ctry", "country", "pays"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "longitude", "long", "lng"),
}
"""The headers that a column goes by, without case, units, blanks and signs; of several the first that has a value."""

NEEDED = ("id", "lat", "lon")


@dataclass(frozen=True)
class Station:
    """A station of a list. name and country are empty where the list has none; degrees."""

    id: str
    name: str
    country: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Below:
    """What lies under a station. row, col: the model's cell from the south-west, or the map's from the north-west.

    before, after: the part of that cell in each tile; None where the map has no data there. km: to the cell's centre.
    """

    station: Station
    row: int
    col: int
    km: float
    before: dict[str, float] | None
    after: dict[str, float] | None
    changed: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return vars(self.station) | {
            "distance_km": self.km, "row": self.row, "col": self.col,
            "before": self.before, "after": self.after, "changed": self.changed,
        }  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A list of stations. unplaced: rows without a latitude or longitude."""

    stations: tuple[Station, ...]
    unplaced: int


def listed(path: Path) -> Listed:
    """The stations of a CSV file, with commas or semicolons, UTF-8 or Latin-1, whose columns `NAMES` can name.

    NOAA's isd-history.csv and Meteo-France's postesSynop.csv are such files. Raises FormatError for a file that
    cannot be read, lacks a column or has a place that is none.
    """
    lines = _lines(path)
    columns = {key: _columns(lines[0], names) for key, names in NAMES.items()}
    missing = [key for key in NEEDED if not columns[key]]
    if missing:
        known = "; ".join(f"{key}: {', '.join(NAMES[key])}" for key in missing)
        raise FormatError(
            f"{path}: no column for {', '.join(missing)} among {', '.join(lines[0])}; name it as one of {known}"
        )
    stations, unplaced = [], 0
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cells):
            continue
        text = {key: next((cells[at] for at in at_all if _has(cells, at)), "") for key, at_all in columns.items()}
        if not text["lat"] or not text["lon"]:
            unplaced += 1
            continue
        lat = _degrees(text["lat"], -90, 90, f"{path}: line {number}")
        lon = _degrees(text["lon"], -180, 360, f"{path}: line {number}")
        stations.append(Station(text["id"], text["name"], text["country"], lat, lon - 360 if lon > 180 else lon))
    return Listed(tuple(stations), unplaced)


def on_model(stations: Iterable[Station], model: OnModel) -> list[Below]:
    """The stations that lie in a cell of the domain, each with that cell; the others are left out."""
    placed = list(stations)
    lon, lat = (np.array([getattr(one, key) for one in placed], np.float64) for key in ("lon", "lat"))
    cells = model.domain.index(lon, lat)
    found = []
    for station, cell in zip(placed, cells.tolist(), strict=True):
        if cell < 0:
            continue
        y, x = divmod(cell, model.domain.nx)
        before, after = ({name: float(values[side][y, x]) for name, values in model.tiles.items()} for side in (0, 1))
        east, north = model.domain.lonlat(x + 0.5, y + 0.5)
        km = float(kilometres(station.lon, station.lat, float(east), float(north)))
        changed = any(abs(after[name] - before[name]) > NOISE for name in TOLD_TILES)
        known = bool(model.known[y, x])
        found.append(
            Below(station, y, x, km, before if known else None, after if known else None, changed=changed and known)
        )
    return found


def places(stations: Iterable[Station], grid: LatLonGrid) -> tuple[list[Station], NDArray[np.int64]]:
    """The stations on the cells of a map, and row * columns + column of each; the others are left out."""
    inside, found = [], []
    for station in stations:
        row = min(180 * grid.per_degree - 1, math.floor((90 - station.lat) * grid.per_degree)) - grid.row
        col = (math.floor((station.lon + 180) * grid.per_degree) - grid.col) % grid.world_cols
        if 0 <= row < grid.rows and col < grid.cols:
            inside.append(station)
            found.append(row * grid.cols + col)
    return inside, np.array(found, np.int64)


def on_map(
    stations: Iterable[Station], at: NDArray[np.int64], seen: NDArray[np.uint8], grid: LatLonGrid
) -> list[Below]:
    """The stations on the cells of a map. at: as of `places`; seen: uint8 (2, places), covers before and after."""
    shares = Arrangement().tile
    found = []
    for station, place, old, new in zip(stations, at.tolist(), *seen.tolist(), strict=True):
        row, col = divmod(place, grid.cols)
        lon, lat = float(grid.longitudes[col]), float(grid.latitudes[row])
        before, after = (
            {name: float(shares[TILES.index(name), code - 1]) for name in TOLD_TILES} if code else None
            for code in (old, new)
        )
        km = float(kilometres(station.lon, station.lat, lon, lat))
        found.append(Below(station, row, col, km, before, after, changed=bool(old and new and old != new)))
    return found


def nearest(stations: tuple[Station, ...], changes: Iterable[Change]) -> list[dict[str, Any] | None]:
    """For each change the station nearest to its place, and how far off that is; None where there is no station."""
    if not stations:
        return [None for _ in changes]
    lon, lat = (np.array([getattr(one, key) for one in stations], np.float64) for key in ("lon", "lat"))
    found: list[dict[str, Any] | None] = []
    for change in changes:
        away = kilometres(lon, lat, *change.lonlat)
        at = int(away.argmin())
        found.append({"id": stations[at].id, "name": stations[at].name, "distance_km": float(away[at])})
    return found


def kilometres(
    lon: NDArray[np.float64] | float, lat: NDArray[np.float64] | float, to_lon: float, to_lat: float
) -> NDArray[np.float64]:
    """Distances on SURFEX's sphere by the haversine formula, degrees to km."""
    phi, to_phi = np.radians(lat), math.radians(to_lat)
    half = np.sin((phi - to_phi) / 2) ** 2
    half = half + np.cos(phi) * math.cos(to_phi) * np.sin(np.radians(np.asarray(lon) - to_lon) / 2) ** 2
    return np.asarray(2 * RADIUS / 1000 * np.arcsin(np.sqrt(np.minimum(half, 1))))


def _lines(path: Path) -> list[list[str]]:
    """The header and the rows, each cell without blanks around it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror}); name a CSV file of stations") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text), delimiter=delimiter)]
    except csv.Error as error:
        raise FormatError(f"{path}: is no CSV ({error}); name a CSV file of stations") from error
    if not lines:
        raise FormatError(f"{path}: is empty, expected a header line and a station a line; name another")
    return lines


def _columns(header: list[str], names: tuple[str, ...]) -> list[int]:
    """The columns that go by one of the names, in the order of the names."""
    words = [re.sub(r"\(.*\)|[^a-z0-9]", "", head.casefold()) for head in header]
    return [words.index(name) for name in names if name in words]


def _has(cells: list[str], at: int) -> bool:
    """Whether a cell has a value; NOAA writes nines where an identifier is missing."""
    return at < len(cells) and bool(cells[at]) and not re.fullmatch(r"9{5,6}", cells[at])


def _degrees(text: str, least: float, most: float, where: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise FormatError(f"{where}: found {text!r}, expected degrees {least:g}..{most:g}; correct the list")
    return value
