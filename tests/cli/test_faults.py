"""Bad input: one clear line, the documented exit code, nothing written, nothing lost."""

import hashlib
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from ecosg_update.demo import CHECKPOINT
from tests.conftest import INTERRUPTIBLE, say, shared

CONFIG = """
[scene]
path = "{scene}"
[engine]
{engine}
[base]
path = "{base}"
[target]
{target}
[output]
folder = "{folder}"
stem = "result"
"""


@pytest.fixture(scope="module")
def parts(simulated):
    """The pieces of a run that works: scene, engine, base."""
    folder, _ = simulated
    scene = next((folder / "input").glob("*.SAFE"))
    engine = f'checkpoint = "{CHECKPOINT}"'
    return {"scene": scene, "engine": engine, "base": folder / "input" / "simulated_base.dir", "target": ""}


def attempted(tmp_path, parts, **changes):
    """A run with something wrong in it, and the folder that it should not have filled."""
    folder = tmp_path / "out"
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(**{**parts, "folder": folder, **changes}))
    return say("run", config), folder


def assert_refused(said, code, *words):
    assert said.code == code, said.err
    lines = [line for line in said.err.splitlines() if line.startswith("ecosg-update: error: ")]
    assert len(lines) == 1 and said.err.splitlines()[-1] == lines[0], said.err
    for word in words:
        assert word in lines[0]


def copied(parts, tmp_path):
    """A copy of the simulated product."""
    return Path(shutil.copytree(parts["scene"], tmp_path / parts["scene"].name))


def fingerprint(*paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_file_that_is_no_scene(tmp_path, parts):
    wrong = tmp_path / "notes.txt"
    wrong.write_text("not a scene")
    said, folder = attempted(tmp_path, parts, scene=wrong)
    assert_refused(said, 3, "notes.txt")
    assert not folder.exists()


def test_a_scene_that_is_not_there(tmp_path, parts):
    said, folder = attempted(tmp_path, parts, scene=tmp_path / "absent.SAFE")
    assert_refused(said, 3, "absent.SAFE")
    assert not folder.exists()


def test_a_product_without_a_needed_band(tmp_path, parts):
    scene = copied(parts, tmp_path)
    for file in scene.rglob("*_B11_*.jp2"):
        file.unlink()
    said, folder = attempted(tmp_path, parts, scene=scene)
    assert_refused(said, 3, "B11")
    assert not folder.exists()


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.999])
def test_a_truncated_jp2_is_an_error_and_never_zeros(tmp_path, parts, kept):
    scene = copied(parts, tmp_path)
    band = next(scene.rglob("*_B04_10m.jp2"))
    content = band.read_bytes()
    band.write_bytes(content[: int(kept * len(content))])
    said, folder = attempted(tmp_path, parts, scene=scene)
    assert_refused(said, 3, "B04")
    assert not folder.exists()


def test_a_flipped_byte_is_found_by_the_checksum_of_the_product(tmp_path, parts):
    scene = copied(parts, tmp_path)
    band = next(scene.rglob("*_B03_10m.jp2"))
    content = bytearray(band.read_bytes())
    content[len(content) // 2] ^= 0x10
    band.write_bytes(content)
    said, folder = attempted(tmp_path, parts, scene=scene)
    assert_refused(said, 3, "B03", "checksum")
    assert not folder.exists()


def test_a_raster_without_a_reference_system(tmp_path, parts):
    labels = tmp_path / "labels.tif"
    profile = {"driver": "GTiff", "height": 5, "width": 5, "count": 1, "dtype": "uint8"}
    with rasterio.open(labels, "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.full((5, 5), 23, np.uint8), 1)
    said = say("map", labels, "--legend", "corine-l2", "--base", parts["base"], "-o", tmp_path / "covers.nc")
    assert_refused(said, 3, "labels.tif", "coordinate reference system")
    assert not (tmp_path / "covers.nc").exists()


def test_a_domain_outside_the_base(tmp_path, parts):
    said, folder = attempted(tmp_path, parts, target="bounds = [10.0, 45.0, 10.1, 45.1]")
    assert_refused(said, 7, "ask for less")
    assert not folder.exists()


def test_weights_with_one_byte_changed(tmp_path, parts):
    for file in CHECKPOINT.parent.glob("demo.*"):
        shutil.copy(file, tmp_path)
    weights = tmp_path / "demo.safetensors"
    content = bytearray(weights.read_bytes())
    content[-9] ^= 1
    weights.write_bytes(content)
    said, folder = attempted(tmp_path, parts, engine=f'checkpoint = "{weights}"')
    assert_refused(said, 4, "sha256")
    assert not folder.exists()


def test_published_weights_with_one_byte_changed(tmp_path, parts):
    published = shared("weights_dynamicworld", "forward", "variables")
    for file in published.iterdir():
        shutil.copyfile(file, tmp_path / file.name)
    data = tmp_path / "variables.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    content[1000] ^= 1
    data.write_bytes(content)
    said, folder = attempted(tmp_path, parts, engine=f'name = "dynamicworld"\nweights = "{tmp_path}"')
    assert_refused(said, 4, "sha256")
    assert not folder.exists()


def test_an_output_that_exists_is_left_as_it_was(tmp_path, parts):
    folder = tmp_path / "out"
    folder.mkdir()
    mine = folder / "result.hdr"
    mine.write_text("mine")
    said, _ = attempted(tmp_path, parts)
    assert_refused(said, 5, "result.hdr", "--overwrite")
    assert mine.read_text() == "mine" and len(list(folder.iterdir())) == 1


def test_a_full_disk_leaves_nothing_and_loses_nothing(tmp_path, parts):
    """Files may not grow beyond 1,000 bytes: what a full disk or a quota does, without being root."""
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(**{**parts, "folder": tmp_path / "out"}))
    before = fingerprint(parts["base"], parts["base"].with_suffix(".hdr"))
    done = subprocess.run(
        [sys.executable, "-c", f"{INTERRUPTIBLE}from ecosg_update.cli import main; main()", "run", str(config)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert done.returncode == 5, done.stderr
    assert "cannot be written" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
    assert fingerprint(parts["base"], parts["base"].with_suffix(".hdr")) == before


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_leaves_nothing(tmp_path, parts, sent, code):
    config = tmp_path / "run.toml"
    config.write_text(CONFIG.format(**{**parts, "folder": tmp_path / "out"}))
    run = subprocess.Popen(
        [sys.executable, "-c", f"{INTERRUPTIBLE}from ecosg_update.cli import main; main()", "run", str(config)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "out").exists() and run.poll() is None:
        time.sleep(0.05)
    run.send_signal(sent)
    _, err = run.communicate(timeout=60)
    assert run.returncode == code, err
    assert "nothing was left half-written" in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(tmp_path, parts):
    (tmp_path / "file").write_text("in the way")
    said, _ = attempted(tmp_path, parts, folder=tmp_path / "file" / "out")
    assert_refused(said, 5, "file")


def test_an_unknown_key_and_an_unknown_command(tmp_path):
    config = tmp_path / "run.toml"
    config.write_text("[scen]\n")
    assert_refused(say("run", config), 2, "run.toml")
    said = say("fly")
    assert said.code == 2 and "No such command 'fly'" in said.err


def test_inputs_are_never_modified(tmp_path, parts):
    files = [file for file in sorted(parts["scene"].rglob("*")) if file.is_file()]
    before = fingerprint(*files, parts["base"])
    said, folder = attempted(tmp_path, parts)
    assert said.code == 0 and (folder / "result.dir").exists()
    assert fingerprint(*files, parts["base"]) == before
