"""A name holds what it held before, or the new content whole."""

import os
import random
from pathlib import Path

import pytest

from ecosg_update.errors import OutputError
from ecosg_update.formats import atomic
from tests.formats.faults import closed_to_writing, file_size_limit, killed_after, small_disk


def land(*targets, content=b"new", **options):
    with atomic.parts(*targets, **options) as parts:
        for part in parts:
            part.write_bytes(content)


def test_files_land_together_and_leave_nothing_beside_them(tmp_path):
    targets = [tmp_path / "a.dir", tmp_path / "a.hdr"]
    with atomic.parts(*targets) as parts:
        assert [part.name for part in parts] == ["a.dir.part", "a.hdr.part"]
        for part in parts:
            part.write_text(part.name)
        assert not any(target.exists() for target in targets)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.dir": "a.dir.part",
        "a.hdr": "a.hdr.part",
    }


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic.parts(tmp_path / "a", overwrite=True) as (part,):
        part.write_text("half")
        raise KeyboardInterrupt
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path):
    (tmp_path / "b").write_text("old")
    with pytest.raises(OutputError, match="b: exists already"):
        land(tmp_path / "a", tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    land(tmp_path / "a", tmp_path / "b", overwrite=True)
    assert (tmp_path / "b").read_text() == "new"


def test_a_part_left_by_a_killed_run_is_no_obstacle(tmp_path):
    (tmp_path / "a.part").write_text("left over and longer than the new content")
    land(tmp_path / "a")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new"}


def test_a_folder_and_a_link_are_no_targets(tmp_path):
    (tmp_path / "base").write_text("the base map of everybody")
    (tmp_path / "link").symlink_to("base")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=r"link: is a link to .*base"):
        land(tmp_path / "link", overwrite=True)
    with pytest.raises(OutputError, match="folder: is a folder"):
        land(tmp_path / "folder", overwrite=True)
    assert (tmp_path / "base").read_text() == "the base map of everybody"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match=r"folder .*absent does not exist"):
        land(tmp_path / "absent" / "a")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file is no folder"):
        land(tmp_path / "file" / "a")


def test_a_folder_without_permission_is_named_before_any_work(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    with closed_to_writing(folder), pytest.raises(OutputError, match="closed cannot be written"):
        land(folder / "a")
    assert not list(folder.iterdir())


def test_a_full_disk_names_the_file_and_the_bytes_it_needs(tmp_path):
    (tmp_path / "a").write_text("old")
    with (
        file_size_limit(1000),
        pytest.raises(OutputError, match=r"a: cannot be written .* 2,000 bytes are needed"),
    ):
        land(tmp_path / "a", content=bytes(2000), overwrite=True, needed=2000)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_disk_that_is_really_full_leaves_the_old_files(tmp_path):
    with small_disk(tmp_path, 64 * 1024):
        land(tmp_path / "a", content=b"old")
        with pytest.raises(OutputError, match="No space left on device"):
            land(tmp_path / "b", tmp_path / "a", content=bytes(50_000), overwrite=True, needed=100_000)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}


def test_a_device_that_is_full_is_an_error_of_the_first_byte():
    handle = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left"):
            atomic.fill(handle, memoryview(b"x"))
    finally:
        os.close(handle)


def test_short_writes_are_continued(tmp_path, monkeypatch):
    whole_write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: whole_write(handle, content[: random.randint(1, 7)]))
    content = random.randbytes(200)
    with atomic.parts(tmp_path / "a") as (part,):
        handle = os.open(part, os.O_WRONLY)
        atomic.fill(handle, memoryview(content))
        os.close(handle)
    assert (tmp_path / "a").read_bytes() == content


def test_two_runs_on_one_target_do_not_mix(tmp_path):
    with pytest.raises(OutputError, match="another run"), atomic.parts(tmp_path / "a") as (part,):
        stream = part.open("w")
        stream.write("the first half of one run")
        land(tmp_path / "a", content=b"the other run")
        stream.write("and the second")
        stream.close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "the other run"}


def test_the_key_file_is_withdrawn_before_a_rename_when_it_changes(tmp_path, monkeypatch):
    targets = [tmp_path / "a.dir", tmp_path / "a.hdr"]
    land(*targets, content=b"old")
    monkeypatch.setattr(atomic.Path, "replace", broken)
    with pytest.raises(OutputError, match="the plug was pulled"):
        land(*targets, overwrite=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.dir": b"old"}


def test_the_key_file_stays_when_it_does_not_change(tmp_path, monkeypatch):
    targets = [tmp_path / "a.dir", tmp_path / "a.hdr"]
    land(*targets, content=b"same")
    monkeypatch.setattr(atomic.Path, "replace", broken)
    with pytest.raises(OutputError, match="the plug was pulled"):
        land(*targets, content=b"same", overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a.dir", "a.hdr"}


def broken(*_):
    raise OSError("the plug was pulled")


def test_a_kill_leaves_one_version_whole(tmp_path):
    versions = [bytes([number]) * 300_000 for number in (1, 2)]
    land(tmp_path / "a", content=versions[0])

    def work():
        for version in versions:
            land(tmp_path / "a", content=version, overwrite=True)

    for moment in range(12):
        killed_after(0.01 + 0.003 * moment, work)
        assert (tmp_path / "a").read_bytes() in versions
    land(tmp_path / "a", content=versions[1], overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_where_only_the_last_file_changes_its_name_is_never_absent(tmp_path, monkeypatch):
    names, key = tmp_path / "a.names", tmp_path / "a.tif"
    replaced = []
    replace = Path.replace

    def watched(part, target):
        replaced.append((target, key.exists()))
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", watched)
    for text in ("one", "two"):
        with atomic.parts(names, key, overwrite=True) as written:
            written[0].write_text("the same")
            written[1].write_text(text)
    assert replaced == [(names, False), (key, False), (names, True), (key, True)] and key.read_text() == "two"
