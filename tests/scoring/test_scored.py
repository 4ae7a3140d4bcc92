import json

import numpy as np
import pytest
from sklearn import metrics

from ecosg_update import tables
from ecosg_update.errors import ModelError, TableError
from ecosg_update.judge.bootstrap import Bootstrap
from ecosg_update.judge.grouping import grouping
from ecosg_update.sample import Sample
from ecosg_update.scoring.contestant import Contestant
from ecosg_update.scoring.scored import scored
from ecosg_update.scoring.tally import WHOLE, Plot
from tests.scoring.made import L1, L2, L3, sample

DYNAMICWORLD = tables.legend("dynamicworld")
FEW = Bootstrap(times=50)


def guesser(name, legend, seed):
    """A contestant whose probabilities are random, the same ones for the same pixels."""

    def probabilities(values, _):
        own = np.random.default_rng([seed, int(values.sum() * 1e4)])
        found = own.dirichlet(np.full(len(legend), 0.3), values.shape[1:]).astype(np.float32)
        return np.moveaxis(found, -1, 0)

    return Contestant(name, legend, probabilities)


def plots(number=6):
    return [
        Plot(sample(at, (4, 9)), f"b{at % 3}", "L1C", {"source": "even" if at % 2 else "odd"}) for at in range(number)
    ]


def pixels(contestant, target, chosen):
    """Truth and classes of all labelled pixels in a grouping, by plain numpy."""
    truth = np.concatenate([one.sample.labels.ravel() for one in chosen])
    values = [contestant.probabilities(one.sample.values, "L1C") for one in chosen]
    values = np.concatenate([one.reshape(len(one), -1) for one in values], axis=1)
    by = grouping(contestant.legend, target)
    grouped = np.stack([values[by.rows == row].sum(axis=0) for row in range(len(target))])
    truth = grouping(L3, target).labels(truth)
    return truth[truth >= 0], grouped.argmax(axis=0)[truth >= 0], grouped.max(axis=0)[truth >= 0]


@pytest.mark.parametrize("target", [L1, L2])
def test_rows_are_what_scikit_learn_says_of_the_same_pixels(target):
    both = [guesser("three", L3, 1), guesser("dw", DYNAMICWORLD, 2)]
    report = scored(both, plots(), L3, [target], bootstrap=FEW)
    for contestant, row in zip(both, [row for row in report.rows if row.part == WHOLE], strict=True):
        truth, said, _ = pixels(contestant, target, plots())
        assert (row.contestant, row.grouping) == (contestant.name, f"{target.name}, {len(target)} classes")
        assert row.confusion.total == len(truth)
        assert row.blocks == 3
        expected = metrics.confusion_matrix(truth, said, labels=range(len(target)))
        np.testing.assert_array_equal(row.confusion.counts[:, :-1], expected)
        assert row.scores["accuracy"].value == pytest.approx(metrics.accuracy_score(truth, said))
        assert row.scores["kappa"].value == pytest.approx(metrics.cohen_kappa_score(truth, said))


def test_the_parts_add_up_to_the_whole_and_a_kind_with_one_value_has_no_row():
    both = [guesser("one", L3, 1)]
    given = [Plot(one.sample, one.block, one.level, {**one.parts, "level": one.level}) for one in plots()]
    report = scored(both, given, L3, [L1], bootstrap=FEW)
    parts = {row.part: row.confusion.counts for row in report.rows}
    assert set(parts) == {WHOLE, ("source", "odd"), ("source", "even")}
    np.testing.assert_array_equal(parts["source", "odd"] + parts["source", "even"], parts[WHOLE])


def test_a_pair_says_who_is_better_on_the_same_pixels():
    both = [guesser("first", L3, 1), guesser("second", DYNAMICWORLD, 2)]
    (pair,) = scored(both, plots(), L3, [L1], bootstrap=FEW).pairs
    (truth, first, _), (_, second, _) = (pixels(one, L1, plots()) for one in both)
    assert pair.test.only_first == ((first == truth) & (second != truth)).sum()
    assert pair.gain.value == pytest.approx((second == truth).mean() - (first == truth).mean())
    assert pair.gain.interval.low <= pair.gain.value <= pair.gain.interval.high


def test_a_contestant_gains_nothing_on_itself():
    pair = scored([guesser("a", L3, 1), guesser("b", L3, 1)], plots(), L3, [L1], bootstrap=FEW).pairs[0]
    assert (pair.gain.value, pair.gain.interval.low, pair.gain.interval.high, pair.test.p) == (0, 0, 0, 1)


def test_the_calibration_error_is_of_the_grouped_probabilities():
    contestant = guesser("one", L3, 1)
    row = scored([contestant], plots(), L3, [L1], bootstrap=FEW).rows[0]
    truth, said, sure = pixels(contestant, L1, plots())
    edges = np.minimum((sure * 15).astype(int), 14)
    expected = sum(abs(sure[edges == at].sum() - (truth == said)[edges == at].sum()) for at in range(15))
    assert row.reliability.error == pytest.approx(expected / len(truth), abs=1e-5)


def test_where_nothing_is_said_the_pixel_is_wrong():
    mute = Contestant("mute", L1, lambda values, _: np.zeros((5, *values.shape[1:]), np.float32))
    row = scored([mute], plots(), L3, [L1], bootstrap=FEW).rows[0]
    assert row.scores["accuracy"].value == 0
    assert row.confusion.counts[:, -1].sum() == row.confusion.total > 0


def test_the_document_is_json_without_nan_and_repeats_itself():
    both = [guesser("one", L3, 1), guesser("two", DYNAMICWORLD, 2)]
    texts = [json.dumps(scored(both, plots(), L3, [L1, L2], bootstrap=FEW).document(), allow_nan=False)] * 2
    texts.append(json.dumps(scored(both, plots(), L3, [L1, L2], bootstrap=FEW).document(), allow_nan=False))
    assert len(set(texts)) == 1
    document = json.loads(texts[0])
    wetlands = document["rows"][0]["classes"][3]
    assert wetlands["name"] == "Wetlands"
    assert wetlands["true"] == 0
    assert wetlands["producer"] == {"value": None, "low": None, "high": None}


def test_what_cannot_be_scored_is_refused():
    one = guesser("one", L3, 1)
    with pytest.raises(ModelError, match="expected at least one"):
        scored([one, one], plots(), L3, [L1])
    with pytest.raises(ModelError, match="no pixel has a label"):
        scored([one], [], L3, [L1])
    with pytest.raises(TableError, match="none from corine-l1 to corine-l3"):
        scored([guesser("coarse", L1, 1)], plots(), L3, [L3])
    unlabelled = Sample(np.zeros((3, 2, 2), np.float32), np.full((2, 2), -1, np.int16))
    with pytest.raises(ModelError, match="no pixel has a label"):
        scored([one], [Plot(unlabelled, "b", "L1C")], L3, [L1])
