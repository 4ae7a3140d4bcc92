"""The posterior: the expert without data, the data without end, and a sampler in between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.learned.counts import Counts
from ecosg_update.learned.posterior import DEFAULT_STRENGTH, FLOOR, Posterior, posterior
from tests.learned.test_counts import SOURCE, TARGET, drawn, of_blocks

THIRDS = np.full((9, 5), 0.2)
EXPERT = np.vstack([np.eye(5), np.eye(5)[:4]])


def test_without_data_the_expert_comes_back_bit_for_bit():
    expert = np.random.default_rng(0).dirichlet(np.ones(5), 9)
    found = Posterior(expert, Counts.zero(SOURCE, TARGET))
    assert found.weights.tobytes() == expert.tobytes()
    assert not found.disagrees.any()
    assert not found.moved.any()


def test_a_class_without_data_keeps_the_experts_row_beside_classes_with_data():
    blocks = drawn(0)
    for block in blocks:
        block[6] = 0
    found = Posterior(EXPERT, of_blocks(blocks))
    np.testing.assert_array_equal(found.weights[6], EXPERT[6])
    assert (found.weights[5] != EXPERT[5]).any()


def test_with_data_without_end_the_table_is_what_was_counted():
    blocks = drawn(1, number=100)
    once = of_blocks(blocks)
    endless = Counts(
        SOURCE,
        TARGET,
        *(field * 1e6 for field in (once.pixels, once.squares, once.crossed, once.row_squares, once.blocks)),
    )
    np.testing.assert_allclose(Posterior(EXPERT, endless).weights, once.shares, atol=1e-5)


@settings(max_examples=20)
@given(seed=st.integers(0, 500), strength=st.floats(0.1, 1e4))
def test_rows_sum_to_one_and_lie_between_the_expert_and_the_data(seed, strength):
    counts = of_blocks(drawn(seed, number=5))
    found = Posterior(EXPERT, counts, strength)
    floored = (1 - FLOOR) * EXPERT + FLOOR * counts.background
    low, high = np.minimum(floored, counts.shares), np.maximum(floored, counts.shares)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1)
    seen = found.seen
    assert (found.weights[seen] >= low[seen] - 1e-12).all()
    assert (found.weights[seen] <= high[seen] + 1e-12).all()


def test_what_a_sampler_weighs_by_likelihood_is_the_posterior_mean():
    """Independent of the formula: draws from the prior, weighed by how probable they make whole observations."""
    rng = np.random.default_rng(4)
    block = np.zeros((9, 5))
    block[3] = [3, 0, 2, 1, 0]
    blocks = [
        np.where(np.arange(5) == at, np.eye(9)[3][:, None], 0.0) for at in range(5) for _ in range(int(block[3, at]))
    ]
    counts = of_blocks(blocks)
    found = Posterior(THIRDS, counts, strength=5.0)
    prior = 5.0 * ((1 - FLOOR) * THIRDS[3] + FLOOR * counts.background)
    draws = rng.dirichlet(prior, 400_000)
    number = found.effective[3] / 6
    likelihood = np.exp(number * (np.log(np.maximum(draws, 1e-300)) @ block[3]))
    np.testing.assert_allclose(found.weights[3], likelihood @ draws / likelihood.sum(), atol=0.004)


def test_the_intervals_hold_what_draws_from_the_posterior_hold():
    counts = of_blocks(drawn(6, number=8))
    found = Posterior(EXPERT, counts, strength=3.0)
    draws = np.random.default_rng(6).dirichlet(found.alpha[2], 40_000)
    low, high = found.interval
    np.testing.assert_allclose(np.quantile(draws, 0.025, axis=0), low[2], atol=0.01)
    np.testing.assert_allclose(np.quantile(draws, 0.975, axis=0), high[2], atol=0.01)


def test_the_permuted_question_has_the_permuted_answer():
    rng, blocks = np.random.default_rng(9), drawn(9)
    sources, targets = rng.permutation(9), rng.permutation(5)
    mixed = Posterior(EXPERT[sources][:, targets], of_blocks([block[sources][:, targets] for block in blocks]))
    np.testing.assert_allclose(mixed.weights, Posterior(EXPERT, of_blocks(blocks)).weights[sources][:, targets])


def test_data_that_agree_with_the_expert_never_disagree():
    block = np.zeros((9, 5))
    block[0, 0] = 500
    for number in (1, 10, 1000):
        assert not Posterior(EXPERT, of_blocks([block] * number)).disagrees.any()


def test_much_data_against_the_expert_disagree_and_little_do_not():
    block = np.zeros((9, 5))
    block[0, 4] = 500
    assert not Posterior(EXPERT, of_blocks([block])).disagrees.any()
    found = Posterior(EXPERT, of_blocks([block] * 400))
    assert np.argwhere(found.disagrees).tolist() == [[0, 0], [0, 4]]


def test_a_prior_that_is_no_table_is_refused():
    with pytest.raises(TableError, match="rows of sum 1"):
        Posterior(EXPERT * 0.5, Counts.zero(SOURCE, TARGET))
    with pytest.raises(TableError, match=r"found a table of \(9, 5\)"):
        Posterior(EXPERT, Counts.zero(SOURCE, tables.legend("corine-l2")))


def simulated(strength, seed, number=400):
    """Blocks of one pixel of each class, their shares drawn once from a prior of that strength around the expert."""
    rng = np.random.default_rng(seed)
    expert = 0.8 * EXPERT + 0.04
    shares = np.array([rng.dirichlet(strength * row) for row in expert])
    return expert, of_blocks([np.array([rng.multinomial(1, row) for row in shares], float) for _ in range(number)])


def test_the_strength_that_the_data_were_made_with_is_found_again():
    found = [np.median([posterior(*simulated(true, seed)).strength for seed in range(9)]) for true in (2, 20, 200)]
    assert found == sorted(found)
    assert np.abs(np.log(np.array(found) / (2, 20, 200))).max() < np.log(4)


def test_without_data_or_with_a_strength_given_nothing_is_chosen():
    expert, counts = simulated(2, 0)
    assert posterior(expert, Counts.zero(SOURCE, TARGET)).strength == DEFAULT_STRENGTH
    assert posterior(expert, counts, 7.5).strength == 7.5


def test_the_evidence_is_the_chance_of_the_counts_under_draws_from_the_prior():
    """Independent of the formula: the mean likelihood over draws, as differences between strengths."""
    rng, block = np.random.default_rng(11), np.zeros((9, 5))
    block[3, :3] = 1, 2, 3
    counts = of_blocks([block] * 2)
    founds = [Posterior(THIRDS, counts, strength) for strength in (2.0, 10.0)]
    seen = founds[0].effective[3] * counts.shares[3]
    chances = [
        (np.maximum(rng.dirichlet(one.prior[3], 200_000), 1e-300) ** seen).prod(axis=1).mean() for one in founds
    ]
    assert founds[1].log_evidence - founds[0].log_evidence == pytest.approx(np.log(chances[1] / chances[0]), abs=0.03)
