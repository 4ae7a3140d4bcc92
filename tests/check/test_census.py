"""One pass over the bytes finds what whole-array tools find, however the map is cut into blocks."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from ecosg_update.check import blocks, census
from ecosg_update.check.geometry import Geometry

EVERYWHERE = np.ones((3, 3), int)


def written(folder, codes):
    path = folder / "map.dir"
    path.write_bytes(np.ascontiguousarray(codes, np.uint8).tobytes())
    return path


def around(rows, cols, *, globe=False, high=1 / 360):
    """A geometry of so many cells: the whole way around the globe, or a part of it."""
    wide = 360 / cols if globe else high
    return Geometry(45.0, 45.0 - rows * high, -20.0, -20.0 + cols * wide, rows, cols)


@contextmanager
def cut_into(size):
    """A pass that reads so many bytes at a time."""
    before, blocks.BLOCK_BYTES = blocks.BLOCK_BYTES, size
    try:
        yield
    finally:
        blocks.BLOCK_BYTES = before


def labelled(member, wraps, near):
    """Clusters of a mask, whose members may lie `near` rows and columns apart: an oracle on whole arrays."""
    cols = member.shape[1]
    shifts = range(-near, near + 1)
    cells = [(r, c) for r, c in zip(*np.nonzero(member), strict=True)]
    number = {cell: at for at, cell in enumerate(cells)}
    parent = list(range(len(cells)))

    def root(at):
        while parent[at] != at:
            at = parent[at]
        return at

    for r, c in cells:
        for dr in shifts:
            for dc in shifts:
                other = (r + dr, (c + dc) % cols if wraps else c + dc)
                if other in number:
                    parent[root(number[r, c])] = root(number[other])
    groups = {}
    for cell in cells:
        groups.setdefault(root(number[cell]), []).append(cell)
    return list(groups.values())


def closed_lakes(codes, wraps):
    rows, cols = codes.shape
    found = []
    for cells in labelled(np.isin(codes, (2, 3)), wraps, 1):
        walls = []
        for r, c in cells:
            for dr in (-1, 0, 1):
                for dc in (-1, 0, 1):
                    y, x = r + dr, (c + dc) % cols if wraps else c + dc
                    walls.append(0 <= y < rows and 0 <= x < cols and codes[y, x] in (1, 2, 3))
        if all(walls):
            found.append(len(cells))
    return sorted(found)


def closed_seas(codes, wraps, near):
    rows, cols = codes.shape
    found = []
    for cells in labelled((codes == 1) | (codes == 0), wraps, near):
        sides = any(r in (0, rows - 1) or (not wraps and c in (0, cols - 1)) for r, c in cells)
        if not sides and all(codes[cell] == 1 for cell in cells):
            found.append(len(cells))
    return sorted(found)


@st.composite
def maps(draw):
    rows, cols = draw(st.integers(1, 11)), draw(st.integers(1, 13))
    kinds = draw(st.lists(st.sampled_from([0, 1, 1, 1, 2, 3, 4, 6, 19]), min_size=2, max_size=5))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).choice(kinds, (rows, cols)).astype(np.uint8)


@settings(max_examples=150)
@given(maps(), st.booleans(), st.integers(1, 40))
def test_waters_are_the_clusters_that_a_search_over_the_whole_array_finds(tmp_path_factory, codes, globe, block):
    rows, cols = codes.shape
    path = written(tmp_path_factory.mktemp("c"), codes)
    found = around(rows, cols, globe=globe)
    with cut_into(block):
        seen = census.census(path, found, 0)
    lakes, seas = closed_lakes(codes, globe), closed_seas(codes, globe, census.reach(found))
    assert (seen.lakes.count, seen.lakes.cells) == (len(lakes), sum(lakes))
    if len(lakes) <= census.PLACES:
        assert sorted(size for *_, size in seen.lakes.first) == lakes
    if not globe:  # whose cells, 30 degrees wide, are larger than any small sea
        assert (seen.seas.count, seen.seas.cells) == (len(seas), sum(seas))


@given(maps(), st.integers(1, 40))
def test_every_byte_is_counted_and_its_first_place_is_right(tmp_path_factory, codes, block):
    path = written(tmp_path_factory.mktemp("c"), codes)
    with cut_into(block):
        seen = census.census(path, around(*codes.shape), 19)
    np.testing.assert_array_equal(seen.counts, np.bincount(codes.ravel(), minlength=256))
    for code, place in seen.first.items():
        assert place == tuple(np.argwhere(codes == code)[0])
    odd = [(*map(int, place), 0) for place in np.argwhere(codes == 0)]
    assert list(seen.illegal) == odd[: census.PLACES]


@pytest.mark.parametrize("near", [1, 4])
def test_big_noise_has_the_clusters_of_scipy(tmp_path, near):
    codes = np.random.default_rng(5).choice([1, 19], (300, 401), p=[0.02, 0.98]).astype(np.uint8)
    found = around(*codes.shape, high=census.SEA_REACH / near)
    assert census.reach(found) == near
    seen = census.census(written(tmp_path, codes), found, 0)
    sea = codes == 1
    bridged = ndimage.label(ndimage.binary_dilation(sea, np.ones((near, near))), EVERYWHERE)[0] if near == 1 else None
    if bridged is None:
        bridged = np.zeros(codes.shape, int)
        for number, cells in enumerate(labelled(sea, False, near), 1):
            bridged[tuple(np.transpose(cells))] = number
    edge = set(np.unique(np.concatenate([bridged[0], bridged[-1], bridged[:, 0], bridged[:, -1]])))
    inner = [number for number in np.unique(bridged) if number and number not in edge]
    assert seen.seas.count == len(inner) > 20
    assert seen.seas.cells == int(np.isin(bridged, inner).sum())


def test_a_large_sea_without_a_way_out_is_no_fault(tmp_path):
    codes = np.full((40, 60), 17, np.uint8)
    codes[5:35, 5:55] = 1
    coarse, fine = around(40, 60, high=0.1), around(40, 60, high=1 / 360)
    path = written(tmp_path, codes)
    assert census.census(path, coarse, 0).seas.count == 0
    assert census.census(path, fine, 0).seas.cells == 30 * 50


def test_a_lake_on_the_dateline_of_a_globe_is_one_lake(tmp_path):
    codes = np.full((5, 12), 1, np.uint8)
    codes[2, [0, 1, 11]] = 2
    seen = census.census(written(tmp_path, codes), around(5, 12, globe=True), 0)
    assert (seen.lakes.count, seen.lakes.cells) == (1, 3)
    cut = census.census(written(tmp_path, codes), around(5, 12), 0)
    assert cut.lakes.count == 0


def test_only_the_whole_rows_of_a_short_file_are_seen(tmp_path):
    path = tmp_path / "map.dir"
    path.write_bytes(bytes([4] * 25))
    assert census.census(path, around(5, 7), 0).counts[4] == 21


def test_snow_is_counted_by_tiles(tmp_path):
    codes = np.full((20, 30), 17, np.uint8)
    codes[3, 4] = codes[3, 5] = codes[19, 29] = 6
    found = around(20, 30, high=0.05)
    seen = census.census(written(tmp_path, codes), found, 0, tiles=True)
    assert seen.snow.sum() == 3
    lon, lat = found.lonlat(19, 29)
    assert seen.snow[int((90 - lat) * 10), int((lon + 180) * 10)] == 1


def test_memory_does_not_grow_with_the_map(tmp_path):
    path, cols = tmp_path / "map.dir", 129_600
    peaks = []
    for rows in (500, 3000):
        with path.open("wb") as file:
            file.truncate(rows * cols)
        tracemalloc.start()
        seen = census.census(path, Geometry(60.0, 60.0 - rows / 360, -180.0, 180.0, rows, cols), 255, tiles=True)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert seen.counts[0] == rows * cols
    assert peaks[1] < peaks[0] + 1_000_000 < 150_000_000
