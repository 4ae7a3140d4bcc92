"""Members and maps of one kind of change, from the command line to the tree that a model reads."""

import json
import subprocess
import sys

import numpy as np
import pytest

from ecosg_update import pipeline
from ecosg_update.config import load
from ecosg_update.errors import ConfigError, OutputError
from ecosg_update.formats import direct
from ecosg_update.variants import Variants
from tests import oracle_surfex
from tests.conftest import say


@pytest.fixture(scope="module")
def ensemble(simulated, tmp_path_factory):
    """(folder, its printed answer) of a run of the demo with four members and all maps of one kind of change."""
    folder, _ = simulated
    output = tmp_path_factory.mktemp("ensemble") / "out"
    wanted = ("--members", 4, "--seed", 7, "--correlation-km", 2, "--products", "full,urban-only,water-only,extent")
    said = say("run", folder / "demo.toml", "--output", output, *wanted, "--json")
    assert said.code == 0, said.err
    return output, json.loads(said.out)


def codes(output, name):
    return direct.read(output / f"simulated_demo{name}.dir").codes


def test_member_0_is_the_best_estimate_and_the_others_differ_from_it_and_each_other(ensemble):
    output, _ = ensemble
    maps = [codes(output, f"_m{number:02d}") for number in range(4)]
    assert np.array_equal(maps[0], codes(output, ""))
    for one in range(4):
        for other in range(one):
            assert not np.array_equal(maps[one], maps[other])
    assert not (output / "simulated_demo_m04.dir").exists()


def test_the_same_seed_gives_the_same_bytes_and_another_others(ensemble, simulated, tmp_path):
    output, _ = ensemble
    for seed, same in ((7, True), (8, False)):
        wanted = ("--members", 3, "--seed", seed, "--correlation-km", 2)
        say("run", simulated[0] / "demo.toml", "--output", tmp_path / str(seed), *wanted)
        assert np.array_equal(codes(tmp_path / str(seed), "_m02"), codes(output, "_m02")) is same


def test_blocks_do_not_show(ensemble, simulated, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "COVER_VALUES", 33 * 60 * 5)
    settings = load(
        simulated[0] / "demo.toml",
        {"output": {"folder": str(tmp_path), "members": 3, "seed": 7, "correlation_km": 2.0, "formats": ["dir"]}},
    )
    pipeline.run(settings)
    output, _ = ensemble
    assert (tmp_path / "simulated_demo_m02.dir").read_bytes() == (output / "simulated_demo_m02.dir").read_bytes()


def test_the_manifest_and_each_header_say_how_it_was_drawn(ensemble):
    output, said = ensemble
    record = json.loads((output / "simulated_demo_manifest.json").read_text())
    assert record["ensemble"] == {
        "members": 4,
        "seed": 7,
        "correlation_km": 2.0,
        "covariance": "exp(-(d/L)^2 / 2)",
        "member 0": "the best estimate",
    }
    names = {f"simulated_demo{tail}.dir" for tail in ("_m00", "_m03", "_urban", "_water", "_extent", "")}
    assert names <= set(record["products"]) and names <= {path.rsplit("/")[-1] for path in said["products"]}
    title = (output / "simulated_demo_m03.hdr").read_text().splitlines()[0]
    assert title.startswith("SIMULATED landscape") and title.endswith(", member 3 of 0..3, seed 7, 2 km")
    assert (output / "simulated_demo_urban.hdr").read_text().splitlines()[0].endswith(", urban-only")


@pytest.mark.parametrize("name", ["_m00", "_m03", "_urban", "_water", "_extent"])
def test_each_map_is_read_by_surfex_passes_the_check_and_is_installed(name, ensemble, simulated, tmp_path):
    output, _ = ensemble
    path = output / f"simulated_demo{name}.dir"
    found = oracle_surfex.surfex(path.with_suffix(".hdr")).covers(path)
    assert np.array_equal(found, direct.read(path).codes)
    base = simulated[0] / "input" / "simulated_base.dir"
    said = say("check", path, "--base", base)
    assert said.code == 0, said.out
    tree = simulated[0] / "input" / "simulated_tree"
    said = say("install", "--from", tree, "--to", tmp_path / "tree", "--version", f"1{name}", "--cover", path)
    assert said.code == 0, said.err
    assert (tmp_path / "tree" / "COVER" / "ecosg_final_map.dir").read_bytes() == path.read_bytes()


def test_patch_writes_the_members_of_the_run(ensemble, simulated, tmp_path):
    from ecosg_update.demo import CHECKPOINT  # noqa: PLC0415

    folder, _ = simulated
    base, scene = folder / "input" / "simulated_base.dir", next((folder / "input").glob("*.SAFE"))
    bounds = direct.info(base).grid.bounds
    say("predict", scene, "--checkpoint", CHECKPOINT, "--bounds", *bounds, "-o", tmp_path / "p.nc")
    say("map", tmp_path / "p.nc", "--base", base, "-o", tmp_path / "c.nc")
    call = ("patch", tmp_path / "c.nc", "--base", base, "-o", tmp_path / "simulated_demo.nc")
    said = say(*call, "--members", 4, "--seed", 7, "--correlation-km", 2, "--products", "urban-only")
    assert said.code == 0, said.err
    for name in ("_m00", "_m01", "_m03", "_urban"):
        assert np.array_equal(codes(tmp_path, name), codes(ensemble[0], name)), name
    again = say(*call, "--products", "urban-only")
    assert again.code == 5 and "exists already" in again.err
    assert say(*call, "--products", "suburban").code == 2
    assert say(*call, "--seed", 3).code == 2
    assert say("patch", tmp_path / "c.nc", "--into", base, "--in-place", "--members", 3).code == 2


def test_what_cannot_be_written_is_refused_before_the_work(simulated, tmp_path):
    with pytest.raises(OutputError, match="'a_stem_of_21_characters_m00' has"):
        Variants(tmp_path / "a_stem_of_21_characters", products=("extent",), ensemble=_three()).targets()
    with pytest.raises(ConfigError, match="products: found 'town'"):
        Variants(tmp_path / "map", products=("town",))
    said = say("run", simulated[0] / "demo.toml", "-o", tmp_path / "out", "--products", "town")
    assert said.code == 2 and "output.products" in said.err
    said = say("run", simulated[0] / "demo.toml", "-o", tmp_path / "out", "--members", "3", "--correlation-km", "0.2")
    assert said.code == 2 and "cells are" in said.err and not (tmp_path / "out").exists()


def _three():
    from ecosg_update.patch.ensemble import Ensemble  # noqa: PLC0415

    return Ensemble(3)


def test_a_full_disk_leaves_no_member(simulated, tmp_path):
    """A limit on the size of a file stands for the disk: 37 x 60 cells do not fit into 1000 bytes."""
    code = (
        "import resource, sys\nfrom ecosg_update.cli import main\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\nmain(sys.argv[1:])"
    )
    call = ["run", str(simulated[0] / "demo.toml"), "-o", str(tmp_path / "out"), "--members", "2"]
    done = subprocess.run([sys.executable, "-c", code, *call], capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert not (tmp_path / "out").exists()
