"""The products of a patch agree with each other, and are all there or none is."""

import numpy as np
import pytest

from ecosg_update.errors import ConfigError, FormatError, OutputError
from ecosg_update.formats import direct, geotiff, netcdf, products
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from tests.formats.faults import file_size_limit, killed_after
from tests.formats.maps import DATELINE, IRELAND, PROVENANCE, patch

ALL = ["a.nc", "a.tif.aux.xml", "a.qml", "a.tif", "a.dir", "a.hdr"]


def test_every_product_holds_the_same_covers(tmp_path):
    made = patch(DATELINE)
    paths = products.write_patch(made, tmp_path / "a", provenance=PROVENANCE)
    assert [path.name for path in paths] == ALL
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ALL)
    for codes in (
        direct.read(tmp_path / "a").codes,
        netcdf.read(tmp_path / "a.nc").cover.codes,
        geotiff.codes(tmp_path / "a.tif").read(),
    ):
        np.testing.assert_array_equal(codes, made.cover.codes)


def test_a_stem_with_a_dot_keeps_it(tmp_path):
    paths = products.write_patch(
        patch(IRELAND), tmp_path / "ecosg_V0.1", provenance=PROVENANCE, formats=["dir", "nc"]
    )
    assert [path.name for path in paths] == ["ecosg_V0.1.nc", "ecosg_V0.1.dir", "ecosg_V0.1.hdr"]


@pytest.mark.parametrize("existing", ALL)
def test_one_existing_file_stops_all(tmp_path, existing):
    (tmp_path / existing).write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        products.write_patch(patch(IRELAND), tmp_path / "a", provenance=PROVENANCE)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {existing: "old"}


def test_a_full_disk_for_the_last_file_leaves_none(tmp_path):
    big = LatLonGrid(360, 13000, 61000, 1000, 1000)
    flat = np.ones(big.shape, np.uint8)
    made = patch(big)
    made.cover.codes[:], made.base[:], made.reason[:], made.confidence[:] = flat, flat, flat, flat
    made.entropy[:], made.second[:] = flat, flat
    with file_size_limit(500_000), pytest.raises(OutputError, match=r"a\.dir: .* 1,000,000 bytes are needed"):
        products.write_patch(made, tmp_path / "a", provenance=PROVENANCE)
    assert not list(tmp_path.iterdir())


def test_what_surfex_cannot_find_or_read_stops_all(tmp_path):
    with pytest.raises(OutputError, match="stem"):
        products.write_patch(patch(IRELAND), tmp_path / ("x" * 25), provenance=PROVENANCE)
    with pytest.raises(FormatError, match="title"):
        products.write_patch(patch(IRELAND), tmp_path / "a", provenance=Provenance("two\nlines", "a scene"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("formats", [["nc", "grib"], []])
def test_an_unknown_format_is_a_fault_of_the_configuration(tmp_path, formats):
    with pytest.raises(ConfigError, match="expected some of nc, tif, dir"):
        products.write_patch(patch(IRELAND), tmp_path / "a", provenance=PROVENANCE, formats=formats)


def test_a_kill_leaves_whole_products_and_the_next_run_tidies_up(tmp_path):
    made = patch(IRELAND)

    def work():
        products.write_patch(made, tmp_path / "a", provenance=PROVENANCE, overwrite=True)

    work()
    whole = {name: (tmp_path / name).read_bytes() for name in ALL}
    for moment in range(8):
        killed_after(0.02 + 0.01 * moment, work)
        assert {name: (tmp_path / name).read_bytes() for name in ALL} == whole
    work()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(ALL)
