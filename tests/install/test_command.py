"""The command: what it prints, and one line for every bad input, with nothing written."""

import json

import pytest

from tests.conftest import say
from tests.install.made import COLS, NORTH, ROWS, WEST, cover_pair, data_tree, snapshot, typed_pair
from tests.test_imports import modules_after


@pytest.fixture
def place(tmp_path):
    data_tree(tmp_path / "data" / "ECOCLIMAP-SG")
    cover_pair(tmp_path / "patched.dir", seed=5)
    return tmp_path


def arguments(place, *more, **changes):
    given = {
        "from": place / "data/ECOCLIMAP-SG",
        "to": place / "SG-ie1",
        "version": "1.3-ie",
        "cover": place / "patched.dir",
    }
    named = [text for key, value in (given | changes).items() for text in (f"--{key}", value)]
    return ["install", *named, *more]


def assert_refused(place, code, *words, more=(), **changes):
    before = snapshot(place)
    said = say(*arguments(place, *more, **changes))
    assert said.code == code, said.err + said.out
    lines = said.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("ecosg-update: error: "), said.err
    assert all(word in lines[0] for word in words), lines[0]
    assert said.out == "" and snapshot(place) == before


def test_the_command_prints_what_lies_in_the_tree(place):
    said = say(*arguments(place, "--fallback", "LAI=0.5", "--fallback", "H_TREE"))
    assert said.code == 0, said.err
    assert said.out.splitlines()[0] == str(place / "SG-ie1")
    for path in (place / "SG-ie1" / "workflows").iterdir():
        assert path.read_text() in said.out
    namelist = (place / "SG-ie1" / "workflows" / "OPTIONS.nam_ecosg").read_text()
    assert "XUNIF_LAI(1,36) = 0.5" in namelist and "XUNIF_H_TREE(1) = 0.0" in namelist


def test_a_dry_run_says_the_same_and_writes_nothing(place):
    before = snapshot(place)
    dry = json.loads(say(*arguments(place, "--dry-run", "--json")).out)
    assert snapshot(place) == before and not (place / "SG-ie1").exists()
    assert not dry["exists"] and dry["made"] == ["COVER/ecosg_final_map.nc"] and "lost.txt" in dry["left_out"]
    assert "would be made" in say(*arguments(place, "--dry-run")).out
    made = json.loads(say(*arguments(place, "--json")).out)
    assert {**made, "exists": False} == dry


def test_a_relative_target_is_told_in_full(place, monkeypatch):
    monkeypatch.chdir(place)
    found = json.loads(say(*arguments(place, "--json", to="below/../SG-2")).out)
    assert found["tree"] == str(place / "SG-2") and (place / "SG-2" / "VERSION").exists()


def test_a_tree_onto_itself_or_inside_itself_or_around_itself_is_refused(place):
    source = place / "data" / "ECOCLIMAP-SG"
    (place / "door").symlink_to(source)
    for target in (
        source,
        source / "new",
        place / "door" / "new",
        source / "DEEP" / "new",
        place / "data/elsewhere/deep/new",
    ):
        assert_refused(place, 5, "lies in the original", to=target)
    assert_refused(place, 5, "is a link", to=place / "door")
    assert_refused(place, 5, "holds the original", to=place / "data", more=("--overwrite",))
    assert_refused(place, 5, "lies in the original", **{"from": place / "door", "to": source / "new"})


def test_a_tree_that_an_input_lies_in_is_not_replaced(place):
    assert say(*arguments(place)).code == 0
    ours = place / "SG-ie1" / "COVER" / "ecosg_final_map.dir"
    assert_refused(place, 5, "which the installation reads", cover=ours, more=("--overwrite",))
    typed_pair(place / "filled" / "HT" / "new_ht_c.dir", seed=1)
    assert say(*arguments(place, "--overwrite", params=place / "filled")).code == 0
    assert say(*arguments(place, **{"from": place / "SG-ie1", "to": place / "SG-2"})).code == 0
    shadow_of_first = {"from": place / "SG-2", "to": place / "SG-ie1"}
    assert_refused(
        place, 5, "SG-ie1/HT/new_ht_c", "which the installation reads", more=("--overwrite",), **shadow_of_first
    )


@pytest.mark.parametrize("version", ["", "../1", "1 3", "é", "a/b", "-1", "x" * 65, "1\n2", "$HOME"])
def test_a_version_that_is_not_plain_is_refused(place, version):
    assert_refused(place, 2, "version", more=(f"--version={version}",))


@pytest.mark.parametrize("name", ["with blank", "quote'", "a@b", "$(x)", "a;b", "line\nbreak"])
def test_a_path_that_workflows_would_break_is_refused(place, name):
    assert_refused(place, 5, "shell", to=place / name)


def test_a_source_that_is_no_data_tree_is_refused_with_the_cure(place):
    assert_refused(place, 3, "is no folder", **{"from": place / "absent"})
    assert_refused(place, 3, "COVER", f"name {place / 'data' / 'ECOCLIMAP-SG'}", **{"from": place / "data"})
    (place / "empty").mkdir()
    assert_refused(place, 3, "ECOSG_DATA_PATH", **{"from": place / "empty"})
    (place / "data" / "ECOCLIMAP-SG" / "COVER" / "ecosg_final_map.hdr").unlink()
    assert_refused(place, 3, "ecosg_final_map.hdr", "does not exist")


def test_a_loop_through_another_place_is_refused(place):
    (place / "data" / "elsewhere" / "deep" / "round").symlink_to("..")
    (place / "data" / "elsewhere" / "deep2").symlink_to("deep")
    assert_refused(place, 3, "which holds it")


@pytest.mark.parametrize(
    "kind", ["absent", "no header", "short", "packed", "illegal byte", "zero beside nodata", "nodata hides"]
)
def test_a_cover_that_pgd_cannot_read_is_refused(place, kind):
    cover = place / "bad.dir"
    if kind != "absent":
        cover_pair(cover, seed=5, nodata={"zero beside nodata": 255, "nodata hides": 7}.get(kind, 0))
    if kind == "no header":
        cover.with_suffix(".hdr").unlink()
    if kind == "short":
        cover.write_bytes(cover.read_bytes()[:-1])
    if kind == "packed":
        typed_pair(cover)
    if kind == "illegal byte":
        content = bytearray(cover.read_bytes())
        content[COLS + 2] = 34
        cover.write_bytes(content)
        assert_refused(place, 3, "byte 34 in row 2, column 3", cover=cover)
    assert_refused(place, 3, "bad", cover=cover)


def test_a_regional_cover_for_a_global_tree_is_not_covered(place):
    small = cover_pair(place / "small.dir", rows=ROWS - 1)
    assert_refused(place, 7, "patch --into", cover=small)
    assert_refused(place, 7, "the bounds need", cover=small, more=("--bounds", -9, 40, -8.99, 53))


@pytest.mark.parametrize(("km", "code"), [(0.2, 0), (3.0, 7)])
def test_a_regional_cover_is_installed_for_a_domain_that_it_holds(place, km, code):
    lon, lat = WEST + COLS / 720, NORTH - ROWS / 720
    domain = {"nimax": 2, "njmax": 2, "xdx": 500 * km, "xdy": 500 * km, "xloncen": lon, "xlatcen": lat}
    lines = [f"{key} = {value}" for key, value in {**domain, "xlon0": lon, "xlat0": lat}.items()]
    (place / "domain.toml").write_text("\n".join(["[domain]", 'name = "small"', *lines]))
    small = cover_pair(place / "small.dir", rows=ROWS - 1)
    said = say(*arguments(place, cover=small, domain=place / "domain.toml"))
    assert said.code == code, said.err
    assert (place / "SG-ie1").exists() == (code == 0)
    assert ("regional" in said.out) == (code == 0)


def test_parameters_and_netcdf_that_are_not_there_are_refused(place):
    assert_refused(place, 3, "absent", params=place / "absent")
    (place / "none").mkdir()
    assert_refused(place, 3, "holds no .dir", params=place / "none")
    assert_refused(place, 3, "absent.nc", nc=place / "absent.nc")
    assert_refused(place, 3, "the original's own", params=place / "data" / "ECOCLIMAP-SG" / "ALB_SAT")
    cover_pair(place / "mixed" / "ecosg_final_map.dir")
    assert_refused(place, 3, "give it with --cover", params=place / "mixed")
    typed_pair(place / "filled" / "HT" / "new_ht_c.dir").with_suffix(".hdr").unlink()
    assert_refused(place, 3, "new_ht_c.hdr", params=place / "filled")


def test_a_fallback_that_is_none_is_refused(place):
    assert_refused(place, 2, "LIA", more=("--fallback", "LIA"))
    assert_refused(place, 2, "number from 0", more=("--fallback", "LAI=-1"))
    said = say(*arguments(place, "--fallback", "LAI=x"))
    assert said.code == 2 and "PARAMETER=NUMBER" in said.err and not (place / "SG-ie1").exists()


def test_the_original_may_come_from_harmonies_variable(place, monkeypatch):
    monkeypatch.setenv("ECOSG_DATA_PATH", str(place / "data" / "ECOCLIMAP-SG"))
    given = arguments(place, "--dry-run", "--json")
    del given[1:3]
    found = json.loads(say(*given).out)
    assert found["from"] == str(place / "data" / "ECOCLIMAP-SG")


def test_help_shows_an_example_and_a_missing_option_is_a_usage_error():
    said = say("install", "--help")
    assert said.code == 0 and "Example: ecosg-update install --from" in " ".join(said.out.split())
    assert say("install", "--from", "x").code == 2


def test_help_imports_neither_numpy_nor_netcdf_nor_f90nml():
    assert not modules_after("install", "--help") & {"numpy", "rasterio", "netCDF4", "f90nml", "pyproj"}
