"""`patch --into` and `revert` as people call them: exit codes, one line, nothing left half done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ecosg_update.formats import direct
from ecosg_update.formats.globe import lock
from tests.conftest import say
from tests.formats.globe.maps import CORNER, WORLD, codes_of, expected, written
from tests.formats.maps import cover


@pytest.fixture
def world(tmp_path):
    return written(tmp_path)


@pytest.fixture
def region(tmp_path):
    return direct.write(cover(CORNER, 5), tmp_path / "region.dir", title="A region")[0]


def assert_refused(said, code, *words):
    assert said.code == code, said.err
    assert all(word in said.err for word in words), said.err
    assert said.out == ""


def test_a_copy_in_place_and_back(world, region, tmp_path):
    before = codes_of(world)
    said = say("patch", region, "--into", world, "-o", tmp_path / "new.dir")
    assert said.code == 0, said.err
    first, *paths = said.out.splitlines()
    assert first == f"changed {(codes_of(tmp_path / 'new.dir') != before).sum()} of 77 cells"
    assert paths == [str(tmp_path / name) for name in ("new.dir", "new.hdr", "new_manifest.json")]
    said = say("patch", region, "--into", world, "--in-place", "--json")
    assert json.loads(said.out)["products"][:2] == [str(world), f"{world}.undo.1"]
    np.testing.assert_array_equal(codes_of(world), expected(before, WORLD, cover(CORNER, 5)))
    assert world.read_bytes() == (tmp_path / "new.dir").read_bytes()
    said = say("revert", world)
    assert said.code == 0 and "is as before the patch of 20" in said.out
    np.testing.assert_array_equal(codes_of(world), before)
    assert_refused(say("revert", world), 2, "no patch can be given back")


def test_revert_all_as_json(world, region):
    before = world.read_bytes()
    assert say("patch", region, "--into", world, "--in-place").code == 0
    direct.write(cover(CORNER, 6), region, title="Another", overwrite=True)
    assert say("patch", region, "--into", world, "--in-place").code == 0
    found = json.loads(say("revert", world, "--all", "--json").out)
    assert [one["bounds"] for one in found["reverted"]] == [list(CORNER.bounds)] * 2
    assert world.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--into", "{world}"], "either -o NEW.dir (a copy) or --in-place"),
        (["--into", "{world}", "-o", "new.dir", "--in-place"], "either -o NEW.dir"),
        (["--into", "{world}", "-o", "new.nc"], "`export` makes other formats"),
        (["--into", "{world}", "--in-place", "--title", "x"], "leaves the header as it is"),
        (["--in-place"], "give --base and -o OUTPUT, or --into MAP.dir"),
        (["--base", "{world}"], "give --base and -o OUTPUT, or --into MAP.dir"),
        (
            ["--into", "{world}", "--in-place", "--min-share", "0.2"],
            "--min-share has no say: region.dir is",
        ),
        (["--into", "{world}", "--in-place", "--protect", "sea"], "--protect has no say"),
        (["--into", "{world}", "--in-place", "--lock-timeout", "-1"], "--lock-timeout"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(world, region, arguments, words):
    before = sorted(path.name for path in world.parent.iterdir())
    said = say("patch", region, *[argument.format(world=world) for argument in arguments])
    assert_refused(said, 2, words)
    assert sorted(path.name for path in world.parent.iterdir()) == before


def test_each_refusal_has_its_code_and_its_cure(world, region, tmp_path):
    small = written(tmp_path, CORNER, name="small")
    fine = direct.write(cover(type(CORNER)(7, 400, 400, 3, 5)), tmp_path / "fine.dir", title="fine")[0]
    link = tmp_path / "link.dir"
    link.symlink_to(world)
    assert_refused(say("patch", world, "--into", small, "--in-place"), 7, "is not inside the map")
    assert_refused(say("patch", fine, "--into", world, "--in-place"), 3, "export MAP --per-degree 1")
    assert_refused(say("patch", region, "--into", link, "--in-place"), 5, "is a link to", "-o NEW.dir")
    assert_refused(say("patch", region, "--into", world, "-o", region), 5, "exists already", "--overwrite")
    with lock.writing(world):
        said = say("patch", region, "--into", world, "--in-place", "--lock-timeout", "0")
        assert_refused(said, 5, f"is held by process {os.getpid()}", "--lock-timeout")
        assert_refused(say("revert", world, "--lock-timeout", "0"), 5, "is held by process")


def test_every_command_refuses_a_map_that_is_half_patched_and_revert_heals_it(world, region, tmp_path):
    before = world.read_bytes()
    assert say("patch", region, "--into", world, "--in-place").code == 0
    world.with_name("globe.dir.undo.1").rename(direct.journal(world))
    for command in (["info", world], ["export", world, "-o", tmp_path / "x.nc"]):
        assert_refused(say(*command), 3, "a patch in place is unfinished", f"`ecosg-update revert {world}`")
    assert say("revert", world).code == 0
    assert say("info", world).code == 0 and world.read_bytes() == before


def test_a_next_patch_heals_what_a_killed_one_left(world, region, tmp_path):
    before = world.read_bytes()
    assert say("patch", region, "--into", world, "--in-place").code == 0
    patched = world.read_bytes()
    world.with_name("globe.dir.undo.1").rename(direct.journal(world))
    assert say("patch", region, "--into", world, "-o", tmp_path / "new.dir").code == 0
    assert world.read_bytes() == before and (tmp_path / "new.dir").read_bytes() == patched


def test_a_terminated_patch_gives_the_old_bytes_back_and_says_143(world, region):
    """SIGTERM while the journal is open: another process holds no lock, the write is slow."""
    code = (
        "import os, sys, time\nfrom ecosg_update.cli import main\nwhole, count = os.pwrite, []\n"
        "def slow(handle, content, place):\n"
        "    count.append(place)\n"
        "    if len(count) == 7: print('writing', flush=True); time.sleep(30)\n"
        "    return whole(handle, content, place)\n"
        "os.pwrite = slow\nmain(sys.argv[1:])"
    )
    before = world.read_bytes()
    command = [sys.executable, "-c", code, "patch", str(region), "--into", str(world), "--in-place"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "writing\n"
    assert direct.journal(world).exists() and world.read_bytes() != before
    child.send_signal(signal.SIGTERM)
    start = time.monotonic()
    _, err = child.communicate()
    assert child.returncode == 143 and "nothing was left half-written" in err
    assert time.monotonic() - start < 10
    assert world.read_bytes() == before and not list(world.parent.glob("*journal*"))


def test_the_examples_of_the_help_run_as_they_stand(simulated, tmp_path, monkeypatch):
    folder, _ = simulated
    shutil.copytree(folder, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    base = Path("demo/input/simulated_base.dir")
    before = base.read_bytes()
    assert say("patch", "demo/output/simulated_demo.dir", "--into", base, "--in-place").code == 0
    assert base.read_bytes() != before
    for command in ("revert", "patch"):
        example = say(command, "--help").out.strip().splitlines()[-1]
        assert example.count("ecosg-update") == 1
        said = say(*example.partition("ecosg-update ")[2].split())
        assert said.code == 0, said.err
        assert base.read_bytes() == before
    assert direct.read("new.dir").grid == direct.read(base).grid
