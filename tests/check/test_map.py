"""Names, size, bytes and waters of a map: every fault with its place, and no false alarm on real maps."""

import numpy as np
import pytest

from ecosg_update.check.geometry import Geometry
from ecosg_update.check.size import other_shapes
from ecosg_update.checking import checked, mended
from ecosg_update.errors import FormatError, OutputError
from ecosg_update.fault import Severity
from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from tests.check.maps import GRID, TEXT, changed, codes, pair
from tests.conftest import shared

REAL = [
    ("ecosg_like", "ireland_300m"),
    ("ecosg_like", "lanjaron_300m"),
    ("ecosg_like", "muenster_300m"),
    ("pgd_reference", "muenster_300m"),
    ("pgd_reference", "muenster_60m"),
]


def only(report, rule):
    """The one fault of a report, which must be this rule's."""
    assert [fault.rule for fault in report.faults] == [rule], report.faults
    return report.faults[0]


def rules(report):
    return {fault.rule for fault in report.faults}


@pytest.mark.parametrize("name", REAL, ids="/".join)
def test_a_real_map_has_no_fault_also_against_itself(name):
    data = shared(name[0], f"{name[1]}.dir")
    report = checked(data, base=data)
    assert report.faults == () and report.is_fit
    assert report.facts["per_degree"] == direct.info(data).grid.per_degree
    assert sum(report.facts["covers"].values()) == data.stat().st_size


def test_random_covers_have_odd_waters_and_nothing_else():
    report = checked(shared("pgd_reference", "mosaic_a.dir"))
    assert rules(report) == {"lake-in-sea", "sea-inland"} and report.is_fit


@pytest.mark.parametrize("stem", ["x" * 24, "sub.map", "COVER_ECOSG_2010_V0.1"])
def test_a_name_that_surfex_finds_is_no_fault(tmp_path, stem):
    data = pair(tmp_path, stem="map")
    for end in (".dir", ".hdr"):
        data.with_suffix(end).rename(tmp_path / f"{stem}{end}")
    assert checked(tmp_path / f"{stem}.dir").faults == ()


@pytest.mark.parametrize(
    ("stem", "rule"), [("x" * 25, "stem-length"), ("two words", "stem-characters"), ("it's", "stem-characters")]
)
def test_a_name_that_surfex_does_not_find_is_an_error(tmp_path, stem, rule):
    fault = only(checked(pair(tmp_path, stem=stem)), rule)
    assert fault.severity is Severity.ERROR and stem in fault.what


@pytest.mark.parametrize("end", [".dir", ".hdr"])
def test_half_a_pair_is_an_error_that_names_what_is_there(tmp_path, end):
    data = pair(tmp_path)
    data.with_suffix(end).rename(tmp_path / f"MAP{end.upper()}")
    fault = only(checked(data), "file-missing")
    assert fault.where == f"map{end}" and f"rename MAP{end.upper()} to map{end}" in fault.cure


def test_a_patch_in_place_that_was_killed_is_an_error(tmp_path):
    data = pair(tmp_path)
    direct.journal(data).write_bytes(b"")
    assert only(checked(data), "patch-unfinished").severity is Severity.ERROR
    assert not mended(data, tmp_path / "out.dir").paths and not (tmp_path / "out.dir").exists()


def test_nothing_at_all_is_no_map(tmp_path):
    with pytest.raises(FormatError, match=r"nothing\.dir: does not exist"):
        checked(tmp_path / "nothing.dir")


def test_a_short_file_says_which_rows_are_missing(tmp_path):
    data = pair(tmp_path, content=codes().tobytes()[: -GRID.cols * 3 - 1])
    fault = only(checked(data), "size-short")
    assert fault.severity is Severity.ERROR
    assert f"rows {GRID.rows - 3}..{GRID.rows}" in fault.effect
    assert not mended(data, tmp_path / "out.dir").paths


def test_a_file_of_less_than_a_row_or_of_nothing(tmp_path):
    assert only(checked(pair(tmp_path, content=b"\4" * 5)), "size-short")
    assert only(checked(pair(tmp_path, content=b"")), "size-short")


def test_bytes_behind_the_last_row_are_a_warning_and_cut_off(tmp_path):
    data = pair(tmp_path, content=codes().tobytes() + bytes(7))
    assert only(checked(data), "size-long").severity is Severity.WARNING
    made = mended(data, tmp_path / "out.dir")
    assert "bytes: 7 beyond the last row cut off" in made.changes
    assert (tmp_path / "out.dir").read_bytes() == codes().tobytes()


def test_the_size_of_another_map_is_an_error_that_says_which(tmp_path):
    finer = np.kron(codes(), np.ones((5, 5), np.uint8))
    fault = only(checked(pair(tmp_path, content=finer)), "size-long")
    assert fault.severity is Severity.ERROR and f"{GRID.rows * 5} rows x {GRID.cols * 5} cols (1800 a" in fault.what
    doubled = codes().tobytes() * 2
    fault = next(f for f in checked(pair(tmp_path, content=doubled)).faults if f.rule == "size-long")
    assert fault.severity is Severity.ERROR and "16 bits" in fault.what


def test_no_other_shape_is_invented_for_the_right_size():
    found = Geometry(GRID.north, GRID.south, GRID.west, GRID.east, GRID.rows, GRID.cols)
    assert other_shapes(found, GRID.rows * GRID.cols) == []
    assert other_shapes(found, 64800 * 129600)[-1].startswith("64800 rows x 129600 cols")


@pytest.mark.parametrize("value", [34, 40, 200, 255])
def test_a_byte_that_is_no_cover_is_counted_and_located(tmp_path, value):
    content = codes()
    content[5, 7] = content[20, 11] = value
    fault = only(checked(pair(tmp_path, content=content)), "byte-illegal")
    lon, lat = GRID.longitudes[7], GRID.latitudes[5]
    assert f"2 cells are neither nodata nor a cover of 1..33: {value} (2)" in fault.what
    assert f"{value} at row 6 column 8 ({lon:.4f} E {lat:.4f} N)" in fault.what
    assert not mended(tmp_path / "map.dir", tmp_path / "out.dir").paths


def test_many_kinds_of_illegal_bytes_are_one_fault(tmp_path):
    content = codes()
    content[10, :] = np.arange(34, 34 + GRID.cols)
    fault = only(checked(pair(tmp_path, content=content)), "byte-illegal")
    assert fault.what.startswith(f"{GRID.cols} cells") and len(str(fault)) < 1000


def test_nodata_255_is_read_and_becomes_0_in_the_mended_map(tmp_path):
    content = codes()
    content[content == 0] = 255
    data = pair(tmp_path, changed("nodata: 0", "nodata: 255"), content)
    assert only(checked(data), "nodata-unusual").severity is Severity.WARNING
    made = mended(data, tmp_path / "out.dir")
    assert "bytes: 6 cells of 255 became 0" in made.changes
    assert (tmp_path / "out.dir").read_bytes() == codes().tobytes()
    assert checked(tmp_path / "out.dir").faults == ()


def test_without_a_nodata_line_255_is_taken_for_it_only_where_no_0_is(tmp_path):
    text = changed("nodata: 0\n", "")
    content = codes()
    content[content == 0] = 255
    data = pair(tmp_path, text, content)
    assert mended(data, tmp_path / "out.dir").paths
    content[0, 0] = 0
    assert not mended(pair(tmp_path, text, content), tmp_path / "other.dir").paths


def test_a_nodata_that_hides_a_class_is_an_error_only_where_the_class_occurs(tmp_path):
    content = np.full(GRID.shape, 19, np.uint8)
    data = pair(tmp_path, changed("nodata: 0", "nodata: 1"), content)
    assert only(checked(data), "nodata-class").severity is Severity.WARNING
    assert mended(data, tmp_path / "out.dir").paths
    content[3, 3] = 1
    data = pair(tmp_path, changed("nodata: 0", "nodata: 1"), content)
    assert only(checked(data), "nodata-class").severity is Severity.ERROR
    assert not mended(data, tmp_path / "other.dir").paths


def test_a_map_of_nothing_is_an_error(tmp_path):
    assert "data-none" in rules(checked(pair(tmp_path, content=bytes(GRID.rows * GRID.cols))))


def test_waters_that_stand_oddly_are_warnings_with_their_place(tmp_path):
    content = codes()
    content[:, :20] = 1
    content[9, 5] = 3
    content[12:14, 40:43] = 1
    report = checked(pair(tmp_path, content=content))
    lake, sea = sorted(report.faults, key=lambda fault: fault.rule)
    assert report.is_fit and (lake.rule, sea.rule) == ("lake-in-sea", "sea-inland")
    assert "1 at row 10 column 6" in lake.what and "6 at row 13 column 41" in sea.what


def test_a_parameter_file_is_checked_as_one(tmp_path):
    text = header.text(Header("LAI", GRID, bits=16, fact=10, compress=True))
    assert only(checked(pair(tmp_path, text, b"\1" * 50)), "typed-file")
    assert not mended(tmp_path / "map.dir", tmp_path / "out.dir").paths


def test_the_input_is_never_the_output(tmp_path):
    data = pair(tmp_path)
    (tmp_path / "link.dir").symlink_to(data)
    for output in (data, tmp_path / "map.hdr", tmp_path / "link.dir"):
        with pytest.raises(OutputError, match="never changed"):
            mended(data, output)
    assert data.read_bytes() == codes().tobytes() and data.with_suffix(".hdr").read_text() == TEXT


def test_an_existing_output_is_kept_without_overwrite(tmp_path):
    data, other = pair(tmp_path), pair(tmp_path, content=bytes(GRID.rows * GRID.cols), stem="out")
    with pytest.raises(OutputError, match="exists already"):
        mended(data, other)
    assert mended(data, other, overwrite=True).paths
    assert other.read_bytes() == codes().tobytes()


def test_a_map_across_the_dateline_is_mended_in_place_on_the_globe(tmp_path):
    grid = LatLonGrid(360, 50000, 129600 - 20, 37, 53)
    text = header.text(Header("Dateline", grid)).replace("nodata: 0\n", "")
    data = pair(tmp_path, text, codes(3, grid))
    assert mended(data, tmp_path / "out.dir").paths
    assert direct.info(tmp_path / "out.dir").grid == grid
    assert checked(tmp_path / "out.dir", base=tmp_path / "out.dir").faults == ()


def test_a_globe_that_begins_anywhere_has_no_fault(tmp_path):
    grid = LatLonGrid(2, 0, 77, 360, 720)
    content = codes(4, grid)
    content[:, :] = np.where(content == 0, 1, content)
    report = checked(pair(tmp_path, header.text(Header("Globe", grid)), content))
    assert report.is_fit and not rules(report) - {"lake-in-sea", "sea-inland"}
