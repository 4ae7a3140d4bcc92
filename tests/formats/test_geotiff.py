"""A cover map as GeoTIFF keeps codes, place, colours and names; a label raster is read by window."""

from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from hypothesis import given, settings
from rio_cogeo import cog_validate

from ecosg_update import tables
from ecosg_update.errors import CoverageError, FormatError, GridError, OutputError
from ecosg_update.formats import geotiff
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap
from tests.conftest import shared
from tests.formats.faults import file_size_limit, killed_after
from tests.formats.maps import DATELINE, ECOSG, IRELAND, PROVENANCE, cover, grids

BIG = LatLonGrid(360, 13000, 61000, 700, 1100)


@settings(max_examples=25)
@given(grids())
def test_codes_and_place_come_back_exactly(tmp_path_factory, grid):
    made = cover(grid)
    path, *_ = geotiff.write(made, tmp_path_factory.mktemp("tif") / "a.tif", provenance=PROVENANCE)
    found = geotiff.codes(path)
    assert found.grid.transform == grid.transform and found.grid.shape == grid.shape
    assert found.grid.is_geographic and found.nodata == 0
    np.testing.assert_array_equal(found.read(), made.codes)


def test_it_is_a_cloud_optimised_geotiff_with_overviews_by_majority(tmp_path):
    codes = np.full(BIG.shape, 17, np.uint8)
    codes[::2, ::2] = 19
    path, *_ = geotiff.write(CoverMap(codes, BIG, ECOSG), tmp_path / "a.tif", provenance=PROVENANCE)
    valid, errors, warnings = cog_validate(path, strict=True)
    assert valid and not errors and not warnings
    with rasterio.open(path, overview_level=0) as file:
        assert set(np.unique(file.read(1))) == {17}
    with rasterio.open(path) as file:
        assert file.block_shapes == [(512, 512)] and file.compression.name == "deflate"


def test_colours_and_names_are_the_legends(tmp_path):
    path, names, _ = geotiff.write(cover(DATELINE), tmp_path / "a.tif", provenance=PROVENANCE)
    with rasterio.open(path) as file:
        palette = file.colormap(1)
        assert file.tags()["TITLE"] == "Test map"
    assert [palette[code][:3] for code in ECOSG.codes] == list(ECOSG.colours)
    assert names.name == "a.tif.aux.xml"
    listed = [category.text for category in ElementTree.parse(names).iter("Category")]
    assert listed == ["no data", *ECOSG.names]


def test_names_with_gaps_in_the_codes_stand_at_their_code(tmp_path):
    legend = tables.legend("corine-l1")
    made = CoverMap(np.full(IRELAND.shape, max(legend.codes), np.uint8), IRELAND, legend)
    _, names, _ = geotiff.write(made, tmp_path / "a.tif", provenance=PROVENANCE)
    listed = [category.text for category in ElementTree.parse(names).iter("Category")]
    assert [listed[code] for code in legend.codes] == list(legend.names)


def test_the_same_input_gives_the_same_bytes(tmp_path):
    for name in "ab":
        geotiff.write(cover(BIG), tmp_path / name, provenance=PROVENANCE)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_window_is_read_and_one_outside_refused(tmp_path):
    made = cover(IRELAND)
    path, *_ = geotiff.write(made, tmp_path / "a.tif", provenance=PROVENANCE)
    found = geotiff.codes(path)
    np.testing.assert_array_equal(found.read(slice(2, 5), slice(20, 21)), made.codes[2:5, 20:21])
    np.testing.assert_array_equal(found.read(cols=slice(3, 5)), made.codes[:, 3:5])
    for rows, cols in [(slice(2, 14), None), (slice(-1, 3), None), (None, slice(5, 5))]:
        with pytest.raises(CoverageError, match="leave its 13 x 21 pixels"):
            found.read(rows, cols)


def test_a_real_label_raster_is_read_with_its_projection_and_nodata():
    folder = shared("clc2018_guadeloupe_100m")
    path = next(folder.glob("*.tif"))
    found = geotiff.codes(path)
    with rasterio.open(path) as file:
        assert (found.grid.transform, found.grid.shape, found.nodata) == (file.transform, file.shape, file.nodata)
        np.testing.assert_array_equal(found.read(slice(7, 60), slice(5, 90)), file.read(1)[7:60, 5:90])


def raster(path, values, **options):
    count = 1 if values.ndim == 2 else len(values)
    layout = {"driver": "GTiff", "count": count, "dtype": values.dtype, "crs": "EPSG:32629"}
    layout |= {"transform": Affine(10, 0, 5e5, 0, -10, 6e6), "height": values.shape[-2], "width": values.shape[-1]}
    with rasterio.open(path, "w", **(layout | options)) as file:
        file.write(values if values.ndim == 3 else values[None])
    return path


@pytest.mark.parametrize(
    ("values", "options", "kind", "message"),
    [
        (np.ones((3, 5), np.uint8), {"crs": None}, GridError, r"a\.tif: .*no coordinate reference system"),
        (np.ones((3, 5), np.uint8), {"transform": Affine(10, 2, 0, 0, -10, 0)}, GridError, r"a\.tif: .*not north-up"),
        (np.ones((3, 5), np.float32), {}, FormatError, "1 bands of float32"),
        (np.ones((2, 3, 5), np.uint8), {}, FormatError, "2 bands of uint8"),
        (np.ones((3, 5), np.uint8), {"driver": "PNG"}, FormatError, "cannot be read as GeoTIFF"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_is_no_map_of_classes_is_refused(tmp_path, values, options, kind, message):
    path = raster(tmp_path / "a.tif", values, **options)
    with pytest.raises(kind, match=message):
        geotiff.codes(path)


@pytest.mark.parametrize(("declared", "nodata"), [(None, None), (-128, -128), (0, 0)])
def test_nodata_is_what_the_file_declares(tmp_path, declared, nodata):
    path = raster(tmp_path / "a.tif", np.ones((3, 5), np.int16), nodata=declared)
    assert geotiff.codes(path).nodata == nodata
    assert geotiff.codes(path).read().dtype == np.int16


def test_a_map_of_other_files_disguised_as_a_raster_is_refused(tmp_path):
    (tmp_path / "secret.bin").write_bytes(bytes(15))
    (tmp_path / "a.tif").write_text(
        '<VRTDataset rasterXSize="5" rasterYSize="3"><VRTRasterBand dataType="Byte" band="1" '
        'subClass="VRTRawRasterBand"><SourceFilename relativeToVRT="1">secret.bin</SourceFilename>'
        "</VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(FormatError, match="another format"):
        geotiff.codes(tmp_path / "a.tif")


@pytest.mark.parametrize("share", [0, 0.01, 0.5])
def test_a_truncated_raster_is_refused(tmp_path, share):
    path, *_ = geotiff.write(cover(BIG), tmp_path / "a.tif", provenance=PROVENANCE)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FormatError, match=r"a\.tif: cannot be read as GeoTIFF"):
        geotiff.codes(path).read()


@pytest.mark.parametrize("limit", [100, 5_000, 200_000])
def test_a_full_disk_is_an_error_and_leaves_the_old_files(tmp_path, limit):
    path, *beside = geotiff.write(cover(IRELAND), tmp_path / "a.tif", provenance=PROVENANCE)
    before = [file.read_bytes() for file in (path, *beside)]
    with file_size_limit(limit), pytest.raises(OutputError, match=r"a\.tif.*: .* bytes are needed"):
        geotiff.write(cover(BIG), path, provenance=PROVENANCE, overwrite=True)
    assert [file.read_bytes() for file in (path, *beside)] == before
    assert sorted(tmp_path.iterdir()) == sorted([path, *beside])


def test_a_kill_leaves_one_version_whole(tmp_path):
    versions = [cover(BIG, seed) for seed in (0, 1)]
    path, *_ = geotiff.write(versions[0], tmp_path / "a.tif", provenance=PROVENANCE)

    def work():
        for version in versions:
            geotiff.write(version, path, provenance=PROVENANCE, overwrite=True)

    for moment in range(5):
        killed_after(0.05 + 0.04 * moment, work)
        codes = geotiff.codes(path).read()
        assert any(np.array_equal(codes, version.codes) for version in versions)


def test_gdal_itself_finds_names_and_colours_beside_the_pixels(tmp_path):
    path, *_ = geotiff.write(cover(DATELINE), tmp_path / "a.tif", provenance=PROVENANCE)
    rasterio.shutil.copy(path, tmp_path / "as_seen.vrt", driver="VRT")
    seen = ElementTree.parse(tmp_path / "as_seen.vrt")
    assert [category.text for category in seen.iter("Category")] == ["no data", *ECOSG.names]
    colours = [tuple(int(entry.get(f"c{part}")) for part in (1, 2, 3)) for entry in seen.iter("Entry")]
    assert tuple(colours[1:34]) == ECOSG.colours
