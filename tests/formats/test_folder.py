"""A folder lands whole or not at all, and replaces only a folder."""

import pytest

from ecosg_update.errors import OutputError
from ecosg_update.formats import folder
from tests.formats.faults import closed_to_writing


def filled(target, text="new", **options):
    with folder.part(target, **options) as part:
        (part / "a").write_text(text)


def test_a_folder_gets_its_name_at_the_end(tmp_path):
    with folder.part(tmp_path / "out") as part:
        (part / "a").write_text("new")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "new"


def test_a_failure_leaves_the_old_folder(tmp_path):
    filled(tmp_path / "out", "old")
    with pytest.raises(KeyError), folder.part(tmp_path / "out", overwrite=True) as part:
        (part / "a").write_text("new")
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "a").read_text() == "old"


def test_a_folder_is_replaced_when_asked_and_a_left_over_part_cleared(tmp_path):
    filled(tmp_path / "out", "old")
    (tmp_path / "out" / "b").write_text("old")
    (tmp_path / "out.part" / "old").mkdir(parents=True)
    with pytest.raises(OutputError, match="exists already"):
        filled(tmp_path / "out")
    filled(tmp_path / "out", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"a": "new"}


def test_of_two_runs_one_lands(tmp_path):
    with pytest.raises(OutputError, match="another run is filling"), folder.part(tmp_path / "out"):
        filled(tmp_path / "out", "theirs")
        with folder.part(tmp_path / "out", overwrite=True):
            pass
        (tmp_path / "out.part").mkdir()
    assert (tmp_path / "out").is_dir() and (tmp_path / "out.part").is_dir()


def test_what_is_no_folder_to_make_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path)
    for name, words in [("file", "is a file"), ("link", "is a link"), ("absent/out", "does not exist")]:
        with pytest.raises(OutputError, match=words):
            filled(tmp_path / name, overwrite=True)
    closed = tmp_path / "closed"
    closed.mkdir()
    with closed_to_writing(closed), pytest.raises(OutputError, match="cannot be written"):
        filled(closed / "out")
    assert (tmp_path / "file").read_text() == "mine"
