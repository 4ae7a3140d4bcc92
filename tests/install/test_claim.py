"""A tree is complete or absent, whatever happens to the run that builds it."""

import fcntl
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ecosg_update.errors import OutputError
from ecosg_update.install import claim
from ecosg_update.install.plan import Wish
from ecosg_update.install.tree import installed
from ecosg_update.install.verify import faults
from tests.conftest import INTERRUPTIBLE
from tests.formats.faults import closed_to_writing, file_size_limit, killed_after
from tests.install.made import cover_pair, data_tree, snapshot, sparse_globe


@pytest.fixture
def wish(tmp_path):
    tree = data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    cover = cover_pair(tmp_path / "patched.dir", seed=5)
    return Wish(tree, tmp_path / "new" / "SG-ie1", "1", cover)


@pytest.fixture
def target(wish):
    wish.target.parent.mkdir()
    return wish.target


def beside(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_a_tree_that_exists_is_left_as_it_is(wish, target):
    installed(wish)
    before = snapshot(target)
    with pytest.raises(OutputError, match="--overwrite"):
        installed(wish)
    assert snapshot(target) == before and beside(target) == ["SG-ie1"]


def test_a_tree_of_ours_is_replaced_whole(wish, target):
    installed(wish)
    (target / "COVER" / "ecosg_final_map.dir").write_bytes(b"broken")
    installed(wish, overwrite=True)
    assert faults(target) == [] and beside(target) == ["SG-ie1"]


@pytest.mark.parametrize("found", ["a folder", "an empty folder", "a file", "another manifest", "a stray"])
def test_what_an_installation_did_not_write_is_never_replaced(wish, target, found):
    if found == "a stray":
        installed(wish)
        (target / "COVER" / "mine.txt").write_text("mine")
    elif found == "a file":
        target.write_text("mine")
    else:
        target.mkdir()
        if found != "an empty folder":
            (target / "manifest.json").write_text('{"kind": "another"}' if found == "another manifest" else "mine")
    before = snapshot(target.parent)
    with pytest.raises(OutputError):
        installed(wish, overwrite=True)
    assert snapshot(target.parent) == before and beside(target) == ["SG-ie1"]


def test_a_full_disk_leaves_nothing(wish, target):
    with file_size_limit(50), pytest.raises(OutputError, match="cannot be written"):
        installed(wish)
    assert beside(target) == []


def test_a_full_disk_leaves_the_tree_that_was_to_be_replaced(wish, target):
    installed(wish)
    before = snapshot(target)
    with file_size_limit(50), pytest.raises(OutputError, match="cannot be written"):
        installed(wish, overwrite=True)
    assert snapshot(target) == before and beside(target) == ["SG-ie1"]


def test_a_closed_or_missing_folder_is_named(wish, target):
    with closed_to_writing(target.parent), pytest.raises(OutputError, match="new cannot be written"):
        installed(wish)
    target.parent.rmdir()
    with pytest.raises(OutputError, match="new does not exist; create it first"):
        installed(wish)
    assert not target.parent.exists()


@pytest.mark.parametrize("delay", [0.03, 0.1, 0.17, 0.2, 0.27, 0.35])
def test_a_killed_run_leaves_a_whole_tree_or_none_and_the_next_one_mends_it(wish, target, delay):
    installed(wish)
    killed_after(delay, lambda: installed(wish, overwrite=True))
    if target.exists():
        assert faults(target) == []
    installed(wish, overwrite=True)
    assert faults(target) == [] and beside(target) == ["SG-ie1"]


def test_a_tree_set_aside_by_a_killed_run_is_put_back(wish, target):
    installed(wish)
    before = snapshot(target)
    target.rename(target.with_name("SG-ie1.old"))
    with pytest.raises(OutputError, match="exists already"):
        installed(wish)
    assert {key: value[1] for key, value in snapshot(target).items()} == {
        key: value[1] for key, value in before.items()
    }


def test_a_second_run_of_the_same_tree_is_refused_while_the_first_lives(wish, target):
    part = target.with_name("SG-ie1.part")
    part.mkdir()
    (part / "half").write_text("written")
    with (part / claim.MARK).open("wb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run is installing it"):
            installed(wish)
        assert (part / "half").exists()
    installed(wish)
    assert beside(target) == ["SG-ie1"] and not (target / "half").exists()


def test_a_folder_of_another_under_the_name_of_the_part_is_left_alone(wish, target):
    part = target.with_name("SG-ie1.part")
    part.mkdir()
    (part / "mine").write_text("mine")
    with pytest.raises(OutputError, match="no left-over of an installation"):
        installed(wish)
    assert (part / "mine").read_text() == "mine"
    shutil.rmtree(part)
    part.symlink_to(target.parent)
    with pytest.raises(OutputError, match="no left-over"):
        installed(wish)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_leaves_nothing(wish, target, sent, code):
    """Stopped while it hashes a map of the whole globe: 8.4 GB of nothing, a sparse file."""
    globe = sparse_globe(wish.cover.with_name("globe.dir"))
    arguments = ["install", "--from", wish.source, "--to", target, "--version", "1", "--cover", globe, "--link"]
    run = subprocess.Popen(
        [sys.executable, "-c", f"{INTERRUPTIBLE}from ecosg_update.cli import main; main()", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (target.with_name("SG-ie1.part") / "HT").exists() and run.poll() is None:
        time.sleep(0.02)
    run.send_signal(sent)
    _, err = run.communicate(timeout=60)
    assert run.returncode == code, err
    assert beside(target) == []
