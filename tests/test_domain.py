"""A model's cells lie where PGD, PROJ and pysurfex have them, and its box holds them all."""

import json
import math

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.domain import RADIUS, ConfProj, Domain
from ecosg_update.errors import GridError
from ecosg_update.grid import LatLonGrid
from tests.conftest import shared

PLACES = {
    "Lambert, north": Domain("a", 7, 5, 5e3, 4e3, -8.0, 53.0, ConfProj(5.0, 53.5, math.sin(math.radians(53.5)))),
    "Lambert, south": Domain("b", 5, 9, 9e3, 9e3, 147.0, -42.0, ConfProj(150.0, -40.0, math.sin(math.radians(-40)))),
    "Lambert, another cone": Domain("c", 6, 5, 8e3, 8e3, 12.0, 47.0, ConfProj(10.0, 44.0, 0.7)),
    "Lambert, turned": Domain("d", 6, 5, 8e3, 8e3, 12.0, 47.0, ConfProj(10.0, 46.0, math.sin(0.8), beta=17.0)),
    "stereographic, north": Domain("e", 9, 7, 2e4, 2e4, 20.0, 78.0, ConfProj(0.0, 90.0, 1.0)),
    "stereographic, south": Domain("f", 9, 7, 2e4, 2e4, -60.0, -75.0, ConfProj(30.0, -71.0, -1.0)),
    "Mercator": Domain("g", 9, 7, 1e4, 1e4, -61.5, 16.2, ConfProj(-61.0, 15.0, 0.0)),
    "Mercator, turned": Domain("h", 9, 7, 1e4, 1e4, -61.5, 16.2, ConfProj(-61.0, 0.0, 0.0, beta=-25.0)),
    "dateline from the west": Domain("i", 8, 5, 2e4, 2e4, 179.6, 52.0, ConfProj(-178.0, 52.0, math.sin(0.9))),
    "dateline from the east": Domain("j", 8, 5, 2e4, 2e4, -179.9, -17.0, ConfProj(178.0, 0.0, 0.0)),
    "north pole": Domain("k", 9, 7, 3e4, 3e4, 40.0, 89.5, ConfProj(-40.0, 90.0, 1.0)),
    "south pole, turned": Domain("l", 7, 9, 3e4, 3e4, -170.0, -89.9, ConfProj(0.0, -71.0, -1.0, beta=33.0)),
    "LONLAT REG": Domain("m", 9, 5, 0.1, 0.25, -8.0, 53.0, None),
    "LONLAT REG, dateline": Domain("n", 9, 5, 0.1, 0.25, 179.8, 53.0, None),
}
every_place = pytest.mark.parametrize("domain", PLACES.values(), ids=PLACES)


@st.composite
def domains(draw):
    """Any small domain: both hemispheres, all projections, longitudes and their origin on any branch."""
    nx, ny = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    size = draw(st.floats(500, 40_000))
    north = draw(st.sampled_from([1, -1]))
    loncen, latcen = draw(st.floats(-180, 180)), north * draw(st.floats(15, 80))
    lon0 = loncen + draw(st.floats(-80, 80)) + draw(st.sampled_from([-360, 0, 360]))
    lat0 = latcen + draw(st.floats(-10, 10))
    kind = draw(st.sampled_from(["tangent", "other cone", "stereographic", "Mercator", "lonlat"]))
    rpk = {"tangent": math.sin(math.radians(lat0)), "other cone": north * 0.6, "stereographic": north, "Mercator": 0}
    if kind == "lonlat":
        return Domain("any", nx, ny, size / 1e5, size / 2e5, loncen, latcen, None)
    cone = ConfProj(lon0, lat0, float(rpk[kind]), beta=draw(st.floats(-40, 40)))
    return Domain("any", nx, ny, size, size * draw(st.floats(0.5, 2)), loncen, latcen, cone)


def cells(domain, *, each=2, margin=0.0):
    """Places all over a domain and its margin, in cells: corners, edges and `each` places a cell."""
    x = np.linspace(-margin, domain.nx + margin, each * domain.nx + 7)
    y = np.linspace(-margin, domain.ny + margin, each * domain.ny + 7)
    return np.meshgrid(x, y)


@given(domains())
def test_a_place_on_the_globe_comes_back_to_its_cell(domain):
    x, y = cells(domain, margin=2)
    back_x, back_y = domain.position(*domain.lonlat(x, y))
    np.testing.assert_allclose(back_x, x, rtol=0, atol=1e-6)
    np.testing.assert_allclose(back_y, y, rtol=0, atol=1e-6)


@every_place
def test_a_place_on_the_globe_comes_back_to_its_cell_everywhere(domain):
    x, y = cells(domain, margin=2)
    back_x, back_y = domain.position(*domain.lonlat(x, y))
    np.testing.assert_allclose([back_x, back_y], [x, y], rtol=0, atol=1e-6)


@given(domains())
def test_the_middle_is_where_the_namelist_has_it(domain):
    lon, lat = domain.lonlat(domain.nx / 2, domain.ny / 2)
    assert (float(lon), float(lat)) == pytest.approx((domain.loncen, domain.latcen), abs=1e-9)


@given(domains(), st.sampled_from([-360, 360, 720]))
def test_turns_around_the_globe_change_no_cell(domain, turn):
    lon, lat = domain.lonlat(*cells(domain))
    np.testing.assert_allclose(domain.position(lon + turn, lat), cells(domain), rtol=0, atol=1e-6)


@every_place
def test_each_centre_lies_in_its_own_cell_and_beyond_is_none(domain):
    numbers = domain.index(*domain.centres())
    assert np.array_equal(numbers, np.arange(domain.cells).reshape(domain.shape))
    outside = [(-0.5, 1), (domain.nx + 0.5, 1), (1, -0.5), (1, domain.ny + 0.5)]
    assert (domain.index(*domain.lonlat(*np.transpose(outside))) == -1).all()


PROJ = {
    "Lambert, north": "+proj=lcc +lat_1=53.5 +lat_0=53.5 +lon_0=5",
    "Lambert, south": "+proj=lcc +lat_1=-40 +lat_0=-40 +lon_0=150",
    "stereographic, north": "+proj=stere +lat_0=90 +lat_ts=90 +lon_0=0",
    "stereographic, south": "+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=30",
    "Mercator": "+proj=merc +lat_ts=15 +lon_0=-61",
    "dateline from the west": f"+proj=lcc +lat_1={math.degrees(0.9)} +lat_0=52 +lon_0=-178",
    "dateline from the east": "+proj=merc +lat_ts=0 +lon_0=178",
    "north pole": "+proj=stere +lat_0=90 +lat_ts=90 +lon_0=-40",
}


def by_proj(domain, definition, turned=0.0):
    """(longitude, latitude) of a domain's places by PROJ, from the middle outward; turned: XBETA, degrees."""
    proj = pyproj.Proj(f"{definition} +R={RADIUS}")
    x, y = cells(domain)
    east, north = (x - domain.nx / 2) * domain.dx, (y - domain.ny / 2) * domain.dy
    cos, sin = math.cos(math.radians(turned)), math.sin(math.radians(turned))
    x0, y0 = proj(domain.loncen, domain.latcen)
    scale = proj.get_factors(domain.projection.lon0, domain.projection.lat0).meridional_scale
    if abs(domain.projection.lat0) == 90:
        scale = 1.0
    return proj(x0 + (east * cos - north * sin) * scale, y0 + (east * sin + north * cos) * scale, inverse=True)


def assert_same_places(domain, lon, lat):
    own_lon, own_lat = domain.lonlat(*cells(domain))
    np.testing.assert_allclose(own_lat, lat, rtol=0, atol=1e-9)
    np.testing.assert_allclose(own_lon, domain.near(lon), rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", PROJ)
def test_proj_has_every_place_where_we_have_it(name):
    assert_same_places(PLACES[name], *by_proj(PLACES[name], PROJ[name]))


def test_a_turned_grid_is_the_straight_one_turned_in_the_plane():
    lambert = f"+proj=lcc +lat_1={math.degrees(0.8)} +lat_0=46 +lon_0=10"
    assert_same_places(PLACES["Lambert, turned"], *by_proj(PLACES["Lambert, turned"], lambert, 17.0))
    mercator = PLACES["Mercator, turned"]
    assert_same_places(mercator, *by_proj(mercator, "+proj=merc +lat_ts=0 +lon_0=-61", -25.0))


def test_a_cone_of_another_constant_is_true_to_scale_at_lat0():
    cone = f"+proj=lcc +lat_1={math.degrees(math.asin(0.7))} +lat_0=44 +lon_0=10"
    assert_same_places(PLACES["Lambert, another cone"], *by_proj(PLACES["Lambert, another cone"], cone))


def reference():
    """The cases that the real PGD computed, each with the domain of its namelist."""
    folder = shared("pgd_reference")
    for case in json.loads((folder / "cases.json").read_text()):
        grid = case["grid"]
        cone = ConfProj(grid["lon0"], grid["lat0"], math.sin(math.radians(grid["lat0"])))
        size = (grid["nx"], grid["ny"], grid["dx"], grid["dy"], grid["loncen"], grid["latcen"])
        yield Domain(case["case"], *size, cone), np.load(folder / f"{case['case']}.npz")


def test_centres_are_those_of_the_real_pgd():
    cases = list(reference())
    assert len(cases) >= 7
    for domain, found in cases:
        lon, lat = domain.centres()
        np.testing.assert_allclose(lon.ravel(), found["lon"], rtol=0, atol=1e-12)
        np.testing.assert_allclose(lat.ravel(), found["lat"], rtol=0, atol=1e-12)


def within(box, lon, lat, slack=2e-5):
    """Whether places lie in a box that may cross the dateline; slack: 2 m, degrees."""
    west, south, east, north = box
    width = (east - west) % 360 or 360
    slack_lon = slack / np.cos(np.radians(np.minimum(np.abs(lat), 89)))
    beyond = (lon - west + slack_lon) % 360
    return (beyond <= width + 2 * slack_lon) & (lat >= south - slack) & (lat <= north + slack)


@given(domains(), st.floats(0, 3))
def test_the_box_holds_every_cell_and_its_margin(domain, margin):
    lon, lat = domain.lonlat(*cells(domain, each=3, margin=margin))
    assert within(domain.box(margin), lon, lat).all()


@every_place
def test_the_box_holds_every_cell_everywhere(domain):
    lon, lat = domain.lonlat(*cells(domain, each=10))
    assert within(domain.box(), lon, lat).all()


@given(domains())
def test_the_box_is_tight(domain):
    west, south, east, north = domain.box()
    lon, lat = domain.lonlat(*cells(domain, each=4))
    reach = 0.01 * max(domain.extent) / RADIUS * 180 / math.pi / math.cos(math.radians(np.abs(lat).max()))
    assert lat.min() - south < reach and north - lat.max() < reach
    assert (east - west) % 360 < lon.max() - lon.min() + 2 * reach


@every_place
def test_a_box_is_one_that_a_map_can_have(domain):
    west, south, east, north = domain.box(2)
    assert -180 <= west < 180 and -180 < east <= 180 and -90 <= south < north <= 90
    assert LatLonGrid.from_bounds(60, (west, south, east, north)).rows > 0


@every_place
def test_every_pixel_of_the_domain_is_in_the_map_of_its_box(domain):
    """The law that PGD needs: no model cell is filled by smearing for want of map."""
    inner = LatLonGrid.from_bounds(20, domain.box())
    outer = inner.grown(7)
    lon, lat = np.meshgrid(outer.longitudes, outer.latitudes)
    rows, cols = np.nonzero(domain.index(lon, lat) >= 0)
    assert rows.size > 5
    for row, col in zip(outer.row + rows, (outer.col + cols) % outer.world_cols, strict=True):
        assert inner.contains(LatLonGrid(20, int(row), int(col), 1, 1))


def test_around_a_pole_the_box_has_all_longitudes():
    assert PLACES["north pole"].box()[::2] == (-180.0, 180.0) and PLACES["north pole"].box()[3] == 90.0
    assert PLACES["south pole, turned"].box()[::2] == (-180.0, 180.0)
    assert PLACES["south pole, turned"].box()[1] == -90.0


def test_across_the_dateline_west_is_greater_than_east():
    for name in ("dateline from the west", "dateline from the east", "LONLAT REG, dateline"):
        west, _, east, _ = PLACES[name].box()
        assert west > 170 and east < -170


def test_the_globe_has_the_box_of_the_globe():
    globe = Domain("globe", 36, 18, 10.0, 10.0, 0.0, 0.0, None)
    assert globe.box() == globe.box(2) == (-180.0, -90.0, 180.0, 90.0)


def test_the_extent_of_a_lonlat_grid_is_measured_along_its_middle():
    west_east, south_north = Domain("x", 2, 4, 0.5, 0.25, 0.0, 60.0, None).extent
    geod = pyproj.Geod(f"+a={RADIUS} +b={RADIUS}")
    assert west_east == pytest.approx(geod.line_length([-0.5, 0, 0.5], [60, 60, 60]), rel=1e-4)
    assert south_north == pytest.approx(geod.line_length([0, 0], [59.5, 60.5]))


LAMBERT = ConfProj(0.0, 50.0, math.sin(math.radians(50)))


@pytest.mark.parametrize(
    "changes",
    [
        {"nx": 0},
        {"ny": -3},
        {"dx": 0.0},
        {"dy": -2500.0},
        {"dx": math.nan},
        {"loncen": math.inf},
        {"latcen": 91.0},
        {"latcen": -90.0},
        {"nx": 100_000},
        {"projection": ConfProj(0.0, 0.0, 0.0), "latcen": 90.0},
        {"projection": None},
        {"projection": None, "dx": 0.1, "dy": 0.1, "latcen": 88.0, "ny": 41},
    ],
)
def test_a_domain_that_cannot_exist_is_refused_by_name(changes):
    fine = {"nx": 3, "ny": 5, "dx": 2500.0, "dy": 2500.0, "loncen": 0.0, "latcen": 50.0, "projection": LAMBERT}
    Domain("fine", **fine)
    with pytest.raises(GridError, match="domain bad: ") as caught:
        Domain("bad", **{**fine, **changes})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("changes", [{"rpk": 1.1}, {"lat0": 95.0}, {"lon0": math.nan}, {"beta": math.inf}])
def test_a_projection_that_cannot_exist_is_refused(changes):
    with pytest.raises(GridError, match="is no projection"):
        ConfProj(**{"lon0": 0.0, "lat0": 50.0, "rpk": 0.7, **changes})


def test_a_grid_of_longitudes_has_no_projection():
    with pytest.raises(GridError, match="no projection"):
        _ = PLACES["LONLAT REG"].oriented
