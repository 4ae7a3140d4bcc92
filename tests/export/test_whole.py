"""A map that is cut, resampled and converted is the same map, and costs the same memory at any size."""

import json
import tracemalloc

import numpy as np
import pytest
from rio_cogeo import cog_validate

from ecosg_update.errors import ConfigError, CoverageError, FormatError, OutputError
from ecosg_update.export.whole import Cut, export
from ecosg_update.formats import blocks, covers, direct, header
from ecosg_update.formats.header import Header
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.grid import cut as window
from ecosg_update.patch.resample import resampled
from tests.conftest import say, shared
from tests.formats.faults import file_size_limit, small_disk
from tests.formats.maps import DATELINE, IRELAND, cover

BIG = LatLonGrid(360, 13000, 129_000, 700, 1400)
"""Two by three chunks, across the dateline."""


def written(folder, grid=IRELAND, seed=0):
    return direct.write(cover(grid, seed), folder / "map.dir", title="A map")[0]


@pytest.fixture
def ireland(tmp_path):
    return written(tmp_path)


@pytest.mark.parametrize("grid", [IRELAND, DATELINE, LatLonGrid(1, 120, 0, 9, 360), LatLonGrid(1, 120, 77, 9, 360)])
def test_around_all_formats_every_byte_comes_back(tmp_path, grid):
    source = written(tmp_path, grid)
    export(source, tmp_path / "a.nc")
    export(tmp_path / "a.nc", tmp_path / "b.tif")
    export(tmp_path / "b.tif", tmp_path / "c.dir", title="A map")
    assert (tmp_path / "c.dir").read_bytes() == source.read_bytes()
    assert (tmp_path / "c.hdr").read_bytes() == source.with_suffix(".hdr").read_bytes()


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
@pytest.mark.parametrize("size", [1, 7 * BIG.cols, 1024 * 512])
def test_the_size_of_a_block_changes_no_byte(tmp_path, monkeypatch, ending, size):
    made, about = cover(BIG), Provenance("A map", "made up")
    covers.write(made, tmp_path / f"whole{ending}", about)
    monkeypatch.setattr(blocks, "BLOCK_CELLS", size)
    covers.write(made, tmp_path / f"parts{ending}", about)
    assert (tmp_path / f"parts{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
def test_an_export_is_the_resampled_window(tmp_path, ending):
    source = written(tmp_path, BIG)
    bounds = (179.1, 52.5, -179.2, 53.25)
    for per_degree in (360, 90, 250, 500):
        output = tmp_path / f"out{ending}"
        export(source, output, Cut(bounds, per_degree), overwrite=True)
        found = covers.opened(output)
        assert found.grid == LatLonGrid.from_bounds(per_degree, bounds)
        expected = resampled(cover(BIG), found.grid)
        np.testing.assert_array_equal(found.read(found.grid).codes, expected.codes)


@pytest.mark.parametrize("ratio", [2, 5])
def test_fine_and_then_coarse_is_the_map(tmp_path, ratio):
    source = shared("ecosg_like", "ireland_300m.dir")
    part = Cut((-9.1, 52.2, -8.3, 52.7))
    export(source, tmp_path / "part.dir", part, title="Ireland")
    export(tmp_path / "part.dir", tmp_path / "fine.nc", Cut(per_degree=360 * ratio))
    export(tmp_path / "fine.nc", tmp_path / "back.dir", Cut(per_degree=360), title="Ireland")
    assert (tmp_path / "back.dir").read_bytes() == (tmp_path / "part.dir").read_bytes()
    assert (tmp_path / "back.hdr").read_bytes() == (tmp_path / "part.hdr").read_bytes()


def test_a_real_map_becomes_a_valid_cog(tmp_path):
    source = shared("ecosg_like", "ireland_300m.dir")
    export(source, tmp_path / "a.tif")
    valid, errors, warnings = cog_validate(tmp_path / "a.tif", strict=True)
    assert valid and not errors and not warnings


def sparse_globe(folder):
    """A globe of 8.4 GB that takes a few blocks on the disk: two rows of covers."""
    globe = LatLonGrid.globe(360)
    (folder / "globe.hdr").write_text(header.text(Header("Globe", globe)))
    row = np.random.default_rng(0).integers(1, 34, globe.cols, dtype=np.uint8).tobytes()
    with (folder / "globe.dir").open("wb") as stream:
        stream.truncate(globe.cells)
        for number in (7200, 7203):
            stream.seek(number * globe.cols)
            stream.write(row)
    return folder / "globe.dir", np.frombuffer(row, np.uint8)


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
@pytest.mark.parametrize("per_degree", [360, 10])
def test_a_strip_of_the_globe_passes_in_constant_memory(tmp_path, ending, per_degree):
    source, row = sparse_globe(tmp_path)
    height = 1 if per_degree == 360 else 3
    strip = (-180, 70 - height, 180, 70.5)
    tracemalloc.start()
    try:
        export(source, tmp_path / f"strip{ending}", Cut(strip, per_degree))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 6 * blocks.BLOCK_CELLS
    found = covers.opened(tmp_path / f"strip{ending}")
    line = LatLonGrid(per_degree, 20 * per_degree, 0, 1, 360 * per_degree)
    codes = found.read(line).codes[0]
    if per_degree == 360:
        assert (codes == row).all()
    else:
        counts = np.stack([np.bincount(cell, minlength=34) for cell in row.reshape(-1, 36)])
        assert (np.take_along_axis(counts, codes[:, None].astype(int), 1)[:, 0] == counts.max(axis=1)).all()


def test_cells_at_the_edge_of_the_map_are_decided_by_what_it_has(tmp_path, ireland):
    export(ireland, tmp_path / "coarse.dir", Cut(per_degree=7))
    found = direct.read(tmp_path / "coarse.dir")
    assert found.grid == IRELAND.at(7) and found.codes.all()


@pytest.mark.parametrize(
    ("output", "cut", "kind", "words"),
    [
        ("map.dir", Cut(), OutputError, "is or holds the source"),
        ("map.hdr.dir", Cut((-9, 52, -8, 53)), CoverageError, "ask for less or use a larger map"),
        ("a.dir", Cut((-20.0, 50, -19, 51), 10), CoverageError, "holds"),
        ("a.grib", Cut(), ConfigError, r"expected \.dir, \.nc or \.tif"),
        ("x" * 25 + ".dir", Cut(), OutputError, "shorten it"),
        ("absent/a.nc", Cut(), OutputError, "does not exist; create it"),
        ("a.dir", Cut(per_degree=10800), OutputError, "bytes are needed, the disk has"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path, output, cut, kind, words):
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, 128 * 1024):
        written(folder)
        before = {path: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(kind, match=words):
            export(folder / "map.dir", folder / output, cut, overwrite=True)
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_source_is_recognised_through_a_link(tmp_path, ireland):
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    before = ireland.read_bytes()
    with pytest.raises(OutputError, match="inputs are never changed"):
        export(ireland, tmp_path / "elsewhere" / "map.dir", overwrite=True)
    assert ireland.read_bytes() == before


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
def test_a_damaged_source_is_an_input_error_and_leaves_nothing(tmp_path, ireland, ending):
    codes = bytearray(ireland.read_bytes())
    codes[100] = 40
    ireland.write_bytes(codes)
    with pytest.raises(FormatError, match=r"map\.dir: .*found codes \[40\]"):
        export(ireland, tmp_path / f"out{ending}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]


@pytest.mark.parametrize("ending", [".dir", ".nc", ".tif"])
def test_a_full_disk_leaves_nothing(tmp_path, ending):
    source = written(tmp_path, BIG)
    with file_size_limit(100_000), pytest.raises(OutputError, match="bytes are needed"):
        export(source, tmp_path / f"out{ending}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]


def test_the_command_prints_its_files(tmp_path, ireland):
    said = say("export", ireland, "-o", tmp_path / "a.tif", "--per-degree", 90)
    assert said.code == 0 and said.out.split() == [
        str(tmp_path / name) for name in ("a.tif", "a.tif.aux.xml", "a.qml")
    ]
    said = say("export", ireland, "-o", tmp_path / "b.dir", "--bounds", -9.08, 53.28, -9.06, 53.3, "--json")
    assert json.loads(said.out) == {"files": [str(tmp_path / "b.dir"), str(tmp_path / "b.hdr")], "skipped": []}
    part = direct.read(tmp_path / "b.dir")
    np.testing.assert_array_equal(part.codes, window(cover(IRELAND).codes, IRELAND, part.grid))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-o", "out.dir", "--bounds", -9, 40, -8, 41], 7, "holds"),
        (["-o", "out.dir", "--format", "nc"], 2, "--format goes with --tiles"),
        (["-o", "out.xyz"], 2, "the ending says the format"),
        (["-o", "map.dir", "--overwrite"], 5, "is or holds the source"),
        (["-o", "out", "--tiles", 7], 2, "expected one of 1, 2, 3"),
    ],
)
def test_bad_input_is_one_line_with_its_exit_code(tmp_path, ireland, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    said = say("export", ireland, *arguments)
    assert said.code == code and words in said.err, said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]
