"""The rules of edges and counts: what they say of every pixel's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ecosg_update.check.geometry import USUAL, Geometry, geometry, lattices
from ecosg_update.check.meant import COUNTS, EDGES
from ecosg_update.check.sheet import Sheet
from ecosg_update.fault import Fault, Severity

ROUNDED_CELLS = 5e-5
"""Edges as far as this off their lattice move pixel centres over cell limits: on a 300 m map, 6 decimals are up to
2e-4 off (PGD's fractions were seen to differ by 0.009), 7 decimals at most 2e-5."""

EXACT_CELLS = 3e-6
"""Nearer than this, PGD's fractions were exact: 8 decimals on a 300 m map are at most 2e-6 off."""

COARSEST = 0.5
"""Degrees: `INB_LINE_READ`, rows a half degree, is 0 for taller pixels."""

SQUARE = 1e-6
"""Relative difference of height and width below which pixels are square."""

ABSURD = 20
"""Times as wide as high, or as high as wide, no pixel is: a sign or a digit of an edge is lost."""

STRETCHED = 0.01
"""Relative difference above which equal west and east are hardly meant as once around the globe."""


def geometry_faults(sheet: Sheet) -> list[Fault]:
    """Every fault of the edges and counts that are meant; none where one is missing, which is a rule of its own."""
    numbers = sheet.meant
    if any(key not in numbers for key in (*EDGES, *COUNTS)):
        return []
    broken = list(_broken(sheet, numbers))
    found = geometry(numbers)
    if found is None:
        return broken
    return [
        *broken,
        *_off_globe(sheet, found),
        *_coarse(sheet, found),
        *_shape(sheet, found),
        *_lattice(sheet, found),
    ]


def _broken(sheet: Sheet, numbers: Mapping[str, float]) -> Iterator[Fault]:
    for key in COUNTS:
        if numbers[key] < 1 or numbers[key] != int(numbers[key]):
            yield Fault(
                Severity.ERROR, "count", where(sheet, key),
                f"{key} is {numbers[key]:g}, expected a whole number from 1",
                "SURFEX rounds it, allocates nothing or divides by zero", "count the map's rows and columns",
            )  # fmt: skip
    north, south = numbers["north"], numbers["south"]
    if north <= south:
        yield Fault(
            Severity.ERROR, "north-south", where(sheet, "north"),
            f"north {north:g} is not above south {south:g}; rows run from north to south",
            "SURFEX finds no row for any latitude and stops: some points lack data",
            "exchange them, and turn the rows over if the first is the southernmost",
        )  # fmt: skip


def _off_globe(sheet: Sheet, found: Geometry) -> Iterator[Fault]:
    margin = found.high * EXACT_CELLS
    for key, beyond in (("north", found.north - 90), ("south", -90 - found.south)):
        if beyond > margin:
            yield Fault(
                Severity.ERROR, "off-globe", where(sheet, key),
                f"the map ends {beyond:g} degrees beyond the pole, expected latitudes within -90..90",
                "SURFEX never reads those rows, and the others lie elsewhere than meant", "correct the edge",
            )  # fmt: skip


def _coarse(sheet: Sheet, found: Geometry) -> Iterator[Fault]:
    if found.high > COARSEST:
        yield Fault(
            Severity.ERROR, "pixel-coarse", where(sheet, "rows"),
            f"pixels are {found.high:g} degrees high, expected at most {COARSEST}",
            "SURFEX reads no row in half a degree: its work arrays are empty", "resample the map",
        )  # fmt: skip


def _shape(sheet: Sheet, found: Geometry) -> Iterator[Fault]:
    ratio = found.wide / found.high
    equal = sheet.meant["west"] == sheet.meant["east"] and abs(ratio - 1) > STRETCHED
    if equal or not 1 / ABSURD < ratio < ABSURD:
        yield Fault(
            Severity.ERROR, "east-west", where(sheet, "east"),
            f"from {found.west:g} to {found.east:g} E pixels are {found.wide:g} degrees wide and {found.high:g} high",
            "SURFEX moves east by whole turns to lie east of west, and takes equal edges for once around",
            "correct the edge, or its sign",
        )  # fmt: skip


def _lattice(sheet: Sheet, found: Geometry) -> Iterator[Fault]:
    fits = lattices(found, sheet.keys)
    shift = max((fit.shift for fit in fits), default=0.0)
    per_degree = fits[0].grid.per_degree if fits else 0
    if len(fits) == 1 or per_degree in USUAL:
        if shift > EXACT_CELLS:
            yield Fault(
                Severity.ERROR if shift > ROUNDED_CELLS else Severity.WARNING, "edge-precision",
                where(sheet, "north"),
                f"the edges lie up to {shift:.2g} pixels off the lattice of 1/{per_degree} degree",
                "pixel centres hop over cell limits: fractions were off by 0.009 with 6 decimals, 0.034 with 3",
                "write the edges with 10 decimals",
            )  # fmt: skip
    elif abs(found.wide / found.high - 1) > SQUARE:
        yield Fault(
            Severity.WARNING, "pixel-shape", where(sheet, "cols"),
            f"pixels are {found.wide:.9g} degrees wide and {found.high:.9g} high, expected equal numbers",
            "SURFEX reads them so; other tools may not", "check edges and counts, or resample to squares",
        )  # fmt: skip
    else:
        yield Fault(
            Severity.WARNING, "lattice-none", where(sheet, "north"),
            "the edges lie on no lattice of 1/N degree", "SURFEX reads it so; this tool cannot patch it",
            "write the edges with 10 decimals, or resample the map to a lattice",
        )  # fmt: skip


def where(sheet: Sheet, key: str) -> str:
    """The place of a key's value."""
    entry = sheet.keys.get(key)
    return f"{sheet.name}:{entry.line}:{entry.value_column}" if entry else sheet.name
