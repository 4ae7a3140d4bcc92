"""The rules of context that a configuration switches on, with their rasters read on the cells in question."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.config import CrosswalkSection
from ecosg_update.crosswalk import crops, low_plants, snow, towns, water, wetlands
from ecosg_update.crosswalk.context import KM_PER_DEGREE, most_frequent, nearby
from ecosg_update.crosswalk.rules import HALF, Rule
from ecosg_update.formats import direct, geotiff, netcdf
from ecosg_update.grid import LatLonGrid, cut, pasted
from ecosg_update.layers import Context, CoverMap, Crosswalk, Patch, Prediction
from ecosg_update.patch.aggregate import Mass
from ecosg_update.patch.decide import Policy, members
from ecosg_update.patch.measure import bands, mean, mean_of_positive, share_of_mask
from ecosg_update.patch.resample import resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

TALLEST_M = 1000.0
"""Heights are averaged as parts of this, metres: more than any building."""


def margin_km(section: CrosswalkSection) -> float:
    """How far around the target the rules look at the base, km."""
    return max(section.radius_km, snow.SNOW_RADIUS_KM)


def cell_rules(context: Context, around: CoverMap, section: CrosswalkSection) -> list[Rule]:
    """The rules that judge each cell by itself, in the order in which they apply: R9, R3, R5, R6, R8.

    context: of the cells. around: the base on its own lattice with `margin_km` around them. Raises FormatError or
    GridError where a raster cannot be read, and CoverageError where the LCZ prediction is on another lattice.
    """
    rules, cells = section.rules, context.grid
    found: list[Rule] = []
    if rules.low_plants == "kept":
        near = most_frequent(around, cells, low_plants.covers(around.legend), section.radius_km)
        found.append(partial(low_plants.low_plants, context=context, around=near))
    if rules.crops and section.crop_types is not None:
        found.append(partial(crops.crops, grown=_crops(section.crop_types, cells)))
    if rules.towns:
        found += _towns(section, cells)
    if rules.snow:
        found.append(partial(snow.snow, context=context, lasting=_lasting_snow(section, around, cells)))
    if rules.wetlands and section.wetlands is not None:
        share = share_of_mask(geotiff.numbers(section.wetlands), cells)
        found.append(partial(wetlands.wetlands, context=context, share=share))
    return found


def water_settled(patch: Patch, base: Path, policy: Policy, *, told: bool) -> Patch:
    """The patch with the kind of each new water cell by rule R4, which needs the whole target (see docs/rules.md).

    base: the map, read with a margin as wide as the sea may reach, so that water is not judged by the target's
    edge. told: whether the evidence tells rivers from lakes.
    """
    target = patch.cover.grid
    whole = target.grown(1 + int(np.ceil(water.SEA_REACH_KM / KM_PER_DEGREE * target.per_degree)))
    before = _base_on(base, whole)
    outside = pasted(np.ones(whole.shape, np.bool_), whole, target, patch.cover.codes == 0)
    codes = pasted(before, whole, target, patch.cover.codes)
    around = whole.cols == whole.world_cols
    waters = water.Waters(codes, before, outside, _cell_km(target), told, wraps=around)
    found = cut(water.kinds(waters), whole, target)
    protected, barred = (
        members(patch.cover.legend, families, option)
        for families, option in ((policy.protect, "protect"), (policy.never_new, "never_new"))
    )
    return water.settled(patch, found, protected=protected, never_new=barred)


def tells_rivers(crosswalk: Crosswalk, zone: int) -> bool:
    """Whether a legend has one class for rivers and another for lakes."""
    weights = crosswalk.weights[zone]
    lake, river = (weights[:, crosswalk.target.index(cover)] > HALF for cover in (water.LAKE, water.RIVER))
    return bool(lake.any() and river.any())


def checked_rasters(section: CrosswalkSection) -> None:
    """Open every file of the rules, so that what is wrong is refused before the evidence is gathered."""
    for key in ("imperviousness", "building_height", "glaciers", "wetlands"):
        if (path := getattr(section, key)) is not None:
            geotiff.numbers(path)
    if section.crop_types is not None:
        geotiff.codes(section.crop_types)
    if section.lcz is not None:
        netcdf.grid(section.lcz)


def _towns(section: CrosswalkSection, cells: LatLonGrid) -> list[Rule]:
    """Rule R5: sealing and height first, so that a seen local climate zone has the last word."""
    sealed = height = None
    if section.imperviousness is not None:
        sealed = mean(geotiff.numbers(section.imperviousness), cells, full=section.imperviousness_full)
    if section.building_height is not None:
        height = mean_of_positive(geotiff.numbers(section.building_height), cells, full=TALLEST_M) * TALLEST_M
    found: list[Rule] = []
    if sealed is not None or height is not None:
        found.append(partial(towns.towns_of_form, sealed=sealed, height=height))
    if section.lcz is not None:
        rule = towns.towns_of_best_zone if section.rules.town_zones == "best" else towns.towns_of_zones
        found.append(partial(rule, lcz=_zones(section.lcz, cells)))
    return found


def _zones(path: Path, cells: LatLonGrid) -> Prediction:
    """The LCZ prediction on the cells, without evidence where the file ends."""
    whole = netcdf.grid(path)
    shared = whole.intersection(cells)
    legend = tables.legend(towns.LCZ_LEGEND)
    values, share = np.zeros((len(legend), *cells.shape), np.float32), np.zeros(cells.shape, np.float32)
    if shared is not None:
        found = netcdf.read_prediction(path, shared, legend=legend)
        values, share = pasted(values, cells, shared, found.values), pasted(share, cells, shared, found.share)
    return Prediction(values, share, legend, cells, path.name)


def _crops(path: Path, cells: LatLonGrid) -> NDArray[np.uint8]:
    """uint8 (y, x): the crop cover on most of each cell's mapped cropland, 0 where none is mapped."""
    raster, legend = geotiff.codes(path), tables.legend("ecosg")
    lookup = np.zeros(1000, np.uint8)
    for row in tables.rows(tables.path("crop_types.csv"), ("code", "name", "cover", "source")):
        lookup[int(row["code"])] = int(row["cover"])
    mass = Mass.zero(legend, cells)
    for rows, cols in bands(raster.grid.covering(cells, margin=1)):
        codes = raster.read(rows, cols)
        known = np.where((codes >= 0) & (codes < lookup.size), codes, 0).astype(np.intp)
        mass.add_codes(lookup[known], raster.grid.window(rows, cols))
    found = mass.prediction(path.name)
    best = np.array(legend.codes, np.uint8)[found.values.argmax(axis=0)]
    return np.where(found.share > 0, best, np.uint8(0))


def _lasting_snow(section: CrosswalkSection, around: CoverMap, cells: LatLonGrid) -> NDArray[np.bool_]:
    lasting = nearby(around, cells, snow.SNOW, snow.SNOW_RADIUS_KM)
    if section.glaciers is not None:
        lasting |= share_of_mask(geotiff.numbers(section.glaciers), cells) >= HALF
    return lasting


def _base_on(base: Path, cells: LatLonGrid) -> NDArray[np.uint8]:
    """uint8 (y, x): the base on any cells, 0 where it ends."""
    whole = direct.info(base).grid
    held = whole.intersection(cells.at(whole.per_degree))
    if held is None:
        return np.zeros(cells.shape, np.uint8)
    return resampled(direct.read(base, held), cells).codes


def _cell_km(cells: LatLonGrid) -> tuple[float, float]:
    """Height and width of a cell in the middle of a grid, km."""
    height = KM_PER_DEGREE / cells.per_degree
    middle = np.cos(np.radians((cells.north + cells.south) / 2))
    return height, height * max(float(middle), 0.01)
