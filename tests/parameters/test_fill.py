"""Filled parameters follow the cover: in every changed cell, with values of the neighbourhood, and nowhere else."""

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import parameter_files
from ecosg_update.errors import CoverageError, FormatError, OutputError
from ecosg_update.formats import direct, typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameter_files import Covering
from ecosg_update.parameters.nearest import Search
from tests import oracle_typed as oracle
from tests.conftest import shared
from tests.formats.faults import file_size_limit
from tests.parameters.made import (
    DECADES,
    GRID,
    NEEDED,
    changed,
    covers,
    great_circle_km,
    pixels,
    write_cover,
    write_tree,
)

SEARCH = Search(3, 1.5)


def kind(name):
    for mark, found in (("LAI", "lai"), ("_NI_", "albedo-nir"), ("_VI_", "albedo-vis"), ("new_ht", "tree-height")):
        if mark in name:
            return found
    raise AssertionError(name)


@pytest.fixture
def made(tmp_path):
    """A folder of parameters that fits the old cover, the old cover, and a new one."""
    old, new = covers(), changed(covers())
    write_tree(tmp_path / "sg", old)
    return tmp_path / "sg", write_cover(tmp_path / "old", old), write_cover(tmp_path / "new", new), old, new


def files(folder):
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.dir"))}


def test_every_decade_of_every_file_has_a_value_of_the_new_cover_where_it_needs_one(made, tmp_path):
    folder, _, cover, old, new = made
    parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH)
    written = files(tmp_path / "out")
    assert set(written) == set(files(folder)) and len(written) == 3 * len(DECADES) + 1
    for name, path in written.items():
        needed = np.isin(new, list(NEEDED[kind(name)]))
        found, before = pixels(path), pixels(folder / name)
        assert (found[needed] // 100 == new[needed]).all() and (found[needed] % 100 > 0).all()
        other = ~needed & (new != old) & (before // 100 != new)
        assert (found[other] == 0).all()
        same = old == new
        assert (found[same] == before[same]).all()


def test_a_filled_pixel_is_the_weighted_mean_of_the_nearest_of_its_type(made, tmp_path):
    """Against every pair of cells, in plain Python."""
    folder, _, cover, _, new = made
    parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH)
    for name in ("LAI_SAT/LAI_SAT_0715_c.dir", "ALB_SAT/ALB_SAT_VI_0105_c.dir", "HT/new_ht_c.dir"):
        before, after = pixels(folder / name), pixels(tmp_path / "out" / name)
        needed = np.isin(new, list(NEEDED[kind(name)])) & (before // 100 != new)
        fact = direct.info(folder / name).fact
        assert needed.sum() > 20
        for row, col in np.argwhere(needed):
            donors = [
                (
                    great_circle_km(GRID.latitudes[row], GRID.longitudes[col], GRID.latitudes[r], GRID.longitudes[c]),
                    r,
                    c,
                )
                for r, c in np.argwhere(before // 100 == new[row, col])
            ]
            near = sorted(
                (donor for donor in donors if donor[0] <= SEARCH.radius_km),
                key=lambda d: (round(d[0], 9), d[1], d[2]),
            )[:3]
            value = after[row, col] % 100
            if near:
                weights = [1 / km for km, _, _ in near]
                mean = sum(w * (before[r, c] % 100) for w, (_, r, c) in zip(weights, near, strict=True)) / sum(
                    weights
                )
                tied = len(donors) > 3 and len({round(km, 6) for km, *_ in sorted(donors)[2:4]}) == 1
                if not tied:
                    assert value == math.floor(mean + 0.5)
                values = [before[r, c] % 100 for km, r, c in donors if km <= near[-1][0] + 1e-6]
                assert min(values) <= value <= max(values)
            else:
                physical = {"lai": {8: 4, 13: 4, 17: 3, 21: 2}, "albedo-vis": {}, "tree-height": {8: 10, 13: 10}}
                expected = physical[kind(name)].get(int(new[row, col]), 0.1) * fact
                assert value == round(expected)


def test_rows_without_a_change_keep_their_bytes_and_headers_are_copied(made, tmp_path):
    folder, _, _, old, _ = made
    new = old.copy()
    new[7, 3:9] = 21
    write_cover(tmp_path / "one", new)
    parameter_files.fill(Covering(tmp_path / "one.dir"), folder, tmp_path / "out", SEARCH)
    for name, path in files(tmp_path / "out").items():
        assert path.with_suffix(".hdr").read_bytes() == (folder / name).with_suffix(".hdr").read_bytes()
        before, after = typed.opened(folder / name), typed.opened(path)
        for row in range(GRID.rows):
            if row != 7:
                same = typed.row_words(before, row, row + 1).tolist()
                assert typed.row_words(after, row, row + 1).tolist() == same


def test_a_cover_that_has_not_changed_changes_no_byte(made, tmp_path):
    folder, old, *_ = made
    manifest = parameter_files.fill(Covering(old), folder, tmp_path / "out")
    for name, path in files(tmp_path / "out").items():
        assert path.read_bytes() == (folder / name).read_bytes()
        assert manifest["files"][name]["changed"] == 0


def test_filling_twice_changes_nothing_more(made, tmp_path):
    folder, _, cover, *_ = made
    parameter_files.fill(Covering(cover), folder, tmp_path / "once", SEARCH)
    manifest = parameter_files.fill(Covering(cover), tmp_path / "once", tmp_path / "twice", SEARCH)
    for name, path in files(tmp_path / "twice").items():
        assert path.read_bytes() == (tmp_path / "once" / name).read_bytes()
        assert manifest["files"][name]["changed"] == 0


def test_after_filling_the_check_finds_no_cover_without_a_value(made, tmp_path):
    folder, _, cover, *_ = made
    before = parameter_files.check(Covering(cover), folder)
    assert {fault.rule for fault in before.faults} >= {"type-absent", "type-missing", "left-over"}
    parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH)
    after = parameter_files.check(Covering(cover), tmp_path / "out")
    assert {fault.rule for fault in after.faults} <= {"decades-missing"} and after.absent == {}


def test_with_a_base_only_cells_that_differ_from_it_change(made, tmp_path):
    _, base, cover, old, new = made
    stale = covers(seed=9)
    write_tree(tmp_path / "stale", stale)  # out of step with the base as well
    parameter_files.fill(Covering(cover, base), tmp_path / "stale", tmp_path / "out", SEARCH)
    for name, path in files(tmp_path / "out").items():
        before, after = pixels(tmp_path / "stale" / name), pixels(path)
        assert (before[old == new] == after[old == new]).all()
        needed = np.isin(new, list(NEEDED[kind(name)])) & (old != new)
        assert (after[needed] // 100 == new[needed]).all()


def test_beyond_the_radius_the_default_of_the_table_is_written(tmp_path):
    """No pixel of C4 crops (21) or boreal needleleaf (12) anywhere: SURFEX's constants stand in."""
    old = np.full(GRID.shape, 17, np.uint8)
    new = old.copy()
    new[4, 5], new[6, 7], new[8, 9] = 21, 12, 22
    write_tree(tmp_path / "sg", old)
    cover = write_cover(tmp_path / "new", new)
    manifest = parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out", Search(3, 50))
    expected = {"lai": (2120, 1240, 2240), "albedo-nir": (2130, 1230, 2230), "albedo-vis": (2110, 1210, 2210)}
    for name, path in files(tmp_path / "out").items():
        found = pixels(path)
        if kind(name) == "tree-height":
            assert (found[4, 5], found[6, 7], found[8, 9]) == (0, 1215, 2210)
            continue
        assert (found[4, 5], found[6, 7], found[8, 9]) == expected[kind(name)]
        assert manifest["files"][name]["from_default"] == {"12": 1, "21": 1, "22": 1}


@pytest.mark.parametrize(("fact", "stored"), [(1, 4), (10, 40), (24, 96), (100, 99)])
def test_a_default_is_stored_as_far_as_the_file_s_unit_holds_it(tmp_path, fact, stored):
    """LAI 4 of cover 8 in units of 1/fact; 99 is the most a pixel holds."""
    grid = LatLonGrid(360, 13_300, 62_000, 1, 3)
    (tmp_path / "sg").mkdir()
    typed.write(np.array([[1701, 1701, 0]], np.uint16), grid, tmp_path / "sg" / "LAI_0105_c", title="x", fact=fact)
    cover = write_cover(tmp_path / "new", np.array([[17, 8, 1]], np.uint8), grid)
    parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out")
    assert pixels(tmp_path / "out" / "LAI_0105_c.dir").tolist() == [[1701, 800 + stored, 0]]


def test_the_smallest_default_is_1_because_surfex_drops_0_from_a_packed_file(tmp_path):
    """An albedo of 0.1 in whole units."""
    grid = LatLonGrid(360, 13_300, 62_000, 1, 2)
    (tmp_path / "sg").mkdir()
    typed.write(np.array([[1701, 0]], np.uint16), grid, tmp_path / "sg" / "ALB_SAT_VI_0105_c", title="x", fact=1)
    cover = write_cover(tmp_path / "new", np.array([[17, 8]], np.uint8), grid)
    parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out")
    assert oracle.read_packed(tmp_path / "out" / "ALB_SAT_VI_0105_c.dir", 1, 2) == [[1701, 801]]


@pytest.mark.parametrize("order", "<>")
def test_plain_files_stay_plain_and_keep_their_byte_order(tmp_path, order):
    old = covers(choice=(8, 17, 13))
    table = np.array(oracle.typed(old.tolist(), lambda cover, *_: cover + 60), np.uint16)
    (tmp_path / "sg").mkdir()
    typed.write(table, GRID, tmp_path / "sg" / "LAI_SAT_0105_c", title="x", fact=10, compress=False, order=order)
    new = changed(old, choice=(8, 17, 13))
    parameter_files.fill(Covering(write_cover(tmp_path / "new", new)), tmp_path / "sg", tmp_path / "out")
    path = tmp_path / "out" / "LAI_SAT_0105_c.dir"
    assert path.stat().st_size == 2 * GRID.rows * GRID.cols and typed.opened(path).order == order
    assert oracle.read_plain(path, *GRID.shape) == (new.astype(int) * 101 + 60).tolist()


def test_decades_whose_types_differ_are_searched_on_their_own(tmp_path):
    """Trees without leaves in winter: no value, no type. What one decade finds must not be used for another."""
    old = covers(choice=(8, 17))
    new = changed(old, choice=(8, 17), share=0.3)
    write_tree(tmp_path / "sg", old)
    winter = tmp_path / "sg" / "LAI_SAT" / "LAI_SAT_0715_c.dir"
    bare = pixels(winter)
    bare[::2][bare[::2] // 100 == 8] = 0
    oracle.write_packed(winter, bare.tolist())
    cover = write_cover(tmp_path / "new", new)
    parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out", SEARCH)
    (tmp_path / "alone" / "LAI_SAT").mkdir(parents=True)
    for suffix in (".dir", ".hdr"):
        (tmp_path / "alone" / "LAI_SAT" / f"LAI_SAT_0715_c{suffix}").write_bytes(
            winter.with_suffix(suffix).read_bytes()
        )
    parameter_files.fill(Covering(cover), tmp_path / "alone", tmp_path / "out_alone", SEARCH)
    name = "LAI_SAT/LAI_SAT_0715_c.dir"
    assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "out_alone" / name).read_bytes()


@given(st.integers(0, 99), st.sampled_from([1, 7, 21]), st.sampled_from([1, 5, 34]))
@settings(max_examples=15)
def test_bands_and_threads_do_not_show(tmp_path_factory, seed, rows, cols):
    tmp_path = tmp_path_factory.mktemp("bands")
    grid = LatLonGrid(360, 13_300, 62_000, rows, cols)
    old = covers(grid, seed)
    write_tree(tmp_path / "sg", old, grid, ["0105"])
    cover = write_cover(tmp_path / "new", changed(old, seed), grid)
    parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "whole", SEARCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ecosg_update.parameters.band.ROWS", (3, 3))
        parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "bands", SEARCH, jobs=3)
    for name, path in files(tmp_path / "whole").items():
        assert path.read_bytes() == (tmp_path / "bands" / name).read_bytes()


def test_a_regional_cover_changes_its_window_of_the_globe_only(tmp_path):
    """Across the dateline, on parameters once around from 80 N to 60 S."""
    grid = LatLonGrid(2, 20, 0, 280, 720)
    old = covers(grid, choice=(1, 8, 17, 19))
    write_tree(tmp_path / "sg", old, grid, ["0105"])
    part = LatLonGrid(2, 100, 715, 6, 9)
    new = covers(part, seed=5, choice=(8, 17))
    cover = write_cover(tmp_path / "new", new, part)
    parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out", Search(3, 300))
    inside = np.zeros(grid.shape, bool)
    for name, path in files(tmp_path / "out").items():
        before, after = pixels(tmp_path / "sg" / name), pixels(path)
        for (rows, cols), (to_rows, to_cols) in part.windows_in(grid):
            inside[to_rows, to_cols] = True
            if kind(name) == "lai":
                assert (after[to_rows, to_cols] // 100 == new[rows, cols]).all()
        assert (before[~inside] == after[~inside]).all()
        assert kind(name) == "tree-height" or (before[inside] != after[inside]).any()


def test_cells_beyond_the_files_are_counted(tmp_path):
    """The files end at 80 N: covers of vegetation north of it are said, the rest is filled."""
    grid = LatLonGrid(4, 40, 100, 6, 10)
    write_tree(tmp_path / "sg", np.full(grid.shape, 17, np.uint8), grid, ["0105"])
    wide = LatLonGrid(4, 37, 97, 11, 18)
    new = np.full(wide.shape, 17, np.uint8)
    new[0, :5], new[5, 6] = 1, 8
    cover = write_cover(tmp_path / "new", new, wide)
    manifest = parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out")
    assert manifest["beyond_the_files"] == 11 * 18 - 60 - 5
    assert pixels(tmp_path / "out" / "LAI_SAT" / "LAI_SAT_0105_c.dir")[2, 3] // 100 == 8
    found = parameter_files.check(Covering(cover), tmp_path / "out")
    assert [fault.rule for fault in found.faults] == ["beyond-the-files"]


def test_a_cover_five_times_finer_is_followed_by_majority(tmp_path):
    """60 m covers, 300 m parameters."""
    old = covers(choice=(8, 17, 19))
    write_tree(tmp_path / "sg", old, decades=["0105"])
    fine = np.kron(old, np.ones((5, 5), np.uint8))
    new = old.copy()
    new[3, 4] = {8: 17, 17: 8, 19: 17}[int(old[3, 4])]
    fine[15:20, 20:25] = old[3, 4]
    fine[15:18, 20:25] = new[3, 4]  # 15 of 25
    fine[35:37, 20:25] = 13  # 10 of 25: not the majority
    grid = LatLonGrid(1800, GRID.row * 5, GRID.col * 5, GRID.rows * 5, GRID.cols * 5)
    cover = write_cover(tmp_path / "new", fine, grid)
    manifest = parameter_files.fill(Covering(cover), tmp_path / "sg", tmp_path / "out")
    name = "LAI_SAT/LAI_SAT_0105_c.dir"
    assert (pixels(tmp_path / "out" / name) // 100 == new).all()
    assert manifest["files"][name]["changed"] == 1


def test_the_real_base_maps_are_followed(tmp_path):
    """A real cover of Muenster under made-up parameters, changed in part to the made-up one of Ireland."""
    base = shared("ecosg_like", "muenster_300m.dir")
    real = direct.read(base)
    other = direct.read(shared("ecosg_like", "ireland_300m.dir")).codes[: real.grid.rows, : real.grid.cols]
    write_tree(tmp_path / "sg", real.codes, real.grid, ["0105", "0705"])
    new = real.codes.copy()
    new[50:90, 60:140] = other[50:90, 60:140]
    cover = write_cover(tmp_path / "new", new, real.grid)
    parameter_files.fill(Covering(cover, base), tmp_path / "sg", tmp_path / "out")
    for name, path in files(tmp_path / "out").items():
        needed = np.isin(new, list(NEEDED[kind(name)]))
        assert (pixels(path)[needed] // 100 == new[needed]).all()
    assert parameter_files.check(Covering(cover, base), tmp_path / "out").absent == {}


def test_the_manifest_says_where_every_pixel_came_from(made, tmp_path):
    folder, base, cover, *_ = made
    manifest = parameter_files.fill(Covering(cover, base), folder, tmp_path / "out", SEARCH)
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == manifest
    assert manifest["neighbours"] == 3 and manifest["radius_km"] == 1.5
    assert manifest["cover"][str(cover)] == hashlib.sha256(cover.read_bytes()).hexdigest()
    for name, path in files(tmp_path / "out").items():
        entry = manifest["files"][name]
        assert entry["sha256_in"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert entry["sha256_out"] == hashlib.sha256(path.read_bytes()).hexdigest()
        count = int((pixels(path) != pixels(folder / name)).sum())
        counted = sum(entry["from_neighbours"].values()) + sum(entry["from_default"].values())
        counted += sum(entry["set_to_no_data"].values())
        assert entry["changed"] == counted == count > 0


def test_inputs_are_not_touched_and_nothing_else_is_left(made, tmp_path):
    folder, _, cover, *_ = made
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH)
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    names = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert names == {path.relative_to(folder).as_posix() for path in before} | {"manifest.json"}


def test_a_full_disk_leaves_nothing(made, tmp_path):
    folder, _, cover, *_ = made
    with file_size_limit(500), pytest.raises(OutputError, match="cannot be written"):
        parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH)
    assert not list(tmp_path.glob("out*"))


def test_an_interrupted_fill_leaves_nothing(made, tmp_path):
    folder, _, cover, *_ = made

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        parameter_files.fill(Covering(cover), folder, tmp_path / "out", SEARCH, progress=interrupt)
    assert not list(tmp_path.glob("out*"))


def test_a_folder_is_replaced_only_if_it_was_made_here(made, tmp_path):
    folder, _, cover, *_ = made
    out = tmp_path / "out"
    parameter_files.fill(Covering(cover), folder, out, SEARCH)
    with pytest.raises(OutputError, match="exists already"):
        parameter_files.fill(Covering(cover), folder, out, SEARCH)
    (out / "HT" / "new_ht_c.dir").unlink()
    parameter_files.fill(Covering(cover), folder, out, SEARCH, overwrite=True)
    assert set(files(out)) == set(files(folder)) and not list(tmp_path.glob("out.*"))
    (out / "HT" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds HT/notes\.txt, which no filling wrote"):
        parameter_files.fill(Covering(cover), folder, out, SEARCH, overwrite=True)
    (out / "manifest.json").unlink()
    with pytest.raises(OutputError, match=r"holds no manifest\.json"):
        parameter_files.fill(Covering(cover), folder, out, SEARCH, overwrite=True)
    assert (out / "HT" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("inside", ["", "LAI_SAT", "new"])
def test_the_inputs_are_no_place_to_write(made, inside):
    folder, _, cover, *_ = made
    with pytest.raises(OutputError, match="the folder of the inputs or inside it"):
        parameter_files.fill(Covering(cover), folder, folder / inside, overwrite=True)


def test_a_damaged_file_among_many_is_named_and_nothing_is_written(made, tmp_path):
    folder, _, cover, *_ = made
    path = folder / "ALB_SAT" / "ALB_SAT_NI_0715_c.dir"
    path.write_bytes(path.read_bytes()[:-2] + b"\xff\xff")
    with pytest.raises(FormatError, match="ALB_SAT_NI_0715_c"):
        parameter_files.fill(Covering(cover), folder, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


def test_files_elsewhere_and_folders_without_files_are_refused(made, tmp_path):
    cover = made[2]
    far = LatLonGrid(360, 100, 100, 4, 5)
    (tmp_path / "empty").mkdir()
    write_tree(tmp_path / "far", covers(far), far, ["0105"])
    with pytest.raises(CoverageError, match="name files that meet it"):
        parameter_files.fill(Covering(cover), tmp_path / "far", tmp_path / "out")
    with pytest.raises(FormatError, match="holds no parameter file"):
        parameter_files.fill(Covering(cover), tmp_path / "empty", tmp_path / "out")
    with pytest.raises(FormatError, match="is no folder"):
        parameter_files.fill(Covering(cover), tmp_path / "absent", tmp_path / "out")
