"""One writer at a time, and a dead one is in nobody's way."""

import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from ecosg_update.errors import FormatError, OutputError
from ecosg_update.formats.globe import lock


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "map.dir"
    path.write_bytes(b"map")
    return path


@contextlib.contextmanager
def other_process(data, how="writing"):
    """A process that holds the lock until it is killed."""
    code = (
        "import sys, time; from pathlib import Path; from ecosg_update.formats.globe import lock\n"
        f"with lock.{how}(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(data)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_second_writer_is_told_who_holds_the_map(data):
    with (
        other_process(data) as child,
        pytest.raises(OutputError, match=rf"map.dir: is held by process {child.pid} \(.*python") as caught,
        lock.writing(data, timeout=0),
    ):
        pass
    assert "\n" not in str(caught.value)


def test_a_lock_of_a_killed_process_is_free_at_once(data):
    with other_process(data) as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
        with lock.writing(data, timeout=0) as held:
            assert os.fstat(held.handle).st_ino == data.stat().st_ino


def test_a_waiting_writer_says_so_and_goes_on_when_the_other_ends(data, caplog):
    caplog.set_level(logging.INFO)
    with other_process(data) as child:
        subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -9 {child.pid}"])
        start = time.monotonic()
        with lock.writing(data, timeout=20):
            assert 0.05 < time.monotonic() - start < 10
    first = next(record.getMessage() for record in caplog.records)
    assert first.startswith(f"waiting for {data}: held by process")


def test_copiers_share_and_keep_writers_out(data):
    with other_process(data, "copying"):
        with lock.copying(data, timeout=0):
            pass
        with pytest.raises(OutputError, match="is held by"), lock.writing(data, timeout=0):
            pass


def test_who_waited_for_a_map_that_was_replaced_gets_the_new_one(data, monkeypatch):
    whole_lock = fcntl.flock

    def late(handle, kind):
        if not data.with_name("new").exists():
            data.with_name("new").write_bytes(b"new")
            data.with_name("new").replace(data)
            data.with_name("new").touch()
        whole_lock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    with lock.writing(data, timeout=1) as held:
        assert os.pread(held.handle, 9, 0) == b"new"


def test_a_link_is_not_written_and_may_be_copied(data):
    link = data.with_name("link.dir")
    link.symlink_to(data)
    with (
        pytest.raises(OutputError, match=r"link.dir: is a link to .*map.dir, perhaps the original"),
        lock.writing(link),
    ):
        pass
    with lock.copying(link) as held:
        assert os.pread(held.handle, 3, 0) == b"map"


def test_a_file_of_two_names_is_not_written(data):
    data.with_name("second.dir").hardlink_to(data)
    with pytest.raises(OutputError, match=r"2 names \(hard links\)"), lock.writing(data):
        pass


def test_a_file_system_without_locks_is_refused_for_writing_only(data, monkeypatch):
    def none(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(OutputError, match=r"no locks.*-o NEW.dir"), lock.writing(data):
        pass
    with lock.copying(data):
        pass


def test_a_map_that_is_absent_or_closed_is_named(data):
    with pytest.raises(FormatError, match=r"absent.dir: does not exist"), lock.writing(data.with_name("absent.dir")):
        pass
    with pytest.raises(OutputError, match=r"cannot be written \(Is a directory\)"), lock.writing(data.parent):
        pass
