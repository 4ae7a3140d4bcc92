"""Tiles put together again are the map; their index says where each is, and the folder is whole or absent."""

import csv
import hashlib
import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update.errors import ConfigError, CoverageError, FormatError, GridError, OutputError
from ecosg_update.export.tiles import counts, tile_grids, tiles
from ecosg_update.export.whole import Cut
from ecosg_update.formats import covers, direct
from ecosg_update.grid import LatLonGrid, pasted
from ecosg_update.layers import CoverMap
from ecosg_update.patch.resample import resampled
from tests import oracle_surfex
from tests.conftest import say, shared
from tests.formats.faults import file_size_limit, killed_after
from tests.formats.maps import ECOSG, cover

EDGES = LatLonGrid(12, 12 * 29 + 5, 12 * 357 + 3, 12 * 23, 12 * 25 - 7)
"""From 60.6 N southward and across the dateline, with edges inside tiles of ten degrees."""


def written(folder, grid=EDGES, seed=0):
    return direct.write(cover(grid, seed), folder / "map.dir", title="A map")[0]


def index(folder):
    with (folder / "index.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def together(folder, grid):
    """The tiles of a folder as one array, read by its index."""
    codes = np.zeros(grid.shape, np.uint8)
    for row in index(folder):
        if row["file"]:
            found = covers.opened(folder / row["file"])
            codes = pasted(codes, grid, found.grid, found.read(found.grid).codes)
    return codes


@pytest.mark.parametrize("kind", ["dir", "nc", "tif"])
@pytest.mark.parametrize("grid", [EDGES, LatLonGrid.globe(2), LatLonGrid(2, 20, 71, 100, 720)])
def test_tiles_put_together_are_the_map(tmp_path, kind, grid):
    source = written(tmp_path, grid)
    made = tiles(source, tmp_path / "out", 30 if grid.per_degree == 2 else 10, kind=kind)
    assert together(tmp_path / "out", grid).tobytes() == source.read_bytes()
    assert sum(tile.grid.cells for tile in made) == grid.cells


@given(st.sampled_from([1, 5, 9, 45, 90]), st.integers(1, 4), st.data())
@settings(max_examples=60)
def test_every_cell_lies_in_one_tile_and_every_tile_in_its_square(degrees, per_degree, data):
    rows = data.draw(st.integers(1, 180 * per_degree))
    cols = data.draw(st.integers(1, 180 * per_degree))
    row, col = data.draw(st.integers(0, 180 * per_degree - rows)), data.draw(st.integers(0, 360 * per_degree - 1))
    grid = LatLonGrid(per_degree, row, col, rows, cols)
    met = np.zeros(grid.shape, np.uint8)
    parts = list(tile_grids(grid, degrees))
    assert len({name for name, _ in parts}) == len(parts)
    for name, part in parts:
        south = int(name[1:3]) * (-1 if name[0] == "S" else 1)
        west = int(name[4:]) * (-1 if name[3] == "W" else 1)
        assert south % degrees == west % degrees == 0
        assert west <= part.west < part.east <= west + degrees
        assert south <= part.south < part.north <= south + degrees
        for _, (at_rows, at_cols) in part.windows_in(grid):
            met[at_rows, at_cols] += 1
    assert (met == 1).all()


def test_names_are_the_south_west_corners():
    grid = LatLonGrid.from_bounds(6, (-12, 48, 3, 61))
    assert [name for name, _ in tile_grids(grid, 10)] == [
        "N60W020", "N60W010", "N60E000", "N50W020", "N50W010", "N50E000", "N40W020", "N40W010", "N40E000",
    ]  # fmt: skip
    assert [name for name, _ in tile_grids(LatLonGrid.from_bounds(1, (170, -20, -170, -10)), 10)] == [
        "S20E170",
        "S20W180",
    ]


def test_a_window_that_begins_and_ends_in_one_tile_is_refused():
    with pytest.raises(GridError, match="begins and ends in one tile"):
        list(tile_grids(LatLonGrid(2, 20, 11, 9, 715), 10))
    assert len(list(tile_grids(LatLonGrid(2, 20, 11, 9, 700), 10))) == 36


@pytest.mark.parametrize("kind", ["dir", "tif"])
def test_the_index_says_what_the_tiles_hold(tmp_path, kind):
    codes = cover(EDGES).codes
    codes[:60, :40] = 0
    codes[60:, :40] = 17
    source = direct.write(CoverMap(codes, EDGES, ECOSG), tmp_path / "map", title="A map")[0]
    tiles(source, tmp_path / "out", 5, kind=kind)
    features = json.loads((tmp_path / "out" / "index.geojson").read_text())["features"]
    rows = index(tmp_path / "out")
    assert len(rows) == len(features) == len(list(tile_grids(EDGES, 5)))
    skipped = [row for row in rows if not row["file"]]
    assert skipped and all(int(row["no_data"]) == int(row["rows"]) * int(row["cols"]) for row in skipped)
    assert not any(row["sha256"] or row["cover"] for row in skipped)
    for row, feature in zip(rows, features, strict=True):
        assert {key: str(value) for key, value in feature["properties"].items()} == row
        west, south, east, north = (float(row[edge]) for edge in ("west", "south", "east", "north"))
        ring = feature["geometry"]["coordinates"][0]
        assert [min(x for x, _ in ring), min(y for _, y in ring)] == [west, south]
        assert [max(x for x, _ in ring), max(y for _, y in ring)] == [east, north]
        signed = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
        assert ring[0] == ring[-1] and signed > 0
        if row["file"]:
            path = tmp_path / "out" / row["file"]
            assert path.stem == row["tile"]
            assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
            found = covers.opened(path)
            assert found.grid == LatLonGrid(
                *(int(row[name]) for name in ("per_degree", "row", "col", "rows", "cols"))
            )
            known = np.bincount(found.read(found.grid).codes.ravel(), minlength=34)
            assert int(row["no_data"]) == known[0]
            assert int(row["cover_cells"]) == known[int(row["cover"])] == known[1:].max()


def test_surfex_reads_a_tile(tmp_path):
    tiles(written(tmp_path), tmp_path / "out", 10)
    found = direct.read(tmp_path / "out" / "N40W180.dir")
    assert oracle_surfex.surfex(tmp_path / "out" / "N40W180.hdr").covers(tmp_path / "out" / "N40W180.dir") == (
        found.codes.tolist()
    )


def test_tiles_of_a_resampled_real_map_are_cut_from_one_whole(tmp_path):
    source = shared("ecosg_like", "ireland_300m.dir")
    cut = Cut((-9.1, 52.2, -7.9, 53.3), 250)
    made = tiles(source, tmp_path / "out", 1, cut)
    assert [tile.name for tile in made][:3] == ["N53W010", "N53W009", "N53W008"]
    grid = LatLonGrid.from_bounds(250, cut.bounds)
    np.testing.assert_array_equal(together(tmp_path / "out", grid), resampled(direct.read(source), grid).codes)


def test_tiles_replace_tiles_and_nothing_else(tmp_path):
    source = written(tmp_path)
    tiles(source, tmp_path / "out", 10, kind="tif")
    with pytest.raises(OutputError, match="exists already"):
        tiles(source, tmp_path / "out", 10)
    tiles(source, tmp_path / "out", 30, overwrite=True)
    assert together(tmp_path / "out", EDGES).tobytes() == source.read_bytes()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds notes\.txt, which is no tile"):
        tiles(source, tmp_path / "out", 10, overwrite=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr", "out"]


def test_a_folder_that_holds_the_source_is_refused(tmp_path):
    tiles(written(tmp_path), tmp_path / "out", 10)
    with pytest.raises(OutputError, match="is or holds the source"):
        tiles(tmp_path / "out" / "N40W180.dir", tmp_path / "out", 5, overwrite=True)
    assert (tmp_path / "out" / "N40W180.dir").exists()


@pytest.mark.parametrize(
    ("degrees", "cut", "kind", "error", "words"),
    [
        (7, Cut(), "dir", ConfigError, "expected one of 1, 2, 3, 5"),
        (10, Cut(), "grib", ConfigError, "as dir, nc, tif"),
        (10, Cut((0, 0, 1, 1)), "dir", CoverageError, "ask for less"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(tmp_path, degrees, cut, kind, error, words):
    source = written(tmp_path)
    with pytest.raises(error, match=words):
        tiles(source, tmp_path / "out", degrees, cut, kind=kind)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]


@pytest.mark.parametrize("kind", ["dir", "nc", "tif"])
def test_a_fault_in_one_tile_leaves_none(tmp_path, kind):
    source = written(tmp_path)
    with file_size_limit(6_000), pytest.raises(OutputError, match="bytes are needed"):
        tiles(source, tmp_path / "out", 10, kind=kind)
    codes = bytearray(source.read_bytes())
    codes[-1] = 99
    source.write_bytes(codes)
    with pytest.raises(FormatError, match=r"found codes \[99\]"):
        tiles(source, tmp_path / "out", 10, kind=kind)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr"]


def test_a_kill_leaves_a_whole_folder_or_none_and_the_next_run_clears_up(tmp_path):
    source = written(tmp_path)
    for moment in range(5):
        killed_after(0.05 + 0.05 * moment, lambda: tiles(source, tmp_path / "out", 10, overwrite=True))
        if (tmp_path / "out").exists():
            assert together(tmp_path / "out", EDGES).tobytes() == source.read_bytes()
    tiles(source, tmp_path / "out", 10, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.dir", "map.hdr", "out"]


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_counts_are_the_cells_of_each_code(seed):
    codes = cover(EDGES, seed).codes
    assert [int((codes == code).sum()) for code in range(256)] == counts(codes).tolist()


def test_the_command_lists_files_and_skipped_tiles(tmp_path):
    grid = LatLonGrid.from_bounds(4, (0, 40, 30, 50))
    codes = cover(grid).codes
    codes[:, 40:80] = 0
    source = direct.write(CoverMap(codes, grid, ECOSG), tmp_path / "map", title="A map")[0]
    said = say("export", source, "--tiles", 10, "--format", "nc", "-o", tmp_path / "out", "--json")
    assert said.code == 0, said.err
    names = ["N40E000.nc", "N40E020.nc", "index.csv", "index.geojson"]
    assert json.loads(said.out) == {"files": [str(tmp_path / "out" / name) for name in names], "skipped": ["N40E010"]}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
