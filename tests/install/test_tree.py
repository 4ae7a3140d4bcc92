"""A shadow has every path of the original, only ours differ, and the original never changes."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ecosg_update.errors import CoverageError, FormatError
from ecosg_update.formats import direct, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.install.plan import Wish, planned
from ecosg_update.install.tree import installed
from tests import oracle_surfex
from tests.install.made import (
    COLS,
    NORTH,
    ROWS,
    WEST,
    below,
    cover_pair,
    data_tree,
    parameters,
    snapshot,
    sparse_globe,
    typed_pair,
)

OURS = {"VERSION", "manifest.json", "workflows"}


@pytest.fixture
def tree(tmp_path):
    return data_tree(tmp_path / "data" / "ECOCLIMAP-SG")


@pytest.fixture
def cover(tmp_path):
    return cover_pair(tmp_path / "patched" / "patched_ie.dir", seed=5)


def wish(tree, cover, **changes):
    return Wish(**{"source": tree, "target": tree.parent / "SG-ie1", "version": "1.3-ie", "cover": cover} | changes)


def test_every_path_of_the_original_is_in_the_shadow_and_reads_the_same_but_ours(tree, cover):
    made = installed(wish(tree, cover))
    shadow = made.plan.target
    added = {"workflows/" + name for name in made.workflows} | OURS
    assert below(shadow) - added == below(tree) - {"lost.txt"}
    ours = {f"COVER/ecosg_final_map{ending}" for ending in (".dir", ".hdr", ".nc")} | {"COVER/latest.dir"}
    for name in below(tree) - ours - {"lost.txt"}:
        if (tree / name).is_file():
            assert (shadow / name).read_bytes() == (tree / name).read_bytes(), name
    assert (
        (shadow / "COVER/latest.dir").read_bytes() == cover.read_bytes() != (tree / "COVER/latest.dir").read_bytes()
    )


def test_surfex_reads_the_patched_map_under_the_name_that_all_workflows_know(tree, cover):
    shadow = installed(wish(tree, cover)).plan.target
    found = oracle_surfex.surfex(shadow / "COVER" / "ecosg_final_map.hdr")
    expected = np.frombuffer(cover.read_bytes(), np.uint8).reshape(ROWS, COLS)
    assert found.covers(shadow / "COVER" / "ecosg_final_map.dir") == expected.tolist()


def test_the_original_and_all_behind_it_keep_their_bytes_and_times(tree, cover):
    before = snapshot(tree, tree.parent / "elsewhere", cover.parent)
    installed(wish(tree, cover, parameters=parameters(cover.parent / "filled", seed=9)))
    after = snapshot(tree, tree.parent / "elsewhere", cover.parent)
    assert {name: after[name] for name in before} == before


def test_removing_the_shadow_leaves_the_original(tree, cover):
    before = snapshot(tree, tree.parent / "elsewhere")
    shutil.rmtree(installed(wish(tree, cover)).plan.target)
    assert snapshot(tree, tree.parent / "elsewhere") == before


def test_files_are_links_to_true_files_and_ours_are_files(tree, cover):
    shadow = installed(wish(tree, cover)).plan.target
    for path in (path for path in shadow.rglob("*") if path.is_symlink()):
        end = path.readlink()
        assert not (end.is_absolute() and end.is_symlink()) and path.exists()
        assert end.is_absolute() or (path.parent.resolve() / end).absolute().is_relative_to(shadow)
    assert not (shadow / "COVER" / "ecosg_final_map.dir").is_symlink()
    assert all(not path.is_symlink() for path in (shadow / "workflows").iterdir())
    assert not (shadow / "DEEP").is_symlink() and (shadow / "EMPTY").is_dir()


def test_the_shadow_moves_with_its_links(tree, cover):
    shadow = installed(wish(tree, cover)).plan.target
    moved = shadow.rename(shadow.with_name("moved"))
    assert (moved / "ALBNIR_SAT" / "ALB_SAT_NI_0105_c.dir").read_bytes()
    assert (moved / "COVER" / "latest.dir").read_bytes() == cover.read_bytes()


def test_a_shadow_of_a_shadow_links_to_the_true_files(tree, cover):
    first = installed(wish(tree, cover, parameters=parameters(cover.parent / "filled", seed=9))).plan.target
    again = cover_pair(cover.with_name("again.dir"), seed=6)
    made = installed(wish(first, again, target=tree.parent / "SG-ie2", version="1.4-ie"))
    second = made.plan.target
    assert (second / "README").readlink() == (tree / "README").resolve()
    assert (second / "LAI_SAT/LAI_SAT_0105_c.dir").readlink() == first / "LAI_SAT/LAI_SAT_0105_c.dir"
    assert (second / "COVER/latest.dir").read_bytes() == again.read_bytes()
    assert below(second) == below(first) and made.plan.follows == "1.3-ie" and not made.plan.left_out
    assert (second / "VERSION").read_text() == "1.4-ie\n"
    assert str(first) not in "".join(made.workflows.values())


def test_filled_parameters_replace_the_files_of_their_names_and_no_others(tree, cover):
    folder = cover.parent / "filled"
    typed_pair(folder / "LAI_SAT" / "LAI_SAT_0715_c.dir", seed=77)
    typed_pair(folder / "ALBNIR_SAT" / "ALB_SAT_NI_0105_c.dir", seed=78)
    typed_pair(folder / "new_ht_c.dir", seed=79)
    (folder / "manifest.json").write_text('{"filled": 3}')
    (folder / "notes.txt").write_text("not a map")
    (tree / "LAI_SAT" / "LAI_SAT_0715_c.nc").write_bytes(b"stale")
    made = installed(wish(tree, cover, parameters=folder))
    shadow = made.plan.target
    assert (shadow / "LAI_SAT/LAI_SAT_0715_c.dir").read_bytes() == (
        folder / "LAI_SAT/LAI_SAT_0715_c.dir"
    ).read_bytes()
    changed = (folder / "ALBNIR_SAT/ALB_SAT_NI_0105_c.dir").read_bytes()
    for name in ("ALB_SAT", "ALBNIR_SAT"):
        assert (shadow / name / "ALB_SAT_NI_0105_c.dir").read_bytes() == changed
    assert (shadow / "HT/new_ht_c.dir").read_bytes() == (folder / "new_ht_c.dir").read_bytes()
    assert (shadow / "LAI_SAT/LAI_SAT_0705_c.dir").is_symlink()
    assert (shadow / "parameters_manifest.json").read_text() == '{"filled": 3}'
    assert "LAI_SAT/LAI_SAT_0715_c.nc" in made.plan.left_out
    assert any("notes.txt" in note for note in made.plan.notes)


def test_a_filled_file_whose_place_is_not_clear_is_refused(tree, cover):
    folder = cover.parent / "filled"
    typed_pair(folder / "LAI_1999.dir")
    with pytest.raises(FormatError, match="nowhere"):
        planned(wish(tree, cover, parameters=folder))
    for name in ("A", "B"):
        typed_pair(tree / name / "LAI_1999.dir")
    with pytest.raises(FormatError, match=r"A/LAI_1999.dir and B/LAI_1999.dir"):
        planned(wish(tree, cover, parameters=folder))


def test_a_filled_file_that_holds_less_than_the_original_is_refused(tree, cover):
    small = cover.parent / "filled" / "LAI_SAT" / "LAI_SAT_0105_c.dir"
    typed_pair(small)
    text = small.with_suffix(".hdr").read_text()
    small.with_suffix(".hdr").write_text(
        text.replace("rows: 7", "rows: 6").replace(f"{NORTH - 7 / 360:.10f}", f"{NORTH - 6 / 360:.10f}")
    )
    with pytest.raises(CoverageError, match="LAI_SAT_0105"):
        planned(wish(tree, cover, parameters=cover.parent / "filled"))


def test_the_cover_has_all_the_names_that_the_original_gives_it(tree, cover):
    for ending in (".dir", ".hdr"):
        old = tree / "COVER" / f"COVER_ECOSG_2010_V0.1{ending}"
        shutil.copy(tree / "COVER" / f"ecosg_final_map{ending}", old)
    (tree / "COVER" / "COVER_ECOSG_2010_V0.1.txt").write_text("about the original")
    made = installed(wish(tree, cover))
    assert (made.plan.target / "COVER" / "COVER_ECOSG_2010_V0.1.dir").read_bytes() == cover.read_bytes()
    assert set(made.plan.left_out) == {"COVER/COVER_ECOSG_2010_V0.1.txt", "lost.txt"}


def test_a_cover_folder_that_is_a_link_stays_one(tree, cover):
    (tree / "COVER").rename(tree / "COVER_V0")
    (tree / "COVER").symlink_to("COVER_V0")
    shadow = installed(wish(tree, cover)).plan.target
    assert (shadow / "COVER").is_symlink()
    for name in ("COVER", "COVER_V0"):
        assert (shadow / name / "ecosg_final_map.dir").read_bytes() == cover.read_bytes()


def test_the_netcdf_is_made_and_holds_the_covers_of_the_dir(tree, cover):
    shadow = installed(wish(tree, cover)).plan.target
    found = netcdf.read_cover(shadow / "COVER" / "ecosg_final_map.nc")
    assert found.grid == direct.info(cover).grid and (found.codes == direct.read(cover).codes).all()


def test_of_a_large_map_no_netcdf_is_made_and_the_stale_one_is_not_linked(tree, cover):
    plan = planned(wish(tree, sparse_globe(cover.with_name("globe.dir"))))
    assert plan.nc is None and "COVER/ecosg_final_map.nc" not in plan.links
    assert "COVER/ecosg_final_map.nc" in plan.left_out and any("--nc" in note for note in plan.notes)


def test_a_given_netcdf_is_taken_if_it_holds_the_same_map(tree, cover):
    about = Provenance("patched", "a test")
    same = netcdf.write_cover(direct.read(cover), cover.with_name("same.nc"), provenance=about)
    shadow = installed(wish(tree, cover, nc=same)).plan.target
    assert (shadow / "COVER" / "ecosg_final_map.nc").read_bytes() == same.read_bytes()
    other = direct.read(cover_pair(cover.with_name("other.dir"), seed=6))
    wrong = netcdf.write_cover(other, cover.with_name("wrong.nc"), provenance=about)
    with pytest.raises(FormatError, match=r"wrong.nc: differs from .*patched_ie.dir first in row 1, column"):
        installed(wish(tree, cover, nc=wrong, target=tree.parent / "SG-ie2"))
    assert not (tree.parent / "SG-ie2").exists()


@pytest.mark.parametrize("where", ["west", "south"])
def test_a_cover_that_holds_less_needs_the_bounds_that_it_holds(tree, cover, where):
    place = {"cols": COLS - 1} if where == "west" else {"rows": ROWS - 1}
    small = cover_pair(cover.with_name("small.dir"), seed=3, **place)
    with pytest.raises(CoverageError, match="patch --into"):
        planned(wish(tree, small))
    whole = direct.info(cover).grid.bounds
    with pytest.raises(CoverageError, match="the bounds need"):
        planned(wish(tree, small, bounds=whole))
    plan = planned(wish(tree, small, bounds=(WEST, NORTH - 0.01, WEST + 0.02, NORTH)))
    assert any(note.startswith("regional") for note in plan.notes)


def test_a_finer_lattice_is_allowed_and_said(tree, cover):
    fine = cover_pair(cover.with_name("fine.dir"), per_degree=1800, rows=5 * ROWS, cols=5 * COLS)
    plan = planned(wish(tree, fine))
    assert "the cover has 1800 cells a degree, the original 360" in plan.notes


def test_a_larger_cover_needs_no_bounds(tree, cover):
    large = cover_pair(cover.with_name("large.dir"), rows=ROWS + 2, cols=COLS + 3, north=NORTH + 1 / 360)
    assert not any(note.startswith("regional") for note in planned(wish(tree, large)).notes)


def test_the_manifest_says_which_bytes_are_ours_and_where_links_end(tree, cover):
    made = installed(wish(tree, cover))
    shadow = made.plan.target
    found = json.loads((shadow / "manifest.json").read_text())
    assert found == made.manifest and found["version"] == "1.3-ie" and found["from"] == str(tree)
    for name, said in found["files"].items():
        content = (shadow / name).read_bytes()
        assert (said["bytes"], said["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    for name, said in found["links"].items():
        assert (shadow / name).readlink() == Path(said["target"])
        assert said["bytes"] == (shadow / name).stat().st_size
    named = {*found["files"], *found["links"], *found["aliases"], "manifest.json"}
    assert named == {
        path.relative_to(shadow).as_posix() for path in shadow.rglob("*") if path.is_symlink() or path.is_file()
    }


def test_linked_files_are_ours_too(tree, cover):
    shadow = installed(wish(tree, cover), link=True).plan.target
    assert (shadow / "COVER" / "ecosg_final_map.dir").readlink() == cover
    assert json.loads((shadow / "manifest.json").read_text())["files"]["COVER/ecosg_final_map.dir"]["sha256"]


def test_progress_counts_the_bytes_of_the_map(tree, cover):
    seen = []
    installed(wish(tree, cover), progress=lambda *step: seen.append(step))
    assert ("COVER/ecosg_final_map.dir", ROWS * COLS, ROWS * COLS) in seen
