"""NetCDF keeps every value and the exact grid, obeys the CF conventions and never lands half."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError, OutputError
from ecosg_update.formats import ncfile, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import GeoGrid, LatLonGrid, cut
from ecosg_update.layers import Prediction, Reason
from tests.formats.faults import file_size_limit, killed_after, small_disk
from tests.formats.maps import DATELINE, ECOSG, IRELAND, PROVENANCE, cover, grids, patch

CORINE = tables.legend("corine-l3")
BIG = LatLonGrid(360, 13000, 61000, 300, 200)


def prediction(grid, legend=CORINE, seed=0):
    rng = np.random.default_rng(seed)
    share = np.where(rng.random(grid.shape) < 0.2, 0, rng.random(grid.shape)).astype(np.float32)
    values = rng.random((len(legend), *grid.shape), np.float32) * (share > 0)
    values /= np.maximum(values.sum(axis=0), 1e-6)
    return Prediction(values, share, legend, grid, "fcn_resnet50, two scenes")


def same(one, other):
    assert one.cover.grid == other.cover.grid and one.cover.legend == other.cover.legend
    np.testing.assert_array_equal(one.cover.codes, other.cover.codes)
    np.testing.assert_array_equal(one.base, other.base)
    np.testing.assert_array_equal(one.reason, other.reason)
    np.testing.assert_array_equal(one.confidence, other.confidence)
    np.testing.assert_array_equal(one.entropy, other.entropy)
    np.testing.assert_array_equal(one.second, other.second)


@settings(max_examples=25)
@given(grids(), st.integers(0, 99))
def test_a_patch_is_read_back_as_it_was_written(tmp_path_factory, grid, seed):
    made = patch(grid, seed)
    path = netcdf.write(made, tmp_path_factory.mktemp("nc") / "a.nc", provenance=PROVENANCE)
    same(netcdf.read(path), made)


def test_a_patch_without_probabilities_has_no_such_variables(tmp_path):
    bare = replace(patch(IRELAND), entropy=None, second=None)
    path = netcdf.write(bare, tmp_path / "a.nc", provenance=PROVENANCE)
    with netCDF4.Dataset(path) as file:
        assert not {"entropy", "second_cover"} & set(file.variables)
    found = netcdf.read(path)
    assert found.entropy is None and found.second is None
    np.testing.assert_array_equal(found.cover.codes, bare.cover.codes)


@settings(max_examples=25)
@given(grids(), st.sampled_from(["corine-l3", "corine-l1", "ecosg"]))
def test_a_prediction_is_read_back_to_the_last_bit(tmp_path_factory, grid, name):
    made = prediction(grid, tables.legend(name))
    path = netcdf.write_prediction(made, tmp_path_factory.mktemp("nc") / "a.nc", provenance=PROVENANCE)
    again = netcdf.read_prediction(path)
    assert (again.grid, again.legend, again.origin) == (made.grid, made.legend, made.origin)
    np.testing.assert_array_equal(again.values, made.values)
    np.testing.assert_array_equal(again.share, made.share)


def test_a_window_of_the_file_is_the_window_of_the_layer(tmp_path):
    part = LatLonGrid(1800, DATELINE.row + 1, DATELINE.world_cols - 2, 3, 6)
    made, classes = patch(DATELINE), prediction(DATELINE)
    found = netcdf.read(netcdf.write(made, tmp_path / "a.nc", provenance=PROVENANCE), part)
    np.testing.assert_array_equal(found.cover.codes, cut(made.cover.codes, DATELINE, part))
    path = netcdf.write_prediction(classes, tmp_path / "p.nc", provenance=PROVENANCE)
    np.testing.assert_array_equal(netcdf.read_prediction(path, part).values, cut(classes.values, DATELINE, part))
    with pytest.raises(CoverageError, match=r"p\.nc: .*not inside"):
        netcdf.read_prediction(path, DATELINE.grown(1))


@pytest.mark.parametrize(
    "grid", [IRELAND, DATELINE, LatLonGrid(1, 0, 0, 180, 360)], ids=["300m", "dateline", "globe"]
)
def test_the_compliance_checker_finds_nothing(tmp_path, grid):
    share = np.ones(grid.shape, np.float32)
    paths = [
        netcdf.write(patch(grid), tmp_path / "patch.nc", provenance=PROVENANCE, share=share),
        netcdf.write_prediction(prediction(grid, ECOSG), tmp_path / "p.nc", provenance=PROVENANCE),
        netcdf.write_cover(cover(grid), tmp_path / "cover.nc", provenance=PROVENANCE),
    ]
    checker = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run(
        [checker, "--test=cf:1.11", "--criteria=strict", *paths], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("All tests passed!") == 3, done.stdout


def test_the_codes_explain_themselves(tmp_path):
    share = np.full(IRELAND.shape, 0.25, np.float32)
    path = netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE, share=share)
    with netCDF4.Dataset(path) as file:
        cover, reason = file["cover"], file["reason"]
        assert cover.flag_values.tolist() == list(range(1, 34)) and cover.flag_values.dtype == cover.dtype
        assert cover.flag_meanings.split()[:3] == ["sea_and_oceans", "lakes", "rivers"]
        assert len(set(cover.flag_meanings.split())) == 33 and cover._FillValue == 0
        assert dict(zip(reason.flag_values.tolist(), reason.flag_meanings.split(), strict=True)) == {
            reason.value: reason.name.lower() for reason in Reason
        }
        beside = {"base_cover", "reason", "confidence", "entropy", "second_cover", "share"}
        assert set(cover.ancillary_variables.split()) == beside
        assert file["second_cover"].flag_values.tolist() == cover.flag_values.tolist()
        assert file["second_cover"]._FillValue == 0 and file["entropy"].units == "bit"
        assert (file.title, file.history, file.Conventions) == ("Test map", "2026-01-01 made", "CF-1.11")
        assert cover.filters()["zlib"] and cover.filters()["fletcher32"] and not cover.filters()["shuffle"]
        np.testing.assert_array_equal(file["share"][:], share)


@pytest.mark.parametrize("grid", [IRELAND, DATELINE], ids=["ireland", "dateline"])
def test_gdal_finds_the_same_pixels_at_the_same_place(tmp_path, grid):
    made = patch(grid)
    path = netcdf.write(made, tmp_path / "a.nc", provenance=PROVENANCE)
    with rasterio.open(f"netcdf:{path}:cover") as file:
        np.testing.assert_array_equal(file.read(1), made.cover.codes)
        assert file.transform.almost_equals(grid.transform, precision=1e-9)
        assert file.crs.to_epsg() == 4326 and file.nodata == 0


def test_bounds_meet_and_longitudes_rise_across_the_dateline(tmp_path):
    path = netcdf.write(patch(DATELINE), tmp_path / "a.nc", provenance=PROVENANCE)
    with netCDF4.Dataset(path) as file:
        assert (np.diff(file["lon"][:]) > 0).all() and (np.diff(file["lat"][:]) < 0).all()
        west, south, east, north = DATELINE.bounds
        lat, lon = file["lat_bounds"][:], file["lon_bounds"][:]
        np.testing.assert_allclose([lon[0, 0], lat[-1, 1], lon[-1, 1], lat[0, 0]], [west, south, east, north])
        np.testing.assert_allclose(lat[1:, 0], lat[:-1, 1])
        np.testing.assert_allclose(lon[1:, 0], lon[:-1, 1])


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in "ab":
        netcdf.write(patch(IRELAND), tmp_path / name, provenance=PROVENANCE)
        netcdf.write_prediction(prediction(IRELAND), tmp_path / f"p{name}", provenance=PROVENANCE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "pa").read_bytes() == (tmp_path / "pb").read_bytes()


@pytest.mark.parametrize("limit", [500, 20_000, 60_000, 100_000])
def test_a_full_disk_is_an_error_and_leaves_the_old_file(tmp_path, limit):
    path = netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE)
    before = path.read_bytes()
    with file_size_limit(limit), pytest.raises(OutputError, match=r"a\.nc: .* bytes are needed"):
        netcdf.write(patch(BIG), path, provenance=PROVENANCE, overwrite=True)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_disk_that_is_really_full_is_an_error(tmp_path):
    with small_disk(tmp_path, 128 * 1024):
        with pytest.raises(OutputError, match=r"a\.nc: .* bytes are needed, the disk has"):
            netcdf.write(patch(BIG), tmp_path / "a.nc", provenance=PROVENANCE)
        assert not list(tmp_path.iterdir())


def test_a_file_that_holds_something_else_after_the_close_does_not_land(tmp_path, monkeypatch):
    add = ncfile._add

    def lossy(file, one):
        add(file, one)
        if one.name == "confidence":
            file["confidence"][2, 3] = 0.5

    monkeypatch.setattr(ncfile, "_add", lossy)
    with pytest.raises(OutputError, match="confidence came back changed"):
        netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE)
    assert not list(tmp_path.iterdir())


def test_a_kill_leaves_one_version_whole(tmp_path):
    versions = [patch(BIG, seed) for seed in (0, 1)]
    path = netcdf.write(versions[0], tmp_path / "a.nc", provenance=PROVENANCE)

    def work():
        for version in versions:
            netcdf.write(version, path, provenance=PROVENANCE, overwrite=True)

    for moment in range(6):
        killed_after(0.03 + 0.02 * moment, work)
        found = netcdf.read(path)
        assert any(np.array_equal(found.confidence, version.confidence) for version in versions)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = netcdf.write(patch(BIG), tmp_path / "a.nc", provenance=PROVENANCE)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FormatError, match=r"a\.nc: cannot be read as NetCDF"):
        netcdf.read(path)


def test_a_flipped_byte_of_the_data_is_found_by_its_checksum(tmp_path):
    path = netcdf.write(patch(BIG), tmp_path / "a.nc", provenance=PROVENANCE)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x55
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"a\.nc: cannot be read as NetCDF"):
        netcdf.read(path)


def test_a_file_of_another_tool_is_refused(tmp_path):
    with pytest.raises(FormatError, match="does not exist"):
        netcdf.read(tmp_path / "absent.nc")
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as file:
        file.createVariable("t2m", "f4")
    with pytest.raises(FormatError, match=r"other\.nc: has no variable crs, found t2m"):
        netcdf.read(tmp_path / "other.nc")
    path = netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE)
    with pytest.raises(FormatError, match="has no variable code"):
        netcdf.read_prediction(path)
    with netCDF4.Dataset(path, "a") as file:
        file["lat"][:] += 1
    with pytest.raises(FormatError, match="another tool cut or shifted it"):
        netcdf.read(path)


def test_a_prediction_of_other_classes_is_refused(tmp_path):
    path = netcdf.write_prediction(prediction(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE)
    assert netcdf.read_prediction(path, legend=CORINE).legend == CORINE
    with pytest.raises(FormatError, match=r"found 44 classes .* the legend ecosg has others"):
        netcdf.read_prediction(path, legend=ECOSG)


def test_pixels_of_a_scene_and_a_share_of_another_shape_are_refused(tmp_path):
    scene = GeoGrid("EPSG:32629", Affine(10, 0, 0, 0, -10, 0), (3, 5))
    with pytest.raises(GridError, match="aggregate it to cells first"):
        netcdf.write_prediction(prediction(scene), tmp_path / "a.nc", provenance=PROVENANCE)
    with pytest.raises(GridError, match="share"):
        netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=PROVENANCE, share=np.ones((2, 2), np.float32))
    assert not list(tmp_path.iterdir())


def test_empty_attributes_are_left_out(tmp_path):
    path = netcdf.write(patch(IRELAND), tmp_path / "a.nc", provenance=Provenance("A title", "a scene"))
    with netCDF4.Dataset(path) as file:
        assert "institution" not in file.ncattrs() and file.source == "a scene"


@pytest.mark.parametrize("grid", [IRELAND, DATELINE], ids=["ireland", "dateline"])
def test_xarray_decodes_values_places_and_bounds(tmp_path, grid):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    made = patch(grid)
    path = netcdf.write(made, tmp_path / "a.nc", provenance=PROVENANCE)
    with xarray.open_dataset(path, decode_coords="all") as found:
        cover, confidence = found["cover"], found["confidence"]
        np.testing.assert_array_equal(np.isnan(cover.values), made.cover.codes == 0)
        np.testing.assert_array_equal(cover.fillna(0).values, made.cover.codes)
        np.testing.assert_array_equal(confidence.values, made.confidence)
        np.testing.assert_array_equal(cover["lat"].values, grid.latitudes)
        assert {"lat_bounds", "lon_bounds", "crs"} <= set(found.coords)
        picked = confidence.sel(lat=grid.latitudes[2], lon=grid.longitudes[4], method="nearest")
        assert float(picked) == made.confidence[2, 4]
        named = dict(zip(cover.flag_values.tolist(), cover.flag_meanings.split(), strict=True))
        assert named[17] == "temperate_grassland"
