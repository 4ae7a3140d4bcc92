import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError, FormatError
from ecosg_update.grid import GeoGrid, projection
from ecosg_update.training import split
from ecosg_update.training.piece import Piece
from ecosg_update.training.split import Blocks, Countries, Published
from tests.conftest import shared

GEOD = pyproj.Geod(ellps="WGS84")
SHARES = {"train": 0.5, "val": 0.2, "test": 0.3}


def local(lon, lat):
    """A projection around a place."""
    return f"+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"


def piece(lon, lat, *, east_km=0.0, north_km=0.0, **known):
    """A piece of 0.8 x 1.2 km whose centre lies so far from a place, in a projection around it."""
    pixel, shape = 400.0, (2, 3)
    west, north = east_km * 1000 - pixel * shape[1] / 2, north_km * 1000 + pixel * shape[0] / 2
    grid = GeoGrid(local(lon, lat), Affine(pixel, 0, west, 0, -pixel, north), shape)
    values, labels = np.ones((1, *shape), np.float32), np.zeros(shape, np.int16)
    flat = np.ones(shape, np.bool_)
    return Piece("p", values, flat, labels, np.full(shape, np.inf, np.float32), flat, grid, "L2A", **known)


def outline(one):
    """Points on the edge of a piece: longitude, latitude."""
    west, south, east, north = one.grid.bounds
    x, y = np.linspace(west, east, 7), np.linspace(south, north, 7)
    xs = np.concatenate([x, x, np.full(7, west), np.full(7, east)])
    ys = np.concatenate([np.full(7, south), np.full(7, north), y, y])
    return projection(one.grid.crs, "EPSG:4326").transform(xs, ys)


def distance_km(one, other):
    """The least geodesic distance on the ellipsoid between the outlines, from PROJ."""
    (lon_a, lat_a), (lon_b, lat_b) = outline(one), outline(other)
    a, b = np.meshgrid(np.arange(len(lon_a)), np.arange(len(lon_b)))
    _, _, metres = GEOD.inv(lon_a[a], lat_a[a], lon_b[b], lat_b[b])
    return metres.min() / 1000


def pairs_apart(blocks, lon, lat, offsets):
    """The distances of all pairs of pieces around a place that got different splits."""
    made = [piece(lon, lat, east_km=east, north_km=north) for east, north in offsets]
    found = [(one, blocks.reached(one)) for one in made]
    placed = [(one, split) for one, split in found if len(split) == 1]
    return [
        distance_km(one, other)
        for at, (one, mine) in enumerate(placed)
        for other, yours in placed[at + 1 :]
        if mine != yours
    ]


OFFSETS = st.lists(st.tuples(st.floats(-7, 7), st.floats(-7, 7)), min_size=6, max_size=6)


@settings(max_examples=40)
@given(st.floats(-180, 180), st.floats(-72, 75), OFFSETS, st.integers(0, 5), st.sampled_from([0.5, 1.5, 2.5]))
def test_pieces_of_different_splits_keep_their_distance(lon, lat, offsets, seed, margin_km):
    assert min(pairs_apart(Blocks(6.0, margin_km, SHARES, seed), lon, lat, offsets), default=99) >= margin_km


def test_the_distance_is_put_to_the_test():
    """Places close together hold many pairs of different splits, some just beyond the margin."""
    rng = np.random.default_rng(0)
    apart = pairs_apart(Blocks(6.0, 1.5, SHARES, 1), 10, 45, rng.uniform(-7, 7, (90, 2)))
    assert len(apart) > 50 and 1.5 <= min(apart) < 2.5


@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(0, 1), st.floats(0, 1))
def test_a_box_touches_the_block_of_each_of_its_points(west, south, across, up):
    blocks = Blocks(20.0, 1.0, SHARES, 0)
    inside = west + across * 1.5, south + up * 0.7
    lon = inside[0] if inside[0] < 180 else inside[0] - 360
    assert blocks.cell(lon, inside[1]) in set(blocks.cells((west, south, west + 1.5, south + 0.7)))


@given(st.floats(-80, 80))
def test_no_block_is_narrower_than_its_side(lat):
    blocks = Blocks(20.0, 1.0, SHARES, 0)
    row, column = blocks.cell(7.0, lat)
    lons = np.linspace(-180, 180, 40_001)
    members = [lon for lon in lons[np.abs(lons - 7) < 5] if blocks.cell(lon, lat) == (row, column)]
    _, _, metres = GEOD.inv(members[0], lat, members[-1], lat)
    assert metres / 1000 >= 20 - 2 * 360 / 40_000 * 111.4 * np.cos(np.radians(lat))


def test_blocks_are_shared_out_as_asked_and_by_the_seed_alone():
    blocks, other = Blocks(20, 1, SHARES, 0), Blocks(20, 1, SHARES, 1)
    cells = [(row, column) for row in range(60) for column in range(60)]
    drawn = [blocks.split_of(cell) for cell in cells]
    for name, share in SHARES.items():
        assert abs(drawn.count(name) / len(cells) - share) < 0.03
    assert drawn == [Blocks(20, 1, SHARES, 0).split_of(cell) for cell in cells]
    assert drawn != [other.split_of(cell) for cell in cells]


def test_blocks_that_the_margin_swallows_are_refused():
    with pytest.raises(ConfigError, match="blocks of 2 km with a margin of 2 km leave nothing"):
        Blocks(2, 2, SHARES, 0)
    with pytest.raises(ConfigError, match="sum to 1"):
        Blocks(20, 1, {"train": 0.5}, 0)


@pytest.fixture(scope="module")
def europe():
    shapes, names = split.countries(
        shared("natural_earth_europe", "natural_earth_europe.gpkg"), "ne_50m_admin_0_countries", "name"
    )
    return Countries({"Portugal": "test"}, Blocks(30, 1, {"train": 1.0}, 0), 10.0, shapes, names)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((-8.0, 39.5), {"test"}),
        ((-4.0, 40.0), {"train"}),
        ((-7.03, 38.9), {"test", "train"}),
        ((-20.0, 45.0), set()),
    ],
    ids=["inland", "another country", "at the border", "at sea"],
)
def test_a_country_is_held_out_with_a_strip_along_its_border(europe, place, expected):
    assert europe.reached(piece(*place)) == expected


def test_no_training_piece_lies_near_the_country_that_is_held_out(europe):
    steps = np.arange(-60, 61, 6)
    held = [piece(-7.5, 41.9, east_km=east, north_km=north) for east in steps for north in (-9, 0, 11)]
    tests = [one for one in held if europe.reached(one) == {"test"}]
    trains = [one for one in held if europe.reached(one) == {"train"}]
    assert tests and trains
    assert min(distance_km(one, other) for one in tests for other in trains) >= 10


def test_without_borders_the_country_of_the_publisher_counts():
    rule = Countries({"Ireland": "test", "Serbia": "val"}, Blocks(30, 1, {"train": 1.0}, 0), 1.0)
    found = [rule.reached(piece(8, 50, country=name)) for name in ("Ireland", "Serbia", "Finland", "")]
    assert found == [{"test"}, {"val"}, {"train"}, set()]


def test_the_published_split_is_taken_as_it_is():
    assert [Published().reached(piece(8, 50, split=name)) for name in ("val", "")] == [{"val"}, set()]


def test_an_unknown_country_and_an_unknown_column_are_one_line(europe):
    with pytest.raises(ConfigError, match="Atlantis is no country of the file; it has Albania"):
        split.check_known(["Atlantis", "Spain"], europe.names)
    with pytest.raises(FormatError, match="has no attribute state, found"):
        split.countries(
            shared("natural_earth_europe", "natural_earth_europe.gpkg"), "ne_50m_admin_0_countries", "state"
        )
