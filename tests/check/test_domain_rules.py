"""A model's domain on a map: what PGD would fill without a word is said, with numbers."""

import numpy as np
import pytest

from ecosg_update.check.coverage import domain_faults
from ecosg_update.check.geometry import Geometry
from ecosg_update.checking import checked
from ecosg_update.domain import ConfProj, Domain
from ecosg_update.errors import GridError
from ecosg_update.fault import Severity
from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid
from tests.check.maps import pair

BOX = LatLonGrid(360, 13140, 61560, 540, 540)
"""52..53.5 N, 9..7.5 W."""


def lambert(nx, ny, metres, lon=-8.25, lat=52.75):
    return Domain("test", nx, ny, metres, metres, lon, lat, ConfProj(lon, lat, np.sin(np.radians(lat))))


def a_map(folder, content=None):
    content = np.full(BOX.shape, 17, np.uint8) if content is None else content
    return pair(folder, header.text(Header("Box", BOX)), content)


def test_a_domain_inside_the_map_has_no_fault(tmp_path):
    report = checked(a_map(tmp_path), domain=lambert(20, 20, 2500.0))
    assert report.faults == ()
    assert (report.facts["model_cells"], report.facts["filled_cells"]) == (400, 0)


def test_a_domain_that_sticks_out_is_an_error_with_the_number_of_filled_cells(tmp_path):
    domain = lambert(60, 20, 2500.0)
    report = checked(a_map(tmp_path), domain=domain)
    (fault,) = report.faults
    lon, lat = domain.centres()
    beyond = int(((lon < -9) | (lon > -7.5)).sum())
    assert (fault.rule, fault.severity) == ("domain-outside", Severity.ERROR)
    assert abs(report.facts["filled_cells"] - beyond) <= 2 * domain.ny
    assert fault.what.startswith(f"{report.facts['filled_cells']:,} of 1,200")
    assert lat.min() > 52


def test_a_domain_elsewhere_finds_nothing(tmp_path):
    report = checked(a_map(tmp_path), domain=lambert(5, 5, 2500.0, lon=20.0))
    assert [fault.rule for fault in report.faults] == ["domain-empty"] and not report.is_fit


def test_cells_finer_than_the_map_are_a_warning(tmp_path):
    report = checked(a_map(tmp_path), domain=lambert(100, 100, 200.0))
    (fault,) = report.faults
    assert (fault.rule, fault.severity) == ("domain-finer", Severity.WARNING)
    assert 0.3 < report.facts["filled_cells"] / 10_000 < 0.4  # 35 % on the executable


def test_holes_of_no_data_are_a_warning(tmp_path):
    content = np.full(BOX.shape, 17, np.uint8)
    content[200:300, 200:300] = 0
    report = checked(a_map(tmp_path, content), domain=lambert(20, 20, 2500.0))
    assert [(fault.rule, fault.severity) for fault in report.faults] == [("domain-holes", Severity.WARNING)]


def test_longitudes_that_surfex_does_not_turn_are_an_error():
    here = Geometry(53.0, 52.0, 351.0, 352.0, 360, 360)
    full = np.ones((10, 10), int)
    domain = Domain("grid", 10, 10, 0.1, 0.1, -8.5, 52.5, None)
    (fault,) = domain_faults("map.dir", here, domain, full)
    assert (fault.rule, fault.severity) == ("domain-longitudes", Severity.ERROR)
    assert domain_faults("map.dir", Geometry(53.0, 52.0, -9.0, -8.0, 360, 360), domain, full) == []
    assert domain_faults("map.dir", here, Domain("grid", 10, 10, 0.1, 0.1, 351.5, 52.5, None), full) == []
    assert domain_faults("map.dir", here, lambert(10, 10, 2500.0, lon=-8.5, lat=52.5), full) == []


def test_counts_of_another_shape_are_refused():
    here = Geometry(53.0, 52.0, -9.0, -8.0, 360, 360)
    with pytest.raises(GridError, match="shape"):
        domain_faults("map.dir", here, lambert(10, 9, 2500.0), np.ones((10, 9), int))


def test_a_map_with_errors_is_not_laid_on_a_domain(tmp_path):
    data = a_map(tmp_path)
    text = data.with_suffix(".hdr").read_text()
    data.with_suffix(".hdr").write_text(text.replace("nodata: 0\n", ""))
    report = checked(data, domain=lambert(20, 20, 2500.0))
    assert [fault.rule for fault in report.faults] == ["nodata-missing"]
    assert "mend the errors first" in report.facts["domain"]
