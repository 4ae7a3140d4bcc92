"""Counting the pixels of a cover map in model cells: `pgd.counts` beside PGD itself and the obvious numpy way.

    python benchmarks/bench_pgd.py [FOLDER]

Makes maps of one landscape (squares of 300 m of random covers) at 300 m, 60 m and 10 m in FOLDER (default: a
temporary one; 0.5 GB) and removes them. Each figure is the median of the repeats, with the least and the most, in
million pixels of the domain a second; reading the file from the page cache is part of it. The numpy way (pyproj for
every pixel, `bincount`) is timed on some rows of the same domain. PGD: about 10 Mpixel/s, measured once on a PGD
executable of SURFEX 8.1 (serial, warm cache): 0.27 s for 1.2, 2.8 s for 29 and 109 s for 1050 million pixels.
"""

import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj

from ecosg_update.domain import RADIUS, ConfProj, Domain
from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.formats.pixels import Pixels, pixels
from ecosg_update.grid import LatLonGrid
from ecosg_update.pgd.counts import counts

PGD_RATE = 10.0
"""Million pixels a second."""

LON, LAT = -8.0, 53.0
"""The middle of the maps, degrees."""

MAPS = (("300 m", 360, 1, 8), ("60 m", 1800, 5, 4), ("10 m", 10800, 30, 2))
"""Pixel, pixels a degree, pixels a side of a square, degrees a side of the map."""

KM_A_DEGREE = 60
"""Of a domain that lies inside its map: less than a degree of longitude at 57 N."""

REPEATS = 7
NUMPY_PIXELS = 2_000_000


def main() -> None:
    """Print one line a map and domain."""
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        for name, per_degree, square, side in MAPS:
            source = _map(Path(folder) / "map", per_degree, square, side / 2)
            for size in (2500.0, 500.0):
                cells = round(KM_A_DEGREE * side * 1000 / size)
                _compare(f"{name}, cells of {size:.0f} m", source, _domain(cells, size))


def _compare(name: str, source: Pixels, domain: Domain) -> None:
    inside = int(counts(source, domain).sum())
    cone = domain.oriented
    to_metres = pyproj.Transformer.from_crs(
        f"+proj=longlat +R={RADIUS}",
        f"+proj=lcc +lat_1={cone.lat0} +lat_0={cone.lat0} +lon_0={cone.lon0} +R={RADIUS}",
    )
    middle = source.rows // 2
    rows = slice(middle, middle + max(1, NUMPY_PIXELS // source.cols))
    _agree(source, domain, rows, to_metres)
    ours = _rates(lambda: counts(source, domain), inside)
    alone = _rates(lambda: counts(source, domain, threads=1), inside)
    theirs = _rates(lambda: _numpy_counts(source, domain, rows, to_metres), (rows.stop - rows.start) * source.cols)
    middle_rate = statistics.median(ours)
    print(
        f"{name:24} {inside / 1e6:6.1f} Mpixel; ours {_shown(ours)}, one thread {_shown(alone)}, "
        f"numpy {_shown(theirs)} Mpixel/s; {middle_rate / PGD_RATE:.0f} x PGD, "
        f"{middle_rate / statistics.median(theirs):.0f} x numpy"
    )


def _rates(work: Callable[[], object], size: int) -> list[float]:
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        rates.append(size / (time.perf_counter() - start) / 1e6)
    return rates


def _shown(rates: list[float]) -> str:
    return f"{statistics.median(rates):.0f} ({min(rates):.0f}..{max(rates):.0f})"


def _numpy_counts(source: Pixels, domain: Domain, rows: slice, to_metres: pyproj.Transformer) -> np.ndarray:
    """The same counts of some rows: every pixel projected by PROJ."""
    codes = np.fromfile(
        source.path, np.uint8, (rows.stop - rows.start) * source.cols, offset=rows.start * source.cols
    )
    lon, lat = np.meshgrid(source.longitudes, source.latitudes[rows])
    x, y = to_metres.transform(lon.ravel(), lat.ravel())
    x, y = x / domain.dx + domain.nx / 2, y / domain.dy + domain.ny / 2
    inside = (x >= 0) & (x < domain.nx) & (y >= 0) & (y < domain.ny)
    cell = np.floor(y[inside]).astype(np.int64) * domain.nx + np.floor(x[inside]).astype(np.int64)
    return np.bincount(cell * 34 + codes[inside], minlength=domain.cells * 34).reshape(-1, 34)


def _agree(source: Pixels, domain: Domain, rows: slice, to_metres: pyproj.Transformer) -> None:
    """Both ways count the same on the rows that both look at; a pixel within a nanometre of a limit may differ."""
    step = (source.north - source.south) / source.rows
    north, south = source.north - rows.start * step, source.north - rows.stop * step
    data = source.path.with_name("rows.dir")
    with source.path.open("rb") as stream:
        stream.seek(rows.start * source.cols)
        data.write_bytes(stream.read((rows.stop - rows.start) * source.cols))
    some = Pixels(data, north, south, source.west, source.east, rows.stop - rows.start, source.cols)
    difference = counts(some, domain).astype(np.int64) - _numpy_counts(source, domain, rows, to_metres)
    data.unlink()
    assert np.abs(difference).sum() <= 4, np.abs(difference).sum()


def _map(stem: Path, per_degree: int, square: int, half: float) -> Pixels:
    grid = LatLonGrid.from_bounds(per_degree, (LON - half, LAT - half, LON + half, LAT + half))
    squares = np.random.default_rng(0).integers(1, 34, (grid.rows // square, grid.cols // square), dtype=np.uint8)
    stem.with_suffix(".hdr").write_text(header.text(Header("Benchmark", grid)))
    with stem.with_suffix(".dir").open("wb") as stream:
        for row in squares:
            stream.write(np.repeat(row, square).tobytes() * square)
    return pixels(stem)


def _domain(cells: int, size: float) -> Domain:
    return Domain("benchmark", cells, cells, size, size, LON, LAT, ConfProj(LON, LAT, math.sin(math.radians(LAT))))


if __name__ == "__main__":
    main()
