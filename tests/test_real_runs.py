"""The whole path on real products, on windows small enough for every day."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rio_cogeo import cog_validate

from ecosg_update import pipeline, tables
from ecosg_update.config import Config, checked
from ecosg_update.evidence.scene import scene_evidence
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Reason
from tests.conftest import shared
from tests.oracle_surfex import surfex


def dynamicworld():
    return {"name": "dynamicworld", "weights": str(shared("weights_dynamicworld", "forward", "variables"))}


def config(scene, base, folder, per_degree, bounds=None, **more):
    document = {
        "scene": {"path": str(scene), **more},
        "engine": dynamicworld(),
        "base": {"path": str(base)},
        "target": {"per_degree": per_degree, "bounds": bounds},
        "output": {"folder": str(folder), "stem": "result"},
    }
    return checked(Config, document, "test")


def uniform_base(path, cover, grid):
    codes = np.full(grid.shape, cover, np.uint8)
    direct.write(CoverMap(codes, grid, tables.legend("ecosg")), path, title="made-up uniform base")
    return path


@pytest.fixture(scope="module", params=[360, 1800])
def ireland(request, tmp_path_factory):
    """Lough Derg and its shores, cloudy, from the product that has 60 m bands only."""
    scene = next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE"))
    base = shared("ecosg_like", "ireland_300m.dir")
    bounds = (-8.4, 52.92, -8.3, 53.0)
    return pipeline.run(config(scene, base, tmp_path_factory.mktemp("ireland"), request.param, bounds)), base


def test_lough_derg_stays_a_lake_because_the_evidence_says_so(ireland):
    run, _ = ireland
    lake = (run.patch.base == 2) & (run.share > 0.9)
    assert lake.sum() > 100
    assert (run.patch.cover.codes[run.patch.base == 2] == 2).all()
    assert (run.patch.reason[lake] == Reason.UNCHANGED).mean() > 0.9


def test_cloud_and_no_data_keep_the_base_and_clear_land_changes(ireland):
    run, _ = ireland
    unseen = run.share == 0
    assert unseen.any() and (run.patch.reason[unseen] == Reason.KEPT_NO_DATA).all()
    assert not run.patch.changed[run.share < 0.5].any()
    assert run.patch.changed.any()


def test_the_independent_reader_reads_the_map_of_a_real_scene(ireland):
    run, _ = ireland
    path = next(path for path in run.products if path.suffix == ".dir")
    assert np.array_equal(surfex(path.with_suffix(".hdr")).covers(path), run.patch.cover.codes)


def test_the_netcdf_passes_the_compliance_checker_and_the_cog_validates(ireland):
    run, _ = ireland
    netcdf = next(path for path in run.products if path.suffix == ".nc")
    checker = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run([str(checker), "--test=cf:1.11", str(netcdf)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "All tests passed!" in done.stdout, done.stdout
    valid, errors, warnings = cog_validate(next(path for path in run.products if path.suffix == ".tif"), strict=True)
    assert valid and not errors and not warnings


def test_the_notes_say_what_was_done_to_the_product(ireland):
    run, _ = ireland
    notes = " ".join(run.manifest["notes"])
    assert "resampled to 10 m, for want of finer files: B02 at 60 m" in notes
    assert "B8A stands in for B08" in notes and "converted to top of atmosphere" in notes
    assert json.dumps(run.manifest).count("stands in") >= 1


def test_winter_brandenburg_becomes_lakes_woods_and_villages(tmp_path):
    folder = shared("s2_l1c_brandenburg_jp2", "IMG_DATA")
    grid = LatLonGrid.from_bounds(360, (12.50, 52.455, 12.62, 52.50))
    base = uniform_base(tmp_path / "base.dir", 19, grid)
    run = pipeline.run(config(folder, base, tmp_path / "out", 1800, level="L1C"))
    share = np.bincount(run.patch.cover.codes.ravel(), minlength=34) / run.patch.base.size
    assert run.patch.cover.grid == grid.at(1800)
    assert share[2] > 0.01 and share[8] > 0.01 and share[29] > 0.001
    assert share[[1, 6]].sum() == 0
    assert not any("converted" in note for note in run.manifest["notes"])


def test_a_hazy_tropical_scene_changes_little_and_states_what_it_assumed(tmp_path):
    scene = next(path for path in shared("majortom_s2_l2a").iterdir() if path.is_dir())
    grid = LatLonGrid.from_bounds(360, (17.9, 0.01, 17.94, 0.05))
    base = uniform_base(tmp_path / "base.dir", 11, grid)
    run = pipeline.run(config(scene, base, tmp_path / "out", 1800))
    assert run.patch.changed.mean() < 0.2
    assert any("aerosol optical thickness 0.2" in note for note in run.manifest["notes"])


def test_a_scene_is_as_wide_as_its_tile():
    scene = next(shared("safe_l2a_29UNU_N0400").glob("*.SAFE"))
    made = config(scene, "base.dir", "out", 360)
    with scene_evidence(made.scene, made.engine) as seen:
        assert seen.grid.shape == (10_980, 10_980)
        west, south, east, north = seen.grid.lonlat_bounds()
    assert (round(west, 1), round(east, 1)) == (-9.0, -7.4) and 52 < south < north < 53.3
