"""Against the map that is renewed: which way round the bytes lie, and what is new."""

import numpy as np
import pytest

from ecosg_update.check import newcomers
from ecosg_update.checking import checked, mended
from ecosg_update.errors import FormatError
from ecosg_update.fault import Severity
from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from tests.check.maps import GRID, TEXT, changed, codes, pair
from tests.conftest import shared

TURNS = {"rows-south-first": np.flipud, "cols-east-first": np.fliplr, "rows-cols-reversed": lambda a: a[::-1, ::-1]}
REAL = ["ireland_300m", "muenster_300m", "lanjaron_300m"]


def rules(report):
    return {fault.rule for fault in report.faults}


def real(name):
    """A real map and its bytes."""
    path = shared("ecosg_like", f"{name}.dir")
    return path, direct.read(path).codes


def renewed(content, part=0.2):
    """The map with a part of its pixels changed, as a renewal does."""
    rng = np.random.default_rng(1)
    found = content.copy()
    change = rng.random(content.shape) < part
    found[change] = rng.choice(content.ravel(), int(change.sum()))
    return found


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("rule", TURNS)
def test_a_map_that_lies_the_wrong_way_round_is_an_error(tmp_path, name, rule):
    base, content = real(name)
    turned = TURNS[rule](renewed(content, 0.02))
    report = checked(pair(tmp_path, base.with_suffix(".hdr").read_bytes(), turned), base=base)
    assert rules(report) == {rule} and not report.is_fit


@pytest.mark.parametrize("name", REAL)
def test_a_renewed_map_is_no_false_alarm(tmp_path, name):
    base, content = real(name)
    report = checked(pair(tmp_path, base.with_suffix(".hdr").read_bytes(), renewed(content)), base=base)
    assert report.is_fit and not rules(report) - {"lake-in-sea", "sea-inland"}


def test_rows_from_the_south_are_turned_over_where_the_base_proves_it(tmp_path):
    base = pair(tmp_path, stem="base")
    data = pair(tmp_path, content=np.flipud(codes()))
    assert mended(data, tmp_path / "kept.dir").paths  # without a base nothing tells
    assert (tmp_path / "kept.dir").read_bytes() == data.read_bytes()
    made = mended(data, tmp_path / "out.dir", base=base)
    assert any("turned over" in change for change in made.changes)
    assert (tmp_path / "out.dir").read_bytes() == codes().tobytes()
    assert checked(tmp_path / "out.dir", base=base).faults == ()


def test_rows_stay_where_the_header_has_north_below_south_but_the_base_has_them_so(tmp_path):
    base = pair(tmp_path, stem="base")
    text = changed("north:", "x:").replace("south:", "north:").replace("x:", "south:")
    made = mended(pair(tmp_path, text), tmp_path / "out.dir", base=base)
    assert made.paths and (tmp_path / "out.dir").read_bytes() == codes().tobytes()


def test_columns_from_the_east_are_left_to_a_person(tmp_path):
    base = pair(tmp_path, stem="base")
    made = mended(pair(tmp_path, content=np.fliplr(codes())), tmp_path / "out.dir", base=base)
    assert not made.paths and "columns run from the east" in made.left[0].what


@pytest.mark.parametrize("name", REAL)
def test_rows_and_columns_exchanged_are_seen_in_the_bytes(tmp_path, name):
    path, content = real(name)
    text = path.with_suffix(".hdr").read_text()
    transposed = checked(pair(tmp_path, text, content.T))
    assert "rows-cols-swapped" in rules(transposed)
    rows, cols = content.shape
    text = text.replace(f"rows: {rows}", "rows: X").replace(f"cols: {cols}", f"cols: {rows}").replace("X", str(cols))
    data = pair(tmp_path, text, content)
    assert "rows-cols-swapped" in rules(checked(data))
    assert mended(data, tmp_path / "out.dir").paths
    assert (tmp_path / "out.hdr").read_text() == path.with_suffix(".hdr").read_text()


def test_a_cover_that_the_base_lacks_is_a_warning_with_its_first_place(tmp_path):
    old = np.where(codes() == 33, 32, codes())
    new = old.copy()
    new[4, 40] = new[20, 41] = 33
    report = checked(pair(tmp_path, content=new), base=pair(tmp_path, content=old, stem="base"))
    (fault,) = report.faults
    assert (fault.rule, fault.severity) == ("cover-new", Severity.WARNING)
    assert "2 cells of cover 33" in fault.what and "row 5 column 41" in fault.what


def wide(codes_of):
    """A map of 2 x 3 degrees in 0.01 degree, and its header."""
    grid = LatLonGrid(100, 3000, 18900, 200, 300)
    return header.text(Header("Wide", grid)), codes_of(np.full(grid.shape, 17, np.uint8)), grid


def test_snow_far_from_the_snow_of_the_base_is_a_warning_and_near_it_is_none(tmp_path):
    def old(content):
        content[50, 50] = 6
        return content

    def new(content):
        content[50, 50] = content[55, 60] = content[150, 250] = content[151, 250] = 6
        return content

    text, before, grid = wide(old)
    base = pair(tmp_path, text, before, stem="base")
    report = checked(pair(tmp_path, text, wide(new)[1]), base=base)
    (fault,) = report.faults
    lon, lat = grid.longitudes[250], grid.latitudes[150]
    assert (fault.rule, fault.severity) == ("snow-new", Severity.WARNING)
    assert fault.what.startswith("2 cells") and f"around {lon // 0.1 * 0.1 + 0.05:.2f} E" in fault.what
    assert abs(float(fault.what.split(" E ")[1].split()[0]) - lat) < 0.1


def test_snow_is_near_across_the_dateline(tmp_path):
    grid = LatLonGrid(10, 300, 0, 40, 3600)
    old, new = (np.full(grid.shape, 17, np.uint8) for _ in range(2))
    old[20, 0], new[20, 0], new[20, 3599] = 6, 6, 6
    text = header.text(Header("Belt", grid))
    base = pair(tmp_path, text, old, stem="base")
    assert checked(pair(tmp_path, text, new), base=base).faults == ()


@pytest.mark.parametrize(("lat", "lon"), [(0.05, 10.0), (60.05, -179.95), (-79.95, 179.95), (89.95, 3.0)])
def test_near_is_the_next_tile_and_towards_the_poles_as_many_more_as_eleven_km(lat, lon):
    snow = np.zeros((1800, 3600), bool)
    row, col = round((90 - lat) * 10 - 0.5), int((lon + 180) * 10)
    snow[row, col] = True
    near = newcomers._spread(snow)
    span = min(int(np.ceil(1 / np.cos(np.radians(lat)))), 1799)
    rows, cols = np.nonzero(near)
    assert set(rows) == {at for at in (row - 1, row, row + 1) if 0 <= at < 1800}
    here = cols[rows == row]
    assert set(here) == {(col + step) % 3600 for step in range(-span, span + 1)}


def test_a_finer_map_is_compared_with_a_coarser_base(tmp_path):
    fine = GRID.at(1800)
    content = np.kron(codes(), np.ones((5, 5), np.uint8))
    base = pair(tmp_path, stem="base")
    assert checked(pair(tmp_path, header.text(Header("Fine", fine)), content), base=base).faults == ()
    turned = pair(tmp_path, header.text(Header("Fine", fine)), np.flipud(content))
    assert rules(checked(turned, base=base)) == {"rows-south-first"}


def test_a_base_of_elsewhere_is_said(tmp_path):
    elsewhere = header.text(Header("Far", LatLonGrid(360, 20000, 5, *GRID.shape)))
    report = checked(pair(tmp_path), base=pair(tmp_path, elsewhere, stem="base"))
    assert rules(report) == {"base-apart"} and report.is_fit


def test_a_base_that_cannot_be_read_is_an_error_of_the_input(tmp_path):
    base = pair(tmp_path, TEXT.replace("nodata", "NODATA"), stem="base")
    with pytest.raises(FormatError, match="base"):
        checked(pair(tmp_path), base=base)
