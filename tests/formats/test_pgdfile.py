"""Fractions as NetCDF: the names of PGD's file, every value, the CF conventions."""

import subprocess
import sys
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.domain import ConfProj, Domain
from ecosg_update.errors import OutputError
from ecosg_update.formats import pgdfile
from ecosg_update.fractions import TILES, Fractions
from tests.conftest import shared
from tests.formats.faults import file_size_limit
from tests.formats.maps import PROVENANCE

DOMAIN = Domain("small", 5, 3, 2500.0, 2500.0, 7.5, 52.0, ConfProj(7.5, 52.0, 0.788010753606722))


def fractions(domain=DOMAIN, seed=0):
    """Covers 1, 17 and 33 occur; the first cell has no nature and no map pixel."""
    rng, shape = np.random.default_rng(seed), domain.shape
    cover = np.zeros((33, *shape))
    cover[[0, 16, 32]] = rng.random((3, *shape))
    cover /= cover.sum(axis=0)
    tile, vegtype = rng.random((4, *shape)), rng.random((20, *shape))
    pixels = rng.integers(1, 99, shape)
    vegtype[:, 0, 0], pixels[0, 0] = np.nan, 0
    return Fractions(domain, cover, tile / tile.sum(axis=0), vegtype, pixels.astype(np.int64))


@pytest.fixture
def written(tmp_path):
    made = fractions()
    return made, pgdfile.write(made, tmp_path / "a.nc", provenance=PROVENANCE, settings={"NAM_COVER": "XRM_SEA=0.2"})


def test_every_value_is_read_back(written):
    made, path = written
    lon, lat = DOMAIN.centres()
    with netCDF4.Dataset(path) as file:
        assert {name: len(file.dimensions[name]) for name in ("yy", "xx")} == {"yy": 3, "xx": 5}
        for code in (1, 17, 33):
            np.testing.assert_array_equal(file[f"COVER{code:03d}"][:], made.cover[code - 1])
        for name, values in zip(TILES, made.tile, strict=True):
            np.testing.assert_array_equal(file[f"FRAC_{name}"][:], values)
        for number in range(1, 21):
            found = file[f"VEGTYPE{number}"][:]
            assert found.mask[0, 0] and found.mask.sum() == 1
            np.testing.assert_array_equal(found.filled(np.nan), made.vegtype[number - 1])
        np.testing.assert_array_equal(file["map_pixels"][:], made.pixels)
        np.testing.assert_array_equal(file["filled"][:], made.pixels == 0)
        np.testing.assert_array_equal(file["XLON"][:], lon)
        np.testing.assert_array_equal(file["XLAT"][:], lat)
        assert lat[0, 0] < lat[-1, 0], "y from the south"
        assert file.NAM_COVER == "XRM_SEA=0.2" and file.title == PROVENANCE.title


def test_only_covers_that_occur_are_written_as_pgd_does(written):
    _, path = written
    with netCDF4.Dataset(path) as file:
        covers = [name for name in file.variables if name.startswith("COVER0")]
        assert covers == ["COVER001", "COVER017", "COVER033"]
        assert [number for number, flag in enumerate(file["COVER_LIST"][:].tolist(), 1) if flag == b"T"] == [
            1,
            17,
            33,
        ]


@pytest.mark.parametrize("name", ["COVER_LIST", "FRAC_SEA", "FRAC_NATURE", "FRAC_WATER", "FRAC_TOWN", "XLAT", "XLON"])
def test_names_and_kinds_are_those_of_a_real_pgd_file(written, name):
    _, path = written
    with netCDF4.Dataset(shared("surfex_pgd_files", "crocus_PGD_2d.nc")) as real, netCDF4.Dataset(path) as ours:
        assert ours[name].dtype == real[name].dtype
        if name == "COVER_LIST":
            assert ours[name].dimensions == real[name].dimensions


def test_vegetation_types_are_named(written):
    _, path = written
    legend = tables.legend("ecosg")
    with netCDF4.Dataset(path) as file:
        assert legend.name_of(17) in file["VEGTYPE14"].long_name and legend.name_of(4) in file["VEGTYPE1"].long_name
        assert "NATURE" in file["VEGTYPE14"].long_name and "cell" in file["COVER017"].long_name


def test_the_file_obeys_the_cf_conventions(written):
    _, path = written
    checker = Path(sys.executable).with_name("compliance-checker")
    done = subprocess.run(
        [checker, "--test=cf:1.11", "--criteria=strict", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "All tests passed!" in done.stdout, done.stdout


def test_an_existing_file_stays_as_it_is(tmp_path):
    (tmp_path / "a.nc").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        pgdfile.write(fractions(), tmp_path / "a.nc", provenance=PROVENANCE)
    assert (tmp_path / "a.nc").read_text() == "mine"


def test_a_full_disk_leaves_no_file(tmp_path):
    large = Domain("large", 120, 100, 2500.0, 2500.0, 7.5, 52.0, DOMAIN.projection)
    with file_size_limit(300_000), pytest.raises(OutputError, match="cannot be written"):
        pgdfile.write(fractions(large), tmp_path / "a.nc", provenance=PROVENANCE)
    assert list(tmp_path.iterdir()) == []
