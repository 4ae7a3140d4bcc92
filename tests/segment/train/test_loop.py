from dataclasses import replace

import numpy as np
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Standard
from ecosg_update.segment.engine import Engine, normalised
from ecosg_update.segment.engines import build
from ecosg_update.segment.train import Extras, standard, train
from tests.segment.train.cases import CARD, LEGEND, RECIPE, image


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build("small_unet", 2, 3, width=4)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Crops this small are slower on several threads, and results on one are the same everywhere."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained():
    return train(network(), [image(1), image(2)], CARD, recipe=RECIPE)


def test_a_trained_network_knows_an_image_that_it_never_saw(trained):
    engine = Engine(trained.network, CARD, LEGEND, torch.device("cpu"))
    unseen = image(9, unlabelled=0)
    assert (engine(unseen.values).argmax(axis=0) == unseen.labels).mean() > 0.97


def test_the_loss_falls(trained):
    assert len(trained.losses) == RECIPE.steps
    assert np.mean(trained.losses[-10:]) < 0.3 * np.mean(trained.losses[:5])


def test_the_same_seed_gives_the_same_weights(trained):
    again = train(network(), [image(1), image(2)], CARD, recipe=RECIPE)
    assert again.losses == trained.losses
    for one, other in zip(trained.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_seed_gives_other_weights(trained):
    other = train(network(), [image(1), image(2)], CARD, recipe=replace(RECIPE, seed=4))
    assert other.losses != trained.losses


def test_the_network_that_was_given_stays_as_it_is():
    given, twin = network(), network()
    train(given, [image(1)], CARD, recipe=replace(RECIPE, steps=2))
    for one, other in zip(given.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_a_pixel_without_a_label_never_teaches():
    """Which class hides behind an unlabelled pixel cannot matter: half the labels gone, the rest decides."""
    sample = image(1, unlabelled=0)
    wrong = sample.labels.copy()
    wrong[:14] = UNLABELLED
    engine = Engine(
        train(network(), [Sample(sample.values, wrong)], CARD, recipe=RECIPE).network,
        CARD, LEGEND, torch.device("cpu"),
    )  # fmt: skip
    assert (engine(sample.values).argmax(axis=0)[:14] == sample.labels[:14]).mean() > 0.95


def test_each_step_is_reported():
    seen: list[int] = []
    extras = Extras(report=lambda step: seen.append(step.number))
    train(network(), [image(1)], CARD, recipe=replace(RECIPE, steps=3), extras=extras)
    assert seen == [0, 1, 2]


def test_the_standard_is_that_of_the_labelled_pixels():
    values = np.array([[[0.1, 0.3, 9.0]]], np.float32)
    labels = np.array([[0, 1, UNLABELLED]], np.int16)
    assert standard([Sample(values, labels)]) == Standard((0.2,), (0.1,))


def test_a_logarithm_makes_another_light_a_shift_and_keeps_dark_water_finite():
    samples = [image(1), image(2)]
    samples[0].values[:, 0, 0] = -0.01
    own = replace(CARD, normalisation=standard(samples, logarithm=0.03))
    pixels = np.concatenate([one.values[:, one.labels >= 0] for one in samples], axis=1)
    logs = np.log(np.maximum(pixels, 0) + 0.03)
    assert own.normalisation.mean == pytest.approx(logs.mean(axis=1), abs=1e-4)
    eaten = [normalised(torch.from_numpy(one.values[None]), own).numpy()[0] for one in samples]
    labelled = np.concatenate([one[:, two.labels >= 0] for one, two in zip(eaten, samples, strict=True)], axis=1)
    np.testing.assert_allclose(labelled.mean(axis=1), 0, atol=2e-3)
    np.testing.assert_allclose(labelled.std(axis=1), 1, atol=2e-3)


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (Sample(np.ones((3, 20, 20), np.float32), np.zeros((20, 20), np.int16)), "3 bands"),
        (Sample(np.ones((2, 20, 15), np.float32), np.zeros((20, 15), np.int16)), "smaller than the crop"),
        (Sample(np.ones((2, 20, 20), np.float32), np.full((20, 20), 3, np.int16)), "labels reach from 3"),
        (Sample(np.ones((2, 20, 20), np.float32), np.full((20, 20), -1, np.int16)), "no pixel"),
    ],
)
def test_samples_that_do_not_fit_are_refused(sample, text):
    with pytest.raises(ModelError, match=text):
        train(network(), [sample], CARD, recipe=RECIPE)


def test_a_rate_that_explodes_is_one_clear_error():
    with pytest.raises(ModelError, match="not finite"):
        train(network(), [Sample(np.full((2, 20, 20), np.inf, np.float32), np.zeros((20, 20), np.int16))], CARD,
              recipe=RECIPE)  # fmt: skip


def test_labels_of_another_shape_are_refused():
    with pytest.raises(ModelError, match="not one image"):
        Sample(np.ones((2, 4, 5), np.float32), np.zeros((5, 4), np.int16))
