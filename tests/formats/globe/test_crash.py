"""Killed at any moment, the map is the old or the new one: at every single step, and at random ones."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ecosg_update.formats.globe import insert, journal
from tests.formats.faults import killed_after
from tests.formats.globe.maps import ACROSS, beside, put, recover, revert, written
from tests.formats.maps import cover

STEPS = [(os, "pwrite"), (os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "unlink")]
"""All that changes a file or its name."""


def killed_at(moment: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that is killed at a moment: even ones in the middle of a step, odd ones after it.

    False where the work ended before.
    """
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            _arm(moment)
            work()
            failed = 0
        finally:
            os._exit(failed)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _arm(moment: int) -> None:
    passed = 0

    def dangerous(owner, name):
        call = getattr(owner, name)

        def stepped(*arguments, **options):
            nonlocal passed
            if passed == moment:
                if name == "pwrite":
                    handle, content, place = arguments
                    call(handle, content[: random.randrange(len(content))], place)
                os.kill(os.getpid(), signal.SIGKILL)
            done = call(*arguments, **options)
            if passed + 1 == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            passed += 2
            return done

        setattr(owner, name, stepped)

    for owner, name in STEPS:
        dangerous(owner, name)


@pytest.fixture
def small_bands(monkeypatch):
    monkeypatch.setattr(insert, "BAND_CELLS", 2 * ACROSS.cols)
    monkeypatch.setattr(journal, "BAND_CELLS", 2 * ACROSS.cols)


@pytest.mark.usefixtures("small_bands")
def test_a_patch_that_is_killed_at_any_step_ends_as_the_old_map_or_the_new(tmp_path):
    data, region = written(tmp_path), cover(ACROSS, 5)
    old = data.read_bytes()
    put(data, region)
    new = data.read_bytes()
    revert(data)
    seen, mixtures, moment = [], 0, 0
    while killed_at(moment, lambda: put(data, region)):
        mixtures += data.read_bytes() not in (old, new)
        recover(data)
        seen.append(data.read_bytes())
        assert seen[-1] in (old, new)
        if seen[-1] == new:
            revert(data)
        assert data.read_bytes() == old and not beside(data)
        moment += 1
    assert data.read_bytes() == new
    assert moment > 30 and mixtures > 5 and seen[0] == old and seen[-1] == new
    assert seen == sorted(seen, key=[old, new].index), "once the new map is there it stays"


@pytest.mark.usefixtures("small_bands")
def test_a_revert_that_is_killed_at_any_step_ends_as_the_new_map_or_the_old(tmp_path):
    data, region = written(tmp_path), cover(ACROSS, 5)
    old = data.read_bytes()
    put(data, region)
    new, moment, mixtures = data.read_bytes(), 0, 0
    while killed_at(moment, lambda: revert(data)):
        mixtures += data.read_bytes() not in (old, new)
        recover(data)
        if data.read_bytes() == new:
            assert beside(data) == {"globe.dir.undo.1"}
        else:
            assert data.read_bytes() == old and not beside(data)
            put(data, region)
        moment += 1
    assert data.read_bytes() == old and moment > 20 and mixtures > 3


@pytest.mark.usefixtures("small_bands")
def test_a_recovery_that_is_killed_at_any_step_is_ended_by_the_next(tmp_path):
    data, region = written(tmp_path), cover(ACROSS, 5)
    old = data.read_bytes()
    for moment in range(200):
        assert killed_at(30, lambda: put(data, region))
        again = killed_at(moment, lambda: recover(data))
        recover(data)
        assert data.read_bytes() == old and not beside(data)
        if not again:
            break
    assert 10 < moment < 199


def test_kills_at_random_moments_of_patches_and_reverts(tmp_path):
    data, region = written(tmp_path), cover(ACROSS, 5)
    old = data.read_bytes()
    put(data, region)
    new = data.read_bytes()
    revert(data)

    def work():
        put(data, region)
        revert(data)

    for _ in range(25):
        killed_after(random.uniform(0.001, 0.03), work)
        recover(data)
        assert data.read_bytes() in (old, new)
        if beside(data):
            revert(data)
        assert data.read_bytes() == old and not beside(data)
