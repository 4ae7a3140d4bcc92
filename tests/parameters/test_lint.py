"""Faults of typed files: each is named, with what SURFEX does; sound files have none."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.fault import Severity
from ecosg_update.formats import typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameters.lint import typed_faults
from tests import oracle_typed as oracle
from tests.formats.maps import grids

GRID = LatLonGrid(360, 13_300, 62_000, 4, 6)


def written(path, table, *, compress=True, order="<"):
    pixels = np.array(table, np.uint16)
    return typed.write(pixels, GRID, path, title="Made up", fact=10, compress=compress, order=order)[0]


@pytest.fixture
def table():
    found = np.arange(24).reshape(4, 6) % 33 * 100 + 145
    found[1, 1:4] = 0
    return found


@given(grids(), st.integers(0, 9))
def test_sound_files_have_no_fault(tmp_path_factory, grid, seed):
    pixels = np.random.default_rng(seed).integers(101, 3399, grid.shape).astype(np.uint16)
    pixels[pixels % 100 == 0] += 1
    folder = tmp_path_factory.mktemp("lint")
    for compress in (True, False):
        path, _ = typed.write(pixels, grid, folder / f"a{compress}", title="Made up", compress=compress)
        assert typed_faults(path) == []


def rules(path):
    return [(fault.rule, fault.severity) for fault in typed_faults(path)]


SPOILT = {
    "torn": lambda body: body[:-1],
    "counts that do not add up": lambda body: struct.pack("<i", 7) + body[4:],
    "a row of too few pixels": lambda body: body[:16] + struct.pack("<H", 4000) + body[18:],
    "a row of too many pixels": lambda body: body[:16] + struct.pack("<H", 4002) + body[18:],
}


@pytest.mark.parametrize("name", SPOILT)
def test_damage_is_an_error(tmp_path, table, name):
    table[0, 0] = 0
    path = written(tmp_path / "a", table)
    path.write_bytes(SPOILT[name](path.read_bytes()))
    assert rules(path) == [("typed-file", Severity.ERROR)]
    fault = typed_faults(path)[0]
    assert fault.where == str(path) and fault.what and fault.cure


@pytest.mark.parametrize("missing", [".dir", ".hdr"])
def test_half_a_pair_is_an_error(tmp_path, table, missing):
    path = written(tmp_path / "a", table)
    path.with_suffix(missing).unlink()
    assert rules(path) == [("typed-file", Severity.ERROR)]


@pytest.mark.parametrize("value", [99, 1, 3401, 3999])
def test_types_that_are_no_cover_are_counted_and_located(tmp_path, table, value):
    path = written(tmp_path / "a", table)
    body = bytearray(path.read_bytes())
    body[-2:] = struct.pack("<H", value)
    path.write_bytes(body)
    assert rules(path) == [("typed-type", Severity.ERROR)]
    fault = typed_faults(path)[0]
    assert f"row 4 column 6 is {value}" in fault.where and "1 pixels" in fault.what


def test_a_value_of_0_is_dropped_by_surfex_from_a_packed_file_only(tmp_path, table):
    path = written(tmp_path / "a", table)
    body = bytearray(path.read_bytes())
    body[-2:] = struct.pack("<H", 800)
    path.write_bytes(body)
    assert oracle.read_packed(path, 4, 6)[3][5] == 0
    assert rules(path) == [("typed-value", Severity.WARNING)]
    table[3, 5] = 800
    assert rules(written(tmp_path / "plain", table, compress=False)) == []


def test_a_file_without_a_value_is_a_warning(tmp_path, table):
    assert rules(written(tmp_path / "a", np.zeros_like(table))) == [("typed-empty", Severity.WARNING)]


def test_big_endian_files_are_a_warning_and_an_error_where_surfex_cannot_tell(tmp_path, table):
    assert rules(written(tmp_path / "told", table, compress=False, order=">")) == [
        ("typed-byte-order", Severity.WARNING)
    ]
    hidden = np.full((4, 6), 0x0A0F)  # 2575; 0x0F0A swapped is 3850: no cover, and not above 15000
    path = written(tmp_path / "hidden", hidden, compress=False, order=">")
    assert oracle.read_plain(path, 4, 6) == np.full((4, 6), 0x0F0A).tolist()
    assert rules(path) == [("typed-byte-order", Severity.ERROR), ("typed-type", Severity.ERROR)]
