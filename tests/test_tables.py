"""The shipped tables add up, and a table that does not is refused with its name."""

import csv

import numpy as np
import pytest
import rasterio

from ecosg_update import tables
from ecosg_update.errors import TableError
from tests.conftest import shared

PAIRS = tables.crosswalk_names()


def test_the_covers_are_the_33_of_surfex():
    ecosg = tables.legend("ecosg")
    assert ecosg.codes == tuple(range(1, 34))
    tile = ecosg.columns["tile"]
    assert [tile.count(name) for name in ("SEA", "WATER", "NATURE", "TOWN")] == [1, 2, 20, 10]


def test_vegtypes_and_local_climate_zones_follow_the_cover_number():
    ecosg = tables.legend("ecosg")
    for code, vegtype, lcz in zip(ecosg.codes, ecosg.columns["vegtype"], ecosg.columns["lcz"], strict=True):
        assert vegtype == (str(code - 3) if 4 <= code <= 23 else "")
        assert lcz == (str(code - 23) if code >= 24 else "")


def test_every_town_and_only_towns_have_a_garden():
    ecosg = tables.legend("ecosg")
    garden = dict(zip(ecosg.codes, ecosg.columns["garden"], strict=True))
    assert {code: float(share) for code, share in garden.items() if share} == {
        24: 0.1, 25: 0.1, 26: 0.1, 27: 0.3, 28: 0.3, 29: 0.4, 30: 0.1, 31: 0.1, 32: 0.7, 33: 0.4
    }  # fmt: skip


def test_corine_levels_nest():
    level3, level2, level1 = (tables.legend(f"corine-l{level}") for level in (3, 2, 1))
    assert (len(level3), len(level2), len(level1)) == (44, 15, 5)
    assert {code // 10 for code in level3.codes} == set(level2.codes)
    assert {code // 10 for code in level2.codes} == set(level1.codes)
    names = dict(zip(level2.codes, level2.names, strict=True))
    assert all(names[code // 10] == name for code, name in zip(level3.codes, level3.columns["level2"], strict=True))


@pytest.mark.parametrize("name", tables.legend_names())
def test_a_legend_ranks_its_classes_without_a_tie_and_names_its_source(name):
    legend = tables.legend(name)
    assert sorted(legend.priority) == list(range(1, len(legend) + 1))
    assert all(legend.columns.get("source", ("x",) * len(legend)))
    assert all(row["source"] for row in tables.rows(tables.path("legends", f"{name}.csv"), ("source",)))


@pytest.mark.parametrize("pair", PAIRS)
def test_a_crosswalk_conserves_probability_and_reaches_from_every_class(pair):
    crosswalk = tables.crosswalk(*pair)
    assert np.allclose(crosswalk.weights.sum(axis=2), 1, atol=1e-6)
    assert crosswalk.weights.shape[1:] == (len(tables.legend(pair[0])), 33)


@pytest.mark.parametrize("pair", PAIRS)
def test_every_crosswalk_row_states_confidence_condition_and_source(pair):
    for row in tables.rows(tables.path("crosswalks", "--".join(pair) + ".csv"), tables.CROSSWALK_COLUMNS):
        assert row["confidence"] in {"A", "B", "C"}
        assert row["condition"] and row["reference"]


def test_local_climate_zones_1_to_10_are_the_covers_of_that_zone_whatever_the_base_says():
    crosswalk = tables.crosswalk("lcz")
    zones, covers = (legend.columns["lcz"] for legend in (crosswalk.source, crosswalk.target))
    for row, zone in enumerate(zones[:10]):
        assert (crosswalk.weights[:, row, covers.index(zone)] == 1).all()
        assert {rules[row] for rules in (*crosswalk.inherit, *crosswalk.neighbours)} == {"cover"}
    assert "".join(zones[10:]) == "ABCDEFG"


def test_natural_zones_become_towns_only_where_they_may_be_pavement():
    crosswalk = tables.crosswalk("lcz")
    town = np.array(crosswalk.target.columns["tile"]) == "TOWN"
    share = crosswalk.weights[:, 10:][:, :, town].sum(axis=2)
    np.testing.assert_array_equal(share, [[0, 0, 0, 0, 0.5, 0, 0]] * len(crosswalk.zones))


def test_the_forms_of_covers_refine_no_group_but_join_grass_with_crops():
    """A form is made of whole families; only low plants and trees cross groups (flooded grass and trees)."""
    ecosg = tables.legend("ecosg")
    family, form = ecosg.columns["family"], ecosg.columns["form"]
    assert len(set(zip(family, form, strict=True))) == len(set(family))
    joined = {one: {group for group, other in zip(ecosg.group, form, strict=True) if other == one} for one in form}
    assert {one: groups for one, groups in joined.items() if len(groups) > 1} == {
        "trees": {"trees", "flooded vegetation"},
        "low plants": {"grassland", "crops", "flooded vegetation"},
    }


def test_levels_agree_on_the_tile_of_almost_every_class():
    """Level 2 may differ from level 3 only where a level-2 class mixes tiles (town parks, airports, salines)."""
    tile = tables.legend("ecosg").columns["tile"]
    fine, coarse = tables.crosswalk("corine-l3"), tables.crosswalk("corine-l2")
    differing = [
        code
        for row, code in enumerate(fine.source.codes)
        if tile[fine.weights[0, row].argmax()] != tile[coarse.weights[0, coarse.source.index(code // 10)].argmax()]
    ]
    assert differing == [124, 422, 423]


def test_grid_codes_and_three_digit_codes_name_the_same_classes():
    legend = tables.legend("corine-l3")
    by_grid_code = tables.code_rows(legend, np.arange(0, 45))
    by_code = tables.code_rows(legend, np.array([0, *legend.codes]))
    assert by_grid_code[0] == by_code[0] == -1
    assert by_grid_code[1:].tolist() == by_code[list(legend.codes)].tolist() == list(range(44))


def test_documented_no_data_is_no_class():
    lookup = tables.code_rows(tables.legend("corine-l3"), np.array([1, 44, 48, 255]))
    assert (lookup[1], lookup[44], lookup[48], lookup[255]) == (0, 43, -1, -1)


def test_an_unknown_code_is_refused_by_name():
    with pytest.raises(TableError, match=r"\[7, 77\] are no classes of dynamicworld|\[77\]"):
        tables.code_rows(tables.legend("dynamicworld"), np.array([1, 77]))


def test_an_unknown_legend_lists_those_that_exist():
    with pytest.raises(TableError, match="corine-l3"):
        tables.legend("corine-4")


def written(tmp_path, rows):
    file = tmp_path / "crosswalks" / "dynamicworld--ecosg.csv"
    file.parent.mkdir()
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([tables.CROSSWALK_COLUMNS, *rows])


def test_a_crosswalk_that_loses_probability_is_refused(tmp_path):
    rows = [(code, "*", 17, 1, "group", "group", "c", "A", "r") for code in range(1, 9)]
    written(tmp_path, [*rows, (9, "*", 6, 0.9, "group", "group", "c", "A", "r")])
    with tables.overlaid(tmp_path), pytest.raises(TableError, match=r"class 9 .* sum to 0\.9, expected 1"):
        tables.crosswalk("dynamicworld")


def test_a_ragged_table_names_its_line(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1,2\n3\n")
    with pytest.raises(TableError, match="line 3"):
        tables.rows(file, ("a", "b"))


def test_checksums_name_every_table():
    found = tables.checksums()
    assert "legends/ecosg.csv" in found and "crosswalks/corine-l3--ecosg.csv" in found
    assert all(len(value) == 64 for value in found.values())


ANOTHER_CHOICE = {
    "corine-l3": {243, 244},
    "corine-l2": {22, 24, 31, 32, 42},
    "corine-l1": {3},
    "bigearthnet-19": {4, 7, 8, 17},
    "dynamicworld": {2},
    "worldcover": {10},
}
"""Classes whose hard cover is not the largest of their fractions in some zone: docs/crosswalk.md says why."""


@pytest.mark.parametrize("source", [pair[0] for pair in PAIRS])
def test_the_hard_cover_is_the_largest_fraction_unless_it_is_listed(source):
    hard, mixed = tables.crosswalk(source), tables.crosswalk(source, form="fractional")
    differing = set()
    for zone, weights in zip(mixed.zones, mixed.weights, strict=True):
        chosen = hard.weights[hard.zones.index(zone) if zone in hard.zones else 0]
        for code, one, shares in zip(hard.source.codes, chosen, weights, strict=True):
            if not (shares[one == one.max()] >= shares.max() - 2e-4).any():
                differing.add(code)
    assert differing == ANOTHER_CHOICE.get(source, set())


def test_a_level_2_class_becomes_what_one_of_its_level_3_classes_becomes():
    fine, coarse = tables.crosswalk("corine-l3"), tables.crosswalk("corine-l2")
    covers = dict(zip(fine.source.codes, fine.weights[0].argmax(axis=1), strict=True))
    for code, weights in zip(coarse.source.codes, coarse.weights[0], strict=True):
        assert weights.argmax() in {cover for member, cover in covers.items() if member // 10 == code}


@pytest.mark.parametrize("pair", PAIRS)
def test_the_fractions_conserve_probability(pair):
    assert np.allclose(tables.crosswalk(*pair, form="fractional").weights.sum(axis=2), 1, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in tables.table_names() if name.endswith(".fractional")])
def test_a_row_that_says_it_is_a_mean_is_the_mean_of_the_level_3_rows_it_names(name):
    level3 = tables.crosswalk("corine-l3", form="fractional")
    for row in tables.rows(tables.path("crosswalks", f"{name}.csv"), tables.CROSSWALK_COLUMNS):
        if "unweighted mean" not in row["reference"]:
            continue
        named = row["reference"].split(" rows ")[1].split(";")[0]
        at = [level3.source.index(int(code)) for code in named.split(", ")]
        zone = level3.zones.index("temperate" if row["zone"] == "*" else row["zone"])
        mean = level3.weights[zone, at, level3.target.index(int(row["target"]))].mean()
        assert float(row["weight"]) == pytest.approx(mean, abs=2e-4)


def test_bigearthnet_merges_the_classes_that_its_own_table_merges():
    legend = tables.legend("bigearthnet-19")
    lines = tables.rows(tables.path("bigearthnet.csv"), ("code", "v2"))
    merged = {name: " ".join(line["code"] for line in lines if line["v2"] == name) for name in legend.names}
    assert dict(zip(legend.names, legend.columns["corine"], strict=True)) == merged


def test_a_lucas_code_is_its_letter_and_digits():
    legend = tables.legend("lucas")
    for code, lc1 in zip(legend.codes, legend.columns["lc1"], strict=True):
        assert code == 100 * ("ABCDEFGH".index(lc1[0]) + 1) + int(lc1[1:])


def test_every_lucas_class_of_the_real_points_is_in_the_legend():
    pyogrio = pytest.importorskip("pyogrio.raw")
    file = shared("lucas_2018_czechia", "cz_lucas_points_l1_2018.shp")
    _, _, _, (found,) = pyogrio.read(file, columns=["lc1"], read_geometry=False)
    assert len(found) == 5037 and {text for text in found if text} <= set(tables.legend("lucas").columns["lc1"])


def test_worldcover_has_the_codes_and_colours_of_a_published_tile():
    with rasterio.open(shared("esa_worldcover_10m_tile", "ESA_WorldCover_10m_2021_v200_N00E006_Map.tif")) as tile:
        painted = tile.colormap(1)
    legend = tables.legend("worldcover")
    assert all(painted[code][:3] == colour for code, colour in zip(legend.codes, legend.colours, strict=True))


def test_a_crop_map_and_lucas_say_the_same_of_each_crop_but_oats():
    """EUCROPMAP numbers LUCAS B11 as 211; 230 and 240 hold B34 to B37 and B41 to B45 (its authors' own recoding)."""
    crosswalk = tables.crosswalk("lucas")
    by_lucas = dict(zip(crosswalk.source.codes, crosswalk.weights[0].argmax(axis=1) + 1, strict=True))
    merged = {230: range(234, 238), 240: range(241, 246)}
    rows = tables.rows(tables.path("crop_types.csv"), ("code", "name", "cover", "source"))
    crops = {int(row["code"]): int(row["cover"]) for row in rows if int(row["code"]) > 200}
    assert len(crops) == 17 and all("doi:10.1016/j.rse.2021.112708" in row["source"] for row in rows[3:])
    other = {code for code, cover in crops.items() if {by_lucas[one] for one in merged.get(code, [code])} != {cover}}
    assert other == {215}
    names = {int(row["code"]): row["name"] for row in rows}
    single = set(crops) - set(merged) - {232}
    assert all(names[code] == crosswalk.source.name_of(code).lower() for code in single)
