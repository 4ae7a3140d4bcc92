"""Rule R4: what water is, by connection and shape. `#` sea, `o` lake, `~` river, `w` new water, `.` land."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ecosg_update import tables
from ecosg_update.crosswalk.shape import CORNERS, SIDES, pieces
from ecosg_update.crosswalk.water import SEA_REACH_KM, Waters, as_one_water, kinds, settled
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from tests.crosswalk.test_rules import ECOSG, mixed, random_prediction

LETTERS = {"#": 1, "o": 2, "~": 3, ".": 17, "w": 2, "t": 28, "r": 3}
KM = (0.3, 0.3)
NEW = str.maketrans({"w": ".", "r": "."})


def codes(text):
    rows = text.split()
    assert len({len(row) for row in rows}) == 1
    return np.array([[LETTERS[letter] for letter in row] for row in rows], np.uint8)


def judged(now, base=None, told=False, open_rim=False):
    """The kinds of water of a drawing; the base has land where `w` or `r` is new, unless it is drawn too."""
    after = codes(now)
    before = codes(base) if base else codes(now.translate(NEW))
    outside = np.zeros(after.shape, np.bool_)
    if open_rim:
        outside[0] = outside[-1] = outside[:, 0] = outside[:, -1] = True
    return kinds(Waters(after, before, outside, KM, told))


def around_the_globe(now, base=None):
    """As `judged`, of a drawing whose last column adjoins its first."""
    after = codes(now)
    before = codes(base) if base else codes(now.translate(NEW))
    return kinds(Waters(after, before, np.zeros(after.shape, np.bool_), KM, wraps=True))


def drawn(text):
    return codes(text).tolist()


def test_new_water_by_the_sea_is_sea_and_its_islands_stay():
    now = "##ww..  ##ww..  ##w.w.  ##www."
    assert judged(now).tolist() == drawn("####..  ####..  ###.#.  #####.")


def test_the_sea_reaches_as_far_as_stated_and_no_further():
    steps = round(SEA_REACH_KM / KM[0])
    line = "#" + "w" * (steps + 8)
    found = judged(f"{'#' + '.' * (steps + 8)} {line} {'#' + '.' * (steps + 8)}")[1]
    assert (found[: steps + 1] == 1).all() and (found[steps + 1 :] != 1).all()


def test_a_dike_that_runs_across_the_lattice_holds():
    now = "##.www  ###.ww  ####.w  #####.  ######"
    assert judged(now).tolist() == drawn("##.ooo  ###.oo  ####.o  #####.  ######")


def test_no_lake_inside_the_sea():
    before = "#####  ##o##  #####  #####"
    now = "#####  ##o##  #####  ###ww"
    assert judged(now, before).tolist() == np.ones((4, 5)).tolist()


def test_no_sea_inland_though_the_evidence_says_sea():
    now = ".....  .###.  .###.  .....  ....."
    base = now.replace("#", ".")
    assert (judged(now, base)[1:3, 1:4] == 2).all()


def test_a_bay_that_new_land_cuts_off_is_a_lake_and_one_that_goes_on_outside_is_not():
    base = "######  ######  ######  ######  ######  ######"
    now = "######  ######  ######  tttttt  ######  .#####"
    found = judged(now, base)
    assert (found[:3] == 1).all() and (found[4:] == 2).all()
    assert (judged(now, base, open_rim=True)[4] == 1).all()


def test_a_river_is_long_and_thin_a_lake_is_not():
    river = "w............  .w...........  ..wwww.......  ......www....  .........wwww"
    assert set(judged(river)[codes(river) == 2].tolist()) == {3}
    lake = "......  .www..  .wwww.  ..www.  ......"
    assert set(judged(lake)[codes(lake) == 2].tolist()) == {2}


def test_shape_is_not_judged_where_water_goes_on_outside():
    now = "wwwwwwwwwwww  ............  ............"
    assert set(judged(now)[0].tolist()) == {3}
    assert set(judged(now, open_rim=True)[0].tolist()) == {2}
    assert set(judged(now.replace("w", "r"), open_rim=True)[0].tolist()) == {3}


def test_new_water_beside_the_originals_is_what_that_is():
    assert judged("~~~~~  ..w..  .....")[1, 2] == 3
    assert judged("ooooo  ..w..  .....")[1, 2] == 2
    assert judged("oo...  oowwwwwwwwww".replace("oo...", "oo.........."))[1, -1] == 2


def test_what_goes_on_from_the_sea_is_an_estuary_if_it_is_narrow():
    assert judged("#" + "w" * 14)[0].tolist() == [1] * 11 + [3] * 4
    wide = judged(" ".join(["#" + "w" * 20] * 9))
    assert (wide[:, 11:] == 2).all() and (wide[:, :11] == 1).all()


def test_a_wide_reservoir_on_a_river_is_a_lake():
    band = "~~" + "w" * 12
    now = " ".join([".." + "w" * 12] * 5 + [band] + [".." + "w" * 12] * 5)
    found = judged(now)
    assert found[5, 0] == 3 and set(found[:, 2:].ravel().tolist()) == {2}


def test_evidence_that_tells_rivers_from_lakes_is_believed():
    now = "......  .rrr..  .rrr..  ......"
    assert judged(now, told=True)[1, 1] == 3 and judged(now)[1, 1] == 2


def test_a_single_cell_does_not_move_the_coast():
    assert judged("#####  ##t##  #####", "#####  #####  #####").tolist() == np.ones((3, 5)).tolist()
    assert judged("##...  ##w..  ##...").tolist() == drawn("##...  ##...  ##...")
    assert judged("##tt#  #####  #####", "#####  #####  #####")[0, 2:4].tolist() == [28, 28]


def test_land_is_left_alone():
    random = np.random.default_rng(3)
    base = random.integers(4, 34, (7, 9)).astype(np.uint8)
    now = random.integers(4, 34, (7, 9)).astype(np.uint8)
    assert np.array_equal(kinds(Waters(now, base, np.zeros((7, 9), np.bool_), KM)), now)


def scene(seed):
    """A random sea in the west, lakes, rivers, and new water and land."""
    random = np.random.default_rng(seed)
    base = np.full((15, 17), 17, np.uint8)
    base[:, : random.integers(2, 6)] = 1
    base[random.integers(0, 15), 8:] = 3
    base[3:6, 12:15] = 2
    now = np.where(random.random(base.shape) < 0.3, np.uint8(2), base)
    return np.where(random.random(base.shape) < 0.05, np.uint8(28), now), base


def brute_sea(now, base, steps):
    """What sea reaches, by a flood of one step at a time in plain loops; for seas that no land cuts."""
    sea = {(row, col) for row, col in np.ndindex(*now.shape) if base[row, col] == 1 and now[row, col] <= 3}
    for _ in range(steps):
        for row, col in list(sea):
            for near in ((row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)):
                inside = 0 <= near[0] < now.shape[0] and 0 <= near[1] < now.shape[1]
                if inside and now[near] <= 3 and base[near] not in (2, 3):
                    sea.add(near)
    return sea


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_sea_is_what_a_flood_in_plain_loops_finds(seed):
    now, base = scene(seed)
    now = np.where(base == 1, base, now)
    found = kinds(Waters(now, base, np.zeros(base.shape, np.bool_), KM))
    expected = brute_sea(now, base, 10)
    for at in np.ndindex(*base.shape):
        if now[at] > 3 or base[at] in (2, 3):
            continue
        lone = base[at] != 1 and found[at] == base[at]
        assert (found[at] == 1) == (at in expected) or lone or _all_sea_around(found, at)


def _all_sea_around(found, at):
    rows, cols = (slice(max(0, one - 1), one + 2) for one in at)
    return bool((found[rows, cols] <= 3).all())


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.booleans())
def test_the_answer_turns_and_mirrors_with_the_map(seed, turns, mirror):
    now, base = scene(seed)

    def turned(layer):
        layer = np.rot90(layer, turns)
        return (layer[:, ::-1] if mirror else layer).copy()

    outside = np.zeros(base.shape, np.bool_)
    outside[0, :4] = True
    expected = turned(kinds(Waters(now, base, outside, KM)))
    assert np.array_equal(kinds(Waters(turned(now), turned(base), turned(outside), KM)), expected)


def test_new_water_over_the_dateline_from_the_originals_sea_is_sea():
    """Its eastern half does not touch the original's sea on the map, and is a lake where the map ends."""
    now = "ww.......####  www......####  w........####  .........####"
    assert around_the_globe(now).tolist() == drawn("##.......####  ###......####  #........####  .........####")
    assert set(judged(now)[:, :3].ravel().tolist()) == {2, 17}


def test_land_in_the_east_cuts_a_sea_off_in_the_west():
    base = "##....####  ##....####  ##....####  ......####"
    now = "##....###t  ##....###t  ##....###t  ......####"
    assert around_the_globe(now, base).tolist() == drawn("oo....###t  oo....###t  oo....###t  ......####")
    assert judged(now, base).tolist() == drawn(now)


def test_a_river_over_the_dateline_is_as_long_as_both_its_halves():
    now = "wwww........wwww  ................  ................"
    assert around_the_globe(now)[0].tolist() == [3] * 4 + [17] * 8 + [3] * 4
    assert set(judged(now)[0].tolist()) == {2, 17}


def test_water_all_around_the_globe_has_no_end():
    belt = "................ wwwwwwwwwwwwwwww ................"
    assert set(around_the_globe(belt)[1].tolist()) == {3}
    assert (around_the_globe(belt.replace(".", "#"), belt.replace(".", "#").replace("w", "."))[1] == 1).all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 16))
def test_the_answer_does_not_know_where_the_globe_is_cut(seed, turn):
    now, base = scene(seed)
    outside = np.zeros(base.shape, np.bool_)
    outside[:3, 7] = True

    def globe(by):
        return kinds(Waters(*(np.roll(layer, by, axis=1) for layer in (now, base, outside)), KM, wraps=True))

    assert np.array_equal(globe(turn), np.roll(globe(0), turn, axis=1))


def flooded(cells, over):
    """Pieces of a map around the globe, by a flood in plain loops."""
    label = np.zeros(cells.shape, int)
    for number, start in enumerate(map(tuple, np.argwhere(cells)), start=1):
        reached = [] if label[start] else [start]
        while reached:
            row, col = reached.pop()
            label[row, col] = number
            for down, across in np.argwhere(over) - 1:
                near = row + down, (col + across) % cells.shape[1]
                if 0 <= near[0] < cells.shape[0] and cells[near] and not label[near]:
                    reached.append(near)
    return label


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([SIDES, CORNERS]))
def test_pieces_of_a_map_that_wraps_are_what_a_flood_around_the_globe_finds(seed, over):
    cells = np.random.default_rng(seed).random((5, 9)) < 0.4
    label, count = pieces(cells, over, wraps=True)
    expected = flooded(cells, over)
    both = set(zip(label.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(both) == len(set(label.ravel().tolist())) == len(set(expected.ravel().tolist()))
    assert set(label.ravel().tolist()) - {0} == set(range(1, count + 1)) and not label[~cells].any()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_every_piece_of_sea_holds_sea_of_the_original_and_only_water_becomes_water(seed):
    now, base = scene(seed)
    found = kinds(Waters(now, base, np.zeros(base.shape, np.bool_), KM))
    label, count = ndimage.label(found == 1, np.ones((3, 3)))
    for piece in range(1, count + 1):
        assert (base[label == piece] == 1).any()
    changed = found != now
    lone_again_water = (base == 1) & (found == 2)  # a lone flip in a sea that other land cuts off
    assert ((now <= 3) | (found == base) | lone_again_water)[changed].all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_kinds_of_water_count_as_one_and_nothing_is_lost(seed):
    prediction = random_prediction(seed)
    base = np.random.default_rng(seed).integers(0, 5, prediction.grid.shape).astype(np.uint8)
    found = as_one_water(prediction, base).prediction
    assert np.allclose(found.values[:3].sum(axis=0), prediction.values[:3].sum(axis=0), atol=1e-6)
    assert ((found.values[:3] > 0).sum(axis=0) <= 1).all()
    assert np.array_equal(found.values[3:], prediction.values[3:])
    assert (found.values[0][base != 1] == 0).all()


def test_water_that_may_be_lake_or_river_is_water():
    grid = LatLonGrid(360, 13212, 61524, 3, 5)
    found = as_one_water(mixed({2: 0.3, 3: 0.35, 17: 0.35}), np.full(grid.shape, 17, np.uint8)).prediction
    assert found.values[2, 0, 0] == pytest.approx(0.65)


def patch_of(now, base, reason):
    grid = LatLonGrid(360, 13212, 61524, *now.shape)
    layer = np.full(now.shape, reason, np.uint8) if np.isscalar(reason) else reason
    return Patch(CoverMap(now, grid, tables.legend("ecosg")), base, layer, np.ones(now.shape, np.float32))


def test_the_policy_has_the_last_word_and_unseen_cells_keep_what_they_were():
    now, base = np.uint8([[2, 2, 2, 2]]), np.uint8([[17, 17, 2, 17]])
    reason = np.uint8([[Reason.CHANGED, Reason.CHANGED, Reason.UNCHANGED, Reason.KEPT_NO_DATA]])
    found = settled(patch_of(now, base, reason), np.uint8([[1, 3, 1, 1]]), protected=[2, 3], never_new=[1])
    assert found.cover.codes.tolist() == [[17, 3, 2, 2]]
    assert found.reason.tolist() == [
        [Reason.KEPT_PROTECTED, Reason.RULE_WATER, Reason.UNCHANGED, Reason.KEPT_NO_DATA]
    ]
    free = settled(patch_of(now, base, reason), np.uint8([[1, 3, 1, 1]]), protected=[], never_new=[])
    assert free.cover.codes.tolist() == [[1, 3, 1, 2]]


def test_ecosg_names_what_the_rule_assumes():
    assert [ECOSG.name_of(code) for code in (1, 2, 3)] == ["sea and oceans", "lakes", "rivers"]
