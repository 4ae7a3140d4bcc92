"""A quick picture of anything that the tool reads or writes: for `ecosg-update look`."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import info, tables
from ecosg_update.errors import FormatError
from ecosg_update.formats import atomic, covers, direct, geotiff, netcdf, pgdfile, thin, typed
from ecosg_update.grid import GeoGrid, LatLonGrid
from ecosg_update.legend import Colour, Legend
from ecosg_update.report import look as page
from ecosg_update.report.look import Bar, Panel, Sheet
from ecosg_update.report.quicklook import REASON_COLOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROBABILITY = Bar(0.0, 1.0, "1")

MOST_CODES = 64
"""A raster of whole numbers with more different ones than this, and no legend, is one of amounts, not of classes."""

MOST_FIELDS = 8
"""Of a file of model cells that are drawn."""

SAMPLES = 8
"""Of a training set that are drawn."""


@dataclass(frozen=True)
class Hints:
    """What a file may not say itself. legend: of a raster's codes. scene: as for `scene.discover.open_scene`."""

    legend: str | None = None
    scene: dict[str, Any] = field(default_factory=dict)


def look(path: Path, output: Path, hints: Hints | None = None, *, overwrite: bool = False) -> Path:
    """Write a PNG of what `path` holds and return its path.

    Maps of any size pass: what is read is what the picture shows. Raises FormatError where there is nothing to draw,
    the error of the format where the file is damaged, OutputError as `atomic.parts`.
    """
    drawn = page.drawn(sheet(path, hints or Hints()))
    with atomic.parts(output, overwrite=overwrite) as (part,), atomic.reported(output):
        drawn.save(part, format="PNG")
    return output


def sheet(path: Path, hints: Hints) -> Sheet:
    """The page of a file; raises as `look`."""
    if (path / "manifest.json").is_file() and (path / "index.csv").is_file():
        return _training_set(path)
    found = info.kind(path, **hints.scene)
    if found == "checkpoint":
        raise FormatError(f"{path}: is a checkpoint, which has no picture; `ecosg-update info` says what it is")
    if found == "scene":
        return _scene(path, hints)
    if found == "raster":
        return _raster(path, hints)
    return _direct(path) if found == "direct" else _netcdf(path)


def _direct(path: Path) -> Sheet:
    if direct.info(path).bits == 16:
        return _typed(path)
    direct.cover_info(path)
    return _cover(path, "cover map for SURFEX")


def _cover(path: Path, kind: str) -> Sheet:
    found = covers.opened(path)
    wide, high = page.size(_aspect(found.grid))
    codes = thin.covers(path, found.grid, (high, wide))
    panel = Panel("cover", page.coloured(codes, page.colours(found.legend)))
    lines = _lines(kind, found.grid, codes.shape)
    return Sheet(path.name, lines, [panel], _aspect(found.grid), page.entries(codes, found.legend))


def _typed(path: Path) -> Sheet:
    from ecosg_update.parameters.files import name_of  # noqa: PLC0415
    from ecosg_update.parameters.parameter import UNITS  # noqa: PLC0415

    source, legend = typed.opened(path), tables.legend("ecosg")
    name = name_of(path)
    wide, high = page.size(_aspect(source.grid), 2)
    pixels = thin.pixels(source, (high, wide))
    codes, values = np.divmod(pixels, np.uint16(typed.STEP))
    amounts = np.where(pixels > 0, values / np.float32(source.header.fact), np.float32(np.nan))
    bar = Bar.over(amounts, UNITS.get(name or "", ""))
    panels = [
        Panel(name or "value", bar.pixels(amounts), bar),
        Panel("cover of each value", page.coloured(codes, page.colours(legend))),
    ]
    lines = _lines("typed map for SURFEX", source.grid, pixels.shape)
    return Sheet(path.name, lines, panels, _aspect(source.grid), page.entries(codes, legend))


def _netcdf(path: Path) -> Sheet:
    if pgdfile.on_cells(path):
        return _model_cells(path)
    if netcdf.holds_prediction(path):
        return _prediction(path)
    return _patch(path) if netcdf.holds_patch(path) else _cover(path, "cover map, NetCDF")


def _prediction(path: Path) -> Sheet:
    grid, legend = netcdf.grid(path), netcdf.legend(path)
    wide, high = page.size(_aspect(grid), 2)
    codes, chance = thin.likeliest(path, (high, wide))
    sure = np.where(codes > 0, chance, np.float32(np.nan))
    panels = [
        Panel("most probable class", page.coloured(codes, page.colours(legend))),
        Panel("its probability", PROBABILITY.pixels(sure), PROBABILITY),
    ]
    lines = _lines(f"class probabilities, legend {legend.name}", grid, codes.shape)
    return Sheet(path.name, lines, panels, _aspect(grid), page.entries(codes, legend))


def _patch(path: Path) -> Sheet:
    grid, legend = netcdf.grid(path), netcdf.legend(path)
    wide, high = page.size(_aspect(grid), 4)
    read = thin.layers(path, ("base_cover", "cover", "reason", "confidence"), (high, wide))
    base, new, reason = read[:3].astype(np.uint8)
    colours = page.colours(legend)
    changes = page.coloured(reason, {int(one): colour for one, colour in REASON_COLOURS.items()})
    changes[base != new] = page.coloured(new, colours)[base != new]
    panels = [
        Panel("base", page.coloured(base, colours)),
        Panel("result", page.coloured(new, colours)),
        Panel("what changed, and why the rest did not", changes),
        Panel("confidence", PROBABILITY.pixels(read[3]), PROBABILITY),
    ]
    kept = [(colour, f"[{one.label}]") for one, colour in REASON_COLOURS.items() if (reason == one).any()]
    lines = _lines("renewed map with what it rests on", grid, new.shape)
    return Sheet(path.name, lines, panels, _aspect(grid), [*page.entries(new, legend), *kept])


def _model_cells(path: Path) -> Sheet:
    found = pgdfile.fields(path, MOST_FIELDS)
    if not found:
        raise FormatError(f"{path}: has no field of numbers on model cells, nothing to draw; `ncdump -h` lists it")
    panels = [_field_panel(one) for one in found]
    shape = found[0].values.shape
    west, south, east, north = pgdfile.bounds(path)
    lines = [
        f"fields on a model's cells: {shape[1]} x {shape[0]}, drawn in the model's own grid",
        f"centres {west:.4f} to {east:.4f} E, {south:.4f} to {north:.4f} N",
    ]
    return Sheet(path.name, lines, panels, page.aspect(shape))


def _field_panel(one: pgdfile.CellField) -> Panel:
    share = one.name.startswith("FRAC_")
    bar = PROBABILITY if share else Bar.over(one.values, one.unit)
    return Panel(one.name, bar.pixels(one.values[::-1]), bar)


def _raster(path: Path, hints: Hints) -> Sheet:
    if not geotiff.holds_codes(path):
        return _numbers(path)
    raster = geotiff.codes(path)
    wide, high = page.size(_ground_aspect(raster.grid))
    codes = raster.thinned((high, wide))
    name = hints.legend or raster.legend_name
    codes = np.where(codes == raster.nodata, 0, codes) if raster.nodata is not None else codes
    if name is not None:
        legend = tables.legend(name)
        known = _known(codes, legend)
        panel = Panel(f"classes of {legend.name}", page.coloured(known, page.colours(legend)))
        entries = page.entries(known, legend)
    elif np.unique(codes).size > MOST_CODES or codes.min() < 0 or codes.max() > page.HIGHEST:
        return _numbers(path)
    else:
        colours = _own_colours(codes, raster.palette)
        panel = Panel("codes, of a legend that the file does not name", page.coloured(codes, colours))
        entries = [(colour, f"code {code}") for code, colour in colours.items()]
    lines = _ground_lines("raster of classes", raster.grid, codes.shape)
    return Sheet(path.name, lines, [panel], _ground_aspect(raster.grid), entries)


def _known(codes: NDArray[np.integer[Any]], legend: Legend) -> NDArray[np.int16]:
    """The classes by the legend's own codes, 0 for no data; TableError for a code that is none of it."""
    lookup = tables.code_rows(legend, codes)
    own = np.array([*legend.codes, 0], np.int16)
    found: NDArray[np.int16] = own[lookup[codes]]
    return found


def _own_colours(codes: NDArray[np.integer[Any]], palette: dict[int, Colour]) -> dict[int, Colour]:
    """The file's own colours or, where it has none, ones as unlike as their number allows; 0 is no data."""
    found: dict[int, Colour] = {}
    for number, code in enumerate(int(one) for one in np.unique(codes) if one):
        red, green, blue = colorsys.hls_to_rgb(number * 0.618 % 1, 0.4 + 0.2 * (number % 2), 0.6)
        found[code] = palette.get(code, (round(255 * red), round(255 * green), round(255 * blue)))
    return found


def _numbers(path: Path) -> Sheet:
    raster = geotiff.numbers(path)
    wide, high = page.size(_ground_aspect(raster.grid))
    values = raster.thinned((high, wide))
    bar = Bar.over(values, raster.unit)
    lines = _ground_lines("raster of numbers", raster.grid, values.shape)
    return Sheet(path.name, lines, [Panel("value", bar.pixels(values), bar)], _ground_aspect(raster.grid))


def _scene(path: Path, hints: Hints) -> Sheet:
    from ecosg_update.evidence import footprint  # noqa: PLC0415
    from ecosg_update.evidence.image import BANDS, PIXEL_M, true_colour  # noqa: PLC0415
    from ecosg_update.scene.discover import open_scene  # noqa: PLC0415
    from ecosg_update.scene.read import reader  # noqa: PLC0415

    given = hints.scene.get("bands")
    scene = open_scene(path, **{**hints.scene, "bands": given.split(",") if given else None})
    lacking = [band for band in BANDS if band not in scene.bands]
    if lacking:
        raise FormatError(f"{path}: true colour needs {', '.join(BANDS)}, the scene has no {', '.join(lacking)}")
    with reader(scene, BANDS, PIXEL_M, resample=True) as pixels:
        grid = footprint(pixels.grid, 360)
    wide, high = page.size(_aspect(grid))
    acquired = f"{scene.acquired:%Y-%m-%d %H:%M} UTC" if scene.acquired else "of a time that is not stated"
    lines = [f"Sentinel-2 {scene.level}, {acquired}, stretched to the ground's own range", _bounds(grid)]
    panel = Panel("true colour: B04, B03, B02", true_colour(scene, (wide, high), grid))
    return Sheet(scene.product, lines, [panel], _aspect(grid))


def _training_set(path: Path) -> Sheet:
    from ecosg_update.training import store  # noqa: PLC0415
    from ecosg_update.training.entry import SPLITS  # noqa: PLC0415

    found = store.opened(path)
    taken = [(line.name, sample) for split in SPLITS for line, sample in _first(found, split)][: SAMPLES // 2]
    if not taken:
        raise FormatError(f"{path}: is a training set without samples, nothing to draw; prepare it again")
    panels, seen = [], []
    for name, sample in taken:
        codes = np.array([*found.legend.codes, 0], np.int16)[sample.labels]
        seen.append(codes.ravel())
        panels.append(Panel(f"{name}: image", _sample_image(sample.values, found.bands)))
        panels.append(Panel(f"{name}: labels", page.coloured(codes, page.colours(found.legend))))
    counts = ", ".join(f"{len(found.entries(split)):,} {split}" for split in SPLITS)
    lines = [f"training set of {counts} samples", f"legend {found.legend.name}, pixels of {found.pixel_m:g} m"]
    entries = page.entries(np.concatenate(seen), found.legend)
    return Sheet(path.resolve().name, lines, panels, page.aspect(taken[0][1].labels.shape), entries)


def _first(found: Any, split: str) -> list[tuple[Any, Any]]:
    """The first samples of a split with their lines of the index."""
    lines = found.entries(split)[: SAMPLES // 2]
    return list(zip(lines, (found.samples(split)[number] for number in range(len(lines))), strict=True))


def _sample_image(values: NDArray[np.float32], bands: tuple[str, ...]) -> NDArray[np.uint8]:
    """True colour where the bands are there, else the first band in grey; white where there is no data."""
    from ecosg_update.evidence.image import BANDS, stretched  # noqa: PLC0415
    from ecosg_update.sample import absent, measured  # noqa: PLC0415

    there = {band for band, gone in zip(bands, absent(values), strict=True) if not gone}
    shown = [band if band in there else min(there) for band in (BANDS if set(BANDS) <= there else [min(there)] * 3)]
    three = values[[bands.index(band) for band in shown]]
    held = measured(values)
    pixels = stretched(three, held).transpose(1, 2, 0).copy()
    pixels[~held] = 255
    return pixels


def _aspect(grid: LatLonGrid) -> float:
    return page.aspect(grid.shape, (grid.north + grid.south) / 2)


def _ground_aspect(grid: GeoGrid) -> float:
    """Of a raster in any projection: its pixels as wide and high as they are."""
    width, height = grid.pixel
    _, south, _, north = grid.lonlat_bounds()
    return page.aspect(grid.shape, (south + north) / 2 if grid.is_geographic else 0.0) * width / height


def _lines(kind: str, grid: LatLonGrid, shown: tuple[int, ...]) -> list[str]:
    return [f"{kind}: {_cells(grid.shape)}, {grid.per_degree} a degree{_part(grid.shape, shown)}", _bounds(grid)]


def _ground_lines(kind: str, grid: GeoGrid, shown: tuple[int, ...]) -> list[str]:
    west, south, east, north = grid.lonlat_bounds()
    width, height = grid.pixel
    unit = "degrees" if grid.is_geographic else "units of its projection"
    return [
        f"{kind}: {_cells(grid.shape)} of {width:g} x {height:g} {unit}{_part(grid.shape, shown)}",
        f"{west:.4f} to {east:.4f} E, {south:.4f} to {north:.4f} N",
    ]


def _cells(shape: tuple[int, int]) -> str:
    return f"{shape[0]:,} rows x {shape[1]:,} columns"


def _part(shape: tuple[int, int], shown: tuple[int, ...]) -> str:
    """How many cells the picture shows, where it has not all."""
    return "" if shown == shape else f"; drawn: {shown[0]:,} x {shown[1]:,} of them"


def _bounds(grid: LatLonGrid) -> str:
    west, south, east, north = grid.bounds
    return f"{west:.4f} to {east:.4f} E, {south:.4f} to {north:.4f} N"
