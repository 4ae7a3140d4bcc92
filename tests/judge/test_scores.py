import numpy as np
import pytest
import torch
from hypothesis import given
from sklearn import metrics
from torchmetrics.functional import classification as peer

from ecosg_update.judge.confusion import Confusion, confusion
from ecosg_update.judge.scores import OVERALL, PER_CLASS, class_scores, overall_scores
from tests.judge.maps import L1, pairs

NAN = float("nan")


def known(pair):
    """Truth and classes where there is truth; silence is class 5."""
    truth, said = pair
    return truth[truth >= 0], np.where(said < 0, 5, said)[truth >= 0]


@given(pairs())
def test_scores_of_a_class_are_those_of_scikit_learn(pair):
    truth, said = known(pair)
    found = class_scores(confusion(*pair, L1).counts)
    if not truth.size:
        assert np.isnan(list(found.values())).all()
        return
    options = {"labels": range(5), "average": None, "zero_division": np.nan}
    np.testing.assert_allclose(found["producer"], metrics.recall_score(truth, said, **options))
    np.testing.assert_allclose(found["user"], metrics.precision_score(truth, said, **options))
    np.testing.assert_allclose(found["f1"], metrics.f1_score(truth, said, **options))
    occurs = np.isin(range(5), [truth, said])
    iou = metrics.jaccard_score(truth, said, labels=range(5), average=None, zero_division=0)
    np.testing.assert_allclose(found["iou"], np.where(occurs, iou, np.nan))


@given(pairs(silent=False))
def test_overall_scores_are_those_of_scikit_learn(pair):
    truth, said = known(pair)
    found = overall_scores(confusion(*pair, L1).counts)
    if not truth.size:
        assert np.isnan(list(found.values())).all()
        return
    np.testing.assert_allclose(found["accuracy"], metrics.accuracy_score(truth, said))
    np.testing.assert_allclose(found["macro_producer"], np.mean(metrics.recall_score(
        truth, said, labels=np.unique(truth), average=None)))  # fmt: skip
    for mean in ("macro", "weighted"):
        options = {"average": mean, "zero_division": np.nan}
        if mean == "macro" or np.isin(truth, said).any():  # else nothing that is true was said: 0 / 0, theirs is 0
            np.testing.assert_allclose(found[f"{mean}_user"], metrics.precision_score(truth, said, **options))
        np.testing.assert_allclose(found[f"{mean}_f1"], metrics.f1_score(truth, said, **options))
        np.testing.assert_allclose(found[f"{mean}_iou"], metrics.jaccard_score(truth, said, average=mean))
    np.testing.assert_allclose(found["weighted_producer"], found["accuracy"])
    if len({*truth.tolist(), *said.tolist()}) > 1:
        np.testing.assert_allclose(found["kappa"], metrics.cohen_kappa_score(truth, said), atol=1e-12)
    else:
        assert np.isnan(found["kappa"])


@given(pairs(silent=False))
def test_overall_scores_are_those_of_torchmetrics(pair):
    truth, said = (torch.from_numpy(rows.astype(np.int64)) for rows in known(pair))
    if len({*truth.tolist(), *said.tolist()}) < 2:
        return
    found = overall_scores(confusion(*pair, L1).counts)
    accuracy = peer.multiclass_accuracy(said, truth, 5, average="micro")
    assert found["accuracy"] == pytest.approx(accuracy.item(), abs=1e-6)
    assert found["macro_f1"] == pytest.approx(peer.multiclass_f1_score(said, truth, 5).item(), abs=1e-6)
    assert found["macro_iou"] == pytest.approx(peer.multiclass_jaccard_index(said, truth, 5).item(), abs=1e-6)
    assert found["kappa"] == pytest.approx(peer.multiclass_cohen_kappa(said, truth, 5).item(), abs=1e-5)


def test_the_published_example_of_congalton_is_reproduced():
    """Congalton 1991, Table 1: 434 pixels, overall 74 %; rows are the map there, and the truth here."""
    table = np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]])  # map x truth
    counts = np.zeros((5, 6), np.int64)
    counts[:4, :4] = table.T
    scores = class_scores(counts)
    assert overall_scores(counts)["accuracy"] == pytest.approx(321 / 434)
    np.testing.assert_allclose(scores["producer"][:4], [65 / 75, 81 / 103, 85 / 115, 90 / 141])
    np.testing.assert_allclose(scores["user"][:4], [65 / 115, 81 / 100, 85 / 115, 90 / 104])


def test_silence_is_wrong_and_no_class_of_its_own():
    counts = confusion(np.array([0, 0, 1, 1], np.int16), np.array([0, -1, 1, 1], np.int16), L1).counts
    scores, overall = class_scores(counts), overall_scores(counts)
    np.testing.assert_array_equal(scores["producer"], [0.5, 1, NAN, NAN, NAN])
    np.testing.assert_array_equal(scores["user"], [1, 1, NAN, NAN, NAN])
    assert overall["accuracy"] == 0.75
    assert overall["macro_producer"] == 0.75


def test_a_class_that_is_said_and_never_true_has_a_user_s_accuracy_of_0_and_no_producer_s():
    scores = class_scores(confusion(np.array([0], np.int16), np.array([3], np.int16), L1).counts)
    assert [scores[name][3] for name in ("user", "f1", "iou")] == [0, 0, 0]
    assert np.isnan(scores["producer"][3])


def test_leading_axes_are_replicates():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 9, (3, 5, 6))
    counts[1] = 0
    for names, scores in ((PER_CLASS, class_scores), (OVERALL, overall_scores)):
        assert tuple(scores(counts)) == names
        for name in names:
            each = [scores(Confusion(one, L1).counts)[name] for one in counts]
            np.testing.assert_array_equal(scores(counts)[name], each)
