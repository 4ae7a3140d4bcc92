"""What maps are scored against: rasters, polygons, points, and the reference maps of BigEarthNet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.formats import geotiff, points, polygons
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.legend import Legend
from ecosg_update.patch.majority import majority_of_codes
from ecosg_update.scoring import maps
from ecosg_update.scoring.ground import Ground, overlap
from ecosg_update.scoring.maps import Layer, Map, classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Where = Literal["truth", "maps"]
"""Whose pixels are compared: the truth's, or the cells of the finest map with the truth's majority."""

CORINE_COLUMNS = ("CODE_18", "CLC18", "CODE_12", "CODE_06", "CODE_00", "CODE_90", "clc_code", "code")
"""What CORINE's vector files call the code, the newest edition first."""

REFERENCE_MAP = "_reference_map.tif"
"""How the names of BigEarthNet's reference maps end: level 3 of CORINE."""

PARTS = 10
"""Places a side of a cell at which polygons are looked up for their majority."""

PARCEL_HA = {"1": 0.0, "2": 0.5, "3": 1.0, "4": 10.0, "< 0.5": 0.0, "0.5 - 1": 0.5, "1 - 10": 1.0, "> 10": 10.0}
"""The least area of the classes of PARCEL_AREA_HA, ha: codes of the microdata, texts of the harmonised table."""

NOTHING = 999
"""A code that no legend here has: ground without truth, which counts in a majority."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A ground and the truth on it."""

    ground: Ground
    layer: Layer


@dataclass(frozen=True, eq=False)
class Seen:
    """Points of truth. lon, lat: float64 (point,), degrees. classes: uint8 (point,), row of the legend plus 1."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    classes: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Truth:
    """What maps are scored against: sheets of pixels, or points. notes: what a reader of the scores must know."""

    legend: Legend
    sheets: tuple[Sheet, ...] = ()
    points: Seen | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filter:
    """Which points serve: seen from at most `max_distance_m`, in a parcel of at least `min_parcel_ha`."""

    max_distance_m: float | None = None
    min_parcel_ha: float | None = None


@dataclass(frozen=True, eq=False)
class Majority:
    """The class that most of each lat-lon cell has, ground without truth being one: then the cell has none."""

    legend: Legend
    source: geotiff.CodeRaster | polygons.Polygons

    def on(self, ground: Ground) -> NDArray[np.uint8]:
        """uint8 (y, x) as of `Layer`, on lat-lon cells; ConfigError on another ground."""
        if not isinstance(ground, LatLonGrid):
            raise ConfigError(
                "score: a majority needs lat-lon cells; name a cover map, or score on the truth's pixels"
            )
        codes, grid = self._codes(ground)
        if codes is None:
            return np.zeros(ground.shape, np.uint8)
        rows = classes(codes, self.legend, getattr(self.source, "nodata", None))
        known = np.array([NOTHING, *self.legend.codes], np.uint16)[rows]
        found = majority_of_codes(known, grid, _with_nothing(self.legend), ground, threads=1)
        found[found == NOTHING] = 0
        return (self.legend.rows[found] + 1).astype(np.uint8)

    def _codes(self, cells: LatLonGrid) -> tuple[NDArray[np.integer] | None, GeoGrid]:
        """Codes of pixels that cover the cells, None where the raster is elsewhere."""
        if isinstance(self.source, polygons.Polygons):
            fine = LatLonGrid(
                cells.per_degree * PARTS, cells.row * PARTS, cells.col * PARTS, cells.rows * PARTS, cells.cols * PARTS
            ).geo()
            return polygons.burnt(self.source, fine), fine
        place = self.source.grid.covering(cells, margin=1)
        if place is None:
            return None, self.source.grid
        return self.source.read(*place), self.source.grid.window(*place)


def opened(
    path: Path, finest: Ground, *, legend: str | None = None, on: Where | None = None, which: Filter | None = None
) -> Truth:
    """The truth in a file, or in a folder of BigEarthNet's reference maps.

    finest: the ground of the finest map, whose cells serve where `on` is "maps" and for polygons, which have no
    pixels. legend: what its codes mean; default CORINE's level 3 for polygons and reference maps, LUCAS for points,
    ECOCLIMAP-SG for a cover map. Raises ConfigError for what does not go together, else as the formats do.
    """
    if path.is_dir() or path.name.endswith(REFERENCE_MAP):
        return _on(on, _sheets(_reference_maps(path), legend or "corine-l3"), finest)
    if points.is_points(path):
        if on is not None:
            raise ConfigError(f"{path}: points have no pixels, --on does not apply; leave it out")
        return _seen(points.points(path), tables.legend(legend or "lucas"), which or Filter())
    if which not in (None, Filter()):
        raise ConfigError(f"{path}: holds no points, so there is no distance or parcel to choose by; leave these out")
    if polygons.is_vector(path):
        if on == "truth":
            raise ConfigError(f"{path}: polygons have no pixels; score on the cells of the maps (--on maps)")
        found = tables.legend(legend or "corine-l3")
        notes = (f"truth: the class of most of each cell of the finest map, looked up at {PARTS} x {PARTS} places",)
        source = polygons.polygons(path, CORINE_COLUMNS)
        return Truth(
            found, (Sheet(overlap(finest, [polygons.extent(source)]), Majority(found, source)),), notes=notes
        )
    if path.suffix not in (*maps.COVER_ENDINGS, ".tif"):
        raise ConfigError(
            f"{path}: the ending says what truth is, found {path.suffix!r}, expected a cover map (.dir, .nc), a "
            "raster (.tif), polygons (.gpkg, .shp, .geojson) or points (.csv or a vector file)"
        )
    if path.suffix == ".tif" and legend is None:
        legend = geotiff.legend_name(path)
        if legend is None:
            raise ConfigError(
                f"{path}: does not say what its codes mean; name its legend (--truth-legend), such as corine-l3"
            )
    return _on(on, _sheets([path], legend), finest)


def _sheets(paths: Sequence[Path], legend: str | None) -> Truth:
    found = [maps.opened(path, legend=legend) for path in paths]
    return Truth(found[0].legend, tuple(Sheet(one.grid, one) for one in found))


def _on(on: Where | None, truth: Truth, finest: Ground) -> Truth:
    """The truth on its own pixels, or as the majority on the cells of the finest map."""
    if on != "maps":
        return replace(truth, notes=(*truth.notes, "pixels: the truth's; of each map the class at a pixel's centre"))
    (sheet, *others) = truth.sheets
    source = sheet.layer.source if isinstance(sheet.layer, Map) else None
    if others or not isinstance(finest, LatLonGrid):
        raise ConfigError("score: --on maps takes one truth and a map on lat-lon cells; leave it out")
    if not isinstance(source, geotiff.CodeRaster):
        if isinstance(sheet.ground, LatLonGrid) and sheet.ground.per_degree == finest.per_degree:
            return replace(truth, sheets=(Sheet(finest, sheet.layer),))
        raise ConfigError("score: --on maps takes a raster (.tif) or polygons as truth; export the cover map first")
    notes = (*truth.notes, "pixels: the finest map's cells, with the class of most of each cell as truth")
    where = overlap(finest, [source.grid])
    return Truth(truth.legend, (Sheet(where, Majority(truth.legend, source)),), notes=notes)


def _reference_maps(path: Path) -> list[Path]:
    found = [path] if path.is_file() else sorted(path.rglob(f"*{REFERENCE_MAP}"))
    if not found:
        raise FormatError(f"{path}: holds no *{REFERENCE_MAP}; name the folder of BigEarthNet's reference maps")
    return found


def _seen(found: points.Points, legend: Legend, which: Filter) -> Truth:
    rows = _rows(found, legend)
    kept, notes = _kept(found, which)
    lost = Counter(text for text, row in zip(found.classes, rows, strict=True) if text and row == 0)
    notes = [f"truth: {len(rows):,} points of {found.path.name}, class in {found.column}", *notes]
    if lost:
        shown = ", ".join(f"{text} ({count})" for text, count in lost.most_common(8))
        notes.append(f"truth: {sum(lost.values()):,} points have a class that {legend.name} lacks: {shown}")
    kept &= np.isfinite(found.lon) & np.isfinite(found.lat)
    return Truth(legend, points=Seen(found.lon[kept], found.lat[kept], rows[kept]), notes=tuple(notes))


def _rows(found: points.Points, legend: Legend) -> NDArray[np.uint8]:
    """The class of each point: by LUCAS's own code where the legend has them, else by the legend's."""
    texts = legend.columns.get("lc1") or tuple(map(str, legend.codes))
    row_of = {text: row for row, text in enumerate(texts, start=1)}
    row_of |= {str(code): row for row, code in enumerate(legend.codes, start=1)}
    return np.array([row_of.get(text.strip(), 0) for text in found.classes], np.uint8)


def _kept(found: points.Points, which: Filter) -> tuple[NDArray[np.bool_], list[str]]:
    """Which points pass, and what to tell of the others."""
    kept, notes = np.ones(len(found.classes), np.bool_), []
    for limit, cells, what, passes in (
        (which.max_distance_m, found.distances, "were seen from more than {} m, or from where is not known", _near),
        (which.min_parcel_ha, found.parcels, "lie in a parcel of less than {} ha, or of an unknown area", _wide),
    ):
        if limit is None:
            continue
        if cells is None:
            raise ConfigError(f"{found.path}: has no column to choose points by; leave the limit of {limit:g} out")
        good = np.array([passes(cell.strip(), limit) for cell in cells], np.bool_)
        notes.append(f"truth: {int((kept & ~good).sum()):,} points {what.format(f'{limit:g}')}: left out")
        kept &= good
    return kept, notes


def _near(cell: str, limit: float) -> bool:
    try:
        return 0 <= float(cell) <= limit
    except ValueError:
        return False


def _wide(cell: str, limit: float) -> bool:
    return PARCEL_HA.get(cell.removesuffix(".0"), -1.0) >= limit


def _with_nothing(legend: Legend) -> Legend:
    """The legend with a class for ground without truth; it wins no tie."""
    return Legend(
        f"{legend.name} or nothing",
        (*legend.codes, NOTHING),
        (*legend.names, "no truth"),
        (*legend.colours, (0, 0, 0)),
        (*legend.group, ""),
        (*legend.priority, max(legend.priority) + 1),
    )
