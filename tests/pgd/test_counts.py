"""Each pixel counts once, in the cell of its centre, as PGD counts it."""

import math
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.domain import Domain
from ecosg_update.errors import FormatError
from ecosg_update.formats.pixels import pixels
from ecosg_update.pgd import counts as module
from ecosg_update.pgd.counts import counts
from tests.oracle_surfex import surfex
from tests.pgd.cases import NAMES, domains, reference, tangent, written

RADIUS = 6371229.0


def plainly(stem, domain):
    """The slow way: every pixel by itself, with the textbook's tangent cone and the oracle's header."""
    header = surfex(stem.with_suffix(".hdr"))
    codes = header.covers(stem.with_suffix(".dir"))
    cone, found = domain.projection, np.zeros((domain.cells, 34), int)
    x0, y0 = cone_xy(cone, domain.loncen, domain.latcen)
    for lat, row in zip(header.lats, codes, strict=True):
        for lon, code in zip(header.lons, row, strict=True):
            x, y = cone_xy(cone, lon + 360 * round((domain.loncen - lon) / 360), lat)
            x, y = (x - x0) / domain.dx + domain.nx / 2, (y - y0) / domain.dy + domain.ny / 2
            assert min(abs(x - round(x)), abs(y - round(y))) > 1e-9, "choose another map: a pixel is on a limit"
            if 0 <= x < domain.nx and 0 <= y < domain.ny:
                found[int(y) * domain.nx + int(x), 0 if code == header.nodata else code] += 1
    return found


def cone_xy(cone, lon, lat):
    """Snyder's formulas 15-1 to 15-4 on the sphere, from the pole of the cone."""
    k, phi0, phi = cone.rpk, math.radians(cone.lat0), math.radians(lat)
    turn = (math.tan(math.pi / 4 + phi0 / 2) / math.tan(math.pi / 4 + phi / 2)) ** k
    rho = RADIUS * math.cos(phi0) / math.tan(phi0) / math.cos(phi0) * turn
    return rho * math.sin(k * math.radians(lon - cone.lon0)), -rho * math.cos(k * math.radians(lon - cone.lon0))


def by_index(stem, domain):
    """Every pixel by `Domain.index`, in one sweep, less those that a `LONLAT REG` grid of PGD loses."""
    source = pixels(stem)
    codes = np.fromfile(source.path, np.uint8)[: source.rows * source.cols]
    lon = source.longitudes
    cell = domain.index(lon[None, :], source.latitudes[:, None])
    if domain.projection is None:
        cell[:, (domain.near(lon) != lon) & (abs(lon - domain.loncen) < 360)] = -1
    cell, found = cell.ravel(), np.zeros((domain.cells, 34), np.int64)
    np.add.at(found, (cell[cell >= 0], codes[cell >= 0]), 1)
    return found


def both(stem, domain):
    """Counts pixel by pixel and run by run, which must be the same."""
    found = []
    for longest in (math.inf, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "LONG_RUN", longest)
            found.append(counts(pixels(stem), domain))
    np.testing.assert_array_equal(*found)
    return found[0]


def noise(shape, seed=0, top=34):
    return np.random.default_rng(seed).integers(0, top, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    "domain",
    [
        tangent("Ireland", 5, 3, 2500.0, -8.123, 53.0123),
        tangent("far from lon0", 4, 5, 1700.0, -8.123, 53.0123, lon0=5.0, lat0=49.0),
        tangent("south", 3, 4, 3300.0, 151.234, -33.4321),
        tangent("dateline", 6, 3, 2100.0, 179.99, 66.0101),
    ],
    ids=lambda domain: domain.name,
)
def test_every_pixel_is_where_the_textbook_puts_it(tmp_path, domain):
    north, west = domain.latcen + 0.081, domain.loncen - 0.123
    stem = written(
        tmp_path, noise((41, 67)), f"{north:.7f}", f"{north - 0.1567:.7f}", f"{west:.7f}", f"{west + 0.25:.7f}"
    )
    found = both(stem, domain)
    np.testing.assert_array_equal(found, plainly(stem, domain))
    assert found.sum() > 0


@pytest.mark.parametrize("name", NAMES)
def test_the_maps_of_the_reference_are_counted_as_one_by_one(name):
    case = reference(name)
    np.testing.assert_array_equal(both(case.stem, case.domain), by_index(case.stem, case.domain))


@settings(max_examples=80)
@given(domains(), st.data())
def test_no_pixel_is_in_another_cell_than_domain_index_says(tmp_path_factory, domain, data):
    west, south, east, north = domain.box(1.0)
    width, height = (east - west) % 360 or 360, north - south
    if domain.projection is None:
        west = domain.loncen - width / 2
    parts = [data.draw(st.floats(-0.4, 0.4)) for _ in range(4)]
    rows, cols = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 90))
    top, bottom = min(90.0, north + parts[0] * height), max(-90.0, south + parts[1] * height)
    left, right = west + parts[2] * width, west + width * (1 + parts[3])
    stem = written(tmp_path_factory.mktemp("map"), noise((rows, cols)), top, bottom, left, min(right, left + 360))
    np.testing.assert_array_equal(both(stem, domain), by_index(stem, domain))


@settings(max_examples=40)
@given(domains())
def test_a_map_of_the_globe_is_counted_in_every_projection(globe, domain):
    np.testing.assert_array_equal(both(globe, domain), by_index(globe, domain))


@pytest.fixture(scope="module")
def globe(tmp_path_factory):
    return written(tmp_path_factory.mktemp("globe"), noise((450, 900)), 90, -90, -180, 180)


def test_all_pixels_of_a_map_inside_the_domain_are_counted(tmp_path):
    domain = tangent("wide", 9, 7, 5000.0, 12.0, 45.0)
    stem = written(tmp_path, noise((33, 57)), 45.1, 44.95, 11.9, 12.15)
    assert counts(pixels(stem), domain).sum() == 33 * 57


def test_threads_and_blocks_do_not_change_a_count(tmp_path, monkeypatch):
    domain = tangent("wide", 9, 7, 2000.0, 12.0, 45.0)
    stem = written(tmp_path, noise((101, 203)), 45.1, 44.9, 11.8, 12.25)
    one = counts(pixels(stem), domain, threads=1)
    monkeypatch.setattr(module, "BLOCK", 500)
    np.testing.assert_array_equal(counts(pixels(stem), domain, threads=3), one)


def test_a_run_of_one_class_and_single_pixels_are_counted_alike(tmp_path):
    codes = np.full((50, 200), 7, np.uint8)
    codes[::3, 5::17], codes[:, 100:133] = 0, 33
    stem = written(tmp_path, codes, 45.1, 44.9, 11.8, 12.25)
    domain = tangent("coarse", 3, 3, 8000.0, 12.0, 45.0)
    np.testing.assert_array_equal(both(stem, domain), by_index(stem, domain))


@pytest.mark.parametrize(("nodata", "hidden"), [(0, 0), (255, 255), (1, 1), (17, 17), ("-999", None), (0.4, None)])
def test_nodata_is_what_the_header_says_even_where_it_hides_a_class(tmp_path, nodata, hidden):
    codes = noise((20, 30), top=33) + 1
    if hidden in (0, 255):
        codes[4:9, 3:20] = hidden
    domain = tangent("all", 1, 1, 100_000.0, 12.0, 45.0)
    (found,) = counts(pixels(written(tmp_path, codes, 45.1, 44.9, 11.8, 12.25, nodata=nodata)), domain)
    assert found[0] == (codes == hidden).sum() if hidden is not None else found[0] == 0
    assert found[1:].sum() == codes.size - found[0]


@pytest.mark.parametrize(("byte", "nodata"), [(34, 0), (255, 0), (0, 255), (0, -999)])
def test_a_byte_outside_the_classes_is_refused_where_pgd_would_see_it(tmp_path, byte, nodata):
    codes = np.full((20, 30), 5, np.uint8)
    domain = tangent("part", 2, 2, 3000.0, 12.0, 45.0)
    codes[0, 0] = byte
    stem = written(tmp_path, codes, 45.1, 44.9, 11.8, 12.25, nodata=nodata)
    assert counts(pixels(stem), domain)[:, 5].sum() > 0, "outside the domain PGD drops the pixel before it looks"
    codes[10, 14] = byte
    with pytest.raises(FormatError, match="1 pixels of the domain are neither nodata"):
        counts(pixels(written(tmp_path, codes, 45.1, 44.9, 11.8, 12.25, nodata=nodata)), domain)


def test_west_may_be_counted_from_0_or_from_minus_180_on_a_projection(tmp_path):
    codes, domain = noise((40, 60)), tangent("Ireland", 6, 5, 2500.0, -8.5, 53.0)
    one = written(tmp_path, codes, 53.2, 52.8, -9, -8, name="minus")
    other = written(tmp_path, codes, 53.2, 52.8, 351, 352, name="plus")
    np.testing.assert_array_equal(counts(pixels(one), domain), counts(pixels(other), domain))


def test_a_regular_grid_loses_half_of_a_map_counted_from_0_as_pgd_does(tmp_path):
    codes, domain = noise((40, 60), top=33) + 1, Domain("degrees", 10, 4, 0.1, 0.1, -8.5, 53.0, None)
    one = written(tmp_path, codes, 53.2, 52.8, -9, -8, name="minus")
    other = written(tmp_path, codes, 53.2, 52.8, 351, 352, name="plus")
    whole, half = (counts(pixels(stem), domain).reshape(4, 10, 34) for stem in (one, other))
    np.testing.assert_array_equal(half[:, 5:], whole[:, 5:])
    assert whole.sum() == codes.size and half[:, :5].sum() == 0


def test_rounded_edges_move_pixels_over_the_limits_of_cells_as_in_pgd(tmp_path):
    codes = noise((120, 180), top=33) + 1
    edges = [52 + 1 / 7, 52 + 1 / 7 - 1 / 3, 7 + 1 / 9, 7 + 1 / 9 + 1 / 2]
    exact = written(tmp_path, codes, *(f"{edge:.10f}" for edge in edges), name="exact")
    rounded = written(tmp_path, codes, *(f"{edge:.3f}" for edge in edges), name="rounded")
    domain = tangent("Muenster", 11, 9, 2500.0, 7.36, 51.98)
    assert (counts(pixels(exact), domain) != counts(pixels(rounded), domain)).any()
    np.testing.assert_array_equal(counts(pixels(rounded), domain), plainly(rounded, domain))


def test_a_domain_beside_the_map_has_no_pixels(tmp_path):
    stem = written(tmp_path, noise((40, 60)), 53.2, 52.8, -9, -8)
    for domain in (tangent("east", 3, 3, 2500.0, 20.0, 53.0), tangent("south", 3, 3, 2500.0, -8.5, -53.0)):
        assert counts(pixels(stem), domain).sum() == 0


def test_progress_is_told_to_the_end(tmp_path):
    told = []
    stem = written(tmp_path, noise((40, 60)), 53.2, 52.8, -9, -8)
    counts(pixels(stem), tangent("x", 3, 20, 500.0, -8.5, 53.0), progress=lambda *step: told.append(step))
    assert told[-1][1] == told[-1][2] and [done for _, done, _ in told] == list(range(1, len(told) + 1))


def test_a_map_that_is_cut_off_while_it_is_read_is_an_error(tmp_path):
    stem = written(tmp_path, noise((40, 60)), 53.2, 52.8, -9, -8)
    source = pixels(stem)
    with stem.with_suffix(".dir").open("r+b") as file:
        file.truncate(1500)
    with pytest.raises(FormatError, match=r"ends at byte 1,5\d\d, it was longer"):
        counts(source, tangent("x", 9, 9, 2500.0, -8.5, 53.0))


def sparse(stem, per_degree, codes, top, left):
    """A map of the globe that is a hole but for one window."""
    rows, cols = 180 * per_degree, 360 * per_degree
    written(stem.parent, np.zeros((1, 1)), 90, -90, -180, 180, name=stem.name)
    header = stem.with_suffix(".hdr")
    header.write_text(header.read_text().replace("rows: 1", f"rows: {rows}").replace("cols: 1", f"cols: {cols}"))
    with stem.with_suffix(".dir").open("wb") as file:
        file.truncate(rows * cols)
        for number, row in enumerate(codes):
            file.seek((top + number) * cols + left)
            file.write(row.tobytes())
    return stem


def window_counts(tmp_path, per_degree, domain, side=0.4):
    """Counts of a window of a global sparse map, and of the same window as a map of its own."""
    size = round(side * per_degree)
    top, left = (
        round((90 - domain.latcen - side / 2) * per_degree),
        round((domain.loncen + 180 - side / 2) * per_degree),
    )
    codes = noise((size, size))
    globe = sparse(tmp_path / f"globe{per_degree}", per_degree, codes, top, left)
    north, west = 90 - top / per_degree, left / per_degree - 180
    edges = (f"{edge:.12f}" for edge in (north, north - size / per_degree, west, west + size / per_degree))
    return globe, counts(pixels(globe), domain), counts(pixels(written(tmp_path, codes, *edges)), domain)


@pytest.mark.parametrize("per_degree", [360, 1800])
def test_a_window_of_the_global_map_counts_like_a_map_of_its_own_and_quickly(tmp_path, per_degree):
    domain = tangent("Ireland", 8, 9, 2500.0, -8.123, 53.0123)
    start = time.perf_counter()
    globe, of_globe, alone = window_counts(tmp_path, per_degree, domain)
    assert time.perf_counter() - start < 20
    np.testing.assert_array_equal(of_globe[:, 1:], alone[:, 1:])
    assert of_globe[:, 1:].sum() > 1000
    assert globe.with_suffix(".dir").stat().st_blocks * 512 < 2**23


def test_memory_is_set_by_the_domain_and_not_by_the_map(tmp_path):
    domain = tangent("Ireland", 8, 9, 2500.0, -8.123, 53.0123)
    small, large = (
        sparse(tmp_path / f"globe{per_degree}", per_degree, noise((9, 9)), 0, 0) for per_degree in (60, 1800)
    )
    taken = [peak_memory(stem, domain) for stem in (small, large)]
    assert taken[1] - taken[0] < 80e6, "coordinates of 648,000 columns and 324,000 rows, and two blocks"


def peak_memory(stem, domain):
    """Bytes that a process of its own holds at most while it counts."""
    code = f"""
        import resource
        from ecosg_update.domain import ConfProj, Domain
        from ecosg_update.formats.pixels import pixels
        from ecosg_update.pgd.counts import counts
        counts(pixels({str(stem)!r}), {domain!r})
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    return int(done.stdout)
