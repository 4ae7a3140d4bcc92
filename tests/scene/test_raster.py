import os
import socket
import threading

import numpy as np
import pytest
import rasterio

from ecosg_update.errors import EcosgError, SceneError
from ecosg_update.scene.raster import Tiles, rasters
from ecosg_update.scene.store import File
from tests.conftest import shared
from tests.scene.made import ireland, noise, tiff


def one(path):
    return rasters(File(path))[0][0]


def whole(path):
    raster = one(path)
    rows, cols = raster.grid.shape
    return Tiles(raster, threads=2).window(slice(0, rows), slice(0, cols))


def real_jp2(tmp_path):
    path = tmp_path / "T33UUU_20170216T102101_B05.jp2"
    path.write_bytes(shared("s2_l1c_brandenburg_jp2", "IMG_DATA", path.name).read_bytes())
    return path


def test_a_header_says_where_the_pixels_lie():
    raster = one(next(ireland().glob("GRANULE/*/IMG_DATA/R60m/*_B02_60m.jp2")))
    assert raster.pixel_m == 60 and raster.grid.shape == (1830, 1830) and raster.block == (192, 192)
    assert raster.grid.bounds == (499980, 5790240, 609780, 5900040)


def test_windows_are_the_whole_cut_out_whatever_the_order(tmp_path):
    values = noise((1100, 1300))
    raster = one(tiff(tmp_path / "B02.tif", values, tiled=True, blockxsize=128, blockysize=256))
    tiles = Tiles(raster, threads=2)
    for top, left, height, width in [
        (0, 0, 1, 1),
        (511, 511, 2, 2),
        (700, 3, 400, 1297),
        (5, 1290, 9, 10),
        (0, 0, 1100, 1300),
    ]:
        found = tiles.window(slice(top, top + height), slice(left, left + width))
        assert np.array_equal(found, values[top : top + height, left : left + width])


def test_strips_with_overlap_decode_every_tile_once(tmp_path):
    raster = one(tiff(tmp_path / "B02.tif", noise((1100, 1300)), tiled=True, blockxsize=128, blockysize=128))
    tiles = Tiles(raster, threads=2)
    for top in range(0, 1100, 100):
        tiles.window(slice(max(0, top - 20), min(1100, top + 120)), slice(0, 1300))
    assert tiles.decoded_pixels == 1100 * 1300


def test_a_jp2_reads_as_gdal_reads_it(tmp_path):
    path = real_jp2(tmp_path)
    with rasterio.open(path) as dataset:
        assert np.array_equal(whole(path), dataset.read(1))


@pytest.mark.parametrize("part", [0, 1e-9, 0.5, 0.731, 0.999, 1.0])
def test_a_jp2_cut_short_gives_no_pixel(tmp_path, part):
    path = real_jp2(tmp_path)
    size = path.stat().st_size
    os.truncate(path, min(size - 1, int(np.ceil(part * size))))
    with pytest.raises(SceneError, match=r"B05\.jp2"):
        whole(path)


def test_a_jp2_filled_up_with_zeros_gives_no_pixel(tmp_path):
    path = real_jp2(tmp_path)
    size = path.stat().st_size
    os.truncate(path, size // 2)
    os.truncate(path, size)
    with pytest.raises(SceneError, match="is broken at byte"):
        whole(path)


def test_a_tile_that_cannot_be_decoded_is_an_error_and_not_zeros(tmp_path):
    path = real_jp2(tmp_path)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\x93", len(data) // 2)  # the data of a tile in the middle
    data[start : start + 2] = b"\0\0"
    path.write_bytes(data)
    with pytest.raises(SceneError, match="cannot be decoded"):
        whole(path)


@pytest.mark.parametrize("part", [0, 1e-9, 0.01, 0.5, 0.999])
def test_a_tiff_cut_short_gives_no_pixel(tmp_path, part):
    path = tiff(tmp_path / "B02.tif", noise((300, 200)), compress="deflate")
    os.truncate(path, int(np.ceil(part * path.stat().st_size)))
    with pytest.raises(SceneError, match=r"B02\.tif"):
        whole(path)


VRT = """<VRTDataset rasterXSize="4" rasterYSize="3"><SRS>EPSG:32633</SRS>
<GeoTransform>0,10,0,0,0,-10</GeoTransform><VRTRasterBand dataType="UInt16" band="1">
<SimpleSource><SourceFilename relativeToVRT="0">{source}</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""


@pytest.mark.parametrize("name", ["B02.jp2", "B02.tif"])
def test_a_vrt_under_another_name_opens_no_other_file(tmp_path, name):
    secret = tiff(tmp_path / "secret.tif", noise((3, 4)))
    path = tmp_path / name
    path.write_text(VRT.format(source=secret))
    with pytest.raises(SceneError, match="raster that GDAL can open"):
        rasters(File(path))


def test_a_vrt_under_another_name_opens_no_connection(tmp_path):
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)

        def listen():
            try:
                calls.append(server.accept())
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        path = tmp_path / "B02.jp2"
        path.write_text(VRT.format(source=f"/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/x.tif"))
        with pytest.raises(SceneError):
            rasters(File(path))
        listener.join()
    assert calls == []


def test_a_side_file_does_not_move_the_raster(tmp_path):
    path = tiff(tmp_path / "B02.tif", noise((3, 4)), west=100)
    place = one(path).grid
    (tmp_path / "B02.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    (tmp_path / "B02.tif.aux.xml").write_text("<PAMDataset><GeoTransform>0,1,0,0,0,-1</GeoTransform></PAMDataset>")
    assert one(path).grid == place


def test_another_ending_is_refused(tmp_path):
    path = tmp_path / "B02.png"
    path.touch()
    with pytest.raises(EcosgError, match=r"expected \.jp2"):
        rasters(File(path))


def test_a_path_with_spaces_and_letters_of_other_alphabets_is_read(tmp_path):
    values = noise((3, 4))
    path = tiff(tmp_path / "Šumava 20 m {x}" / "B02.tif", values)
    assert np.array_equal(whole(path), values)
