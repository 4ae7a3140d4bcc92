import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ecosg_update.errors import CoverageError
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection import draw
from ecosg_update.inspection.draw import drawn, surveyed
from ecosg_update.inspection.source import opened
from ecosg_update.inspection.strata import stratification
from ecosg_update.judge.area import cell_km2
from ecosg_update.judge.stratified import allocation
from ecosg_update.layers import CoverMap
from tests.inspection.made import ECOSG, GRID, patched


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch, file = patched(tmp_path_factory.mktemp("draw"))
    return patch, opened(file)


def asked_of(source, total, by, least):
    strata = stratification(source, by)
    survey = surveyed(source, strata)
    counts = np.zeros(len(survey.cells), np.int64)
    held = survey.cells > 0
    counts[held] = allocation(survey.cells[held], total, least)
    return strata, survey, counts


def sites_of(source, total=60, seed=0, by=("class", "change"), least=2):
    strata, survey, counts = asked_of(source, total, by, least)
    return drawn(source, strata, survey, counts, seed), survey, counts, strata


def test_the_survey_counts_every_cell_once_with_its_own_area(made):
    patch, source = made
    _, survey, _, strata = sites_of(source)
    number = strata.numbers(source.read(GRID))
    area = np.broadcast_to(cell_km2(GRID)[:, None], GRID.shape)
    assert survey.cells.tolist() == [int((number == at).sum()) for at in range(len(strata.names))]
    assert np.allclose(survey.km2, [area[number == at].sum() for at in range(len(strata.names))])
    assert survey.cells.sum() == (patch.cover.codes > 0).sum()
    for name, codes in (("new", patch.cover.codes), ("original", patch.base)):
        assert survey.mapped[name][17] == pytest.approx(area[codes == 17].sum())


def test_each_stratum_gives_its_number_of_different_cells(made):
    patch, source = made
    sites, _, counts, strata = sites_of(source)
    assert len({(site.row, site.col) for site in sites}) == len(sites) == counts.sum()
    drawn_of = Counter(site.stratum for site in sites)
    for at, name in enumerate(strata.names):
        assert drawn_of[name] == counts[at]
    for site in sites:
        at = site.row, site.col
        assert (site.cover, site.base) == (patch.cover.codes[at], patch.base[at])
        assert site.confidence == patch.confidence[at]
        assert (site.lon, site.lat) == pytest.approx((GRID.longitudes[site.col], GRID.latitudes[site.row]))
        assert site.probability == counts[strata.names.index(site.stratum)] / site.stratum_cells
        assert site.reason == ("changed" if site.cover != site.base else "unchanged")


def test_the_seed_and_nothing_else_decides(made, monkeypatch):
    _, source = made
    first = sites_of(source)[0]
    assert sites_of(source)[0] == first
    assert sites_of(source, seed=1)[0] != first
    monkeypatch.setattr(draw, "BLOCK_CELLS", 3 * GRID.cols)
    monkeypatch.setattr(draw, "CHUNK_ROWS", 1)
    again = sites_of(source)[0]
    assert [replace(site, stratum_km2=0) for site in again] == [replace(site, stratum_km2=0) for site in first]
    assert [site.stratum_km2 for site in again] == pytest.approx([site.stratum_km2 for site in first])


def test_every_cell_of_a_stratum_has_the_same_chance(made):
    _, source = made
    asked = asked_of(source, 200, ("change",), 2)
    number = asked[0].numbers(source.read(GRID))
    hits, times = np.zeros(GRID.shape), 150
    for seed in range(times):
        for site in drawn(source, *asked, seed):
            hits[site.row, site.col] += 1
    for stratum in (0, 1):
        own = hits[number == stratum]
        chance = own.sum() / own.size / times
        expected = times * chance
        chi2 = ((own - expected) ** 2 / (expected * (1 - chance))).sum()
        assert abs(chi2 - own.size) < 5 * math.sqrt(2 * own.size)


def test_the_order_of_the_sites_tells_nothing_of_place_or_stratum(made):
    sites = sites_of(made[1], total=200)[0]
    rows = np.array([site.row for site in sites])
    assert [site.id for site in sites] == [f"s{number:03}" for number in range(1, 201)]
    assert abs(np.corrcoef(rows, np.arange(200))[0, 1]) < 0.3


def test_a_stratum_of_few_cells_is_judged_whole(made):
    sites, survey, counts, _ = sites_of(made[1], total=400, by=("class", "confidence", "change"), least=5)
    assert (counts <= survey.cells).all()
    whole = (counts == survey.cells) & (counts > 0)
    assert whole.any() and len(sites) == 400


def test_cells_beyond_the_dateline_have_longitudes_of_the_globe(tmp_path):
    grid = LatLonGrid(60, 2000, 21_595, 5, 11)
    codes = np.full(grid.shape, 17, np.uint8)
    direct.write(CoverMap(codes, grid, ECOSG), tmp_path / "map.dir", title="MADE dateline")
    sites = sites_of(opened(tmp_path / "map.dir"), total=55, by=("class",))[0]
    assert {round(site.lon, 4) for site in sites} == {
        round(float((lon + 180) % 360 - 180), 4) for lon in grid.longitudes
    }
    assert min(site.lon for site in sites) < -179.9 < 179.9 < max(site.lon for site in sites)


def test_a_map_without_a_cell_to_draw_is_an_error(tmp_path):
    grid = LatLonGrid(60, 2000, 100, 3, 4)
    direct.write(CoverMap(np.zeros(grid.shape, np.uint8), grid, ECOSG), tmp_path / "map.dir", title="MADE empty")
    with pytest.raises(CoverageError, match="no cell is left to draw from"):
        sites_of(opened(tmp_path / "map.dir"), by=("class",))
