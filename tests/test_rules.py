"""The rules of context in a whole run: switched on and off, seen in the reasons, not in the blocks."""

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from ecosg_update import pipeline, stages, tables
from ecosg_update.config import Config, CrosswalkSection, LabelsSection, RulesSection, checked, load, toml
from ecosg_update.crosswalk.sieve import margin_rows
from ecosg_update.deciding import rules as rules_of_context
from ecosg_update.deciding.crossing import for_engine
from ecosg_update.deciding.decision import NO_RULES
from ecosg_update.deciding.rules import water_settled
from ecosg_update.errors import ConfigError, FormatError, GridError
from ecosg_update.formats import atomic, direct, netcdf
from ecosg_update.formats.provenance import about
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.patch.decide import Policy
from ecosg_update.segment.card import to_json
from ecosg_update.segment.weights import shipped
from tests.conftest import say, shared

GRID = LatLonGrid.from_bounds(360, (-8.9, 52.9, -8.8, 52.96))
FREE = {"protect": [], "never_new": ["snow"]}


@pytest.fixture
def base(tmp_path):
    """Pasture with sea in the west, a town and a snow field."""
    codes = np.full(GRID.shape, 17, np.uint8)
    codes[:, :5] = 1
    codes[2:5, 20:24] = 25
    codes[18:20, 30:33] = 6
    direct.write(CoverMap(codes, GRID, tables.legend("ecosg")), tmp_path / "base.dir", title="made-up base")
    return tmp_path / "base.dir"


def raster(path, values, nodata=0):
    """A GeoTIFF over the grid, a pixel a cell."""
    values = np.asarray(values)
    profile = {"height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype}
    west, _, _, north = GRID.bounds
    step = Affine(GRID.cols / 360 / values.shape[1], 0, west, 0, -GRID.rows / 360 / values.shape[0], north)
    with rasterio.open(path, "w", driver="GTiff", crs="EPSG:4326", transform=step, nodata=nodata, **profile) as file:
        file.write(values, 1)
    return path


@pytest.fixture
def labels(tmp_path):
    """CORINE: heath in the north, glacier and crops in the south, water along the sea, scattered towns."""
    codes = np.full(GRID.shape, 322, np.uint16)
    codes[10:] = 335
    codes[14:, 8:24] = 211
    codes[:, 4:8] = 523
    codes[2:5, 18:26] = 112
    codes[::5, 12::5] = 112
    codes[7, 20:32] = 511
    return raster(tmp_path / "clc.tif", codes)


def config(base, labels, folder, crosswalk=None, patch=FREE):
    return checked(
        Config,
        {
            "labels": {"path": str(labels), "legend": "corine-l3"},
            "base": {"path": str(base)},
            "output": {"folder": str(folder), "formats": ["dir", "nc"]},
            "crosswalk": crosswalk or {},
            "patch": patch,
        },
        "test",
    )


def ran(base, labels, folder, **sections):
    return pipeline.run(config(base, labels, folder, **sections))


def test_snow_appears_beside_the_originals_only_and_the_rule_is_the_reason(base, labels, tmp_path):
    free = {"protect": [], "never_new": []}
    with_rule = ran(base, labels, tmp_path / "with", patch=free)
    without = ran(base, labels, tmp_path / "without", crosswalk={"rules": {"snow": False}}, patch=free)
    snowy = without.patch.cover.codes == 6
    assert snowy.sum() > 200
    found = with_rule.patch
    assert 6 < (found.cover.codes == 6).sum() < 100 and (found.cover.codes[18:20, 30:33] == 6).all()
    held_back = snowy & (found.cover.codes != 6)
    assert (found.reason[held_back] == Reason.RULE_SNOW).all() and (found.cover.codes[11, 30] == 17).all()
    assert f"rule R6 (snow): {(found.reason == 46).sum()} cells" in with_rule.manifest["notes"]
    assert with_rule.manifest["changes"]["reasons"]["rule-snow"] == (found.reason == 46).sum()


def test_every_raster_speaks_for_its_rule_and_is_an_input(base, labels, tmp_path):
    peat = raster(tmp_path / "peat.tif", np.repeat([[1, 0]], GRID.rows, 0).astype(np.uint8))
    maize = raster(tmp_path / "crops.tif", np.full((44, 72), 216, np.uint16))
    sealed = raster(tmp_path / "sealed.tif", np.full(GRID.shape, 60, np.uint8), nodata=255)
    tall = raster(tmp_path / "tall.tif", np.full(GRID.shape, 40, np.float32))
    ice = raster(tmp_path / "ice.tif", np.ones((3, 3), np.uint8))
    files = {
        "wetlands": str(peat), "crop_types": str(maize), "imperviousness": str(sealed), "building_height": str(tall),
        "glaciers": str(ice),
    }  # fmt: skip
    done = ran(base, labels, tmp_path / "out", crosswalk=files, patch={"protect": [], "never_new": []})
    codes = done.patch.cover.codes
    assert codes[1, 10] == 23 and codes[1, 30] == 15
    assert (codes[16, 9:11] == 21).all() and done.patch.reason[16, 9] == Reason.RULE_CROPS
    assert codes[3, 19] == 27 and done.patch.reason[3, 19] == Reason.RULE_TOWNS
    assert codes[11, 30] == 6
    assert set(files.values()) <= set(done.manifest["inputs"])
    off = {"rules": {"wetlands": False, "crops": False, "towns": False, "snow": False}}
    silent = ran(base, labels, tmp_path / "off", crosswalk=files | off, patch=FREE)
    plain = ran(base, labels, tmp_path / "plain", crosswalk=off, patch=FREE)
    assert np.array_equal(silent.patch.cover.codes, plain.patch.cover.codes)


def test_water_by_the_sea_becomes_sea_where_the_policy_lets_it(base, labels, tmp_path):
    plain = ran(base, labels, tmp_path / "plain")
    assert plain.patch.cover.codes[0, 6] == 1
    inland = raster(tmp_path / "lake.tif", np.where(direct.read(base).codes == 1, 523, 512).astype(np.uint16))
    done = ran(base, inland, tmp_path / "out", crosswalk={"rules": {"water": True}})
    codes = done.patch.cover.codes
    assert (codes[:, 5:14] == 1).all() and (codes[:, 16:] != 1).all()
    assert (done.patch.reason[:, 5:14] == Reason.RULE_WATER).all()
    kept = ran(base, inland, tmp_path / "kept", crosswalk={"rules": {"water": True}}, patch={"protect": []})
    assert (kept.patch.cover.codes[:, 5:14] != 1).all()
    assert (kept.patch.reason[:, 5:14] == Reason.KEPT_PROTECTED).all()


def test_the_base_beyond_the_target_says_what_water_at_its_edge_is(base, tmp_path):
    lake = raster(tmp_path / "lake.tif", np.full(GRID.shape, 512, np.uint16))
    west = GRID.bounds[0] + 5 / 360
    document = config(base, lake, tmp_path / "out", crosswalk={"rules": {"water": True}}).model_dump(mode="json")
    document["target"] = {"per_degree": 360, "bounds": [west, *GRID.bounds[1:]]}
    found = pipeline.run(checked(Config, {k: v for k, v in document.items() if v is not None}, "test"))
    assert found.patch.cover.grid.cols == GRID.cols - 5
    assert (found.patch.cover.codes[:, :9] == 1).all()


def test_the_sea_of_a_whole_globe_spreads_over_the_dateline(tmp_path):
    """The original's sea ends at 180 E; new water begins at 180 W, where its map ends and the globe does not."""
    globe = LatLonGrid.globe(1)
    before = np.full(globe.shape, 17, np.uint8)
    before[80:100, 350:] = 1
    direct.write(CoverMap(before, globe, tables.legend("ecosg")), tmp_path / "base.dir", title="made-up globe")
    now = before.copy()
    now[88:91, 0] = 2
    reason = np.where(now == before, Reason.UNCHANGED, Reason.CHANGED).astype(np.uint8)
    patch = Patch(CoverMap(now, globe, tables.legend("ecosg")), before, reason, np.ones(globe.shape, np.float32))
    found = water_settled(patch, tmp_path / "base.dir", Policy(protect=(), never_new=()), told=False)
    assert (found.cover.codes[88:91, 0] == 1).all()
    assert np.array_equal(found.cover.codes[:, 1:], before[:, 1:])


@pytest.mark.parametrize("rules", [{"smallest_patch": 3}, {"smallest_patch": 3, "water": True}])
def test_blocks_and_bands_do_not_show(base, labels, tmp_path, monkeypatch, rules):
    whole = ran(base, labels, tmp_path / "whole", crosswalk={"rules": rules})
    assert (whole.patch.reason == Reason.RULE_PATCH_SIZE).sum() > 5
    assert margin_rows(3) < GRID.rows
    monkeypatch.setattr(pipeline, "EVIDENCE_VALUES", 44 * 36 * 7)
    monkeypatch.setattr(pipeline, "COVER_VALUES", 33 * 36 * 2)
    pieces = ran(base, labels, tmp_path / "pieces", crosswalk={"rules": rules})
    for name in ("base", "reason", "confidence"):
        assert np.array_equal(getattr(whole.patch, name), getattr(pieces.patch, name)), name
    assert np.array_equal(whole.patch.cover.codes, pieces.patch.cover.codes)


def test_the_stages_take_the_same_rules(base, labels, tmp_path):
    rules = {"smallest_patch": 3}
    done = ran(base, labels, tmp_path / "out", crosswalk={"rules": rules})
    section = LabelsSection(path=labels, legend="corine-l3")
    stages.map_labels(section, base, CrosswalkSection(), tmp_path / "covers.nc", 360, GRID.bounds)
    switches = NO_RULES.model_copy(update=rules)
    policy = Policy(protect=(), never_new=("snow",))
    patch, _ = stages.patch(tmp_path / "covers.nc", base, policy, tmp_path / "a.dir", switches=switches)
    assert np.array_equal(patch.cover.codes, done.patch.cover.codes)
    said = say(
        "patch", tmp_path / "covers.nc", "--base", base, "-o", tmp_path / "b.dir", "--smallest-patch", 3,
        "--protect", "", "--never-new", "snow",
    )  # fmt: skip
    assert said.code == 0 and "rule-patch-size" in said.out
    assert (tmp_path / "b.dir").read_bytes() == (tmp_path / "a.dir").read_bytes()


def test_map_reads_the_rasters_of_the_rules(base, labels, tmp_path):
    peat = raster(tmp_path / "peat.tif", np.ones((2, 2), np.uint8))
    said = say(
        "map", labels, "--legend", "corine-l3", "--base", base, "-o", tmp_path / "covers.nc", "--wetlands", peat
    )
    assert said.code == 0, said.err
    found = netcdf.read_prediction(tmp_path / "covers.nc")
    assert found.values[14].max() == 0 and found.values[22].max() == 1


def test_the_zones_of_a_prediction_decide_and_another_lattice_is_refused(base, labels, tmp_path):
    legend = tables.legend("lcz")
    for per_degree in (360, 720):
        cells = LatLonGrid.from_bounds(per_degree, (-8.9, 52.93, -8.8, 53.0))
        values = np.zeros((17, *cells.shape), np.float32)
        values[legend.index(5)], values[legend.index(14)] = 0.75, 0.25
        seen = Prediction(values, np.ones(cells.shape, np.float32), legend, cells, "made up")
        netcdf.write_prediction(seen, tmp_path / f"{per_degree}.nc", provenance=about("zones", "made up"))
    done = ran(base, labels, tmp_path / "out", crosswalk={"lcz": str(tmp_path / "360.nc")})
    assert done.patch.cover.codes[3, 19] == 28 and done.patch.reason[3, 19] == Reason.RULE_TOWNS
    assert done.patch.cover.codes[20, 27] != 28
    with pytest.raises(GridError, match="720"):
        ran(base, labels, tmp_path / "no", crosswalk={"lcz": str(tmp_path / "720.nc")})


def test_a_raster_that_cannot_be_read_is_refused_at_once(base, labels, tmp_path):
    (tmp_path / "no.tif").write_text("nothing")
    with pytest.raises(FormatError, match=r"no\.tif"):
        ran(base, labels, tmp_path / "out", crosswalk={"glaciers": str(tmp_path / "no.tif")})
    assert not (tmp_path / "out").exists()


def test_switches_survive_the_file_and_its_paths_are_relative_to_it(tmp_path):
    text = (
        '[labels]\npath = "a.tif"\nlegend = "lcz"\n[base]\npath = "b.dir"\n[output]\nfolder = "out"\n'
        '[crosswalk]\nglaciers = "ice.tif"\n[crosswalk.rules]\nwater = true\nsmallest_patch = 4\n'
    )
    (tmp_path / "run.toml").write_text(text)
    found = load(tmp_path / "run.toml")
    assert found.crosswalk.glaciers == tmp_path / "ice.tif" and found.crosswalk.rules.smallest_patch == 4
    assert checked(Config, tomllib.loads(toml(found)), "again") == found
    with pytest.raises(ConfigError, match="smallest_patch"):
        checked(RulesSection, {"smallest_patch": 0}, "test")


def test_the_page_shows_the_defaults_and_a_section_that_is_valid():
    page = (Path(__file__).resolve().parents[1] / "docs" / "rules.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    found = checked(CrosswalkSection, tomllib.loads(text)["crosswalk"], "page")
    assert found.rules == RulesSection() and found.radius_km == CrosswalkSection().radius_km
    assert {path.name for path in found.inputs} == {
        "lcz.nc", "imd.tif", "height.tif", "eucropmap.tif", "rgi.tif", "peat.tif"
    }  # fmt: skip


def test_guadeloupe_keeps_an_island_s_water_in_order(tmp_path):
    """Official CORINE over a base of sea: no sea inland, no lake at sea, and land stays what it was."""
    clc = shared("clc2018_guadeloupe_100m", "U2018_CLC2018_V2020_20u1_FR_GLP.tif")
    grid = LatLonGrid.from_bounds(360, (-61.85, 15.9, -61.1, 16.55))
    sea = CoverMap(np.ones(grid.shape, np.uint8), grid, tables.legend("ecosg"))
    direct.write(sea, tmp_path / "sea.dir", title="sea")
    plain = ran(tmp_path / "sea.dir", clc, tmp_path / "plain").patch.cover.codes
    done = ran(tmp_path / "sea.dir", clc, tmp_path / "out", crosswalk={"rules": {"water": True}}).patch.cover.codes
    land = (plain > 3) & (done > 3)
    assert np.array_equal(plain[land], done[land]) and ((plain > 3) & (done <= 3)).sum() < 0.01 * land.sum()
    rows, cols = np.nonzero(np.isin(done, (2, 3)))
    for row, col in zip(rows, cols, strict=True):
        box = done[max(0, row - 1) : row + 2, max(0, col - 1) : col + 2]
        assert box.size < 9 or (box != 1).any()


SEEN_ALONE = FREE | {"evidence": "engine"}


@pytest.mark.parametrize(
    ("rules", "inside", "beside"),
    [
        ({}, (25, Reason.RULE_SUBTYPE), (25, Reason.RULE_NEIGHBOURS)),
        ({"neighbours": False}, (25, Reason.RULE_SUBTYPE), (29, Reason.CHANGED)),
        ({"inherit": False}, (25, Reason.RULE_NEIGHBOURS), (25, Reason.RULE_NEIGHBOURS)),
        ({"inherit": False, "neighbours": False}, (29, Reason.CHANGED), (29, Reason.CHANGED)),
    ],
)
def test_the_own_sub_type_and_that_of_the_neighbours_are_switched_apart_and_are_reasons(
    base, labels, tmp_path, rules, inside, beside
):
    """The original's town is compact (25), what the table makes of scattered houses is open (29)."""
    done = ran(base, labels, tmp_path / "out", crosswalk={"rules": rules}, patch=SEEN_ALONE)
    for cell, (cover, reason) in (((3, 21), inside), ((3, 19), beside)):
        assert (done.patch.cover.codes[cell], done.patch.reason[cell]) == (cover, reason)
    assert done.patch.reason[1, 10] == Reason.CHANGED, "heath is shrubs by the table, no rule chose it"


@pytest.mark.parametrize("water", [False, True])
def test_the_stages_remember_every_rule_that_spoke(base, labels, tmp_path, water):
    """What `map` leaves to `patch` says which rule chose, and whether the evidence tells rivers from lakes."""
    done = ran(base, labels, tmp_path / "out", crosswalk={"rules": {"water": water}})
    section = LabelsSection(path=labels, legend="corine-l3")
    stages.map_labels(section, base, CrosswalkSection(), tmp_path / "covers.nc", 360, GRID.bounds)
    switches = NO_RULES.model_copy(update={"water": water})
    policy = Policy(protect=(), never_new=("snow",))
    patch, _ = stages.patch(tmp_path / "covers.nc", base, policy, tmp_path / "a.nc", switches=switches)
    assert np.array_equal(patch.cover.codes, done.patch.cover.codes)
    assert np.array_equal(patch.reason, done.patch.reason)
    assert {Reason.RULE_SNOW, Reason.RULE_NEIGHBOURS} <= set(np.unique(patch.reason))


def test_every_member_of_an_ensemble_has_its_waters_settled(base, labels, tmp_path, monkeypatch):
    sections = config(base, labels, tmp_path / "whole", crosswalk={"rules": {"water": True}}).model_dump(mode="json")
    wanted = {"members": 4, "correlation_km": 1.0, "formats": ["dir"]}

    def members(name):
        document = {k: v for k, v in sections.items() if v is not None}
        document["output"] = {"folder": str(tmp_path / name), **wanted}
        document["target"] = {"per_degree": 360}
        pipeline.run(checked(Config, document, "test"))
        return [direct.read(tmp_path / name / f"ecosg_final_map_m0{number}.dir") for number in range(4)]

    maps = members("whole")
    assert np.array_equal(maps[0].codes, direct.read(tmp_path / "whole" / "ecosg_final_map.dir").codes)
    policy, before = Policy(protect=(), never_new=("snow",)), direct.read(base)
    for cover in maps[1:]:
        changed = np.where(cover.codes == before.codes, np.uint8(Reason.UNCHANGED), np.uint8(Reason.CHANGED))
        patch = Patch(cover, before.codes, changed, np.ones(GRID.shape, np.float32))
        again = rules_of_context.water_settled(patch, base, policy, told=True)
        assert np.array_equal(again.cover.codes, cover.codes)
    assert any((cover.codes[:, 5:8] == 1).any() for cover in maps[1:]), "the sea spread in a member"
    monkeypatch.setattr(pipeline, "COVER_VALUES", 33 * 36 * 2)
    for one, other in zip(maps, members("pieces"), strict=True):
        assert np.array_equal(one.codes, other.codes)


@pytest.mark.parametrize(
    ("told", "asked", "kept"),
    [(True, "auto", False), (False, "auto", True), (False, "seen", False), (True, "kept", True)],
)
def test_an_engine_that_cannot_tell_grass_from_crops_leaves_them_to_the_original(base, tmp_path, told, asked, kept):
    """The word of its card travels from `predict` to `map`; the user's word is the stronger one."""
    legend = tables.legend("corine-l2")
    values = np.zeros((15, *GRID.shape), np.float32)
    values[legend.index(21)] = 1
    seen = Prediction(values, np.ones(GRID.shape, np.float32), legend, GRID, "made up")
    with atomic.parts(tmp_path / "classes.nc") as (part,):
        netcdf.encode_prediction(seen, part, provenance=about("classes", "made up"), tells_low_plants=told)
    assert netcdf.tells_low_plants(tmp_path / "classes.nc") is told
    said = say(
        "map", tmp_path / "classes.nc", "--base", base, "-o", tmp_path / "covers.nc", "--low-plants", asked,
    )  # fmt: skip
    assert said.code == 0, said.err
    found = netcdf.read_prediction(tmp_path / "covers.nc").values.argmax(axis=0) + 1
    pasture = direct.read(base).codes == 17
    assert (found[pasture] == (17 if kept else 19)).all()
    behind = netcdf.read_rules(tmp_path / "covers.nc").chosen
    assert (behind[pasture] == (Reason.RULE_LOW_PLANTS if kept else 0)).all()


def test_the_card_of_the_engine_decides_what_a_run_leaves_open():
    section = CrosswalkSection()
    assert for_engine(section, None).rules.low_plants == "seen"
    assert for_engine(section, {"tells_low_plants": False}).rules.low_plants == "kept"
    card = json.loads(to_json(shipped(on="cpu").card))
    assert for_engine(section, card).rules.low_plants == "kept"
    asked = CrosswalkSection(rules=RulesSection(low_plants="seen"))
    assert for_engine(asked, card) == asked
