"""A journal is trusted when every byte of it is what was kept, and only for the file that it was kept of."""

import json
import random
import shutil

import pytest

from ecosg_update.errors import FormatError, OutputError
from ecosg_update.formats import direct, header
from ecosg_update.formats.globe import journal, lock, undo
from ecosg_update.info import described
from tests.formats.globe.maps import CORNER, beside, put, recover, revert, written
from tests.formats.maps import cover


@pytest.fixture
def patched(tmp_path):
    """A map that was patched in place, its journal, and the bytes before."""
    data = written(tmp_path)
    before = data.read_bytes()
    _, kept = put(data, cover(CORNER, 5), about={"sources": {"ireland.dir": "0" * 64}})
    return data, kept, before


def test_a_journal_tells_people_what_it_is(patched):
    data, kept, _ = patched
    content = kept.read_bytes()
    assert content.startswith(b"ECOSG-UNDO-1\n")
    start, length = len(journal.MAGIC) + CORNER.rows * CORNER.cols, int(content[-76:-64])
    record = json.loads(content[start : start + length])
    assert record["window"] == {"per_degree": 1, "row": 30, "col": 300, "rows": 7, "cols": 11}
    assert record["about"] == {"sources": {"ireland.dir": "0" * 64}} and record["host"] and record["process"] > 0
    assert record["changes"]["cells"] == 77 and record["size"] == data.stat().st_size


def test_every_flipped_byte_is_found(patched):
    data, kept, _ = patched
    content, now = kept.read_bytes(), data.read_bytes()
    for place in [*range(13), *random.sample(range(13, len(content)), 60), len(content) - 1]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << random.randrange(8)
        kept.write_bytes(flipped)
        with pytest.raises(FormatError, match=r"globe.dir.undo.1: the undo journal is damaged"):
            revert(data)
        assert data.read_bytes() == now
    kept.write_bytes(content)
    revert(data)


def test_every_cut_is_found(patched):
    data, kept, _ = patched
    content, now = kept.read_bytes(), data.read_bytes()
    for length in [0, 1, 12, 13, 14, 76, 77, 100, len(content) // 2, len(content) - 65, len(content) - 1]:
        kept.write_bytes(content[:length])
        with pytest.raises(FormatError, match="the undo journal is damaged"):
            revert(data)
    kept.write_bytes(content + b" ")
    with pytest.raises(FormatError, match="the undo journal is damaged"):
        revert(data)
    assert data.read_bytes() == now


def test_readers_refuse_a_map_whose_journal_is_open(patched, tmp_path):
    data, kept, before = patched
    kept.rename(direct.journal(data))
    link = tmp_path / "folder" / "link.dir"
    link.parent.mkdir()
    link.symlink_to(data)
    shutil.copy(direct.pair(data)[1], direct.pair(link)[1])
    for path in (data, link):
        for reader in (direct.info, direct.read, described):
            with pytest.raises(FormatError, match=r"a patch in place is unfinished .*`ecosg-update revert"):
                reader(path)
    assert recover(data).window == CORNER
    assert data.read_bytes() == before and direct.read(link).codes.tobytes() == before


def test_recovery_is_the_same_when_it_is_done_twice(patched):
    data, kept, before = patched
    content = kept.read_bytes()
    kept.rename(direct.journal(data))
    recover(data)
    direct.journal(data).write_bytes(content)
    recover(data)
    assert data.read_bytes() == before and not beside(data)


def test_a_damaged_open_journal_leaves_the_map_as_it_was_found(patched):
    data, kept, _ = patched
    now = data.read_bytes()
    content = bytearray(kept.rename(direct.journal(data)).read_bytes())
    content[20] ^= 1
    direct.journal(data).write_bytes(content)
    with pytest.raises(
        FormatError, match=r"globe.dir.journal: .* damaged.*restore it from its original, then remove"
    ):
        recover(data)
    assert data.read_bytes() == now and beside(data) == {"globe.dir.journal"}


def test_a_journal_of_a_file_that_was_replaced_is_refused(patched):
    data, kept, _ = patched
    data.with_name("fresh").write_bytes(bytes(data.stat().st_size))
    data.with_name("fresh").replace(data)
    for name in (kept, direct.journal(data)):
        kept.rename(name)
        with pytest.raises(FormatError, match=rf"{name.name}: belongs to another file than globe.dir is now"):
            revert(data)
        assert not any(data.read_bytes())
        name.rename(kept)


def test_a_journal_of_a_map_whose_header_was_edited_is_refused(patched):
    data, _, _ = patched
    now, text = data.read_bytes(), direct.pair(data)[1]
    text.write_text(header.text(header.parse(text.read_text())))
    with pytest.raises(FormatError, match="belongs to another file"):
        revert(data)
    assert data.read_bytes() == now


def test_the_unfinished_patch_of_another_host_is_left_to_people(patched, monkeypatch):
    data, kept, before = patched
    kept.rename(direct.journal(data))
    with lock.writing(data) as held:
        undo.refuse_foreign(held)
        monkeypatch.setattr("platform.node", lambda: "another")
        with pytest.raises(OutputError, match=r"process \d+ of .* began a patch at .* `ecosg-update revert"):
            undo.refuse_foreign(held)
    revert(data)
    assert data.read_bytes() == before
