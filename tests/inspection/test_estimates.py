import csv
from dataclasses import replace

import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.errors import FormatError, TableError
from ecosg_update.grid import LatLonGrid
from ecosg_update.inspection.estimates import drawn, judgement
from ecosg_update.inspection.folder import Design, inspection
from ecosg_update.inspection.records import verdict_table
from ecosg_update.inspection.source import opened
from ecosg_update.judge.area import cell_km2
from tests.inspection.made import ECOSG, GRID, patched, truth, verdicts

SMALL = LatLonGrid(360, 13_000, 61_000, 13, 19)


class Made:
    """An inspection of a made map, and experts who know the truth."""

    def __init__(self, folder, sites, grid=GRID, **design):
        self.patch, file = patched(folder, grid=grid)
        self.area = np.broadcast_to(cell_km2(grid)[:, None], grid.shape)
        self.seen = truth(self.patch)
        self.folder = folder / "inspection"
        self.drawn = inspection(opened(file), self.folder, Design(sites=sites, **design)).sites
        self.inside = self.patch.cover.codes > 0

    def saved(self, found, name="anna"):
        file = self.folder.parent / f"{name}.csv"
        file.write_text(verdict_table(found), encoding="utf-8")
        return file

    def verdicts(self, **more):
        return verdicts(self.drawn, self.seen, **more)

    def accuracy(self, codes, group=None):
        right = (group[codes] == group[self.seen]) if group is not None else codes == self.seen
        return float(self.area[right & self.inside].sum() / self.area[self.inside].sum())


@pytest.fixture(scope="module")
def census(tmp_path_factory):
    """Every cell is a site."""
    return Made(tmp_path_factory.mktemp("census"), SMALL.cells, SMALL)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("sampled"), 250, by=("group", "confidence", "change"), least=3)


def of(found, name, grouping="ecosg, 33 classes", expert="anna"):
    (one,) = [one for one in found.found if (one.map, one.grouping, one.expert) == (name, grouping, expert)]
    return one


def test_a_census_gives_the_accuracies_and_areas_of_the_maps_themselves(census):
    found = judgement(census.folder, [census.saved(census.verdicts())])
    maps = {"new": census.patch.cover.codes, "original": census.patch.base}
    for name, codes in maps.items():
        one = of(found, name)
        assert one.figures.overall.value == pytest.approx(census.accuracy(codes))
        assert one.figures.overall.se == 0
        row = ECOSG.index(17)
        assert one.figures.area[row].value == pytest.approx(census.area[(census.seen == 17) & census.inside].sum())
        assert one.mapped[row] == pytest.approx(census.area[(codes == 17) & census.inside].sum())
        said = census.area[(codes == 17) & census.inside]
        right = census.area[(codes == 17) & (census.seen == 17) & census.inside]
        assert one.figures.user[row].value == pytest.approx(right.sum() / said.sum())
    (gained,) = [one for one in found.gains if one.grouping == "ecosg, 33 classes"]
    expected = census.accuracy(maps["new"]) - census.accuracy(maps["original"])
    assert gained.gain.value == pytest.approx(expected)


def test_groupings_count_confusions_within_a_group_as_right(census):
    found = judgement(census.folder, [census.saved(census.verdicts())])
    for name in ("ecosg-primary", "corine-l1"):
        target = tables.legend(name)
        one = of(found, "new", f"{name}, {len(target)} classes")
        assert one.figures.overall.value >= of(found, "new").figures.overall.value
    group = np.zeros(256, np.int64)
    group[list(ECOSG.codes)] = [ECOSG.group.index(one) for one in ECOSG.group]
    primary = of(found, "new", "ecosg-primary, 9 classes")
    assert primary.figures.overall.value == pytest.approx(census.accuracy(census.patch.cover.codes, group))


def test_a_sample_comes_near_and_its_interval_holds_the_truth(sampled):
    found = judgement(sampled.folder, [sampled.saved(sampled.verdicts())])
    for name, codes in (("new", sampled.patch.cover.codes), ("original", sampled.patch.base)):
        overall = of(found, name).figures.overall
        assert abs(overall.value - sampled.accuracy(codes)) < 4 * overall.se
        assert 0 < overall.se < 0.05
    (gained,) = [one.gain for one in found.gains if one.grouping == "ecosg, 33 classes"]
    apart = np.hypot(of(found, "new").figures.overall.se, of(found, "original").figures.overall.se)
    assert gained.low > 0 and gained.se < apart


def test_what_cannot_be_told_and_what_was_not_judged_is_left_out_and_said(sampled):
    found = sampled.verdicts()
    cut = [replace(one, verdict=0) for one in found[:20]] + found[20:100]
    result = judgement(sampled.folder, [sampled.saved(cut, "half")])
    assert of(result, "new", expert="half").sites == 80
    assert "half: 100 of 250 sites judged, 20 of them cannot be told" in result.notes


def test_strata_without_a_verdict_are_named_and_the_figures_hold_for_the_rest(sampled):
    kept = [one for one in sampled.drawn if "high confidence" not in one.stratum]
    found = judgement(sampled.folder, [sampled.saved(verdicts(kept, sampled.seen), "low")])
    (note,) = [note for note in found.notes if "no verdict" in note]
    part = of(found, "new", expert="low").figures.represented
    assert f"{1 - part:.1%} of the area" in note and 0 < part < 1


def test_two_experts_are_compared_with_each_other(sampled):
    first = sampled.verdicts()
    second = [replace(one, verdict=19) if number % 5 == 0 else one for number, one in enumerate(first)]
    found = judgement(sampled.folder, [sampled.saved(first, "anna"), sampled.saved(second[:200], "bert")])
    (one,) = [one for one in found.agreements if one.grouping == "ecosg, 33 classes"]
    same = np.mean([a.verdict == b.verdict for a, b in zip(first[:200], second[:200], strict=True)])
    assert (one.first, one.second, one.sites) == ("anna", "bert", 200)
    assert one.agreed == pytest.approx(same) and 0 < one.kappa < 1
    assert {each.expert for each in found.found} == {"anna", "bert"}


def test_a_second_choice_can_count_as_right(sampled):
    hesitant = [
        replace(one, verdict=19, second=one.verdict) if one.verdict != 19 else one for one in sampled.verdicts()
    ]
    file = sampled.saved(hesitant, "hesitant")
    strict = of(judgement(sampled.folder, [file]), "new", expert="hesitant").figures.overall.value
    lenient = of(judgement(sampled.folder, [file], second_counts=True), "new", expert="hesitant").figures.overall
    sure = of(judgement(sampled.folder, [sampled.saved(sampled.verdicts())]), "new").figures.overall.value
    assert strict < lenient.value and lenient.value >= sure


def test_verdicts_that_saw_the_maps_are_told(sampled):
    seen = sampled.verdicts(blind=False)
    found = judgement(sampled.folder, [sampled.saved(seen, "curious")])
    assert "curious: 250 verdicts were given after the maps had been shown" in found.notes


def test_the_document_has_a_figure_with_its_interval_for_each_map_and_class(sampled):
    document = judgement(sampled.folder, [sampled.saved(sampled.verdicts())], ["ecosg"]).document()
    assert [one["map"] for one in document["estimates"]] == ["new", "original"]
    one = document["estimates"][0]
    assert one["grouping"] == "ecosg, 33 classes"
    assert set(one["overall"]) == {"value", "se", "low", "high"}
    assert {"code", "name", "user", "producer", "area_km2", "mapped_km2"} <= set(one["classes"][0])
    assert sum(each["mapped_km2"] for each in one["classes"]) == pytest.approx(sampled.area[sampled.inside].sum())
    assert document["gains"][0]["gain"]["value"] > 0


def test_a_single_verdict_gives_a_value_and_a_wide_interval(sampled):
    found = judgement(sampled.folder, [sampled.saved(sampled.verdicts()[:1], "one")])
    overall = of(found, "new", expert="one").figures.overall
    assert overall.value in (0, 1) and overall.high - overall.low > 0.5


def test_verdicts_that_tell_nothing_are_refused(sampled):
    untold = [replace(one, verdict=0) for one in sampled.verdicts()]
    with pytest.raises(TableError, match="none is judged"):
        judgement(sampled.folder, [sampled.saved(untold, "blind")])


def test_a_folder_that_is_no_inspection_is_named(sampled, tmp_path):
    with pytest.raises(FormatError, match="give the folder of an inspection"):
        judgement(tmp_path, [sampled.saved(sampled.verdicts())])


def test_the_sites_of_another_draw_are_no_sites_of_this_one(sampled):
    with (sampled.folder / "sites.csv").open() as stream:
        assert len(list(csv.DictReader(stream))) == len(drawn(sampled.folder).sites) == 250
