"""What is written is what SURFEX reads; what is read is the window that was asked for, and no more."""

import os
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError, OutputError
from ecosg_update.formats import direct, header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid, cut
from ecosg_update.layers import CoverMap
from tests import oracle_surfex
from tests.conftest import shared
from tests.formats.faults import closed_to_writing, file_size_limit, killed_after
from tests.formats.maps import DATELINE, IRELAND, cover, grids

SHORTER = LatLonGrid(360, IRELAND.row, IRELAND.col, IRELAND.rows - 1, IRELAND.cols)


@pytest.fixture
def ireland(tmp_path):
    made = cover(IRELAND)
    direct.write(made, tmp_path / "ireland", title="Made up")
    return tmp_path / "ireland.dir", made


@given(grids(), st.integers(0, 99))
def test_surfex_reads_every_pixel_that_was_written(tmp_path_factory, grid, seed):
    made = cover(grid, seed)
    data, text = direct.write(made, tmp_path_factory.mktemp("map") / "a", title="A map")
    assert oracle_surfex.surfex(text).covers(data) == made.codes.tolist()
    again = direct.read(data)
    assert again.grid == grid and again.legend == made.legend
    np.testing.assert_array_equal(again.codes, made.codes)


@given(st.data())
def test_a_window_of_the_file_is_the_window_of_the_map(tmp_path_factory, data):
    whole = data.draw(
        st.sampled_from([IRELAND, DATELINE, LatLonGrid(1, 120, 0, 9, 360), LatLonGrid(1, 120, 77, 9, 360)])
    )
    made = cover(whole)
    path = direct.write(made, tmp_path_factory.mktemp("map") / "a", title="A map")[0]
    rows, cols = data.draw(st.integers(1, whole.rows)), data.draw(st.integers(1, whole.cols))
    top = data.draw(st.integers(0, whole.rows - rows))
    left = data.draw(st.integers(0, whole.cols - 1 if whole.cols == whole.world_cols else whole.cols - cols))
    part = LatLonGrid(whole.per_degree, whole.row + top, (whole.col + left) % whole.world_cols, rows, cols)
    np.testing.assert_array_equal(direct.read(path, part).codes, cut(made.codes, whole, part))


def test_a_window_reads_its_own_bytes_only(ireland, monkeypatch):
    path, made = ireland
    count = 0
    preadv = os.preadv

    def counted(*arguments):
        nonlocal count
        done = preadv(*arguments)
        count += done
        return done

    monkeypatch.setattr(os, "preadv", counted)
    part = LatLonGrid(360, IRELAND.row + 2, IRELAND.col + 3, 4, 5)
    np.testing.assert_array_equal(direct.read(path, part).codes, made.codes[2:6, 3:8])
    assert count == 20


def test_short_reads_are_continued(ireland, monkeypatch):
    path, made = ireland
    preadv = os.preadv
    monkeypatch.setattr(
        os, "preadv", lambda handle, targets, at: preadv(handle, [targets[0][: random.randint(1, 9)]], at)
    )
    np.testing.assert_array_equal(direct.read(path).codes, made.codes)


@pytest.mark.parametrize("name", ["ireland_300m", "lanjaron_300m", "muenster_300m"])
def test_the_real_base_maps_are_what_surfex_reads(name):
    data = shared("ecosg_like", f"{name}.dir")
    found = direct.read(data)
    assert oracle_surfex.surfex(data.with_suffix(".hdr")).covers(data) == found.codes.tolist()


@pytest.mark.parametrize("name", ["mosaic_a", "muenster_300m", "muenster_60m"])
def test_the_maps_that_pgd_read_are_written_again_byte_for_byte(name, tmp_path):
    data = shared("pgd_reference", f"{name}.dir")
    again, text = direct.write(direct.read(data), tmp_path / name, title=direct.info(data).title)
    assert again.read_bytes() == data.read_bytes()
    assert text.read_bytes() == data.with_suffix(".hdr").read_bytes()


def test_a_globe_is_read_by_window_without_its_8_gigabytes(tmp_path):
    globe = LatLonGrid.globe(360)
    (tmp_path / "globe.hdr").write_text(header.text(Header("Globe", globe)))
    with (tmp_path / "globe.dir").open("wb") as stream:
        stream.truncate(globe.rows * globe.cols)
        stream.seek(60_000 * globe.cols + globe.cols - 2)
        stream.write(b"\x01\x02\x03\x04")
    around_the_dateline = LatLonGrid(360, 60_000, globe.cols - 3, 2, 5)
    expected = [[0, 1, 2, 0, 0], [0, 0, 0, 3, 4]]
    assert direct.read(tmp_path / "globe", around_the_dateline).codes.tolist() == expected


@pytest.mark.parametrize("name", ["ireland", "ireland.dir", "ireland.hdr"])
def test_a_map_is_named_by_its_stem_or_either_file(ireland, name):
    assert direct.read(ireland[0].with_name(name)).grid == IRELAND


def test_a_stem_may_hold_a_dot(tmp_path):
    data, text = direct.write(cover(IRELAND), tmp_path / "COVER_ECOSG_2010_V0.1", title="As workflows link it")
    assert (data.name, text.name) == ("COVER_ECOSG_2010_V0.1.dir", "COVER_ECOSG_2010_V0.1.hdr")
    assert direct.info(tmp_path / "COVER_ECOSG_2010_V0.1").grid == IRELAND


def test_linked_maps_are_read(ireland, tmp_path):
    for suffix in (".dir", ".hdr"):
        (tmp_path / f"link{suffix}").symlink_to(f"ireland{suffix}")
    np.testing.assert_array_equal(direct.read(tmp_path / "link").codes, ireland[1].codes)


def test_a_window_outside_names_the_map_and_exit_code_7(ireland):
    with pytest.raises(CoverageError, match=r"ireland\.dir: .*not inside") as caught:
        direct.read(ireland[0], IRELAND.grown(1))
    assert caught.value.exit_code == 7
    with pytest.raises(GridError, match=r"ireland\.dir: .*1800"):
        direct.read(ireland[0], IRELAND.at(1800))


@pytest.mark.parametrize("size", [0, 1, 136, 272, 274])
def test_a_file_of_another_size_is_refused_with_both_sizes(ireland, size):
    data, _ = ireland
    data.write_bytes((data.read_bytes() + b"\x01")[:size])
    with pytest.raises(FormatError, match=f"found {size} bytes, expected 13 rows x 21 cols x 8 bits = 273"):
        direct.read(data)


@pytest.mark.parametrize("missing", [".dir", ".hdr"])
def test_a_missing_half_is_named(ireland, missing):
    path = ireland[0].with_suffix(missing)
    path.unlink()
    with pytest.raises(FormatError, match=rf"ireland\{missing}: does not exist"):
        direct.info(ireland[0])


def test_a_map_without_permission_and_a_folder_are_named(ireland, tmp_path):
    ireland[0].with_suffix(".hdr").chmod(0o000)
    with closed_to_writing(tmp_path), pytest.raises(FormatError, match=r"ireland\.hdr: cannot be read \(Permission"):
        direct.read(ireland[0])
    (tmp_path / "folder.hdr").mkdir()
    with pytest.raises(FormatError, match=r"folder\.hdr: cannot be read \(Is a directory"):
        direct.read(tmp_path / "folder")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Header("LAI", IRELAND, bits=16), "integers of 16 bits"),
        (Header("LAI", IRELAND, fact=10), "fact 10"),
        (Header("LAI", IRELAND, bits=16, compress=True), "compress 1"),
    ],
)
def test_a_map_of_parameters_is_no_cover_map(tmp_path, made, message):
    (tmp_path / "lai.hdr").write_text(header.text(made))
    (tmp_path / "lai.dir").write_bytes(bytes(made.size or 100))
    assert direct.info(tmp_path / "lai") == made
    with pytest.raises(FormatError, match=message):
        direct.read(tmp_path / "lai")


def test_a_byte_that_crashes_surfex_is_refused(ireland):
    data, made = ireland
    data.write_bytes(made.codes.tobytes()[:-1] + b"\x28")
    with pytest.raises(FormatError, match=r"ireland\.dir: .*\[40\]"):
        direct.read(data)


def test_the_nodata_of_the_header_becomes_0(tmp_path):
    codes = np.where(cover(IRELAND).codes == 0, 255, cover(IRELAND).codes).astype(np.uint8)
    (tmp_path / "a.hdr").write_text(header.text(Header("A map", IRELAND, nodata=255)))
    (tmp_path / "a.dir").write_bytes(codes.tobytes())
    np.testing.assert_array_equal(direct.read(tmp_path / "a").codes, cover(IRELAND).codes)
    (tmp_path / "a.dir").write_bytes(cover(IRELAND).codes.tobytes())
    with pytest.raises(FormatError, match="bytes of 0 although nodata is 255"):
        direct.read(tmp_path / "a")


@pytest.mark.parametrize("stem", ["x" * 25, "with blank", "quo'te", "näme"])
def test_a_stem_that_surfex_does_not_find_is_refused(tmp_path, stem):
    with pytest.raises(OutputError, match="stem"):
        direct.write(cover(IRELAND), tmp_path / stem, title="A map")
    assert not list(tmp_path.iterdir())
    direct.write(cover(IRELAND), tmp_path / ("x" * 24), title="A map")


def test_classes_of_another_legend_are_refused(tmp_path):
    legend = tables.legend("corine-l1")
    made = CoverMap(np.ones(IRELAND.shape, np.uint8), IRELAND, legend)
    with pytest.raises(OutputError, match="classes of corine-l1, expected ecosg's"):
        direct.write(made, tmp_path / "a", title="A map")
    assert not list(tmp_path.iterdir())


def test_a_map_that_exists_stays_as_it_is(ireland):
    before = ireland[0].read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        direct.write(cover(IRELAND, 1), ireland[0], title="Another")
    assert ireland[0].read_bytes() == before
    direct.write(cover(IRELAND, 1), ireland[0], title="Another", overwrite=True)
    assert ireland[0].read_bytes() == cover(IRELAND, 1).codes.tobytes()


def test_a_full_disk_leaves_the_old_map(ireland, tmp_path):
    with file_size_limit(200), pytest.raises(OutputError, match=r"ireland\.dir: .* 273 bytes are needed") as caught:
        direct.write(cover(IRELAND, 1), ireland[0], title="Another", overwrite=True)
    assert caught.value.exit_code == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ireland.dir", "ireland.hdr"]
    np.testing.assert_array_equal(direct.read(ireland[0]).codes, ireland[1].codes)


def test_a_slice_of_an_array_is_written_as_it_reads(tmp_path):
    wide = cover(LatLonGrid(360, 0, 0, 6, 10)).codes
    made = CoverMap(wide[::2, 1::3], LatLonGrid(360, 0, 0, 3, 3), tables.legend("ecosg"))
    data, _ = direct.write(made, tmp_path / "a", title="A map")
    assert data.read_bytes() == wide[::2, 1::3].tobytes()


@pytest.mark.parametrize("other", [IRELAND, SHORTER], ids=["same grid", "other grid"])
def test_a_kill_leaves_one_map_whole_or_none(ireland, other):
    path, made = ireland
    versions = [made, cover(other, 5)]

    def work():
        for version in versions:
            direct.write(version, path, title="Made up", overwrite=True)

    for moment in range(8):
        killed_after(0.02 + 0.004 * moment, work)
        if other is SHORTER and not path.with_suffix(".hdr").exists():
            continue  # between two renames: a set that nothing can read
        found = direct.read(path).codes.tobytes()
        assert found in [version.codes.tobytes() for version in versions]
