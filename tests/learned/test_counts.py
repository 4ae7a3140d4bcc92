"""Counts by blocks: sums that do not depend on the order, and how many independent looks they are worth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecosg_update import tables
from ecosg_update.errors import TableError
from ecosg_update.learned.cooccurrence import together
from ecosg_update.learned.counts import Counts

SOURCE, TARGET = tables.legend("dynamicworld"), tables.legend("corine-l1")


def of_blocks(blocks):
    found = Counts.zero(SOURCE, TARGET)
    for block in blocks:
        found.add(block)
    return found


def drawn(seed, number=12, pixels=200, alike=0.5):
    """Blocks whose shares differ: the smaller `alike`, the more."""
    rng = np.random.default_rng(seed)
    blocks = []
    for _ in range(number):
        rows = [rng.multinomial(rng.integers(pixels), rng.dirichlet(np.full(5, alike))) for _ in range(9)]
        blocks.append(np.array(rows, np.float64))
    return blocks


def fields(counts):
    return [counts.pixels, counts.squares, counts.crossed, counts.row_squares, counts.blocks]


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), cut=st.integers(0, 12))
def test_the_sums_of_the_parts_are_those_of_the_whole_in_any_order(seed, cut):
    blocks = drawn(seed)
    whole = of_blocks(blocks)
    parts = together([of_blocks(blocks[cut:][::-1]), of_blocks(blocks[:cut])])
    for one, other in zip(fields(whole), fields(parts), strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_pixel_is_lost():
    blocks = drawn(3)
    assert of_blocks(blocks).pixels.sum() == sum(block.sum() for block in blocks)


def test_classes_in_another_order_have_the_same_effective_numbers_in_that_order():
    blocks, rng = drawn(5), np.random.default_rng(5)
    sources, targets = rng.permutation(9), rng.permutation(5)
    mixed = of_blocks([block[sources][:, targets] for block in blocks])
    np.testing.assert_allclose(mixed.effective(), of_blocks(blocks).effective()[sources])


def test_independent_pixels_are_worth_nearly_themselves():
    rng = np.random.default_rng(0)
    blocks = []
    for _ in range(4000):
        block = np.zeros((9, 5))
        block[1] = rng.multinomial(4, [0.1, 0.2, 0.3, 0.2, 0.2])
        blocks.append(block)
    assert of_blocks(blocks).effective()[1] == pytest.approx(16000, rel=0.06)


def test_the_effective_number_is_what_redrawn_blocks_say():
    """An independent way: draw whole blocks again and see how much the shares vary."""
    rng, blocks = np.random.default_rng(1), drawn(1, number=60, alike=2.0)
    stack = np.stack(blocks)[:, 4]  # (block, target)
    again = rng.multinomial(60, np.full(60, 1 / 60), 4000) @ stack
    shares = again / again.sum(axis=1, keepdims=True)
    whole = stack.sum(axis=0) / stack.sum()
    bootstrap = (whole * (1 - whole)).sum() / shares.var(axis=0).sum()
    found = of_blocks(blocks).effective()[4]
    assert 0.75 * bootstrap < found < 1.05 * bootstrap  # a little less: moderated towards alike pixels


def test_pixels_that_are_alike_within_a_block_are_worth_one_a_block():
    rng = np.random.default_rng(2)
    blocks = []
    for _ in range(300):
        block = np.zeros((9, 5))
        block[7, rng.integers(5)] = 1000
        blocks.append(block)
    assert of_blocks(blocks).effective()[7] == pytest.approx(300, rel=0.02)


def test_a_class_that_is_always_one_thing_is_worth_one_a_block():
    block = np.zeros((9, 5))
    block[2, 3] = 70
    assert of_blocks([block] * 8).effective()[2] == pytest.approx(8)


def test_a_single_block_is_one_look():
    block = np.zeros((9, 5))
    block[0] = [10, 20, 30, 0, 5]
    found = of_blocks([block]).effective()
    assert found[0] == pytest.approx(1)
    assert not found[1:].any()


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_the_effective_number_is_never_more_than_the_pixels(seed):
    counts = of_blocks(drawn(seed, number=4, pixels=3))
    assert (counts.effective() <= counts.rows).all()
    assert np.isfinite(counts.effective()).all()


def test_twice_as_many_like_blocks_are_nearly_twice_the_looks():
    blocks = drawn(8, number=200, alike=1.0)
    once, twice = of_blocks(blocks).effective(), of_blocks(blocks * 2).effective()
    np.testing.assert_allclose(twice / once, 2, rtol=0.05)


def test_counts_of_other_legends_are_refused():
    with pytest.raises(TableError, match=r"found dynamicworld to corine-l2"):
        Counts.zero(SOURCE, TARGET).added(Counts.zero(SOURCE, tables.legend("corine-l2")))
