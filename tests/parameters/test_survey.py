"""The check counts what a person would count, and says what PGD aborts on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import parameter_files
from ecosg_update.domain import Domain
from ecosg_update.errors import CoverageError
from ecosg_update.fault import Severity
from ecosg_update.grid import LatLonGrid
from ecosg_update.parameter_files import Covering
from ecosg_update.parameters.faults import of_gaps
from ecosg_update.parameters.nearest import Search
from ecosg_update.parameters.parameter import DECADES, VARIABLES, parameter
from tests import oracle_typed as oracle
from tests.parameters.made import GRID, NEEDED, changed, covers, great_circle_km, pixels, write_cover, write_tree


def by_parameter(check, name):
    return next(one for one in check.surveys if one.file.parameter.name == name)


def distances(before, new, needed):
    """Kilometres of each missing cell from the nearest pixel of its type, pair by pair."""
    found = {}
    for row, col in np.argwhere(needed & (before // 100 != new)):
        cover = int(new[row, col])
        donors = np.argwhere(before // 100 == cover)
        place = GRID.latitudes[row], GRID.longitudes[col]
        km = [great_circle_km(*place, GRID.latitudes[r], GRID.longitudes[c]) for r, c in donors]
        found.setdefault(cover, []).append(min(km, default=np.inf))
    return found


@given(st.integers(0, 99), st.booleans())
@settings(max_examples=12)
def test_missing_cells_and_their_distances_are_those_of_every_pair(tmp_path_factory, seed, with_base):
    tmp_path = tmp_path_factory.mktemp("survey")
    old = covers(seed=seed)
    new = changed(old, seed, share=0.1)
    folder, base = tmp_path / "sg", write_cover(tmp_path / "old", old)
    write_tree(folder, old, decades=["0105"])
    cover = write_cover(tmp_path / "new", new)
    found = parameter_files.check(Covering(cover, base if with_base else None), folder, Search(1, 2.0))
    for name in VARIABLES:
        one = by_parameter(found, name)
        needed = np.isin(new, list(NEEDED[name]))
        expected = distances(pixels(folder / one.file.name), new, needed)
        assert {int(cover): int(one.missing[cover]) for cover in np.flatnonzero(one.missing)} == {
            cover: len(km) for cover, km in expected.items()
        }
        for cover_code, km in expected.items():
            near = [value for value in km if value <= 2.0]
            assert one.far[cover_code] == len(km) - len(near)
            if near:
                assert one.furthest[cover_code] == pytest.approx(max(near), rel=1e-6)
                assert one.median_km(cover_code) == pytest.approx(np.percentile(near, 50, method="lower"), abs=0.03)
        np.testing.assert_array_equal(one.cells, np.bincount(new.ravel(), minlength=34))
        at_types = pixels(folder / one.file.name) // 100
        np.testing.assert_array_equal(one.present, np.bincount(at_types.ravel(), minlength=34))


def test_parameters_that_fit_the_cover_have_no_fault(tmp_path):
    old = covers()
    write_tree(tmp_path / "sg", old, decades=["0105"])
    found = parameter_files.check(Covering(write_cover(tmp_path / "old", old)), tmp_path / "sg")
    assert found.faults == [] and found.absent == {} and found.beyond == 0


def test_a_cover_without_any_pixel_is_an_error_with_every_xunif_that_is_needed(tmp_path):
    old = np.full(GRID.shape, 17, np.uint8)
    new = old.copy()
    new[3, 3], new[4, 4] = 8, 5
    write_tree(tmp_path / "sg", old, decades=list(DECADES))
    found = parameter_files.check(Covering(write_cover(tmp_path / "new", new)), tmp_path / "sg")
    assert found.absent == {
        "LAI": [8],
        "ALBNIR_VEG": [8],
        "ALBNIR_SOIL": [5, 8],
        "ALBVIS_VEG": [8],
        "ALBVIS_SOIL": [5, 8],
        "H_TREE": [8],
    }
    errors = [fault for fault in found.faults if fault.severity is Severity.ERROR]
    assert {(fault.rule, fault.where) for fault in errors} == {("type-absent", name) for name in VARIABLES}
    text = " ".join(fault.cure for fault in errors)
    assert "XUNIF_LAI(1,1) to (1,36)" in text and "XUNIF_H_TREE(1)" in text and "all 36" in text
    rock = next(fault for fault in errors if "cover 5" in fault.what and fault.where == "albedo-nir")
    assert "36 of 36 files" in rock.what and "ALBNIR_SOIL" in rock.cure and "ALBNIR_VEG" not in rock.cure


def test_a_type_that_one_decade_lacks_is_named_with_the_decade(tmp_path):
    old = covers(choice=(8, 17))
    write_tree(tmp_path / "sg", old, decades=["0105", "0705"])
    winter = tmp_path / "sg" / "LAI_SAT" / "LAI_SAT_0105_c.dir"
    table = pixels(winter)
    table[table // 100 == 8] = 0
    oracle.write_packed(winter, table.tolist())
    found = parameter_files.check(Covering(write_cover(tmp_path / "old", old)), tmp_path / "sg")
    error = next(fault for fault in found.faults if fault.severity is Severity.ERROR)
    assert "in 1 of 2 files (0105)" in error.what and found.absent == {"LAI": [8]}


def test_gardens_of_towns_need_values_as_well(tmp_path):
    """LCZ 9 (cover 32) has grass, bare land and trees; LCZ 1 (24) trees. No cell of the map has these covers."""
    old = np.full(GRID.shape, 19, np.uint8)
    write_tree(tmp_path / "sg", old, decades=["0105"])
    new = old.copy()
    new[5, 5] = 32
    found = parameter_files.check(Covering(write_cover(tmp_path / "new", new)), tmp_path / "sg")
    assert found.absent["LAI"] == [8, 17] and found.absent["ALBNIR_SOIL"] == [4, 8, 17]
    assert found.absent["H_TREE"] == [8]
    assert all(
        "gardens" in fault.what and "params fill" not in fault.cure
        for fault in found.faults
        if "absent" in fault.rule
    )


def test_only_the_cells_of_the_domain_count(tmp_path):
    """A model grid of 8 x 5 cells inside the map: pixels outside its cells are not PGD's."""
    domain = Domain("small", 8, 5, 0.008, 0.006, GRID.west + 0.05, GRID.south + 0.03, None)
    lon, lat = np.meshgrid(GRID.longitudes, GRID.latitudes)
    inside = (abs(lon - domain.loncen) < 0.032) & (abs(lat - domain.latcen) < 0.015)
    assert 50 < inside.sum() < 400
    old = np.full(GRID.shape, 17, np.uint8)
    old[~inside] = 8
    new = old.copy()
    rows, cols = np.nonzero(inside)
    new[rows[:3], cols[:3]] = 8
    new[~inside] = 21
    write_tree(tmp_path / "sg", old, decades=["0105"])
    found = parameter_files.check(Covering(write_cover(tmp_path / "new", new), domain=domain), tmp_path / "sg")
    lai = by_parameter(found, "lai")
    assert {int(cover): int(lai.missing[cover]) for cover in np.flatnonzero(lai.missing)} == {8: 3}
    assert found.absent["LAI"] == [8]  # its pixels lie outside: PGD has none
    assert lai.cells.sum() == inside.sum()


def test_bounds_stand_in_for_a_domain(tmp_path):
    old = covers()
    write_tree(tmp_path / "sg", old, decades=["0105"])
    cover = write_cover(tmp_path / "new", changed(old))
    part = LatLonGrid(360, GRID.row + 2, GRID.col + 3, 4, 5)
    found = parameter_files.check(Covering(cover, bounds=part.bounds), tmp_path / "sg")
    assert by_parameter(found, "lai").cells.sum() == 20
    with pytest.raises(CoverageError, match="they do not meet"):
        parameter_files.check(Covering(cover, bounds=(10, 10, 11, 11)), tmp_path / "sg")


def test_missing_decades_are_a_warning_and_one_alone_is_not(tmp_path):
    old = covers(choice=(17,))
    for decades, rules in ((["0105"], []), (["0105", "0115"], ["decades-missing"] * 3), (list(DECADES), [])):
        folder = tmp_path / str(len(decades))
        write_tree(folder, old, decades=decades)
        found = parameter_files.check(Covering(write_cover(folder / "old", old)), folder)
        assert [fault.rule for fault in found.faults] == rules
    assert "34 of 36 decades" in of_gaps({"lai": list(DECADES[2:])})[0].what


def test_the_needed_covers_are_those_of_surfex():
    """Design document, A5: LAI 7..23, soil albedo 4..23 in the files it shares with vegetation's, height of trees."""
    for name, needed in NEEDED.items():
        assert set(parameter(name).defaults) == needed
        assert set(np.flatnonzero(parameter(name).needed)) == needed
