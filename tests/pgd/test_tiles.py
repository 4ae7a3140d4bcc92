"""Tiles and vegetation types follow SURFEX's tables, garden and all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.fractions import TILES
from ecosg_update.pgd.tiles import Arrangement, garden_vegetation, tiles, vegtypes

GARDENS = [0.1, 0.1, 0.1, 0.3, 0.3, 0.4, 0.1, 0.1, 0.7, 0.4]
"""Of LCZ 1 to 10, as PGD's own FRAC_TOWN shows them."""

GRASS_BARE_TREES = [(0, 0, 1)] * 3 + [(0.4, 0.2, 0.4)] * 3 + [(0.5, 0.5, 0)] * 2 + [(0.5, 0.2, 0.3), (0.4, 0.6, 0)]
ARRANGEMENTS = [Arrangement(), Arrangement(lgarden=True), Arrangement(ltown_to_rock=True), Arrangement(True, True)]
SEA, NATURE, WATER, TOWN = range(4)


@st.composite
def covers(draw):
    parts = np.zeros((33, 2, 3))
    for _ in range(draw(st.integers(1, 5))):
        parts[draw(st.integers(0, 32))] += draw(st.floats(0.01, 1))
    return parts / parts.sum(axis=0)


@given(covers(), st.sampled_from(ARRANGEMENTS))
def test_tiles_sum_to_one_and_vegetation_types_to_one_of_nature(cover, arrangement):
    tile, vegtype = tiles(cover, arrangement), vegtypes(cover, arrangement)
    np.testing.assert_allclose(tile.sum(axis=0), 1)
    nature = tile[NATURE] > 0
    np.testing.assert_allclose(vegtype.sum(axis=0)[nature], 1)
    assert np.isnan(vegtype[:, ~nature]).all() and (tile >= 0).all()


@given(covers())
def test_a_town_that_is_rock_is_nature_and_leaves_the_rest_alone(cover):
    towns, rock = tiles(cover, Arrangement()), tiles(cover, Arrangement(ltown_to_rock=True))
    np.testing.assert_allclose(rock[NATURE], towns[NATURE] + towns[TOWN])
    np.testing.assert_array_equal(rock[[SEA, WATER]], towns[[SEA, WATER]])
    assert not rock[TOWN].any()


def alone(cover):
    parts = np.zeros(33)
    parts[cover - 1] = 1
    return parts


@pytest.mark.parametrize(("cover", "tile"), [(1, SEA), (2, WATER), (3, WATER), *((c, NATURE) for c in range(4, 24))])
def test_a_cover_without_a_town_is_one_tile(cover, tile):
    for arrangement in ARRANGEMENTS:
        found = tiles(alone(cover), arrangement)
        assert found[tile] == 1 and found.sum() == 1
        if tile == NATURE:
            assert vegtypes(alone(cover), arrangement).tolist() == [float(n == cover - 4) for n in range(20)]


@pytest.mark.parametrize("lcz", range(1, 11))
def test_the_garden_of_a_town_goes_to_nature(lcz):
    cover, garden, (grass, bare, trees) = alone(23 + lcz), GARDENS[lcz - 1], GRASS_BARE_TREES[lcz - 1]
    assert tiles(cover, Arrangement()) == pytest.approx([0, garden, 0, 1 - garden])
    vegetation = {13: grass, 0: bare, 4: trees}
    assert vegtypes(cover, Arrangement()) == pytest.approx([vegetation.get(row, 0) for row in range(20)])
    assert tiles(cover, Arrangement(lgarden=True)) == pytest.approx([0, 0, 0, 1])
    rocky = {row: share * garden for row, share in vegetation.items()} | {1: 1 - garden}
    assert vegtypes(cover, Arrangement(ltown_to_rock=True)) == pytest.approx([rocky.get(row, 0) for row in range(20)])


def test_the_order_of_the_tiles_is_that_of_pgd():
    assert TILES == ("SEA", "NATURE", "WATER", "TOWN")


def test_every_row_of_the_garden_names_its_source():
    assert all(row["source"] for row in tables.rows(tables.path("garden.csv"), ("lcz", "vegtype", "share", "source")))


def test_a_garden_that_does_not_add_up_is_refused(tmp_path, monkeypatch):
    text = tables.path("garden.csv").read_text().replace("9,5,0.3", "9,5,0.2")
    (tmp_path / "garden.csv").write_text(text)
    tables.legend("ecosg")
    monkeypatch.setattr(tables, "path", tmp_path.joinpath)
    with pytest.raises(TableError, match=r"garden.csv: the shares of LCZ 9 do not sum to 1"):
        garden_vegetation()
