"""A page of a 5,000 x 5,000 map in a real browser: its size, how long it takes to make, to open and to draw.

    python benchmarks/bench_report.py [MAP]

The map is made up from a real one, MAP (a GeoTIFF of codes; default: ESA CCI land cover at 300 m of the shared
data, 371 x 457 cells, in which 30 % of the neighbours in a row differ): its 14 classes become 14 covers, and cuts of
it, each turned and mirrored at random, tile the map. Changes are the tops of noise averaged over 9 x 9 cells, 5.5 %
of the cells, and 0.5 % of single cells, with the covers of another place; reasons and confidence follow from another
such field, what is under cloud from one of 201 x 201 cells, and of five covers a rule chose the sub-type. The image
is noise of three scales. Chromium opens the page from the disk; `drawn` and `ready` are the page's own marks (the
first map is drawn; every layer can be read), `load` is the browser's, all from the start of the navigation. Each
figure is the median of the repeats, with the least and the most.
"""

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
from playwright.sync_api import sync_playwright
from scipy.ndimage import uniform_filter

from ecosg_update import tables
from ecosg_update.formats import netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.report.layers import packed
from ecosg_update.report.page import page
from ecosg_update.reporting import document, maps
from ecosg_update.reporting.compared import comparison
from ecosg_update.reporting.ran import Ran

SIDE, REPEATS = 5000, 5
REAL = Path(__file__).resolve().parents[2] / "shared/data/cci_lc_300m_podlasie/podlasie_ccilc.tif"
COVERS = (19, 17, 15, 21, 8, 10, 13, 12, 16, 23, 22, 32, 29, 2)
GRID = LatLonGrid(360, 11000, 60000, SIDE, SIDE)


def main() -> None:
    """Print one line a figure."""
    patch, image = made(Path(sys.argv[1]) if len(sys.argv) > 1 else REAL)
    manifest = {name: {} for name in ("libraries", "inputs", "products", "tables")} | {
        "config": {"base": {"path": "base.dir"}, "output": {"title": "benchmark", "stem": "benchmark"}},
        "tool": dict.fromkeys(("name", "version", "python"), "-"),
        "started": "-",
        "wall_seconds": 0.0,
        "notes": [],
        "engine": None,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        about = Provenance(title="benchmark", source="made up", history="")
        netcdf.write(patch, folder / "benchmark.nc", provenance=about)
        ran = Ran(folder / "benchmark_manifest.json", manifest, patch)
        start = time.perf_counter()
        found = comparison(ran)
        middle = time.perf_counter()
        layers = packed(patch, image)
        html = page(document(ran, found, None, []), maps(patch, layers, image, found))
        end = time.perf_counter()
        print(f"compared in {middle - start:.1f} s, drawn in {end - middle:.1f} s, {len(html.encode()) / 1e6:.2f} MB")
        for one in layers:
            print(f"  {one.name:11} {len(one.text) / 1e6:6.2f} MB, one value for {one.step} x {one.step} cells")
        (folder / "report.html").write_text(html, encoding="utf-8")
        opened(folder / "report.html")


def opened(file: Path) -> None:
    """Print how long the page takes to open, in a fresh browser each time."""
    times: dict[str, list[float]] = {"load": [], "drawn": [], "ready": [], "redraw": []}
    with sync_playwright() as play:
        for _ in range(REPEATS):
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            page.goto(file.as_uri())
            page.wait_for_selector("html[data-ready]", timeout=60_000)
            for name in ("drawn", "ready"):
                times[name].append(float(page.evaluate(f"document.documentElement.dataset.{name}")))
            times["load"].append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            times["redraw"].append(page.evaluate(REDRAW))
            browser.close()
    for name, found in times.items():
        print(f"{name:7} {statistics.median(found):7.0f} ms ({min(found):.0f}..{max(found):.0f})")


REDRAW = """async () => {
  const start = performance.now();
  for (let i = 0; i < 20; i++) {
    document.getElementById(i % 2 ? 'in' : 'out').click();
    await new Promise(requestAnimationFrame);
  }
  return (performance.now() - start) / 20;
}"""


def made(path: Path) -> tuple[Patch, np.ndarray]:
    """The patch and its image."""
    rng = np.random.default_rng(0)
    with rasterio.open(path) as file:
        classes, real = np.unique(file.read(1), return_inverse=True)
    real = np.array(COVERS, np.uint8)[np.arange(len(classes)) % len(COVERS)][real.reshape(file.shape)]
    base = tiled(real, rng)
    change, sure = (blobs(rng) for _ in range(2))
    changed = (change > np.quantile(change, 0.945)) | (rng.random(base.shape) < 0.005)
    cover = np.where(changed, np.roll(base, (137, 211), (0, 1)), base)
    reason = np.where(cover != base, Reason.CHANGED, Reason.UNCHANGED).astype(np.uint8)
    reason[(sure < np.quantile(sure, 0.15)) & (cover == base)] = Reason.KEPT_BASE_LIKELIER
    hidden = blobs(rng, 201) > 0.51
    ruled = np.isin(cover, (10, 12, 16, 21, 32))
    reason[ruled & (reason == Reason.UNCHANGED)] = Reason.RULE_SUBTYPE
    reason[ruled & (reason == Reason.CHANGED)] = Reason.RULE_NEIGHBOURS
    reason[hidden], cover[hidden] = Reason.KEPT_NO_DATA, base[hidden]
    rank = (sure - sure.min()) / (sure.max() - sure.min())
    confidence = np.where(hidden, 0, np.clip(0.3 + rank + rng.normal(0, 0.05, rank.shape), 0.05, 1)).astype(
        np.float32
    )
    second = np.roll(base, (1, 1), (0, 1))
    patch = Patch(CoverMap(cover, GRID, tables.legend("ecosg")), base, reason, confidence, None, second)
    noise = sum(
        np.kron(rng.normal(0, size, (2000 // size, 2000 // size, 3)), np.ones((size, size, 1))) for size in (2, 8, 40)
    )
    return patch, np.clip(110 + noise, 0, 255).astype(np.uint8)


def tiled(real: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Copies of a map, each turned, mirrored and shifted, side by side."""
    side = 250
    found = np.empty((SIDE, SIDE), np.uint8)
    for top in range(0, SIDE, side):
        for left in range(0, SIDE, side):
            row, col = (int(rng.integers(0, size - side + 1)) for size in real.shape)
            piece = np.rot90(real[row : row + side, col : col + side], int(rng.integers(4)))
            found[top : top + side, left : left + side] = piece[:, :: int(rng.choice((-1, 1)))]
    return found


def blobs(rng: np.random.Generator, size: int = 9) -> np.ndarray:
    """A smooth random field, float32."""
    return uniform_filter(rng.random((SIDE, SIDE), np.float32), size)


if __name__ == "__main__":
    main()
