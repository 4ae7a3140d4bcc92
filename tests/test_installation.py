"""What PGD needs in the namelist follows from the parameters, the cover and the domain."""

import f90nml
import numpy as np
import pytest

from ecosg_update import installation
from ecosg_update.demo import model_domain
from ecosg_update.formats import direct, typed
from ecosg_update.grid import LatLonGrid
from ecosg_update.install.plan import Wish
from ecosg_update.layers import CoverMap
from ecosg_update.simulate.parameters import write_parameters
from ecosg_update.tables import legend

GRID = LatLonGrid(360, 13300, 61700, 40, 64)


@pytest.fixture
def wish(tmp_path):
    """A tree whose parameters know grass (17) and oak (8); a new map that has spruce (13) and a lake (2) as well."""
    codes = np.full(GRID.shape, 17, np.uint8)
    codes[:, 30:] = 8
    old = CoverMap(codes, GRID, legend("ecosg"))
    write_parameters(old, tmp_path / "tree")
    (tmp_path / "tree" / "COVER").mkdir()
    direct.write(old, tmp_path / "tree" / "COVER" / "ecosg_final_map.dir", title="made up")
    new = codes.copy()
    new[15:20, 28:34] = 13
    new[20:22, 30:33] = 2
    direct.write(CoverMap(new, GRID, legend("ecosg")), tmp_path / "new.dir", title="made up")
    return Wish(tmp_path / "tree", tmp_path / "installed", "1", tmp_path / "new.dir")


def test_a_cover_that_no_parameter_of_the_domain_has_gets_the_table_default_in_each_decade(wish):
    found = installation.installed(wish, model_domain(GRID), {})
    isba = f90nml.read(wish.target / "workflows" / "OPTIONS.nam_ecosg")["nam_data_isba"]
    assert found.workflows["OPTIONS.nam_ecosg"] == (wish.target / "workflows" / "OPTIONS.nam_ecosg").read_text()
    assert isba["xunif_lai"] == [[4.0]] * 36 and isba["xunif_h_tree"] == [10.0]
    assert set(isba) == {
        f"xunif_{name}"
        for name in ("lai", "h_tree", *(f"alb{b}_{k}" for b in ("nir", "vis") for k in ("veg", "soil")))
    }


def test_nothing_falls_back_where_every_cover_has_a_pixel_and_a_given_value_goes_first(wish):
    codes = direct.read(wish.cover).codes
    spruce = np.where(codes == 13, 1350, 0).astype(np.uint16)
    assert installation.fallbacks(wish, None) == {}
    typed.write(spruce, GRID, wish.source / "LAI_SAT" / "LAI_SAT_0705_c", title="made up", fact=10, overwrite=True)
    found = installation.fallbacks(wish, model_domain(GRID))
    assert found["LAI"] == pytest.approx((4 + 3) / 2)  # now oak and grass are what the file lacks
    _, texts = installation.foreseen(wish, model_domain(GRID), {"LAI": 1.5})
    assert f90nml.reads(texts["OPTIONS.nam_ecosg"])["nam_data_isba"]["xunif_lai"] == [[1.5]] * 36
    assert not wish.target.exists()


def test_a_tree_without_parameters_needs_no_fallback(wish):
    for name in ("LAI_SAT", "ALB_SAT", "HT"):
        for path in (wish.source / name).iterdir():
            path.unlink()
    assert installation.fallbacks(wish, model_domain(GRID)) == {}
