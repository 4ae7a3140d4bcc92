"""Held-out blocks: scored against plain loops, and a learned table wins where the map is truly different."""

import numpy as np
import pytest

from ecosg_update.learned import evidence, truth
from ecosg_update.learned.cooccurrence import counted, together
from ecosg_update.learned.heldout import held_out
from ecosg_update.learned.learn import Method, learned
from ecosg_update.learned.posterior import FLOOR, Posterior
from ecosg_update.learned.prior import prior
from tests.learned.made import PIXEL, pair


def folds_by_hand(rows, cols, side, number):
    """As the blocks are scattered."""
    return ((rows // side * 73856093) ^ (cols // side * 19349663)) % number


def test_the_scores_are_those_of_plain_loops(tmp_path):
    classes, corine, seen, true = pair(tmp_path, seed=4)
    votes, known = evidence.votes(classes, "dynamicworld"), truth.corine(corine, to="corine-l1")
    parts = counted(votes, known, block_km=0.3, folds=3)
    expert = prior(votes.legend, known.target).weights
    found = held_out(votes, known, parts, expert, strength=5, block_km=0.3)
    at = np.argwhere((seen > 0) & (true > 0))
    fold = folds_by_hand(at[:, 0], at[:, 1], round(300 / PIXEL), 3)
    loss, right, plain = 0.0, 0, 0.0
    others = [together([one for number, one in enumerate(parts) if number != part]) for part in range(3)]
    taught = [Posterior(expert, other, 5).weights for other in others]
    for (row, col), part in zip(at.tolist(), fold.tolist(), strict=True):
        source, target = int(seen[row, col]) - 1, int(true[row, col]) // 100 - 1
        loss -= np.log(taught[part][source, target])
        right += taught[part][source].argmax() == target
        plain -= np.log((1 - FLOOR) * expert[source, target] + FLOOR * others[part].background[target])
    assert found.pixels == len(at)
    assert found.expert.log_loss == pytest.approx(plain / len(at))
    assert found.learned.log_loss == pytest.approx(loss / len(at))
    assert found.learned.accuracy == pytest.approx(right / len(at))


def test_a_learned_table_foretells_better_where_the_expert_is_wrong(tmp_path):
    classes, corine, *_ = pair(tmp_path, seed=2)
    check = learned(
        evidence.votes(classes, "dynamicworld"), truth.corine(corine, to="corine-l3"), Method(block_km=0.3)
    ).held_out
    assert check.learned.log_loss < min(check.expert.log_loss, check.shares.log_loss)
    assert check.learned.accuracy > check.shares.accuracy


def test_one_fold_asks_nothing(tmp_path):
    classes, corine, *_ = pair(tmp_path)
    method = Method(block_km=0.3, folds=1)
    assert learned(evidence.votes(classes, "dynamicworld"), truth.corine(corine), method).held_out is None
