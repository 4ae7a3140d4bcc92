"""Against the published examples, closed formulas of the papers, and populations whose truth is known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecosg_update.errors import TableError
from ecosg_update.judge.stratified import (
    Judged,
    Strata,
    allocation,
    estimates,
    gain,
    ratio,
    sample_size,
)

OLOFSSON = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
"""Olofsson et al. 2014, table 8: deforestation, forest gain, stable forest, stable non-forest."""

OLOFSSON_PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000], float)
HECTARES = 0.09

STEHMAN = {
    "stratum": "AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDDDDDDDDDD",
    "said": "AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD",
    "true": "AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB",
}
"""Stehman 2014, numerical example: 10 sites in each of four strata that are not the map's classes."""

STEHMAN_CELLS = np.array([40_000, 30_000, 20_000, 10_000])


def letters(text):
    return np.array([ord(letter) - ord("A") for letter in text])


def stehman():
    stratum, said, true = (letters(STEHMAN[name]) for name in ("stratum", "said", "true"))
    return Judged(stratum, said.astype(np.int16), true.astype(np.int16), np.ones(40))


def half_width(estimate):
    return 1.96 * estimate.se


def test_the_example_of_olofsson_is_reproduced_to_the_printed_digit():
    found = estimates(Judged.of_matrix(OLOFSSON), Strata(OLOFSSON_PIXELS * HECTARES), 4)
    printed = [
        [0.0176, 0, 0.0013, 0.0011], [0, 0.0110, 0.0016, 0.0024],
        [0.0019, 0, 0.2967, 0.0213], [0.0040, 0.0020, 0.0179, 0.6212],
    ]  # fmt: skip
    assert np.allclose(found.matrix, printed, atol=5e-5)  # table 9
    assert (round(found.overall.value, 2), round(half_width(found.overall), 2)) == (0.95, 0.02)
    assert [round(one.value, 2) for one in found.user] == [0.88, 0.73, 0.93, 0.96]
    assert [round(half_width(one), 2) for one in found.user] == [0.07, 0.10, 0.04, 0.02]
    assert [round(one.value, 2) for one in found.producer] == [0.75, 0.85, 0.93, 0.96]
    # the paper prints 0.23 and 0.01 for forest gain and stable non-forest, where its own equation 7 gives these
    assert [round(half_width(one), 2) for one in found.producer] == [0.21, 0.25, 0.03, 0.02]
    assert [round(one.value) for one in found.area] == [21_158, 11_686, 285_770, 581_386]  # ha
    assert [round(half_width(one)) for one in found.area] == [6_158, 3_756, 15_510, 16_282]
    assert found.represented == 1


def test_the_example_of_stehman_is_reproduced():
    found = estimates(stehman(), Strata(STEHMAN_CELLS.astype(float), STEHMAN_CELLS), 4)
    assert found.area[0].value == pytest.approx(35_000)
    assert found.area[2].value == pytest.approx(20_000)
    assert found.overall.value == pytest.approx(0.63)
    assert found.user[1].value == pytest.approx(27 / 47)
    assert found.producer[1].value == pytest.approx(27 / 34)
    assert found.matrix[1, 2] == pytest.approx(0.08)
    errors = [
        found.area[0].se / 1e5,
        found.area[2].se / 1e5,
        found.overall.se,
        found.user[1].se,
        found.producer[1].se,
    ]
    assert np.allclose(errors, [0.082248, 0.064280, 0.084642, 0.124782, 0.116548], atol=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_strata_that_are_the_maps_classes_give_the_closed_formulas_of_olofsson(seed):
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 5))
    counts = rng.integers(1, 30, (classes, classes))
    pixels = rng.uniform(1e3, 1e6, classes)
    n, w = counts.sum(axis=1), pixels / pixels.sum()
    p = w[:, None] * counts / n[:, None]
    user, producer = np.diag(p) / p.sum(axis=1), np.diag(p) / p.sum(axis=0)
    row_variance = counts / n[:, None] * (1 - counts / n[:, None]) / (n - 1)[:, None]
    found = estimates(Judged.of_matrix(counts), Strata(pixels), classes)
    assert np.allclose(found.matrix, p)
    assert found.overall.value == pytest.approx(np.trace(p))
    assert found.overall.se**2 == pytest.approx((w**2 * user * (1 - user) / (n - 1)).sum())  # equation 5
    assert np.allclose([one.se for one in found.user], np.sqrt(user * (1 - user) / (n - 1)))  # equation 6
    areas = np.sqrt((w[:, None] ** 2 * row_variance).sum(axis=0)) * pixels.sum()  # equations 10 and 11
    assert np.allclose([one.se for one in found.area], areas)
    for j in range(classes):  # equation 7
        total = (pixels * counts[:, j] / n).sum()
        own = pixels[j] ** 2 * (1 - producer[j]) ** 2 * user[j] * (1 - user[j]) / (n[j] - 1)
        others = sum(pixels[i] ** 2 * row_variance[i, j] for i in range(classes) if i != j)
        assert found.producer[j].se == pytest.approx(math.sqrt(own + producer[j] ** 2 * others) / total)


class Population:
    """Cells of three true classes under two maps, in strata that are no map's classes."""

    def __init__(self, seed=1, cells=20_000):
        rng = np.random.default_rng(seed)
        self.true = rng.choice(3, cells, p=[0.6, 0.3, 0.1]).astype(np.int16)
        wrong = rng.random((2, cells)) < np.array([[0.25], [0.12]])
        said = (self.true + rng.integers(1, 3, (2, cells))) % 3
        self.said = np.where(wrong, said, self.true).astype(np.int16)
        sure = rng.random(cells) < np.where(wrong[1], 0.3, 0.8)
        self.stratum = self.said[1] % 2 * 2 + sure
        self.size = np.linspace(1.0, 0.7, cells)  # the smaller, the further north
        self.strata = Strata(np.bincount(self.stratum, self.size), np.bincount(self.stratum))

    def drawn(self, rng, each=250):
        at = np.concatenate([rng.choice(np.flatnonzero(self.stratum == h), each, replace=False) for h in range(4)])
        return [Judged(self.stratum[at], said[at], self.true[at], self.size[at]) for said in self.said]

    def part(self, which, of=None):
        kept = np.ones(which.size, bool) if of is None else of
        return float(self.size[which & kept].sum() / self.size[kept].sum())


def test_over_many_samples_the_mean_is_the_truth_and_intervals_cover_it_19_times_of_20():
    people, rng = Population(), np.random.default_rng(7)
    old, new = (said == people.true for said in people.said)
    truth = {
        "overall": people.part(new),
        "gain": people.part(new) - people.part(old),
        "area": float(people.size[people.true == 2].sum()),
        "user": people.part(new, people.said[1] == 0),
        "producer": people.part(new, people.true == 1),
    }
    found = {name: [] for name in truth}
    for _ in range(1200):
        first, second = people.drawn(rng)
        one = estimates(second, people.strata, 3)
        found["overall"].append(one.overall)
        found["gain"].append(gain(first, second, people.strata))
        found["area"].append(one.area[2])
        found["user"].append(one.user[0])
        found["producer"].append(one.producer[1])
    for name, values in found.items():
        centre = np.array([one.value for one in values])
        assert abs(centre.mean() - truth[name]) < 4 * centre.std() / math.sqrt(len(centre)) + 0.002 * truth[name], (
            name
        )
        assert np.mean([one.se for one in values]) == pytest.approx(centre.std(), rel=0.06), name
        covered = np.mean([one.low <= truth[name] <= one.high for one in values])
        assert 0.92 <= covered <= 0.97, (name, covered)


def test_a_census_is_the_truth_without_error():
    people = Population(cells=300)
    judged = Judged(people.stratum, people.said[1], people.true, people.size)
    found = estimates(judged, people.strata, 3)
    assert found.overall.value == pytest.approx(people.part(people.said[1] == people.true))
    assert (found.overall.se, found.overall.low, found.overall.high) == (0, found.overall.value, found.overall.value)
    assert found.area[1].value == pytest.approx(people.size[people.true == 1].sum())


def test_the_gain_of_a_map_over_itself_is_nothing():
    (judged, _), strata = Population().drawn(np.random.default_rng(0)), Population().strata
    assert gain(judged, judged, strata).value == 0


def test_sites_that_all_agree_leave_an_interval_that_is_no_point():
    judged, strata = Judged.of_matrix(np.array([[10, 0], [0, 10]])), Strata(np.array([1.0, 1.0]))
    found = estimates(judged, strata, 2)
    assert (found.user[0].value, found.user[0].se, found.user[0].high) == (1, 0, 1)
    assert found.user[0].low == pytest.approx(10 / (10 + 1.95996**2), abs=1e-4)  # Wilson's for 10 of 10
    assert found.user[0].low < found.overall.low < 1


def test_strata_that_agree_within_but_not_among_themselves_have_no_interval():
    found = estimates(Judged.of_matrix(np.array([[10, 0], [0, 10]])), Strata(np.array([1.0, 3.0])), 2)
    assert (found.area[0].value, found.area[0].se) == (pytest.approx(1), pytest.approx(0))
    assert math.isnan(found.area[0].low) and math.isnan(found.area[0].high)
    none_seen = estimates(Judged.of_matrix(np.array([[10, 0], [10, 0]])), Strata(np.array([1.0, 3.0])), 2).area[1]
    assert none_seen.low == 0 < none_seen.high < 4


def test_a_class_that_nobody_said_or_saw_has_no_accuracy():
    found = estimates(Judged.of_matrix(np.array([[5, 1, 0], [2, 6, 0], [0, 0, 0]])), Strata(np.ones(3)), 3)
    assert math.isnan(found.user[2].value) and math.isnan(found.producer[2].value)
    assert found.user[2].document() == {"value": None, "se": None, "low": None, "high": None}
    assert found.area[2].value == 0 and found.area[2].high > 0
    assert found.represented == pytest.approx(2 / 3)


def test_a_stratum_with_one_site_has_an_error_not_smaller_than_its_neighbours():
    strata = Strata(np.array([1.0, 1.0]))

    def error(seen):
        stratum = np.array([0] * 10 + [1])
        rows = np.zeros(11, np.int16)
        return estimates(
            Judged(stratum, rows, np.array([0] * 8 + [1] * 2 + [seen], np.int16), np.ones(11)), strata, 2
        )

    both = [error(seen).overall.se for seen in (0, 1)]
    pooled = math.sqrt(0.25 * 0.8 * 0.2 / 9)
    assert min(both) > pooled


def test_what_belongs_to_no_class_is_left_out_of_accuracy_and_silence_is_wrong():
    stratum, size = np.zeros(4, np.intp), np.ones(4)
    judged = Judged(stratum, np.array([0, 0, -1, 1], np.int16), np.array([0, -1, 0, 1], np.int16), size)
    found = estimates(judged, Strata(np.array([8.0])), 2)
    assert found.overall.value == pytest.approx(2 / 3)
    assert found.matrix.sum() == pytest.approx(0.5)
    assert found.area[0].value == pytest.approx(4)


def test_a_ratio_of_nothing_is_not_defined():
    judged = Judged.of_matrix(np.array([[1, 1], [1, 1]]))
    assert math.isnan(ratio(judged, Strata(np.ones(2)), np.zeros(4), np.zeros(4)).value)


def test_sizes_in_another_unit_change_nothing():
    people = Population()
    _, judged = people.drawn(np.random.default_rng(3))
    other = Judged(judged.stratum, judged.said, judged.true, judged.size * 0.09)
    one, same = (estimates(sites, people.strata, 3).overall for sites in (judged, other))
    assert (same.value, same.se, same.low) == pytest.approx((one.value, one.se, one.low))


def test_the_sample_size_of_olofsson_is_641():
    weights, accuracy = np.array([0.02, 0.015, 0.32, 0.645]), np.array([0.7, 0.6, 0.9, 0.95])
    assert sample_size(weights, accuracy, 0.01) == 641
    assert sample_size(weights, accuracy, 0.01, cells=10_000_000) == 641
    assert sample_size(weights, accuracy, 0.01, cells=500) < 300


def test_a_sample_of_the_size_that_was_asked_for_has_that_standard_error():
    rng = np.random.default_rng(5)
    area, accuracy = np.array([3.0, 1.0]), np.array([0.9, 0.6])
    spread = area * np.sqrt(accuracy * (1 - accuracy))
    total = sample_size(area, accuracy, 0.02)
    each = np.rint(total * spread / spread.sum()).astype(int)  # the best allocation, which equation 13 assumes
    values = [(area * rng.binomial(each, accuracy) / each).sum() / 4 for _ in range(4000)]
    assert np.std(values) == pytest.approx(0.02, rel=0.05)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=12), st.integers(1, 8), st.integers(0, 400))
def test_an_allocation_spends_every_site_and_gives_each_stratum_its_least(cells, least, more):
    cells = np.array(cells)
    total = int(np.minimum(cells, least).sum()) + more
    found = allocation(cells, total, least)
    assert found.sum() == min(total, cells.sum())
    assert (found >= np.minimum(cells, least)).all() and (found <= cells).all()


def test_rare_strata_get_their_least_and_the_others_their_part():
    assert allocation(OLOFSSON_PIXELS.astype(np.int64), 640, 75).tolist() == [75, 75, 162, 328]
    assert allocation(np.array([3, 1000]), 20, 5).tolist() == [3, 17]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: allocation(np.array([100, 100]), 9, 5), "9 are too few for 5 in each of 2 strata; ask for 10"),
        (lambda: Strata(np.array([1.0, 0.0])), "not above 0"),
        (lambda: Strata(np.array([1.0]), np.array([0])), "at least 1"),
        (lambda: Judged.of_matrix(np.zeros((2, 2), int)), "none is judged"),
        (lambda: estimates(stehman(), Strata(np.ones(3)), 4), "does not exist"),
        (lambda: estimates(stehman(), Strata(np.ones(4)), 3), "expected -1 to 2"),
        (lambda: estimates(stehman(), Strata(np.ones(4), np.full(4, 9)), 4), "more sites than cells"),
        (lambda: sample_size(np.ones(2), np.array([0.5, 1.5]), 0.1), "0..1"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(TableError, match=message.replace(".", r"\.")):
        make()


def test_two_maps_on_different_sites_are_not_compared():
    one = Judged.of_matrix(np.array([[3, 1], [1, 3]]))
    other = Judged.of_matrix(np.array([[2, 2], [0, 4]]))
    with pytest.raises(TableError, match="different sites"):
        gain(one, Judged(other.stratum[::-1], other.said, other.true, other.size), Strata(np.ones(2)))
