"""`ecosg-update look` draws each kind of file: a known colour at a known place, whatever the size."""

import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from ecosg_update import tables
from ecosg_update.config import checked
from ecosg_update.errors import FormatError, OutputError, TableError
from ecosg_update.formats import direct, geotiff, netcdf, typed
from ecosg_update.formats.header import Header, text
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction, Reason
from ecosg_update.looking import Hints, look, sheet
from ecosg_update.report.look import BOTH_WAYS, UPWARD
from ecosg_update.report.quicklook import REASON_COLOURS
from ecosg_update.training.config import Config
from ecosg_update.training.prepare import prepare
from tests.conftest import say, shared
from tests.formats.maps import ECOSG, PROVENANCE
from tests.training.made import lanjaron

GRID = LatLonGrid(360, 13212, 61524, 5, 9)
NONE = Hints()


def colour(code, legend=ECOSG):
    return legend.colours[legend.index(code)]


def halves(top, bottom):
    """A map of two covers, the first row of no data."""
    codes = np.full(GRID.shape, top, np.uint8)
    codes[3:] = bottom
    codes[0] = 0
    return CoverMap(codes, GRID, ECOSG)


def at(panel, row, col):
    return tuple(panel.pixels[row, col].tolist())


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
def test_a_cover_map_wears_its_legend_and_white_where_it_has_no_data(tmp_path, ending):
    made = halves(8, 1)
    path = tmp_path / f"a{ending}"
    if ending == ".dir":
        direct.write(made, path, title="t")
    elif ending == ".nc":
        netcdf.write_cover(made, path, provenance=PROVENANCE)
    else:
        geotiff.write(made, path, provenance=PROVENANCE)
    found = sheet(path, NONE)
    (panel,) = found.panels
    assert at(panel, 0, 4) == (255, 255, 255)
    assert at(panel, 2, 0) == colour(8) and at(panel, 3, 8) == colour(1)
    assert {"8 temperate broadleaf deciduous", "1 sea and oceans", "no data"} == {name for _, name in found.entries}
    assert "5 rows x 9 columns" in found.lines[0] and found.title == path.name


def test_a_typed_map_has_its_values_with_their_unit_and_its_covers(tmp_path):
    pixels = np.zeros(GRID.shape, np.uint16)
    pixels[1], pixels[2] = 810, 930
    typed.write(pixels, GRID, tmp_path / "new_ht_c", title="t")
    values, covers = sheet(tmp_path / "new_ht_c.dir", NONE).panels
    assert (values.bar.low, values.bar.high, values.bar.unit) == (10, 30, "m")
    assert [at(values, row, 0) for row in range(3)] == [(255, 255, 255), UPWARD[0], UPWARD[-1]]
    assert [at(covers, row, 0) for row in range(3)] == [(255, 255, 255), colour(8), colour(9)]


def test_a_prediction_has_its_best_class_and_how_sure_it_is(tmp_path):
    corine = tables.legend("corine-l1")
    share = np.ones(GRID.shape, np.float32)
    share[0] = 0
    values = np.zeros((len(corine), *GRID.shape), np.float32)
    values[1], values[2] = 0.25 * share, 0.75 * share
    netcdf.write_prediction(Prediction(values, share, corine, GRID, "x"), tmp_path / "p.nc", provenance=PROVENANCE)
    best, sure = sheet(tmp_path / "p.nc", NONE).panels
    assert at(best, 0, 0) == (255, 255, 255) and at(best, 1, 1) == corine.colours[2]
    assert at(sure, 0, 0) == (255, 255, 255) and at(sure, 1, 1) == UPWARD[3]


def test_a_patch_shows_what_changed_and_why_the_rest_did_not(tmp_path):
    after = halves(8, 1)
    base = np.where(after.codes == 8, 17, after.codes).astype(np.uint8)
    reason = np.where(after.codes == 8, Reason.CHANGED, Reason.KEPT_PROTECTED).astype(np.uint8)
    made = Patch(after, base, reason, np.full(GRID.shape, 0.5, np.float32))
    netcdf.write(made, tmp_path / "a.nc", provenance=PROVENANCE)
    found = sheet(tmp_path / "a.nc", NONE)
    before, result, changes, confidence = found.panels
    assert at(before, 2, 0) == colour(17) and at(result, 2, 0) == colour(8) == at(changes, 2, 0)
    assert at(changes, 4, 0) == REASON_COLOURS[Reason.KEPT_PROTECTED]
    assert at(confidence, 4, 0) == UPWARD[2]
    assert "[kept-protected]" in {name for _, name in found.entries}


def test_a_run_and_its_fractions_are_drawn_by_the_command(simulated, tmp_path):
    folder, _ = simulated
    output, inputs = folder / "output", folder / "input"
    done = say("pgd", output / "simulated_demo.dir", "--domain", inputs / "simulated_domain.toml",
               "-o", tmp_path / "fractions.nc")  # fmt: skip
    assert done.code == 0, done.err
    for number, path in enumerate([output / "simulated_demo.nc", tmp_path / "fractions.nc", *inputs.glob("*.SAFE")]):
        said = say("look", path, "-o", tmp_path / f"{number}.png")
        assert (said.code, said.out.strip()) == (0, str(tmp_path / f"{number}.png")), said.err
        with Image.open(tmp_path / f"{number}.png") as picture:
            assert picture.width >= 640 and picture.format == "PNG"


def test_fractions_lie_with_the_north_above(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, size in (("yy", 2), ("xx", 3)):
            file.createDimension(name, size)
        for name in ("XLAT", "XLON", "FRAC_SEA", "FRAC_NATURE", "FRAC_WATER", "FRAC_TOWN"):
            file.createVariable(name, "f8", ("yy", "xx"))[:] = 0
        file["FRAC_SEA"][0] = 1
        file["FRAC_TOWN"][1, 2] = 1e20
    sea, *_, town = sheet(tmp_path / "a.nc", NONE).panels
    assert at(sea, 1, 0) == UPWARD[-1] and at(sea, 0, 0) == UPWARD[0]
    assert at(town, 0, 2) == (255, 255, 255)


def test_other_fields_on_model_cells_have_their_own_units(tmp_path):
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        for name, size in (("yy", 2), ("xx", 3)):
            file.createDimension(name, size)
        for name in ("XLAT", "XLON", "roughness_change"):
            file.createVariable(name, "f8", ("yy", "xx"))[:] = 0
        file["roughness_change"][0, 0] = -2
        file["roughness_change"].units = "m"
    (panel,) = sheet(tmp_path / "a.nc", NONE).panels
    assert (panel.caption, panel.bar.low, panel.bar.high, panel.bar.unit) == ("roughness_change", -2, 2, "m")
    assert at(panel, 1, 0) == BOTH_WAYS[0] and at(panel, 0, 0) == BOTH_WAYS[2]


def raster(path, values, **options):
    layout = {"driver": "GTiff", "count": 1, "dtype": values.dtype, "crs": "EPSG:3035", **options}
    layout |= {"transform": Affine(100, 0, 4e6, 0, -100, 3e6), "height": values.shape[0], "width": values.shape[1]}
    with rasterio.open(path, "w", **layout) as file:
        file.write(values, 1)
        file.units = ("m",)
    return path


def test_grid_codes_of_corine_wear_the_colours_of_the_named_legend(tmp_path):
    corine = tables.legend("corine-l3")
    path = raster(tmp_path / "a.tif", np.array([[1, 44, -128]], np.int16), nodata=-128)
    found = sheet(path, Hints("corine-l3"))
    assert [at(found.panels[0], 0, col) for col in range(3)] == [
        colour(111, corine), colour(523, corine), (255, 255, 255)
    ]  # fmt: skip
    assert found.aspect == 3
    assert "111 Continuous urban fabric" in {name for _, name in found.entries}


def test_codes_of_no_legend_wear_colours_of_their_own(tmp_path):
    path = raster(tmp_path / "a.tif", np.array([[1, 2, 0]], np.uint8))
    found = sheet(path, NONE)
    shades = [at(found.panels[0], 0, col) for col in range(3)]
    assert len(set(shades)) == 3 and shades[2] == (255, 255, 255)
    assert [name for _, name in found.entries] == ["code 1", "code 2"]
    with pytest.raises(TableError, match="codes"):
        sheet(path, Hints("worldcover"))


def test_numbers_have_a_ramp_in_their_unit(tmp_path):
    path = raster(tmp_path / "a.tif", np.array([[1, 5, -9]], np.float32), nodata=-9)
    (panel,) = sheet(path, NONE).panels
    assert (panel.bar.low, panel.bar.high, panel.bar.unit) == (1, 5, "m")
    assert [at(panel, 0, col) for col in range(3)] == [UPWARD[0], UPWARD[-1], (255, 255, 255)]


def test_a_training_set_shows_images_beside_their_labels(tmp_path):
    prepare(checked(Config, lanjaron(), "test"), tmp_path / "set")
    found = sheet(tmp_path / "set", NONE)
    assert len(found.panels) == 8 and found.panels[0].caption.endswith("image")
    legend = tables.legend("corine-l2")
    assert {tuple(one) for one in found.panels[1].pixels.reshape(-1, 3).tolist()} <= {
        *legend.colours,
        (255, 255, 255),
    }


def test_a_real_scene_is_drawn_in_true_colour(tmp_path):
    path = shared("s2_l2a_safe_crop_sicily")
    found = sheet(path, NONE)
    assert "2018-12-29" in found.lines[0]
    assert len(np.unique(found.panels[0].pixels.reshape(-1, 3), axis=0)) > 100
    look(path, tmp_path / "a.png")


def test_the_globe_is_drawn_in_the_memory_of_its_picture(tmp_path):
    globe = LatLonGrid.globe(360)
    with (tmp_path / "globe.dir").open("wb") as stream:
        stream.truncate(globe.cells)
        for row in range(16_000, 18_000):  # 45.6 to 40 N
            stream.seek(row * globe.cols + 64_800)  # from Greenwich, 11 degrees wide
            stream.write(bytes([17]) * 4_000)
    (tmp_path / "globe.hdr").write_text(text(Header("a globe", globe)))
    code = (
        "import sys\nfrom pathlib import Path\nfrom ecosg_update.looking import look\n"
        "look(*map(Path, sys.argv[1:]))\nprint(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    command = [sys.executable, "-c", code, tmp_path / "globe.dir", tmp_path / "a.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400_000  # kB
    with Image.open(tmp_path / "a.png") as picture:
        rows, cols = np.nonzero((np.asarray(picture)[:-60] == colour(17)).all(axis=2))
    assert np.ptp(cols) + 1 == pytest.approx(960 * 4_000 / globe.cols, abs=1)
    assert np.ptp(rows) + 1 == pytest.approx(480 * 2_000 / globe.rows, abs=1)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("absent.dir", FormatError, "nothing is there"),
        ("short.dir", FormatError, "copy is incomplete"),
        ("model.safetensors", FormatError, "is a checkpoint, which has no picture"),
        ("empty.nc", FormatError, "cannot be read as NetCDF"),
        ("empty.tif", FormatError, "cannot be read as GeoTIFF"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_nothing(tmp_path, name, error, words):
    direct.write(halves(8, 1), tmp_path / "short.dir", title="t")
    (tmp_path / "short.dir").write_bytes(b"\1" * 44)
    for other in ("model.safetensors", "empty.nc", "empty.tif"):
        (tmp_path / other).write_bytes(b"")
    with pytest.raises(error, match=words):
        look(tmp_path / name, tmp_path / "a.png")
    said = say("look", tmp_path / name, "-o", tmp_path / "a.png")
    assert said.code == 3 and said.err.count("\n") == 1 and words in said.err
    assert not list(tmp_path.glob("a.png*"))


def test_an_existing_picture_is_kept(tmp_path):
    direct.write(halves(8, 1), tmp_path / "a.dir", title="t")
    look(tmp_path / "a.dir", tmp_path / "a.png")
    with pytest.raises(OutputError, match="exists already"):
        look(tmp_path / "a.dir", tmp_path / "a.png")
    look(tmp_path / "a.dir", tmp_path / "a.png", overwrite=True)
