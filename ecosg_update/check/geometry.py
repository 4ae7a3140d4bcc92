"""Where a header puts the pixels, and the lattice that its rounded edges mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ecosg_update.check.meant import COUNTS, EDGES, Entry
from ecosg_update.errors import GridError
from ecosg_update.grid import LatLonGrid

EPSILON = 2.0**-52
"""`XSURF_EPSILON` of a double precision build."""

MOST_PER_DEGREE = 108_000
"""Pixels of one metre: no lattice is finer."""

ON_LATTICE = 1e-9
"""Cells: an edge this near a lattice line is the line itself, written exactly."""

USUAL = (120, 360, 600, 720, 1200, 1800, 3600, 10800)
"""Pixels a degree of the maps that exist, 1 km to 10 m."""

MOST_FITS = 3
"""Windows along an edge that are looked at: two already say that the edges do not tell."""

HALF_DIGIT = 0.5000001
"""Of the last decimal: what rounding may have taken off an edge."""


@dataclass(frozen=True)
class Geometry:
    """Outer edges in degrees, north > south, west < east <= west + 360, and the counts of rows and columns."""

    north: float
    south: float
    west: float
    east: float
    rows: int
    cols: int

    @property
    def high(self) -> float:
        """Of a pixel, degrees (`ZDLAT`)."""
        return (self.north - self.south) / self.rows

    @property
    def wide(self) -> float:
        """Of a pixel, degrees (`ZDLON`)."""
        return (self.east - self.west) / self.cols

    @property
    def is_global(self) -> bool:
        """Whether the columns meet again at the back of the globe."""
        return self.east - self.west > 360 - self.wide / 2

    def lonlat(self, row: float, col: float) -> tuple[float, float]:
        """The centre of a pixel, degrees, longitude in -180..180."""
        lon = self.west + (col + 0.5) * self.wide
        return (lon + 180) % 360 - 180, self.north - (row + 0.5) * self.high

    def place(self, row: int, col: int) -> str:
        """A pixel as a message names it: row and column from 1, longitude and latitude."""
        lon, lat = self.lonlat(row, col)
        return f"row {row + 1} column {col + 1} ({lon:.4f} E {lat:.4f} N)"


@dataclass(frozen=True)
class Lattice:
    """The cells that a geometry means. shift: how far, in cells, the written edges lie from theirs at most."""

    grid: LatLonGrid
    shift: float


def moved_east(west: float, east: float) -> float:
    """`east` moved by whole turns into (west, west + 360], as `readhead.F90` l.204 does."""
    turns = (west - east + 180 * (1 + EPSILON)) / 360
    whole = math.floor(abs(turns))
    whole += abs(turns) - whole >= 0.5  # NINT; floor(x + 0.5) would round 0.49999999999999994 up
    return east + 360 * math.copysign(whole, turns)


def geometry(numbers: Mapping[str, float]) -> Geometry | None:
    """The geometry of a header's numbers; None where an edge or a count is missing or makes no sense."""
    if any(key not in numbers for key in (*EDGES, *COUNTS)):
        return None
    rows, cols = numbers["rows"], numbers["cols"]
    north, south, west, east = (numbers[key] for key in EDGES)
    if rows != int(rows) or cols != int(cols) or min(rows, cols) < 1 or north == south:
        return None
    if north < south:  # from the south on: the same pixels, the rows upside down
        north, south = south, north
    return Geometry(north, south, west, moved_east(west, east), int(rows), int(cols))


def lattices(found: Geometry, entries: Mapping[str, Entry]) -> list[Lattice]:
    """The windows of a lattice of 1/N degree whose edges, rounded to the decimals written, are the header's.

    None for a map with a grid of its own; more than one where the edges are rounded to less than a pixel. Of
    several N, those of maps that exist are meant.
    """
    halves = {key: HALF_DIGIT * 10.0 ** -(entries[key].decimals if key in entries else 15) for key in EDGES}
    per_degrees = _per_degrees(found.rows, found.north - found.south, halves["north"] + halves["south"])
    usual = [per_degree for per_degree in per_degrees if per_degree in USUAL]
    return [fit for per_degree in usual or per_degrees[:MOST_FITS] for fit in _windows(found, per_degree, halves)]


def _per_degrees(rows: int, span: float, margin: float) -> range:
    """The whole numbers of pixels a degree that so many rows over a rounded span may have."""
    least, most = rows / (span + margin), rows / max(span - margin, rows / MOST_PER_DEGREE)
    return range(max(1, math.ceil(least - 1e-6)), min(MOST_PER_DEGREE, math.floor(most + 1e-6)) + 1)


def _windows(found: Geometry, per_degree: int, halves: Mapping[str, float]) -> list[Lattice]:
    edges = {"north": 90 - found.north, "south": 90 - found.south, "west": found.west + 180, "east": found.east + 180}
    lines = {key: _lines(edges[key], per_degree, halves[key]) for key in EDGES}
    downs = [line for line in lines["north"] if line + found.rows in lines["south"]]
    acrosses = [line for line in lines["west"] if line + found.cols in lines["east"]]
    windows = [(row, col) for row in downs[:MOST_FITS] for col in acrosses[:MOST_FITS]]
    fits = [_fit(found, per_degree, row, col) for row, col in windows]
    return [fit for fit in fits if fit is not None]


def _fit(found: Geometry, per_degree: int, row: int, col: int) -> Lattice | None:
    try:
        grid = LatLonGrid(per_degree, row, col % (360 * per_degree), found.rows, found.cols)
    except GridError:
        return None
    edges = (90 - found.north, 90 - found.south, found.west + 180, found.east + 180)
    lines = (row, row + found.rows, col, col + found.cols)
    return Lattice(grid, max(abs(edge * per_degree - line) for edge, line in zip(edges, lines, strict=True)))


def swapped(found: Geometry) -> Geometry:
    """The same edges with rows and columns exchanged."""
    return replace(found, rows=found.cols, cols=found.rows)


def _lines(degrees: float, per_degree: int, half: float) -> range:
    """The lattice lines that an edge, rounded by at most `half` a digit, may stand for: one where it lies on it."""
    cells = degrees * per_degree
    nearest = round(cells)
    if abs(cells - nearest) <= max(ON_LATTICE, 1e-12 * abs(cells)):
        return range(nearest, nearest + 1)
    reach = half * per_degree
    return range(math.ceil(cells - reach), math.floor(cells + reach) + 1)
