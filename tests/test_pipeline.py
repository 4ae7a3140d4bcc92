"""The whole path on a small raster of classes: no network, no scene, every product."""

import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

from ecosg_update import pipeline, stages, tables
from ecosg_update.config import Config, CrosswalkSection, LabelsSection, checked
from ecosg_update.errors import ConfigError, CoverageError, OutputError
from ecosg_update.export.whole import Cut, export
from ecosg_update.formats import direct, header, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Reason
from ecosg_update.patch import census
from ecosg_update.patch.decide import Policy
from tests.conftest import shared

GRID = LatLonGrid.from_bounds(360, (-8.9, 52.9, -8.8, 52.96))
PIXELS = (500, 600)


@pytest.fixture
def base(tmp_path):
    """A base of crops with a lake, needleleaf wood in the west, and a hole."""
    codes = np.full(GRID.shape, 19, np.uint8)
    codes[:, :6] = 12
    codes[8:12, 20:26] = 2
    codes[0, 0] = 0
    direct.write(CoverMap(codes, GRID, tables.legend("ecosg")), tmp_path / "base.dir", title="made-up base")
    return tmp_path / "base.dir"


@pytest.fixture
def labels(tmp_path):
    """CORINE in UTM: pasture in the north, conifers in the south, no data in the east."""
    codes = np.full(PIXELS, 231, np.uint16)
    codes[250:] = 312
    codes[:, 500:] = 999
    return raster(tmp_path / "clc.tif", codes)


def raster(path, codes, crs="EPSG:32629"):
    profile = {"driver": "GTiff", "height": codes.shape[0], "width": codes.shape[1], "count": 1, "dtype": codes.dtype}
    transform = Affine(10, 0, 506800, 0, -10, 5866600)
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
        file.write(codes, 1)
    return path


def config(base, labels, folder, **sections):
    document = {
        "labels": {"path": str(labels), "legend": "corine-l3"},
        "base": {"path": str(base)},
        "output": {"folder": str(folder), **sections.pop("output", {})},
        **sections,
    }
    return checked(Config, document, "test")


def test_good_evidence_changes_and_the_rest_keeps_the_base(base, labels, tmp_path):
    done = pipeline.run(config(base, labels, tmp_path / "out"))
    patch, before = done.patch, direct.read(base).codes
    row, col = 15, 15
    assert patch.cover.codes[5, 15] == 17 and patch.cover.codes[row, col] == 12
    assert (patch.cover.codes[8:12, 20:26] == 2).all()
    assert (patch.reason[8:12, 20:26] == Reason.KEPT_PROTECTED).all()
    untouched = done.share == 0
    assert untouched.any() and (patch.reason[untouched] == Reason.KEPT_NO_DATA).all()
    assert np.array_equal(patch.cover.codes[untouched], before[untouched])
    assert np.array_equal(direct.read(tmp_path / "out" / "ecosg_final_map.dir").codes, patch.cover.codes)


def test_the_same_run_twice_gives_the_same_bytes(base, labels, tmp_path):
    one, two = (pipeline.run(config(base, labels, tmp_path / name)) for name in ("one", "two"))
    for first, second in zip(one.products, two.products, strict=True):
        if not first.name.endswith(("_manifest.json", "_run.toml", ".stac.json")):
            assert first.read_bytes() == second.read_bytes(), first.name


def test_the_manifest_counts_cells_and_names_every_input(base, labels, tmp_path):
    done = pipeline.run(config(base, labels, tmp_path / "out"))
    record = json.loads((tmp_path / "out" / "ecosg_final_map_manifest.json").read_text())
    changes = record["changes"]
    assert changes["changed"] == int(done.patch.changed.sum())
    assert changes["changed"] == changes["reasons"]["changed"] + changes["reasons"]["rule-neighbours"]
    assert sum(changes["reasons"].values()) == changes["cells"] == GRID.rows * GRID.cols
    for side in ("before", "after"):
        assert sum(cover[side] for cover in changes["covers"].values()) == changes["cells"]
    assert set(record["inputs"]) == {str(base), str(base.with_suffix(".hdr")), str(labels)}
    assert "ecosg_final_map.dir" in record["products"] and "crosswalks/corine-l3--ecosg.csv" in record["tables"]


def test_the_stages_one_by_one_give_the_map_of_the_run(base, labels, tmp_path):
    done = pipeline.run(config(base, labels, tmp_path / "out"))
    section = LabelsSection(path=labels, legend="corine-l3")
    bounds = GRID.bounds
    stages.map_labels(section, base, CrosswalkSection(), tmp_path / "covers.nc", 360, bounds)
    patch, paths = stages.patch(tmp_path / "covers.nc", base, Policy(), tmp_path / "staged.dir", title="staged")
    assert np.array_equal(patch.cover.codes, done.patch.cover.codes)
    assert np.array_equal(patch.reason, done.patch.reason)
    assert paths[0].read_bytes() == (tmp_path / "out" / "ecosg_final_map.dir").read_bytes()


def test_a_patched_map_patched_again_with_the_same_evidence_does_not_change(base, labels, tmp_path):
    pipeline.run(config(base, labels, tmp_path / "out"))
    again = pipeline.run(config(tmp_path / "out" / "ecosg_final_map.dir", labels, tmp_path / "again"))
    assert not again.patch.changed.any()


@pytest.mark.parametrize("evidence", ["engine", "bayes"])
def test_bounds_limit_the_result(base, labels, tmp_path, evidence):
    """The rates of the base are the target's: other bounds may tip cells of nearly even odds, and no others."""
    inner = (-8.88, 52.91, -8.84, 52.94)
    sections = {"patch": {"evidence": evidence}}
    done = pipeline.run(config(base, labels, tmp_path / "out", target={"bounds": inner}, **sections))
    whole = pipeline.run(config(base, labels, tmp_path / "whole", **sections))
    cells = LatLonGrid.from_bounds(360, inner)
    assert done.patch.cover.grid == cells
    rows = slice(cells.row - GRID.row, cells.row - GRID.row + cells.rows)
    cols = slice(cells.col - GRID.col, cells.col - GRID.col + cells.cols)
    sure = (done.patch.confidence > 0.6) | (evidence == "engine")
    assert sure.mean() > 0.8
    assert np.array_equal(done.patch.cover.codes[sure], whole.patch.cover.codes[rows, cols][sure])


def test_blocks_and_bands_do_not_show(base, labels, tmp_path, monkeypatch):
    whole = pipeline.run(config(base, labels, tmp_path / "whole", target={"per_degree": 1800}))
    monkeypatch.setattr(pipeline, "EVIDENCE_VALUES", 44 * 180 * 17)
    monkeypatch.setattr(pipeline, "COVER_VALUES", 33 * 180 * 5)
    pieces = pipeline.run(config(base, labels, tmp_path / "pieces", target={"per_degree": 1800}))
    assert np.array_equal(whole.patch.cover.codes, pieces.patch.cover.codes)
    assert np.array_equal(whole.patch.reason, pieces.patch.reason)
    assert np.allclose(whole.patch.confidence, pieces.patch.confidence, atol=1e-6)
    assert np.allclose(whole.patch.entropy, pieces.patch.entropy, atol=1e-5)


def test_a_sample_of_rows_serves_a_target_of_several_blocks_as_it_serves_one(base, labels, tmp_path, monkeypatch):
    monkeypatch.setattr(census, "SAMPLE_CELLS", 4 * GRID.cols)
    whole = pipeline.run(config(base, labels, tmp_path / "whole"))
    monkeypatch.setattr(pipeline, "EVIDENCE_VALUES", 44 * GRID.cols * 7)
    pieces = pipeline.run(config(base, labels, tmp_path / "pieces"))
    assert np.array_equal(whole.patch.cover.codes, pieces.patch.cover.codes)
    assert np.allclose(whole.patch.confidence, pieces.patch.confidence, atol=1e-6)


def test_the_image_alone_decides_where_it_is_asked_to(base, labels, tmp_path):
    done = pipeline.run(config(base, labels, tmp_path / "out", patch={"evidence": "engine"}))
    both = pipeline.run(config(base, labels, tmp_path / "both"))
    unseen = done.share == 0
    assert (done.patch.confidence[unseen] == 0).all() and (both.patch.confidence[unseen][1:] > 0).all()
    assert np.allclose(done.patch.entropy[unseen], np.log2(33))
    assert (both.patch.entropy[unseen] < np.log2(33)).all()


def test_a_target_outside_the_base_is_refused_and_nothing_is_left(base, labels, tmp_path):
    with pytest.raises(CoverageError, match="ask for less"):
        pipeline.run(config(base, labels, tmp_path / "out", target={"bounds": (-9.5, 52.9, -8.8, 52.95)}))
    assert not (tmp_path / "out").exists()


def test_evidence_elsewhere_is_refused(base, tmp_path):
    codes = np.full((5, 5), 231, np.uint16)
    far = raster(tmp_path / "far.tif", codes, crs="EPSG:32633")
    with pytest.raises(CoverageError, match="do not meet"):
        pipeline.run(config(base, far, tmp_path / "out"))


def test_an_existing_product_is_refused_before_the_work_and_untouched(base, labels, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "ecosg_final_map.nc").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        pipeline.run(config(base, labels, folder))
    assert [file.name for file in folder.iterdir()] == ["ecosg_final_map.nc"]
    assert (folder / "ecosg_final_map.nc").read_text() == "mine"


def test_an_unknown_zone_lists_those_of_the_table(base, labels, tmp_path):
    with pytest.raises(ConfigError, match="found temperate, boreal, ireland, mediterranean"):
        pipeline.run(config(base, labels, tmp_path / "out", crosswalk={"zone": "tropics"}))


def test_export_cuts_and_converts_without_a_change(base, tmp_path):
    export(base, tmp_path / "map.nc")
    export(tmp_path / "map.nc", tmp_path / "map.tif")
    export(tmp_path / "map.tif", tmp_path / "again.dir", title="again")
    assert (tmp_path / "again.dir").read_bytes() == base.read_bytes()
    export(base, tmp_path / "fine.dir", Cut(per_degree=1800))
    fine = direct.read(tmp_path / "fine.dir")
    assert np.array_equal(fine.codes, np.kron(direct.read(base).codes, np.ones((5, 5), np.uint8)))
    export(tmp_path / "fine.dir", tmp_path / "coarse.dir", Cut(per_degree=360), title="made-up base")
    assert (tmp_path / "coarse.dir").read_bytes() == base.read_bytes()
    with pytest.raises(ConfigError, match=r"expected \.dir, \.nc or \.tif"):
        export(base, tmp_path / "map.grib")


@pytest.mark.parametrize("per_degree", [360, 1800])
def test_official_corine_of_guadeloupe_becomes_ecoclimap_sg(tmp_path, per_degree):
    """A base of sea under the official raster: land appears, every cell of it from CORINE."""
    clc = shared("clc2018_guadeloupe_100m", "U2018_CLC2018_V2020_20u1_FR_GLP.tif")
    grid = LatLonGrid.from_bounds(360, (-61.95, 15.75, -60.9, 16.6))
    sea = CoverMap(np.ones(grid.shape, np.uint8), grid, tables.legend("ecosg"))
    direct.write(sea, tmp_path / "sea.dir", title="sea")
    sections = {"target": {"per_degree": per_degree}, "patch": {"protect": []}, "output": {"stem": "guadeloupe"}}
    done = pipeline.run(config(tmp_path / "sea.dir", clc, tmp_path / "out", **sections))
    covers = np.bincount(done.patch.cover.codes.ravel(), minlength=34)
    land_km2 = covers[4:].sum() * (111.195 / per_degree) ** 2 * np.cos(np.radians(16.2))
    assert 1500 < land_km2 < 1750
    assert covers[0] == 0 and (covers > 0).sum() > 8
    assert np.array_equal(direct.read(tmp_path / "out" / "guadeloupe.dir").codes, done.patch.cover.codes)
    assert netcdf.read(tmp_path / "out" / "guadeloupe.nc").cover.grid == done.patch.cover.grid


def test_the_global_map_serves_as_a_base_without_being_held_in_memory(labels, tmp_path):
    """A sparse file of 8.4 GB; only the cells that the evidence can touch are written, in less than 1.5 GB."""
    globe = LatLonGrid.globe(360)
    (tmp_path / "globe.hdr").write_text(header.text(header.Header("made-up globe without covers", globe)))
    with (tmp_path / "globe.dir").open("wb") as file:
        file.truncate(globe.rows * globe.cols)
    code = (
        "import sys\nfrom pathlib import Path\nfrom ecosg_update import stages\n"
        "from ecosg_update.config import CrosswalkSection, LabelsSection\n"
        "section = LabelsSection(path=sys.argv[1], legend='corine-l3')\n"
        "stages.map_labels(section, Path(sys.argv[2]), CrosswalkSection(), Path(sys.argv[3]), 360, None)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    arguments = [str(labels), str(tmp_path / "globe.dir"), str(tmp_path / "covers.nc")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1_500_000
    found = netcdf.read_prediction(tmp_path / "covers.nc")
    assert found.grid.rows < 30 and found.grid.cols < 40
    assert found.values[tables.legend("ecosg").index(17)].max() == pytest.approx(1)
