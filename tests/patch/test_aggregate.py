"""Aggregation: laws (conservation, additivity, identity) and oracles that share none of its geometry."""

import math

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from ecosg_update.errors import GridError, TableError
from ecosg_update.grid import GEOGRAPHIC, GeoGrid, LatLonGrid, projection
from ecosg_update.layers import Prediction
from ecosg_update.legend import Legend
from ecosg_update.patch.aggregate import Mass, aggregate, aggregate_codes
from ecosg_update.patch.lattice import TOLERANCE, corners, lattice
from ecosg_update.patch.majority import majority, majority_of_codes
from tests.conftest import shared

UTM = GeoGrid("EPSG:32629", Affine(10, 0, 600000, 0, -10, 5900040), (61, 83))
SOUTH = GeoGrid("EPSG:32720", Affine(20, 0, 390000, 0, -20, 5400000), (47, 38))
LAEA = GeoGrid("EPSG:3035", Affine(100, 0, 4321000, 0, -100, 3210000), (21, 34))
DATELINE = GeoGrid("EPSG:32660", Affine(60, 0, 637000, 0, -60, 7200000), (50, 160))
ACROSS = GeoGrid("EPSG:4326", Affine(0.01, 0, 179.815, 0, -0.01, -16.003), (17, 39))
POLAR = GeoGrid("EPSG:3995", Affine(500, 0, 900000, 0, -500, 1100000), (13, 9))
GRIDS = {"utm": UTM, "south": SOUTH, "laea": LAEA, "dateline": DATELINE, "across": ACROSS, "polar": POLAR}
PER_DEGREE = (37, 360, 1800)
NEARLY_COARSE = 3400  # UTM pixels of 0.5 cells: the largest that take the kernel's short way


def legend(codes=(1, 2, 3, 5, 8)):
    count = len(codes)
    return Legend(
        "small", codes, tuple(f"class {code}" for code in codes), ((0, 0, 0),) * count, ("",) * count, codes
    )


def pixels(shape, seed=0, codes=(0, 1, 2, 3, 5, 8)):
    return np.random.default_rng(seed).choice(np.array(codes, np.uint8), shape)


def around(grid, per_degree):
    """The cells around a raster and one more on each side."""
    west, south, east, north = grid.lonlat_bounds()
    step = 1 / per_degree
    return LatLonGrid.from_bounds(per_degree, (west - step, south - step, east + step, north + step))


def masses(codes, grid, target, **options):
    mass = Mass.zero(legend(), target)
    mass.add_codes(codes, grid, **options)
    return mass


def probabilities(grid, seed=0, count=5):
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.full(count, 0.4), grid.shape).transpose(2, 0, 1).astype(np.float32)
    share = (rng.random(grid.shape) < 0.8).astype(np.float32)
    return Prediction(values * share, share, legend(), grid, "random")


def part_of(prediction, rows, cols):
    values, share = prediction.values[:, rows, cols], prediction.share[rows, cols]
    return Prediction(values, share, prediction.legend, prediction.grid.window(rows, cols), prediction.origin)


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("per_degree", PER_DEGREE)
@pytest.mark.parametrize("kernel", ["numba", "numpy"])
def test_every_valid_pixel_is_counted_once(name, per_degree, kernel):
    grid = GRIDS[name]
    codes = pixels(grid.shape)
    mass = masses(codes, grid, around(grid, per_degree), kernel=kernel)
    found = mass.values.sum(axis=(1, 2))
    assert found.tolist() == [(codes == code).sum() for code in legend().codes]


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("per_degree", PER_DEGREE)
def test_both_kernels_agree(name, per_degree):
    grid = GRIDS[name]
    codes, target = pixels(grid.shape), around(grid, per_degree)
    compiled, plain = masses(codes, grid, target), masses(codes, grid, target, kernel="numpy")
    np.testing.assert_allclose(compiled.values, plain.values, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(compiled.covered, plain.covered, rtol=1e-6, atol=1e-6)
    assert (majority(compiled.prediction("")) == majority(plain.prediction(""))).all()


def test_both_kernels_agree_where_pixels_are_nearly_as_large_as_cells():
    codes, target = pixels(UTM.shape), around(UTM, NEARLY_COARSE)
    nodes = lattice(UTM, target)
    assert nodes.is_fine and max(np.diff(nodes.u, axis=1).max(), np.diff(nodes.v, axis=0).max()) > 0.45 * nodes.step
    compiled, plain = masses(codes, UTM, target), masses(codes, UTM, target, kernel="numpy")
    np.testing.assert_allclose(compiled.values, plain.values, atol=1e-5)


def test_both_kernels_agree_on_probabilities():
    prediction, target = probabilities(UTM), around(UTM, 360)
    compiled, plain = (aggregate([prediction], target, kernel=kernel) for kernel in ("numba", "numpy"))
    np.testing.assert_allclose(compiled.values, plain.values, atol=1e-6)
    np.testing.assert_allclose(compiled.share, plain.share, atol=1e-6)


def somewhere(lon, lat, size, shape):
    """A UTM raster whose north-western corner is at (lon, lat)."""
    zone = min(60, math.floor((lon + 180) / 6) + 1)
    crs = f"EPSG:{32600 + zone if lat >= 0 else 32700 + zone}"
    x, y = projection(GEOGRAPHIC, crs).transform(lon, lat)
    return GeoGrid(crs, Affine(size, 0, x, 0, -size, y), shape)


ANYWHERE = {
    "per_degree": st.integers(1, 4000),
    "lon": st.floats(-179.9, 179.9),
    "lat": st.floats(-75, 75),
    "size": st.sampled_from([10.0, 60.0, 300.0]),
}


@given(**ANYWHERE, shape=st.tuples(st.integers(1, 9), st.integers(1, 9)))
@settings(max_examples=60)
def test_mass_is_conserved_anywhere(per_degree, lon, lat, size, shape):
    grid = somewhere(lon, lat, size, shape)
    codes = pixels(shape, codes=(1, 2, 3))
    mass = masses(codes, grid, around(grid, per_degree))
    assert mass.values.sum() == codes.size
    assert mass.values.min() >= 0
    assert mass.covered.max() <= 1 + 1e-6


@given(**ANYWHERE, shape=st.tuples(st.integers(20, 40), st.integers(20, 40)))
@settings(max_examples=40)
def test_both_kernels_agree_anywhere(per_degree, lon, lat, size, shape):
    grid = somewhere(lon, lat, size, shape)
    target = around(grid, per_degree)
    if math.prod(target.shape) > 100_000:
        return
    codes = pixels(shape)
    compiled, plain = masses(codes, grid, target), masses(codes, grid, target, kernel="numpy")
    np.testing.assert_allclose(compiled.values, plain.values, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(compiled.covered, plain.covered, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", GRIDS)
def test_parts_outside_the_target_belong_to_its_neighbours(name):
    grid = GRIDS[name]
    codes, whole = pixels(grid.shape), around(grid, 360)
    middle, centre = whole.rows // 2, whole.cols // 2
    total = masses(codes, grid, whole)
    west = LatLonGrid(360, whole.row, whole.col, whole.rows, centre)
    east = LatLonGrid(360, whole.row, (whole.col + centre) % whole.world_cols, whole.rows, whole.cols - centre)
    south = LatLonGrid(360, whole.row + middle, whole.col, whole.rows - middle, whole.cols)
    np.testing.assert_allclose(masses(codes, grid, west).values, total.values[:, :, :centre], atol=1e-6)
    np.testing.assert_allclose(masses(codes, grid, east).values, total.values[:, :, centre:], atol=1e-6)
    np.testing.assert_allclose(masses(codes, grid, south).values, total.values[:, middle:], atol=1e-6)


def test_a_raster_far_from_the_target_adds_nothing():
    mass = masses(pixels(UTM.shape), UTM, around(SOUTH, 360))
    assert not mass.values.any() and not mass.covered.any()


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kernel", ["numba", "numpy"])
def test_strips_add_up_to_the_whole(name, kernel):
    grid = GRIDS[name]
    codes, target = pixels(grid.shape), around(grid, 360)
    mass = Mass.zero(legend(), target)
    for top in range(0, grid.shape[0], 11):
        rows = slice(top, min(top + 11, grid.shape[0]))
        mass.add_codes(codes[rows], grid.window(rows, slice(0, grid.shape[1])), kernel=kernel)
    whole = masses(codes, grid, target, kernel=kernel)
    assert mass.values.sum() == whole.values.sum()
    np.testing.assert_allclose(mass.values, whole.values, atol=5e-3)  # the lattices may differ by 1e-4 cells
    assert (majority(mass.prediction("")) == majority(whole.prediction(""))).mean() > 0.99


def test_strips_of_a_scene_add_up_to_the_bit():
    grid = GeoGrid("EPSG:32633", Affine(10, 0, 300000, 0, -10, 5300040), (256, 300))
    codes, target = pixels(grid.shape), around(grid, 360)
    parts = [
        masses(codes[rows, cols], grid.window(rows, cols), target)
        for rows in (slice(0, 100), slice(100, 256))
        for cols in (slice(0, 33), slice(33, 300))
    ]
    total = parts[0].added(parts[1]).added(parts[2]).added(parts[3])
    assert (total.values == masses(codes, grid, target).values).all()


def test_strips_of_probabilities_make_the_prediction_of_the_whole():
    grid = GeoGrid("EPSG:32633", Affine(10, 0, 300000, 0, -10, 5300040), (70, 90))
    whole, target = probabilities(grid), around(grid, 360)
    strips = (part_of(whole, slice(top, min(top + 32, 70)), slice(0, 90)) for top in range(0, 70, 32))
    found, expected = aggregate(strips, target), aggregate([whole], target)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-5)
    np.testing.assert_allclose(found.share, expected.share, atol=1e-5)
    assert found.origin == "random"


def test_certain_probabilities_are_the_class_map():
    codes, target = pixels(UTM.shape), around(UTM, 360)
    share = (codes > 0).astype(np.float32)
    values = np.stack([codes == code for code in legend().codes]).astype(np.float32)
    found = aggregate([Prediction(values, share, legend(), UTM, "certain")], target)
    expected = aggregate_codes(codes, UTM, legend(), target)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-7)
    np.testing.assert_allclose(found.share, expected.share, atol=1e-7)


@pytest.mark.parametrize("grid", [LatLonGrid(360, 13212, 61524, 7, 11), LatLonGrid(360, 40000, 129596, 5, 9)])
@pytest.mark.parametrize("kernel", ["numba", "numpy"])
def test_pixels_that_are_cells_come_back(grid, kernel):
    codes = pixels(grid.shape)
    found = aggregate_codes(codes, grid.geo(), legend(), grid, kernel=kernel)
    assert (majority(found) == codes).all()
    np.testing.assert_allclose(found.share, codes > 0, atol=1e-6)


def test_shares_of_pixels_weigh():
    grid = LatLonGrid(360, 13212, 61524, 2, 2)
    values = np.zeros((5, 2, 2), np.float32)
    values[0, 0], values[1, 1] = 1, 1
    share = np.array([[1, 1], [0.25, 0.75]], np.float32)
    found = aggregate([Prediction(values, share, legend(), grid, "")], LatLonGrid(180, 6606, 30762, 1, 1))
    assert found.values[:, 0, 0] == pytest.approx([2 / 3, 1 / 3, 0, 0, 0])
    assert found.share[0, 0] == pytest.approx(0.75)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_any_number_of_threads_gives_the_same_bytes(threads):
    codes, target, prediction = pixels(UTM.shape), around(UTM, 1800), probabilities(UTM)
    one, many = masses(codes, UTM, target, threads=1), masses(codes, UTM, target, threads=threads)
    assert one.values.tobytes() == many.values.tobytes() and one.covered.tobytes() == many.covered.tobytes()
    one, many = (aggregate([prediction], target, threads=n) for n in (1, threads))
    assert one.values.tobytes() == many.values.tobytes() and one.share.tobytes() == many.share.tobytes()


def test_the_dateline_is_no_edge():
    target = around(DATELINE, 360)
    assert target.east > 180
    mass = masses(np.ones(DATELINE.shape, np.uint8), DATELINE, target)
    line, middle = round((180 - target.west) * 360), target.rows // 2
    np.testing.assert_allclose(mass.covered[middle - 2 : middle + 2, line - 8 : line + 8], 1, atol=1e-6)


def test_the_globe_as_target_closes_on_itself():
    codes = pixels(ACROSS.shape)
    mass = masses(codes, ACROSS, LatLonGrid.globe(10))
    local = masses(codes, ACROSS, around(ACROSS, 10))
    assert mass.values.sum() == (codes > 0).sum()
    assert mass.values[:, :, 0].any() and mass.values[:, :, -1].any()
    np.testing.assert_array_equal(np.unique(mass.values), np.unique(local.values))


def test_large_pixels_spread_over_many_cells():
    target = around(LAEA, 10800)
    found = aggregate_codes(pixels(LAEA.shape), LAEA, legend(), target)
    inner = found.share > 0.999
    cells_a_pixel = masses(np.full(LAEA.shape, 1, np.uint8), LAEA, target).covered.sum() / math.prod(LAEA.shape)
    assert cells_a_pixel > 50 and inner.mean() > 0.3
    centre = LatLonGrid(10800, target.row + target.rows // 2, target.col + target.cols // 2, 1, 1)
    x, y = projection(GEOGRAPHIC, LAEA.crs).transform(centre.longitudes[0], centre.latitudes[0])
    col, row = ~LAEA.transform @ (x, y)
    expected = pixels(LAEA.shape)[math.floor(row), math.floor(col)]
    assert majority(found)[target.rows // 2, target.cols // 2] == expected


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("per_degree", PER_DEGREE)
def test_corners_are_true_within_the_tolerance(name, per_degree):
    grid = GRIDS[name]
    target = around(grid, per_degree)
    nodes = lattice(grid, target)
    rows, cols = grid.shape
    u, v = corners(nodes, slice(0, rows), slice(0, cols))
    x, y = grid.transform @ np.meshgrid(np.arange(cols + 1), np.arange(rows + 1))
    lon, lat = projection(grid.crs, GEOGRAPHIC).transform(x, y)
    u_true = ((lon - target.west) * target.per_degree + 180 * per_degree) % target.world_cols - 180 * per_degree
    u_true += target.world_cols * np.round((u - u_true) / target.world_cols)
    assert np.abs(u - u_true).max() <= 1.1 * TOLERANCE
    assert np.abs(v - (target.north - lat) * per_degree).max() <= 1.1 * TOLERANCE
    assert nodes.error <= TOLERANCE


def test_the_pole_is_refused():
    grid = GeoGrid("EPSG:3995", Affine(1000, 0, -20000, 0, -1000, 20000), (40, 40))
    with pytest.raises(GridError, match="pole"):
        aggregate_codes(np.ones((40, 40), np.uint8), grid, legend(), LatLonGrid.globe(1))


def test_codes_of_another_shape_or_type_are_refused():
    target = around(UTM, 360)
    with pytest.raises(GridError, match="expected uint8 or uint16"):
        aggregate_codes(np.ones((3, 5), np.uint8), UTM, legend(), target)
    with pytest.raises(GridError, match="expected uint8 or uint16"):
        aggregate_codes(np.ones(UTM.shape, np.int16), UTM, legend(), target)


def test_masses_of_other_legends_or_grids_do_not_add():
    mass = Mass.zero(legend(), around(UTM, 360))
    with pytest.raises(TableError, match="legend"):
        Mass.zero(legend((7, 9)), around(UTM, 360)).add(probabilities(UTM))
    with pytest.raises(GridError, match="expected"):
        mass.added(Mass.zero(legend(), around(UTM, 1800)))
    with pytest.raises(GridError, match="no strip"):
        aggregate([], around(UTM, 360))


def test_a_code_beyond_the_legend_is_no_data():
    codes = np.array([[0, 311, 40000], [211, 4, 311]], np.uint16)
    forest = legend((211, 311))
    grid = LatLonGrid(360, 13212, 61524, 2, 3)
    found = aggregate_codes(codes, grid.geo(), forest, grid)
    assert majority(found).tolist() == [[0, 311, 0], [211, 0, 311]]
    assert (found.share > 0).tolist() == [[False, True, False], [True, False, True]]


def sub_pixel_masses(codes, grid, target, side=16):
    """Counts of side x side points a pixel: an oracle that knows only where a point lies."""
    rows, cols = grid.shape
    at = (np.arange(max(rows, cols) * side) + 0.5) / side
    x, y = grid.transform @ np.meshgrid(at[: cols * side], at[: rows * side])
    lon, lat = projection(grid.crs, GEOGRAPHIC).transform(x, y)
    row = np.floor((target.north - lat) * target.per_degree).astype(int)
    col = np.floor((lon - target.west) * target.per_degree).astype(int) % target.world_cols
    fine = codes.repeat(side, axis=0).repeat(side, axis=1)
    found = np.zeros((len(legend()), *target.shape))
    for index, code in enumerate(legend().codes):
        np.add.at(found[index], (row[fine == code], col[fine == code]), 1 / side**2)
    return found


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("per_degree", [360, 1800])
def test_masses_match_sub_pixel_counts(name, per_degree):
    grid = GRIDS[name]
    codes, target = pixels(grid.shape), around(grid, per_degree)
    truth = sub_pixel_masses(codes, grid, target)
    found = masses(codes, grid, target).values
    assert np.abs(found - truth).mean() < 0.015  # halves when `side` doubles
    assert np.abs(found.sum(axis=0) - truth.sum(axis=0)).max() < 0.1 * max(1, truth.sum(axis=0).max()) ** 0.5


def test_masses_match_exactextract():
    exactextract = pytest.importorskip("exactextract")
    codes, target = pixels(UTM.shape, codes=(1, 2, 3, 5, 8)), around(UTM, 1800)
    cells = [(row, col) for row in range(target.rows) for col in range(target.cols)]
    features = [{"type": "Feature", "properties": {}, "geometry": cell_polygon(target, *cell)} for cell in cells]
    xmin, ymin, xmax, ymax = UTM.bounds
    source = exactextract.raster.NumPyRasterSource(codes, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)
    tables = exactextract.exact_extract(source, features, ["unique", "frac", "count"])
    mass = masses(codes, UTM, target).values
    assert len(cells) > 100
    for (row, col), table in zip(cells, tables, strict=True):
        expected = np.zeros(len(legend()))
        shares = table["properties"]
        for code, share in zip(shares["unique"], shares["frac"], strict=True):
            expected[legend().index(int(code))] = share * shares["count"]
        np.testing.assert_allclose(mass[:, row, col], expected, atol=3e-3)  # 1e-4 cells around a cell of 25 pixels


def cell_polygon(target, row, col):
    """The outline of a cell in UTM, ten points an edge."""
    cell = LatLonGrid(target.per_degree, target.row + row, target.col + col, 1, 1)
    west, south, east, north = cell.bounds
    along = np.linspace(0, 1, 11)[:-1]
    lon = np.concatenate(
        [west + (east - west) * along, np.full(10, east), east + (west - east) * along, np.full(10, west)]
    )
    lat = np.concatenate(
        [np.full(10, south), south + (north - south) * along, np.full(10, north), north + (south - north) * along]
    )
    x, y = projection(GEOGRAPHIC, UTM.crs).transform(lon, lat)
    ring = [list(point) for point in zip(x, y, strict=True)]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


@pytest.mark.parametrize("per_degree", [360, 1800])
def test_the_majority_is_that_of_gdal_but_for_close_calls(per_degree):
    grid = GeoGrid("EPSG:32629", Affine(10, 0, 600000, 0, -10, 5900040), (300, 400))
    rng = np.random.default_rng(3)
    codes = rng.choice(np.array(legend().codes, np.uint8), (20, 27)).repeat(15, axis=0).repeat(15, axis=1)[:300, :400]
    target = around(grid, per_degree)
    theirs = np.zeros(target.shape, np.uint8)
    reproject(
        codes, theirs, src_transform=grid.transform, src_crs=grid.crs, dst_transform=target.transform,
        dst_crs=GEOGRAPHIC, src_nodata=0, dst_nodata=0, resampling=Resampling.mode,
    )  # fmt: skip
    ours = aggregate_codes(codes, grid, legend(), target)
    clear = np.sort(ours.values, axis=0)[-1] - np.sort(ours.values, axis=0)[-2] > 0.25
    full = (ours.share > 0.999) & (theirs > 0)
    assert (clear & full).sum() > 40
    assert (majority(ours) == theirs)[clear & full].mean() > 0.99


def test_the_streamed_majority_is_the_majority_of_the_prediction():
    for name, grid in GRIDS.items():
        codes, target = pixels(grid.shape), around(grid, 360)
        base = pixels(target.shape, seed=1)
        expected = majority(aggregate_codes(codes, grid, legend(), target), base)
        for kernel in ("numba", "numpy"):
            found = majority_of_codes(codes, grid, legend(), target, base=base, kernel=kernel)
            assert (found == expected).all(), (name, kernel)


@pytest.mark.parametrize("per_degree", [360, 1800])
def test_real_corine_of_guadeloupe(per_degree):
    with rasterio.open(shared("clc2018_guadeloupe_100m", "U2018_CLC2018_V2020_20u1_FR_GLP.tif")) as source:
        rows, cols = slice(200, 520), slice(300, 700)
        codes = source.read(1)[rows, cols]
        grid = GeoGrid(source.crs.to_string(), source.transform, source.shape).window(rows, cols)
    kinds = legend(tuple(range(1, 45)))
    target = around(grid, per_degree)
    mass = Mass.zero(kinds, target)
    mass.add_codes(codes, grid)
    counts = np.bincount(codes.ravel(), minlength=256)[1:45]
    assert counts.sum() > 10_000
    np.testing.assert_allclose(mass.values.sum(axis=(1, 2)), counts, rtol=0, atol=1e-9)
    found = mass.prediction("clc")
    assert found.share.max() <= 1
    lon, lat = np.meshgrid(target.longitudes, target.latitudes)
    x, y = projection(GEOGRAPHIC, grid.crs).transform(lon, lat)
    col, row = (np.floor(part).astype(int) for part in ~grid.transform @ (x, y))
    inside = (row >= 0) & (row < grid.shape[0]) & (col >= 0) & (col < grid.shape[1]) & (found.share > 0.999)
    inside &= found.values.max(axis=0) > 0.99
    same = majority(found)[inside] == codes[row[inside], col[inside]]
    assert same.mean() == 1
