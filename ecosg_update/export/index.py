"""The index of a folder of tiles, as a table for scripts and as GeoJSON for maps."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic
from ecosg_update.grid import LatLonGrid
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import ranks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE, MAP = NAMES = ("index.csv", "index.geojson")

COLUMNS = (
    "tile", "file", "west", "south", "east", "north", "per_degree", "row", "col", "rows", "cols", "sha256", "no_data",
    "cover", "cover_name", "cover_cells",
)  # fmt: skip
"""row, col: place of the first cell on the globe's lattice. no_data: cells without a cover. cover: the commonest."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile: its name, its cells, its files (the one to open first named by the tile; none where it has no data).

    sha256: of that file. counts: int64 (256,), cells of each code.
    """

    name: str
    grid: LatLonGrid
    files: tuple[str, ...]
    sha256: str
    counts: NDArray[np.int64]


def write(tiles: list[Tile], folder: Path, legend: Legend) -> None:
    """Write `index.csv` and `index.geojson` of tiles into a folder."""
    entries = [entry(tile, legend) for tile in tiles]
    with atomic.parts(*(folder / name for name in NAMES)) as (table, drawn):
        with table.open("w", encoding="utf-8", newline="") as stream:
            rows = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            rows.writeheader()
            rows.writerows(entries)
        features = [_feature(one) for one in entries]
        drawn.write_text(json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n")


def entry(tile: Tile, legend: Legend) -> dict[str, Any]:
    """The line of a tile: plain values by the name of `COLUMNS`; empty ones where there is no data."""
    west, south, east, north = (round(edge, 10) for edge in tile.grid.bounds)
    place = {name: getattr(tile.grid, name) for name in ("per_degree", "row", "col", "rows", "cols")}
    most = _most(tile, legend)
    return {
        "tile": tile.name,
        "file": next((name for name in tile.files if Path(name).stem == tile.name), ""),
        **{"west": west, "south": south, "east": east, "north": north},
        **place,
        "sha256": tile.sha256,
        "no_data": tile.grid.cells - int(tile.counts[1:].sum()),
        "cover": most or "",
        "cover_name": legend.name_of(most) if most else "",
        "cover_cells": int(tile.counts[most]) if most else "",
    }


def files(folder: Path) -> list[str]:
    """The tiles' files that the index of a folder names, none without an index; OutputError where it is no index."""
    path = folder / TABLE
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [row["file"] for row in csv.DictReader(stream) if row["file"]]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise OutputError(f"{path}: is no index of tiles ({error}); name another folder") from error


def _most(tile: Tile, legend: Legend) -> int:
    """The most frequent code, the first of the tie rule among equals; 0 where there is no data."""
    codes = [legend.codes[row] for row in ranks(legend) if legend.codes[row] < 256]
    return max(codes, key=lambda code: int(tile.counts[code])) if tile.files else 0


def _feature(values: dict[str, Any]) -> dict[str, Any]:
    """A tile as a feature of GeoJSON (RFC 7946): a counter-clockwise ring of longitudes and latitudes."""
    west, south, east, north = (values[edge] for edge in ("west", "south", "east", "north"))
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "geometry": geometry, "properties": values}
