import numpy as np
import pytest

from ecosg_update import tables
from ecosg_update.baselines.drawn import drawn_pixels
from ecosg_update.baselines.features import spectral, textured
from ecosg_update.baselines.forest import grown
from ecosg_update.baselines.majority import shares
from ecosg_update.errors import ModelError
from ecosg_update.sample import Sample

L1 = tables.legend("corine-l1")
BANDS = ("B03", "B04", "B08")


def sample(labels, seed=0):
    """A sample in which class 0 is bright, class 3 dark, class 4 as bright as 0 but rough."""
    labels = np.asarray(labels, np.int16)
    rng = np.random.default_rng(seed)
    values = np.where(labels == 3, 0.1, 0.4) + rng.normal(0, 0.005, (3, *labels.shape))
    rough = rng.choice([-0.2, 0.2], labels.shape)
    return Sample((values + rough * (labels == 4)).astype(np.float32), labels)


def stripes(seed=0):
    return sample(np.repeat([0, 3, -1, 4], 9)[:, None].repeat(20, axis=1), seed)


def test_a_forest_knows_what_it_saw_and_never_says_what_it_did_not_see():
    forest = grown([stripes(1), stripes(2)], BANDS, L1, trees=30)
    test = stripes(3)
    found = forest(test.values)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    assert not found[[1, 2]].any()
    known = test.labels >= 0
    assert (found.argmax(axis=0) == test.labels)[known].mean() > 0.95


def test_one_seed_gives_one_forest_whatever_the_threads():
    test = stripes(3).values
    first, again, other = (
        grown([stripes(1)], BANDS, L1, trees=10, seed=seed, threads=threads)(test)
        for seed, threads in ((1, 1), (1, 2), (2, 1))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_deviation_of_brightness_tells_a_rough_class_from_a_smooth_one_of_the_same_mean():
    test = stripes(3)
    features = textured(test.values, BANDS)
    assert features.shape[0] == 3 + 2 + 4
    rough, smooth = (features[5:7][:, test.labels == label].mean(axis=1) for label in (4, 0))
    assert (rough > 5 * smooth).all()


def test_drawn_pixels_are_capped_by_class_and_all_are_there_below_the_cap():
    samples = [stripes(seed) for seed in range(3)]
    features, labels = drawn_pixels(samples, BANDS, spectral, most=10_000, seed=0)
    assert np.bincount(labels).tolist() == [540, 0, 0, 540, 540]
    everything = np.concatenate([spectral(one.values, BANDS)[:, one.labels == 0].T for one in samples])
    assert {tuple(row) for row in features[labels == 0]} == {tuple(row) for row in everything}
    few, labels = drawn_pixels(samples, BANDS, spectral, most=100, seed=0)
    assert np.bincount(labels).tolist() == [100, 0, 0, 100, 100]
    assert {tuple(row) for row in few} <= {tuple(row) for row in features}


def test_each_sample_has_the_same_chance_to_be_drawn_from():
    """Three samples of one class, told apart by their brightness: a third each, within 4 deviations."""
    samples = [Sample(np.full((1, 20, 20), at + 1, np.float32), np.zeros((20, 20), np.int16)) for at in range(3)]
    features, _ = drawn_pixels(samples, ("B04",), spectral, most=300, seed=5)
    counts = np.bincount(features[:, 0].astype(int))[1:]
    assert np.abs(counts - 100).max() < 4 * np.sqrt(300 * 2 / 9)


def test_the_majority_is_counted_over_labelled_pixels():
    found = shares([sample([[0, 0, -1], [3, -1, -1]]), sample([[0]])], L1)
    np.testing.assert_allclose(found.shares, [0.75, 0, 0, 0.25, 0])
    assert found(np.zeros((3, 2, 7), np.float32)).shape == (5, 2, 7)


def test_samples_without_a_label_teach_nothing():
    empty = sample(np.full((3, 5), -1))
    with pytest.raises(ModelError, match="forest: no pixel"):
        grown([empty], BANDS, L1)
    with pytest.raises(ModelError, match="majority: no pixel"):
        shares([empty], L1)
    with pytest.raises(ModelError, match="forest: found 2 bands"):
        grown([stripes()], BANDS, L1, trees=2)(np.zeros((2, 3, 5), np.float32))


def test_a_forest_grows_from_and_judges_samples_that_lack_a_band():
    def lacking(one):
        values = one.values.copy()
        values[1] = np.nan
        return Sample(values, one.labels)

    for training in ([stripes(1), lacking(stripes(2))], [stripes(1), stripes(2)]):
        forest, test = grown(training, BANDS, L1, trees=30), lacking(stripes(3))
        found = forest(test.values)
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
        known = test.labels >= 0
        assert (found.argmax(axis=0) == test.labels)[known].mean() > 0.8
