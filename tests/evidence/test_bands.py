"""A scene that lacks bands and an engine that was trained to do without: from the command line to the manifest."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ecosg_update import tables
from ecosg_update.config import EngineSection, SceneSection
from ecosg_update.evidence.scene import scene_evidence
from ecosg_update.formats import direct, netcdf
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.checkpoint import save
from ecosg_update.segment.engines import build, design
from tests.conftest import say
from tests.scene.made import ireland, noise, tiff

LEGEND = tables.legend("corine-l1")
BANDS = ("B02", "B03", "B04", "B08", "B11", "B12")
FOUR = ("B02", "B03", "B04", "B08")
UNITS = ("--quantification", 10_000, "--offset", 0)
MEAN = 0.25


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four bands of noise, the same with two flat bands at the mean of the card, and engines with random weights."""
    folder = tmp_path_factory.mktemp("bands")
    values = np.stack([noise((150, 130), seed=seed) for seed in range(4)])
    place = {"west": 400_000.0, "north": 5_800_000.0}
    tiff(folder / "four.tif", values, **place)
    flat = np.full((2, 150, 130), round(MEAN * 10_000), np.uint16)
    tiff(folder / "six.tif", np.concatenate([values, flat]), **place)
    tiff(folder / "infrared.tif", np.concatenate([values[3:], flat]), **place)
    torch.manual_seed(0)
    form = design("small_unet")
    card = Card(
        engine="small_unet", arguments={"width": 4}, bands=BANDS, level="any", optional=("B02", "B11", "B12"),
        pixel_m=10.0, normalisation=Standard((MEAN,) * 6, (0.2,) * 6), legend=LEGEND.name, codes=LEGEND.codes,
        halo=form.halo, stride=form.stride, seamless=form.seamless, provenance="random", licence="MIT",
    )  # fmt: skip
    network = build("small_unet", 6, len(LEGEND), width=4)
    save(network, card, folder / "able.safetensors")
    save(network, replace(card, optional=(), level="L2A"), folder / "needy.safetensors")
    return folder


def predicted(folder, scene, bands, engine, level, name):
    options = ("--bands", ",".join(bands), "--level", level, *UNITS, "--per-degree", 1800)
    return say(
        "-v", "predict", folder / scene, "--checkpoint", folder / engine, *options, "-o", folder / name, "--overwrite"
    )


def test_a_scene_of_four_bands_is_predicted_as_one_whose_others_are_at_their_mean(folder):
    said = predicted(folder, "four.tif", FOUR, "able.safetensors", "L2A", "four.nc")
    assert said.code == 0, said.err
    assert "the scene has no B11, B12: the engine was trained to do without" in said.err
    assert predicted(folder, "six.tif", BANDS, "able.safetensors", "L2A", "six.nc").code == 0
    four, six = (netcdf.read_prediction(folder / name) for name in ("four.nc", "six.nc"))
    assert four.share.max() == 1 and len(np.unique(four.values.argmax(axis=0))) > 1
    np.testing.assert_array_equal(four.share, six.share)
    np.testing.assert_allclose(four.values, six.values, atol=1e-5)


def test_an_engine_of_both_levels_says_the_same_of_the_same_numbers(folder):
    for level in ("L1C", "L2A"):
        said = predicted(folder, "four.tif", FOUR, "able.safetensors", level, f"{level}.nc")
        assert said.code == 0 and "converted to top of atmosphere" not in said.err
    one, other = (netcdf.read_prediction(folder / f"{level}.nc") for level in ("L1C", "L2A"))
    np.testing.assert_array_equal(one.values, other.values)


def test_a_band_that_is_needed_stops_the_run(folder):
    said = predicted(folder, "four.tif", FOUR, "needy.safetensors", "L2A", "no.nc")
    assert said.code == 3 and "B11, B12 wanted at 10 m" in said.err
    said = predicted(folder, "infrared.tif", ("B08", "B11", "B12"), "able.safetensors", "L2A", "no.nc")
    assert said.code == 3 and "B03, B04 wanted at 10 m" in said.err and not (folder / "no.nc").exists()


def test_an_engine_of_one_level_refuses_the_other(folder):
    said = predicted(folder, "six.tif", BANDS, "needy.safetensors", "L1C", "no.nc")
    assert said.code == 4 and "the scene is L1C, expected L2A" in said.err


def test_surface_reflectance_of_the_bands_that_are_there_is_brought_to_an_l1c_engine(tmp_path):
    """No L2A product has B10, and no formula makes it."""
    form = design("small_unet")
    card = Card(
        engine="small_unet", arguments={"width": 4}, bands=("B04", "B10", "B8A"), level="L1C", optional=("B10",),
        pixel_m=60.0, normalisation=Standard((MEAN,) * 3, (0.2,) * 3), legend=LEGEND.name, codes=LEGEND.codes,
        halo=form.halo, stride=form.stride, seamless=form.seamless, provenance="random", licence="MIT",
    )  # fmt: skip
    torch.manual_seed(0)
    save(build("small_unet", 3, len(LEGEND), width=4), card, tmp_path / "net.safetensors")
    engine = EngineSection(checkpoint=tmp_path / "net.safetensors", device="cpu")
    with scene_evidence(SceneSection(path=ireland()), engine) as seen:
        assert any("converted to top of atmosphere" in note for note in seen.notes)
        assert "the scene has no B10: the engine was trained to do without" in seen.notes
        found = seen.on(LatLonGrid.from_bounds(360, (-8.4, 52.92, -8.3, 53.0)))
    assert found.share.max() == 1


def test_the_manifest_of_a_run_names_the_bands_that_were_absent(folder):
    scene = SceneSection(path=folder / "four.tif", bands=FOUR, level="L1C", quantification=1e4, offset=0)
    with scene_evidence(scene, EngineSection(checkpoint=folder / "able.safetensors", device="cpu")) as seen:
        bounds = seen.grid.lonlat_bounds()
    grid = LatLonGrid.from_bounds(1800, bounds)
    base = CoverMap(np.full(grid.shape, 19, np.uint8), grid, tables.legend("ecosg"))
    direct.write(base, folder / "base.dir", title="made-up uniform base")
    (folder / "run.toml").write_text(f"""
[scene]
path = "{folder / "four.tif"}"
bands = {json.dumps(FOUR)}
level = "L1C"
quantification = 10000
offset = 0
[engine]
checkpoint = "{folder / "able.safetensors"}"
[base]
path = "{folder / "base.dir"}"
[target]
per_degree = 1800
[output]
folder = "{folder / "out"}"
stem = "four"
formats = ["nc"]
""")
    said = say("run", folder / "run.toml")
    assert said.code == 0, said.err
    found = json.loads((folder / "out" / "four_manifest.json").read_text())
    assert "the scene has no B11, B12: the engine was trained to do without" in json.dumps(found)
    assert '"optional": ["B02", "B11", "B12"]' in json.dumps(found) and '"level": "any"' in json.dumps(found)


def test_a_scene_without_blue_has_no_true_colour_and_runs_all_the_same(folder):
    values = np.stack([noise((40, 50), seed=seed) for seed in range(3)])
    tiff(folder / "three.tif", values, west=400_000.0, north=5_800_000.0)
    scene = SceneSection(
        path=folder / "three.tif", bands=("B03", "B04", "B08"), level="L2A", quantification=1e4, offset=0
    )
    with scene_evidence(scene, EngineSection(checkpoint=folder / "able.safetensors", device="cpu")) as seen:
        cells = LatLonGrid.from_bounds(1800, seen.grid.lonlat_bounds())
        assert seen.image((20, 20), cells) is None
        assert seen.on(cells).share.max() == 1
        assert "the scene has no B02, B11, B12: the engine was trained to do without" in seen.notes


def test_info_says_what_an_engine_can_do_without(folder):
    found = json.loads(say("info", folder / "able.safetensors", "--json").out)
    assert found["input"].startswith("L1C or L2A, 10 m:") and found["bands it can do without"] == "B02 B11 B12"
    found = json.loads(say("info", folder / "needy.safetensors", "--json").out)
    assert found["input"].startswith("L2A, 10 m:") and found["bands it can do without"] == "none"
