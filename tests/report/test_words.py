"""The verdict, the three figures, numbers as people read them, markup that cannot be injected into."""

from html.parser import HTMLParser

import numpy as np
import pytest

from ecosg_update.judge.area import cell_km2
from ecosg_update.layers import Reason
from ecosg_update.report.areas import evidence
from ecosg_update.report.markup import element, html, number, percent, table
from ecosg_update.report.modelled import stations
from ecosg_update.report.reasons import MEANINGS
from ecosg_update.report.summary import summary, verdict
from tests.report import made


class Tags(HTMLParser):
    """What another parser finds."""

    def __init__(self):
        super().__init__()
        self.names, self.said = [], []

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.names.append(tag)

    def handle_data(self, data):
        self.said.append(data)


def counted(**changed):
    sizes = {name: {"cells": 10, "km2": 1.0} for name in ("seen", "changed", "sure", "to_water", "to_land")}
    return {
        "all": {"cells": 100, "km2": 10.0},
        "land": {"cells": 80, "km2": 8.0},
        "sure_from": 0.8,
        **sizes,
        **changed,
    }


def gain(low, high):
    middle = None if low is None else (low + high) / 2
    return {
        "first": "original",
        "second": "new",
        "grouping": "g",
        "gain": {"value": middle, "low": low, "high": high},
    }


@pytest.mark.parametrize(
    ("pair", "word"),
    [
        (None, "not measured"),
        (gain(0.01, 0.05), "better"),
        (gain(-0.05, -0.01), "worse"),
        (gain(-0.01, 0.05), "no different"),
        (gain(0.0, 0.05), "no different"),
        (gain(None, None), "no different"),
    ],
)
def test_the_verdict_is_what_the_interval_says(pair, word):
    assert verdict(counted(), pair).word == word


def test_a_map_without_a_change_is_called_unchanged_whatever_the_score():
    assert verdict(counted(changed={"cells": 0, "km2": 0.0}), gain(0.1, 0.2)).word == "unchanged"


def test_there_are_always_three_figures():
    alone = summary(counted(), {"domain": None}, None)
    assert [one["value"] for one in alone["figures"]] == ["12.5 %", "100.0 %", "20"]
    domain = {
        "name": "D", "mask_flips": {"to_sea": 1, "to_land": 0}, "tiles": {"TOWN": {"max_abs_change": None}},
    }  # fmt: skip
    whole = summary(counted(), {"domain": domain}, made.SCORE)
    assert [one["value"] for one in whole["figures"]] == ["12.5 %", "+10.0", "1"]
    assert "interval +4.0 to +16.0" in whole["figures"][1]["text"]
    assert whole["figures"][2]["name"] == "model cell changes between land and water"
    assert len(whole["heed"]) == 2  # little was seen, and a model cell drowns


def test_areas_add_up_and_sea_is_no_land():
    patch = made.patch()
    found = evidence(patch, cell_km2(patch.cover.grid))
    assert found["all"]["cells"] == patch.base.size == sum(one["cells"] for one in found["reasons"])
    assert np.isclose(found["all"]["km2"], sum(one["km2"] for one in found["reasons"]))
    still_sea = (patch.base == 1) & (patch.cover.codes == 1)
    assert found["land"]["cells"] == patch.base.size - still_sea.sum()
    assert found["changed"]["cells"] == patch.changed.sum()
    wet = (1, 2)
    drowned = np.isin(patch.cover.codes, wet) & ~np.isin(patch.base, wet)
    assert found["to_water"]["cells"] == drowned.sum() > 0


def test_every_reason_has_a_meaning_and_a_colour_of_its_own():
    assert set(MEANINGS) == set(Reason)
    assert len({meaning.colour for meaning in MEANINGS.values()}) == len(MEANINGS)


def test_numbers_read_well():
    assert [number(value, 1) for value in (1234.56, 0, -0.04, -2, None, float("nan"))] == [
        "1,234.6", "0.0", "0.0", "−2.0", "–", "–",
    ]  # fmt: skip
    assert [number(value, 1, sign=True) for value in (1, -1, 0.01)] == ["+1.0", "−1.0", "±0.0"]
    assert [percent(value) for value in (0.5, 0.00001, 0, None)] == ["50.0 %", "< 0.1 %", "0.0 %", "–"]


def test_text_and_attributes_are_escaped():
    hostile = '"><b onclick="x">&\''
    found = Tags()
    found.feed(html(table(["a", hostile], [[hostile, element("i", hostile, title=hostile)]], hostile)))
    assert "b" not in found.names and {"table", "i"} <= set(found.names)
    assert found.said.count(hostile) == 4


def station(name, before, after):
    tiles = ("SEA", "WATER", "NATURE", "TOWN")
    return {
        "id": name, "name": name.upper(), "distance_km": 0.5, "changed": before != after,
        "before": dict(zip(tiles, before, strict=True)), "after": dict(zip(tiles, after, strict=True)),
    }  # fmt: skip


def test_stations_on_changed_ground_come_first_and_a_list_without_one_inside_says_so():
    found = [station("quiet", (0, 0, 1, 0), (0, 0, 1, 0)), station("town", (0, 0, 1, 0), (0, 0, 0.25, 0.75))]
    page = html(stations(found, {"inside": 2, "outside": 5}))
    assert "1 of 2 stations" in page and page.index("town TOWN") < page.index("quiet QUIET")
    assert "None of the 3,711 stations" in html(stations([], {"inside": 0, "outside": 3711}))
    assert stations([], None) is None
