"""A folder is there whole or not at all, and never in the place of someone else's."""

import pytest

from ecosg_update.errors import OutputError
from ecosg_update.formats.atomic_folder import folder
from tests.formats.faults import closed_to_writing


def fill(target, text="new", **options):
    with folder(target, mark="mark", **options) as part:
        (part / "a").mkdir()
        (part / "a" / "b").write_text(text)
        (part / "mark").write_text("x")


def names(path):
    return sorted(inside.name for inside in path.iterdir())


def test_a_folder_lands_whole(tmp_path):
    fill(tmp_path / "out")
    assert (tmp_path / "out" / "a" / "b").read_text() == "new" and names(tmp_path) == ["out"]


def test_a_folder_of_ours_is_replaced_whole(tmp_path):
    fill(tmp_path / "out", "old")
    (tmp_path / "out" / "left").write_text("from before")
    fill(tmp_path / "out", overwrite=True)
    assert names(tmp_path / "out") == ["a", "mark"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, error):
    fill(tmp_path / "out", "old")
    with pytest.raises(error), folder(tmp_path / "out", mark="mark", overwrite=True) as part:
        (part / "b").write_text("half")
        raise error
    assert (tmp_path / "out" / "a" / "b").read_text() == "old" and names(tmp_path) == ["out"]


def test_what_stands_in_the_way_is_named_and_kept(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    (tmp_path / "busy.part").mkdir()
    fill(tmp_path / "ours")
    (tmp_path / "ours.old").mkdir()
    before = names(tmp_path)
    for name, message in {
        "file": "is a file or a link",
        "link": "is a file or a link",
        "theirs": "holds no mark",
        "busy": "another run is writing it or was killed",
        "ours": "is in the way",
        "absent/out": "does not exist; create it first",
    }.items():
        with pytest.raises(OutputError, match=message):
            fill(tmp_path / name, overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        fill(tmp_path / "ours")
    assert names(tmp_path) == before


def test_a_closed_folder_is_named(tmp_path):
    (tmp_path / "closed").mkdir()
    with closed_to_writing(tmp_path / "closed"), pytest.raises(OutputError, match="cannot be written"):
        fill(tmp_path / "closed" / "out")
