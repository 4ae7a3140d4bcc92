"""Maps against a truth on identical pixels, streamed: windows of a few megabytes, whatever the maps' size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import ConfigError, CoverageError
from ecosg_update.formats import geotiff
from ecosg_update.grid import LatLonGrid
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.legend import Legend
from ecosg_update.progress import Progress, silent
from ecosg_update.scoring import ground, maps
from ecosg_update.scoring.ground import Band, Ground
from ecosg_update.scoring.ledger import Ledger, reached
from ecosg_update.scoring.maps import Layer, Map
from ecosg_update.scoring.report import Report
from ecosg_update.scoring.truth import PARTS, Filter, Majority, Seen, Sheet, Where, opened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]

PIXELS = 2**24
"""Of a window that is read at once, counted on the finest of its layers: 16 MB each where codes are bytes."""

PROJECTED = 2**21
"""The same where pixels are placed one by one: some 100 bytes each in passing."""

COUNTED = 2**22
"""Combinations of classes of all blocks that are counted at once: 64 MB."""

THREADS = 2
CLASSES_FIRST = ("corine-l1", "corine-l2", "ecosg-primary")
"""Groupings in the order of the papers; further ones follow by name."""


@dataclass(frozen=True)
class Question:
    """What is asked of maps.

    truth: a file, or a folder of reference maps. legend: that of the truth's codes, None for its own. on: whose
    pixels are compared. which: which points serve. groupings: by name, none for all that maps and truth reach.
    block_km: the side of the bootstrap's blocks, None to settle it by the area.
    """

    truth: Path
    legend: str | None = None
    on: Where | None = None
    which: Filter | None = None
    groupings: tuple[str, ...] = ()
    block_km: float | None = None


def scored_maps(
    contestants: Sequence[Map], asked: Question, *, how: Bootstrap | None = None, progress: Progress = silent
) -> Report:
    """The report on maps, on the pixels or points where the truth and every map have a class.

    Memory: a few windows of `PIXELS` and a confusion matrix a block, map and grouping. Raises ConfigError for what
    does not go together, TableError where a legend cannot be grouped, CoverageError where nothing overlaps, and
    what reading a map raises.
    """
    if not contestants:
        raise ConfigError("score: no map was given; name at least one")
    found = opened(asked.truth, finest(contestants), legend=asked.legend, on=asked.on, which=asked.which)
    legends = [*(one.legend for one in contestants), found.legend]
    ledger = Ledger([(one.name, one.legend) for one in contestants], found.legend, targets(legends, asked.groupings))
    if found.points is None:
        side = _on_sheets(ledger, contestants, found.sheets, asked.block_km, progress)
    else:
        side = _at_points(ledger, contestants, found.points, asked.block_km)
    notes = [
        *found.notes,
        f"intervals: blocks of {side:g} km are redrawn; errors alike over more make them too narrow",
    ]
    return ledger.report(how or Bootstrap(), notes)


def finest(contestants: Sequence[Map]) -> Ground:
    """The ground of the map with the smallest pixels; lat-lon cells before others where they are alike."""
    return min(
        (one.grid for one in contestants),
        key=lambda grid: (round(ground.pixel_km(grid)[1], 6), not isinstance(grid, LatLonGrid)),
    )


def targets(legends: Sequence[Legend], names: Sequence[str]) -> list[Legend]:
    """The legends to score in: those named, or all that every legend reaches; TableError, ConfigError for none."""
    if names:
        return [tables.legend(name) for name in names]
    others = [name for name in tables.legend_names() if name not in CLASSES_FIRST]
    known = [tables.legend(name) for name in (*CLASSES_FIRST, *others) if name in tables.legend_names()]
    found = reached(legends, known)
    if not found:
        raise ConfigError(
            f"score: no grouping joins {', '.join(sorted({one.name for one in legends}))}; write the tables "
            "groupings/SOURCE--TARGET.csv (code, group) and give their folder (--tables)"
        )
    return found


def _on_sheets(
    ledger: Ledger, contestants: Sequence[Map], sheets: Sequence[Sheet], asked_km: float | None,
    progress: Progress,
) -> float:  # fmt: skip
    """Count every sheet that all maps reach; the side of the blocks, km."""
    found: list[tuple[Ground, Layer]] = []
    missed: CoverageError | None = None
    for sheet in sheets:
        try:
            found.append((ground.overlap(sheet.ground, [one.grid for one in contestants]), sheet.layer))
        except CoverageError as error:
            missed = error
    if not found and missed is not None:
        raise missed
    side = ground.block_km([one for one, _ in found], asked_km)
    rows, done = sum(one.shape[0] for one, _ in found), 0
    for part, layer in found:
        for band in ground.bands(part, side):
            for blocks in _shares(band, COUNTED // (ledger.shape[0] * ledger.shape[1])):
                _count(ledger, contestants, layer, part, blocks)
            done += band.rows.stop - band.rows.start
            progress("scoring rows", done, rows)
    return side


def _shares(band: Band, most: int) -> Iterator[Band]:
    """A band in parts of so many blocks that their counts can be held at once."""
    step = max(1, most)
    for start in range(0, len(band.blocks), step):
        yield Band(band.rows, band.blocks[start : start + step])


def _count(ledger: Ledger, contestants: Sequence[Map], layer: Layer, part: Ground, band: Band) -> None:
    """Add a band's blocks to the ledger: the next window is read while the last one is counted."""
    from ecosg_update.judge.joint import empty  # noqa: PLC0415  numba loads where it is needed

    counts = {name: empty(*ledger.shape) for name, _ in band.blocks}
    left = band.blocks[0][1].start
    with ThreadPoolExecutor(THREADS) as threads:
        ahead: Future[None] | None = None
        for rows in _windows(part, band, [one.grid for one in contestants], layer):
            here = ground.window(part, rows, slice(left, band.blocks[-1][1].stop))
            read = [threads.submit(one.on, here) for one in contestants]
            known = layer.on(here)
            said = [one.result() for one in read]
            if ahead is not None:
                ahead.result()
            ahead = threads.submit(_add, ledger, said, known, here, band, counts)
        if ahead is not None:
            ahead.result()
    for name, (pixels, m2) in counts.items():
        ledger.add(name, pixels, m2 if ground.geo(part).is_geographic else None)


def _add(
    ledger: Ledger, said: Sequence[NDArray[np.uint8]], known: NDArray[np.uint8], here: Ground, band: Band,
    counts: Counts,
) -> None:  # fmt: skip
    from ecosg_update.judge.joint import joint  # noqa: PLC0415

    codes, lookup = ledger.combined(said)
    areas, left = ground.areas(here), band.blocks[0][1].start
    for name, cols in band.blocks:
        place = slice(cols.start - left, cols.stop - left)
        joint(codes[:, place], known[:, place], lookup, ledger.kinds[-1].of, areas, counts[name])


def _windows(part: Ground, band: Band, grids: Sequence[Ground], layer: Layer) -> Iterator[slice]:
    """The rows of a band in pieces that memory holds, whatever the pixels of the maps."""
    from ecosg_update.scoring.places import axes  # noqa: PLC0415

    wide = band.blocks[-1][1].stop - band.blocks[0][1].start
    corner = ground.window(part, slice(band.rows.start, band.rows.start + 1), slice(0, 1))
    budget = PIXELS if all(axes(corner, grid) is not None for grid in grids) else PROJECTED
    if isinstance(layer, Majority):
        budget = min(budget, PROJECTED)
    own = ground.pixel_km(corner)
    most = max((own[0] * own[1]) / np.prod(ground.pixel_km(grid)) for grid in (*grids, _source(layer, part)))
    height = max(1, int(budget / max(1.0, float(most)) / wide))
    for top in range(band.rows.start, band.rows.stop, height):
        yield slice(top, min(top + height, band.rows.stop))


def _source(layer: Layer, part: Ground) -> Ground:
    """The pixels that a layer reads."""
    if not isinstance(layer, Majority):
        return part
    if isinstance(layer.source, geotiff.CodeRaster):
        return layer.source.grid
    return LatLonGrid.globe(part.per_degree * PARTS) if isinstance(part, LatLonGrid) else part


def _at_points(ledger: Ledger, contestants: Sequence[Map], seen: Seen, asked_km: float | None) -> float:
    """Count points one by one; the side of the blocks, km."""
    said = [one.at(seen.lon, seen.lat) for one in contestants]
    inside = np.logical_and.reduce([classes > 0 for classes in said])
    if not inside.any():
        raise CoverageError("score: no point lies where every map has a class; name maps that cover the points")
    side = asked_km or ground.settled_km(_spread_km2(seen.lon[inside], seen.lat[inside]))
    names = np.array(ground.block_names(seen.lon, seen.lat, side))
    codes, lookup = ledger.combined(said)
    first, second = lookup[codes], ledger.kinds[-1].of[seen.classes]
    for name in np.unique(names):
        here = names == name
        counts = np.zeros(ledger.shape, np.int64)
        np.add.at(counts, (first[here], second[here]), 1)
        ledger.add(str(name), counts)
    return side


def _spread_km2(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> float:
    """The area of the box around points."""
    high = (lat.max() - lat.min()) * ground.KM_PER_DEGREE
    wide = (lon.max() - lon.min()) * ground.KM_PER_DEGREE * np.cos(np.radians(lat.mean()))
    return float(high * wide)


def contestants(paths: Sequence[str], default: str | None = None) -> list[Map]:
    """The maps of a command line: FILE, or FILE:LEGEND for a raster of other classes; `default` for rasters (.tif).

    Named by their stems, or by their paths where two stems are one. Raises as `maps.opened`.
    """
    named = [_split(text) for text in paths]
    stems = [path.stem for path, _ in named]
    found = []
    for path, legend in named:
        name = path.stem if stems.count(path.stem) == 1 else str(path)
        own = legend or (default if path.suffix == ".tif" else None)
        found.append(maps.opened(path, legend=own, name=name))
    return found


def _split(text: str) -> tuple[Path, str | None]:
    path, between, legend = text.rpartition(":")
    return (Path(path), legend) if between and "." in path and "/" not in legend else (Path(text), None)
