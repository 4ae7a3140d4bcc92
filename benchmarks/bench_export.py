"""`export` beside GDAL (through rasterio), in one run, as ratios: a cut, and coarser lattices by majority.

    python benchmarks/bench_export.py [FOLDER]

Makes a made-up map of 129,600 x 64,800 cells that is a hole but for 4,000 x 6,000 cells (24 MB on the disk) in FOLDER
(default: a temporary one) and removes it. GDAL reads the `.dir` as a raw band of a VRT and writes an ENVI raster, raw
as well. Each figure is the median of the repeats, with the least and the most. Wrong cells hold a cover that another
one exceeds in area, counted by products of matrices; of tied covers any is right.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import scipy.sparse
from rasterio.warp import Resampling, reproject
from rasterio.windows import Window

from ecosg_update.export.whole import Cut, export
from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid

GLOBE = LatLonGrid.globe(360)
LAND = LatLonGrid(360, 12000, 60000, 4000, 6000)
LATTICES = (180, 36, 10, 250, 77)
REPEATS = 7


def main() -> None:
    """Print one line a job."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        codes = _land()
        source = _globe(folder, codes)
        _compare("cut 4000 x 6000 out of the globe", lambda: _ours(source, 360), lambda: _cut(folder))
        assert (folder / "theirs.bin").read_bytes() == (folder / "ours.dir").read_bytes()
        for per_degree in LATTICES:
            target = LatLonGrid.from_bounds(per_degree, LAND.bounds)
            ours, theirs = (lambda n=per_degree: _ours(source, n)), (lambda to=target: _mode(folder, to))
            _compare(f"360 -> {per_degree} a degree", ours, theirs)
            area = _areas(codes, target)
            found = direct.read(folder / "ours").codes, np.fromfile(folder / "theirs.bin", np.uint8)
            shares = [f"{_wrong(area, one.reshape(target.shape)):.3%}" for one in found]
            print(f"{'':36} wrong cells: ours {shares[0]}, GDAL {shares[1]} of {target.cells:,}")


def _land() -> np.ndarray:
    """Patches of ten cells, a tenth of the cells another cover."""
    rng = np.random.default_rng(0)
    rows, cols = LAND.shape
    patches = np.kron(rng.integers(1, 34, (rows // 10, cols // 10), np.uint8), np.ones((10, 10), np.uint8))
    return np.where(rng.random(LAND.shape) < 0.1, rng.integers(1, 34, LAND.shape, np.uint8), patches)


def _globe(folder: Path, codes: np.ndarray) -> Path:
    (folder / "globe.hdr").write_text(header.text(Header("Benchmark", GLOBE)))
    with (folder / "globe.dir").open("wb") as stream:
        stream.truncate(GLOBE.cells)
        for number, row in enumerate(codes):
            stream.seek((LAND.row + number) * GLOBE.cols + LAND.col)
            stream.write(row.tobytes())
    (folder / "globe.vrt").write_text(
        f'<VRTDataset rasterXSize="{GLOBE.cols}" rasterYSize="{GLOBE.rows}"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>-180, {1 / 360!r}, 0, 90, 0, {-1 / 360!r}</GeoTransform>"
        '<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand"><NoDataValue>0</NoDataValue>'
        '<SourceFilename relativeToVRT="1">globe.dir</SourceFilename>'
        f"<PixelOffset>1</PixelOffset><LineOffset>{GLOBE.cols}</LineOffset></VRTRasterBand></VRTDataset>"
    )
    return folder / "globe.dir"


def _ours(source: Path, per_degree: int) -> None:
    export(source, source.with_name("ours.dir"), Cut(LAND.bounds, per_degree), overwrite=True)


def _cut(folder: Path) -> None:
    with rasterio.open(folder / "globe.vrt") as file:
        _raw(folder, file.read(1, window=Window(LAND.col, LAND.row, LAND.cols, LAND.rows)), LAND)


def _mode(folder: Path, target: LatLonGrid) -> None:
    found = np.zeros(target.shape, np.uint8)
    with rasterio.open(folder / "globe.vrt") as file:
        place = {"dst_transform": target.transform, "dst_crs": "EPSG:4326", "dst_nodata": 0}
        reproject(rasterio.band(file, 1), found, resampling=Resampling.mode, num_threads=2, **place)
    _raw(folder, found, target)


def _raw(folder: Path, codes: np.ndarray, grid: LatLonGrid) -> None:
    layout = {"driver": "ENVI", "count": 1, "dtype": "uint8", "crs": "EPSG:4326", "transform": grid.transform}
    with rasterio.open(folder / "theirs.bin", "w", height=grid.rows, width=grid.cols, **layout) as file:
        file.write(codes, 1)


def _areas(codes: np.ndarray, target: LatLonGrid) -> np.ndarray:
    """(cover, y, x): the area of each cover inside each coarse cell, in whole numbers."""
    down = _lengths(LAND.row, LAND.rows, target.row, target.rows, target.per_degree)
    across = _lengths(LAND.col, LAND.cols, target.col, target.cols, target.per_degree).T
    held = [scipy.sparse.csr_matrix(codes == code).astype(np.int64) for code in range(1, 34)]
    return np.stack([(down @ one @ across).toarray() for one in held])


def _lengths(start: int, count: int, first: int, cells: int, per_degree: int) -> scipy.sparse.csr_matrix:
    """(coarse, fine): how much of each fine cell lies in each coarse one along an axis, in 1/(360 N) degree."""
    fine = np.arange(start, start + count) * per_degree
    coarse = np.arange(first, first + cells)[:, None] * LAND.per_degree
    shared = np.minimum(fine + per_degree, coarse + LAND.per_degree) - np.maximum(fine, coarse)
    return scipy.sparse.csr_matrix(shared.clip(0))


def _wrong(area: np.ndarray, codes: np.ndarray) -> float:
    held = np.take_along_axis(area, codes.astype(np.intp)[None] - 1, axis=0)[0]
    return float(((held < area.max(axis=0)) | (codes == 0)).mean())


def _compare(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    times: dict[str, list[float]] = {"ours": [], "GDAL": []}
    ours()  # compiled once
    for _ in range(REPEATS):
        for who, work in (("ours", ours), ("GDAL", theirs)):
            start = time.perf_counter()
            work()
            times[who].append(time.perf_counter() - start)
    middle = {who: statistics.median(taken) for who, taken in times.items()}
    shown = [
        f"{who} {1e3 * middle[who]:7.1f} ms ({1e3 * min(taken):.1f}..{1e3 * max(taken):.1f}), "
        f"{LAND.cells / middle[who] / 1e6:5.0f} MB/s"
        for who, taken in times.items()
    ]
    print(f"{name:36} {'; '.join(shown)}; GDAL takes {middle['GDAL'] / middle['ours']:.2f} x")


if __name__ == "__main__":
    main()
