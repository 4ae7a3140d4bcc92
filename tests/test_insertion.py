"""A regional result in a larger map: the same by copy and in place, alone and beside others, dead or alive."""

import hashlib
import json
import os
import random
import threading

import numpy as np
import pytest

from ecosg_update import pipeline, stages
from ecosg_update.errors import ConfigError, CoverageError, FormatError, GridError, OutputError
from ecosg_update.export.whole import export
from ecosg_update.formats import direct, header, netcdf
from ecosg_update.formats.globe.copy import extents
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.insertion import Source, inserted, inserted_in_place, reverted
from ecosg_update.layers import Prediction
from ecosg_update.manifest import sha256
from ecosg_update.patch.decide import Policy
from tests.formats.faults import file_size_limit, killed_after, small_disk
from tests.formats.globe.maps import WORLD, codes_of, expected, written
from tests.formats.maps import ECOSG, PROVENANCE, cover

ALL_NEW = Policy(min_share=0.1, min_confidence=0.1, protect=(), never_new=())
QUARTERS = [LatLonGrid(1, 20 + 30 * number, (100 * number + 300) % 360, 9, 77) for number in range(4)]


@pytest.fixture
def world(tmp_path):
    """A map of the world at one degree, alone in its folder."""
    (tmp_path / "maps").mkdir()
    return written(tmp_path / "maps")


@pytest.fixture
def regions(tmp_path):
    """Four regional maps that do not meet; one crosses the dateline."""
    for number, grid in enumerate(QUARTERS):
        direct.write(cover(grid, 50 + number), tmp_path / f"region{number}.dir", title="A region")
    return [tmp_path / f"region{number}.dir" for number in range(4)]


@pytest.fixture
def probabilities(tmp_path):
    """Cover probabilities of a window across the dateline, some cells unseen."""
    grid, rng = LatLonGrid(1, 101, 350, 8, 21), np.random.default_rng(3)
    share = rng.random(grid.shape, np.float32) * (rng.random(grid.shape) > 0.2)
    values = rng.random((33, *grid.shape)) ** 40 * (share > 0)
    values /= np.maximum(values.sum(axis=0), 1e-30)
    prediction = Prediction(values.astype(np.float32), share.astype(np.float32), ECOSG, grid, "random")
    return netcdf.write_prediction(prediction, tmp_path / "covers.nc", provenance=PROVENANCE)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_copy_has_the_region_and_the_header_and_leaves_the_original(world, regions, tmp_path):
    before = files(world.parent)
    done = inserted(Source(regions[3]), world, tmp_path / "new.dir")
    assert files(world.parent) == before
    np.testing.assert_array_equal(
        codes_of(tmp_path / "new.dir"), expected(codes_of(world), WORLD, cover(QUARTERS[3], 53))
    )
    assert (tmp_path / "new.hdr").read_bytes() == before["globe.hdr"]
    assert done.files == [tmp_path / name for name in ("new.dir", "new.hdr", "new_manifest.json")]


def test_in_place_makes_the_map_of_the_copy_and_revert_gives_everything_back(world, regions, tmp_path):
    before = files(world.parent)
    for number, region in enumerate(regions):
        copy = tmp_path / f"copy{number}.dir"
        by_copy = inserted(Source(region), world, copy)
        in_place = inserted_in_place(Source(region), world)
        assert world.read_bytes() == copy.read_bytes() and by_copy.changes == in_place.changes
    assert (
        len(reverted(world)) == 1
        and len(json.loads((world.parent / "globe_manifest.json").read_text())["insertions"]) == 3
    )
    assert [record.window for record in reverted(world, everything=True)] == QUARTERS[2::-1]
    assert files(world.parent) == before


def test_the_manifest_says_what_went_where(world, regions, tmp_path):
    inserted_in_place(Source(regions[0]), world)
    first = inserted_in_place(Source(regions[1]), world)
    found = json.loads((world.parent / "globe_manifest.json").read_text())
    assert found["tool"]["name"] == "ecosg-update" and "legends/ecosg.csv" in found["tables"]
    one, two = found["insertions"]
    assert one["sources"] == {str(path): sha256(path) for path in direct.pair(regions[0])}
    assert (two["window"]["row"], two["window"]["cols"], two["undo"]) == (50, 77, "globe.dir.undo.2")
    window = cut(codes_of(world), WORLD, QUARTERS[1])
    assert two["sha256_after"] == hashlib.sha256(window.tobytes()).hexdigest()
    assert two["changes"]["changed"] == first.changes["changed"] > 500
    gained = sum(one["gained"] for one in two["changes"]["covers"].values())
    assert gained == two["changes"]["changed"]
    inserted(Source(regions[2]), world, tmp_path / "new.dir")
    note = json.loads((tmp_path / "new_manifest.json").read_text())
    carried = note["insertions"]
    assert note["copy_of"] == str(world)
    assert [entry["window"]["row"] for entry in carried] == [20, 50, 80] and carried[:2] == [one, two]


def test_the_manifest_of_a_run_keeps_what_it_says(world, regions):
    note = world.parent / "globe_manifest.json"
    note.write_text('{"notes": ["a run made this map"]}')
    inserted_in_place(Source(regions[0]), world)
    assert json.loads(note.read_text())["notes"] == ["a run made this map"]
    reverted(world)
    found = json.loads(note.read_text())
    assert found["notes"] and found["insertions"] == []
    note.write_text("[]")
    with pytest.raises(FormatError, match=r"globe_manifest.json: is no manifest"):
        inserted_in_place(Source(regions[0]), world)


@pytest.mark.parametrize("policy", [Policy(), ALL_NEW], ids=["default", "all new"])
def test_probabilities_are_decided_as_patch_decides_them(world, probabilities, tmp_path, monkeypatch, policy):
    patch, _ = stages.patch(probabilities, world, policy, tmp_path / "region.dir")
    monkeypatch.setattr(pipeline, "COVER_VALUES", 33 * 21 * 3)
    before = codes_of(world)
    done = inserted(Source(probabilities, policy=policy), world, tmp_path / "new.dir")
    np.testing.assert_array_equal(codes_of(tmp_path / "new.dir"), expected(before, WORLD, patch.cover))
    assert done.changes["changed"] == patch.changed.sum() == done.changes["reasons"].get("changed", 0)
    assert sum(done.changes["reasons"].values()) == patch.base.size
    assert inserted_in_place(Source(probabilities, policy=policy), world).changes == done.changes


def test_probabilities_can_be_weighed_against_another_map(world, probabilities, tmp_path):
    other = written(tmp_path, seed=9, name="other")
    patch, _ = stages.patch(probabilities, other, ALL_NEW, tmp_path / "region.dir")
    inserted(Source(probabilities, other, ALL_NEW), world, tmp_path / "new.dir")
    np.testing.assert_array_equal(codes_of(tmp_path / "new.dir"), expected(codes_of(world), WORLD, patch.cover))


@pytest.mark.parametrize("ending", [".dir", ".hdr", ".nc", ".tif"])
def test_a_region_may_be_any_format(world, regions, tmp_path, ending):
    source = regions[0].with_suffix(ending)
    if ending in (".nc", ".tif"):
        export(regions[0], source)
    inserted(Source(source), world, tmp_path / "new.dir")
    np.testing.assert_array_equal(
        codes_of(tmp_path / "new.dir"), expected(codes_of(world), WORLD, cover(QUARTERS[0], 50))
    )


def test_a_title_changes_the_first_line_only(world, regions, tmp_path):
    inserted(Source(regions[0]), world, tmp_path / "new.dir", title="ECOCLIMAP-SG 1.3 ireland")
    old, new = (direct.pair(path)[1].read_text().splitlines() for path in (world, tmp_path / "new.dir"))
    assert new == ["ECOCLIMAP-SG 1.3 ireland", *old[1:]]
    with pytest.raises(FormatError, match="reads as a key"):
        inserted(Source(regions[0]), world, tmp_path / "bad.dir", title="nodata: 0")
    assert not list(tmp_path.glob("bad*"))


def test_a_map_is_replaced_by_its_own_copy_and_readers_keep_the_version_they_opened(world, regions):
    old = world.read_bytes()
    with world.open("rb") as reader:
        inserted(Source(regions[0]), world, world, overwrite=True)
        new = world.read_bytes()
        assert reader.read() == old != new
    np.testing.assert_array_equal(
        codes_of(world), expected(np.frombuffer(old, np.uint8).reshape(180, 360), WORLD, cover(QUARTERS[0], 50))
    )


def test_a_reader_never_sees_a_mixture_while_a_map_is_replaced(world, regions):
    versions, stop, seen = {world.read_bytes()}, threading.Event(), []

    def read():
        while not stop.is_set():
            seen.append(world.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(12):
        inserted(Source(regions[number % 4]), world, world, overwrite=True)
        versions.add(world.read_bytes())
    stop.set()
    reader.join()
    assert len(seen) > 50 and set(seen) <= versions


def refusals(world, regions, tmp_path):
    direct.write(cover(LatLonGrid(7, 400, 400, 3, 5)), tmp_path / "fine.dir", title="fine")
    short = written(tmp_path, LatLonGrid(1, 0, 0, 19, 360), name="short")
    wide = tmp_path / "wide.dir"
    wide.write_bytes(bytes(2 * WORLD.rows * WORLD.cols))
    wide.with_suffix(".hdr").write_text(header.text(Header("16 bits", WORLD, bits=16)))
    cut_short = written(tmp_path, name="cut")
    os.truncate(cut_short, 1000)
    yield Source(tmp_path / "fine.dir"), world, GridError, "7 cells a degree"
    yield Source(regions[0]), short, CoverageError, "is not inside the map"
    yield Source(regions[0]), wide, FormatError, "found integers of 16 bits"
    yield Source(regions[0]), cut_short, FormatError, "found 1,000 bytes"
    yield Source(regions[0]), tmp_path / "absent.dir", FormatError, "absent.dir: does not exist"
    yield Source(tmp_path / "absent.dir"), world, FormatError, "absent"
    yield Source(world), world, ConfigError, "is the map that it shall be put into"


def test_what_does_not_fit_is_refused_and_nothing_is_written(world, regions, tmp_path):
    for source, whole, error, words in refusals(world, regions, tmp_path):
        before = files(tmp_path / "maps") | {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
        with pytest.raises(error, match=words):
            inserted(source, whole, tmp_path / "new.dir")
        with pytest.raises(error, match=words):
            inserted_in_place(source, whole)
        assert before == files(tmp_path / "maps") | {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}


def test_existing_files_and_bad_names_are_refused(world, regions, tmp_path):
    inserted(Source(regions[0]), world, tmp_path / "new.dir")
    with pytest.raises(OutputError, match=r"new.dir: exists already"):
        inserted(Source(regions[1]), world, tmp_path / "new.dir")
    with pytest.raises(OutputError, match="the stem"):
        inserted(Source(regions[1]), world, tmp_path / "a_name_that_surfex_would_cut.dir")


def test_a_linked_map_is_copied_and_not_patched_in_place(world, regions, tmp_path):
    before = files(world.parent)
    for path in direct.pair(world):
        (tmp_path / path.name).symlink_to(path)
    link = tmp_path / "globe.dir"
    with pytest.raises(OutputError, match="is a link to"):
        inserted_in_place(Source(regions[0]), link)
    with pytest.raises(OutputError, match="is a link to"):
        inserted(Source(regions[0]), link, link, overwrite=True)
    inserted(Source(regions[0]), link, tmp_path / "new.dir")
    assert files(world.parent) == before


def test_a_full_disk_leaves_the_target_and_no_part(world, regions, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, 100_000):
        (disk / "new.dir").write_bytes(b"old")
        (disk / "new.hdr").write_bytes(b"old")
        with pytest.raises(
            OutputError, match=r"new.dir: cannot be written \(No space left .* 64,800 bytes are needed"
        ):
            written(disk, LatLonGrid(1, 0, 0, 120, 360), name="filler")
            inserted(Source(regions[0]), world, disk / "new.dir", overwrite=True)
        assert {"new.dir", "new.hdr"} <= set(files(disk)) and not list(disk.glob("*.part"))
        assert (disk / "new.dir").read_bytes() == b"old"


def test_a_limit_on_file_sizes_leaves_nothing(world, regions, tmp_path):
    with file_size_limit(50_000), pytest.raises(OutputError, match=r"new.dir: cannot be written"):
        inserted(Source(regions[0]), world, tmp_path / "new.dir")
    assert not list(tmp_path.glob("new*"))


def in_children(works):
    """Do each of `works` in a process of its own, all at once; every one must end well."""
    children = []
    for work in works:
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                work()
                failed = 0
            finally:
                os._exit(failed)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)


def test_four_writers_at_once_lose_no_update(world, regions):
    before = codes_of(world)
    in_children([lambda region=region: inserted_in_place(Source(region), world) for region in regions])
    result = before
    for number, grid in enumerate(QUARTERS):
        result = expected(result, WORLD, cover(grid, 50 + number))
    np.testing.assert_array_equal(codes_of(world), result)
    note = json.loads((world.parent / "globe_manifest.json").read_text())
    assert {entry["window"]["row"] for entry in note["insertions"]} == {20, 50, 80, 110}
    reverted(world, everything=True)
    np.testing.assert_array_equal(codes_of(world), before)


def test_four_replacing_copies_at_once_lose_no_update(world, regions):
    result = codes_of(world)
    in_children([lambda region=region: inserted(Source(region), world, world, overwrite=True) for region in regions])
    for number, grid in enumerate(QUARTERS):
        result = expected(result, WORLD, cover(grid, 50 + number))
    np.testing.assert_array_equal(codes_of(world), result)


def test_writers_in_place_and_by_replacing_copy_lose_no_update(world, regions):
    result = codes_of(world)
    works = [
        lambda: inserted_in_place(Source(regions[0]), world),
        lambda: inserted(Source(regions[1]), world, world, overwrite=True),
    ]
    works += [
        lambda: inserted_in_place(Source(regions[2]), world),
        lambda: inserted(Source(regions[3]), world, world, overwrite=True),
    ]
    in_children(works)
    for number, grid in enumerate(QUARTERS):
        result = expected(result, WORLD, cover(grid, 50 + number))
    np.testing.assert_array_equal(codes_of(world), result)


def test_kills_at_random_moments_of_a_copy_leave_the_old_or_the_new(world, regions, tmp_path):
    target, before, versions = tmp_path / "new.dir", files(world.parent), []
    for region in regions[:2]:
        inserted(Source(region), world, target, overwrite=True)
        versions.append(target.read_bytes())

    def work():
        for region in regions[:2]:
            inserted(Source(region), world, target, overwrite=True)

    for _ in range(30):
        killed_after(random.uniform(0.005, 0.08), work)
        assert target.read_bytes() in versions
        assert files(world.parent) == before
        assert direct.info(target).grid == WORLD
    inserted(Source(regions[0]), world, target, overwrite=True)
    assert target.read_bytes() == versions[0] and not list(tmp_path.glob("*.part"))


def test_kills_at_random_moments_in_place_are_healed_by_the_next_patch(world, regions):
    before = codes_of(world)

    def work():
        for region in regions:
            inserted_in_place(Source(region), world)
        reverted(world, everything=True)

    for _ in range(15):
        killed_after(random.uniform(0.005, 0.2), work)
        inserted_in_place(Source(regions[0]), world)
        assert direct.read(world, QUARTERS[0]).codes.any()
        reverted(world, everything=True)
        np.testing.assert_array_equal(codes_of(world), before)


def test_a_window_of_the_full_map_changes_its_bytes_and_no_others(tmp_path):
    """A sparse 8.4 GB: data around the window and far from it, all extents hashed before and after."""
    globe, grid = tmp_path / "globe.dir", LatLonGrid.globe(360)
    ireland = LatLonGrid(360, 13212, 61524, 40, 270)
    with globe.open("wb") as stream:
        stream.truncate(grid.rows * grid.cols)
        for row in (0, ireland.row - 1, ireland.row, ireland.row + 39, ireland.row + 40, grid.rows - 1):
            stream.seek(row * grid.cols)
            stream.write(np.random.default_rng(row).integers(0, 34, grid.cols, np.uint8).tobytes())
    globe.with_suffix(".hdr").write_text(header.text(Header("The globe", grid)))
    region = cover(ireland, 1)
    direct.write(region, tmp_path / "ireland.dir", title="Ireland")
    original = masked(globe, grid, ireland)
    inserted(Source(tmp_path / "ireland.dir"), globe, tmp_path / "new.dir")
    assert masked(globe, grid, ireland) == original == masked(tmp_path / "new.dir", grid, ireland)
    inserted_in_place(Source(tmp_path / "ireland.dir"), globe)
    assert masked(globe, grid, ireland) == original
    for path in (globe, tmp_path / "new.dir"):
        found = direct.read(path, ireland).codes
        np.testing.assert_array_equal(found[1:39], region.codes[1:39])
        assert path.stat().st_blocks * 512 < 4 << 20
    reverted(globe)
    assert masked(globe, grid, ireland) == original and not direct.read(globe, ireland).codes[1:39].any()


def masked(path, grid, part):
    """The sha256 of the places and values of every byte that is not zero, the window left out."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for start, stop in extents(stream.fileno(), grid.rows * grid.cols):
            content = np.frombuffer(os.pread(stream.fileno(), stop - start, start), np.uint8).copy()
            place = start + np.arange(content.size)
            inside = (place // grid.cols >= part.row) & (place // grid.cols < part.row + part.rows)
            inside &= (place % grid.cols >= part.col) & (place % grid.cols < part.col + part.cols)
            content[inside] = 0
            held = content.nonzero()[0]
            digest.update(place[held].tobytes() + content[held].tobytes())
    return digest.hexdigest()
