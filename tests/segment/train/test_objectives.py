"""What the loop makes of each objective, of validation, of weights and of a teacher."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.card import Standard
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.recipe import Objective, Watch
from ecosg_update.segment.train.teacher import teacher
from ecosg_update.segment.train.validate import figures
from tests.segment.train.cases import CARD, LEGEND, RECIPE, field, image, network, patch


def right(trained, sample):
    engine = Engine(trained.network, CARD, LEGEND, torch.device("cpu"))
    return (engine(sample.values).argmax(axis=0) == sample.labels).mean()


@pytest.mark.parametrize(
    "objective",
    [
        Objective(0, focal=1),
        Objective(0, dice=1),
        Objective(1, hierarchical=1, groups=((0, 1, 1), (0, 0, 1))),
    ],
    ids=["focal", "dice", "hierarchical"],
)
def test_each_loss_of_pixels_teaches_them(objective):
    done = train(network(), [image(1), image(2)], CARD, recipe=replace(RECIPE, objective=objective))
    assert right(done, image(9, unlabelled=0)) > 0.95


def test_bf16_learns_too():
    done = train(network(), [image(1), image(2)], CARD, recipe=replace(RECIPE, precision="bf16"))
    assert right(done, image(9, unlabelled=0)) > 0.95
    assert all(tensor.dtype != torch.bfloat16 for tensor in done.network.state_dict().values())


@pytest.mark.parametrize("pooling", ["lse", "noisy-or"])
def test_classes_of_whole_patches_teach_where_they_are(pooling):
    """No pixel has a label, the network sees no neighbours: which classes a patch holds is enough."""
    recipe = replace(RECIPE, steps=150, objective=Objective(0, present=1, pooling=pooling))
    torch.manual_seed(0)
    pixelwise = nn.Sequential(nn.Conv2d(2, 8, 1), nn.ReLU(), nn.Conv2d(8, 3, 1))
    done = train(pixelwise, [patch(seed) for seed in range(60)], CARD, recipe=recipe)
    unseen = [field(seed) for seed in range(100, 130, 3)]
    assert {tuple(one.present) for one in unseen} == {(True, True, False)}
    assert np.mean([right(done, one) for one in unseen]) > 0.9


def test_a_teacher_teaches_scenes_without_labels():
    master = train(network(), [image(1), image(2)], CARD, recipe=RECIPE)
    known = teacher(Engine(master.network, CARD, LEGEND, torch.device("cpu")), CARD)
    bare = [image(seed, unlabelled=1) for seed in (4, 5)]
    extras = Extras(teacher=known, weights=[1.0, 1.0])
    recipe = replace(RECIPE, objective=Objective(0, distillation=1))
    assert right(train(network(), bare, CARD, recipe=recipe, extras=extras), image(9, unlabelled=0)) > 0.95


def test_a_teacher_of_other_classes_is_heard_in_groups():
    engine = Engine(network(), CARD, LEGEND, torch.device("cpu"))
    form = Standard((0.2,) * 3, (0.1,) * 3)
    card = replace(CARD, codes=(11, 12, 20, 30), bands=("B08", "B02", "B04"), normalisation=form)
    known = teacher(engine, card, same=[((1, 7), (20,)), ((2,), (11, 12))])
    assert known.rows == (2, 0) and known.teacher == (0, 1, 0) and known.groups == (1, 1, 0, -1)
    values = torch.rand(2, 3, 8, 9)
    values[0, :, 0, 0] = 0
    found = known.probabilities(values).numpy()
    own = engine.batch(np.ascontiguousarray(values.numpy()[:, [2, 0]]))
    np.testing.assert_allclose(found[:, 0, 1:], (own[:, 0] + own[:, 2])[:, 1:], rtol=1e-6)
    assert not found[0, :, 0, 0].any() and found[1].sum(axis=0) == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "same", "text"),
    [
        ({"level": "L1C"}, (), "needs B04, B08 of L2A at 10 m, the samples have"),
        ({"bands": ("B04", "B03")}, (), "take another teacher"),
        ({"codes": (4, 5, 6)}, (), "none of its codes"),
        ({}, [((1,), (1,)), ((1, 2), (2,))], "1 is no class of small_unet or stands twice"),
        ({}, [((9,), (1,))], "9 is no class"),
        ({}, [((), (1,))], "a group is empty"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(change, same, text):
    with pytest.raises(ModelError, match=text):
        teacher(Engine(network(), CARD, LEGEND, torch.device("cpu")), replace(CARD, **change), same=same)


def test_validation_that_gets_no_better_ends_the_training_with_the_best_weights():
    """Validation contradicts the samples, so that the first looks are the best ones."""
    usual = image(3)
    swapped = np.where(usual.labels >= 0, 1 - usual.labels, UNLABELLED).astype(np.int16)
    opposite = Sample(usual.values, swapped)
    seen = []
    extras = Extras(validation=[opposite], report=seen.append)
    recipe = replace(RECIPE, steps=200, schedule="constant", watch=Watch(every=5, patience=3))
    done = train(network(), [image(1)], CARD, recipe=recipe, extras=extras)
    looks = [step.figures["loss"] for step in seen if step.figures]
    best = int(np.argmin(looks))
    assert len(done.losses) < 200 and len(looks) == best + 1 + 3 and done.lowest == min(looks)
    assert figures(done.network, [opposite], CARD, recipe)["loss"] == pytest.approx(min(looks), rel=1e-5)


def test_the_figures_are_those_of_a_count_pixel_by_pixel():
    sample, recipe = image(4), RECIPE
    found = figures(network(), [sample, image(5, unlabelled=1)], CARD, recipe)
    best = Engine(network(), CARD, LEGEND, torch.device("cpu"))(sample.values).argmax(axis=0)
    known = sample.labels >= 0
    assert found["accuracy"] == pytest.approx((best == sample.labels)[known].mean())
    shares = []
    for row in range(3):
        either = ((best == row) | (sample.labels == row)) & known
        if either.any():
            shares.append((((best == row) & (sample.labels == row))[known]).sum() / either.sum())
    assert found["miou"] == pytest.approx(np.mean(shares))


def test_a_large_sample_is_looked_at_in_tiles_that_cover_it_once():
    sample = image(4, shape=(515, 33))
    network_ = torch.nn.Conv2d(2, 3, 1)
    found = figures(network_, [sample], CARD, RECIPE)
    values = (torch.from_numpy(sample.values) - 0.2) / 0.1
    best = network_(values[None])[0].argmax(dim=0).numpy()
    assert found["accuracy"] == pytest.approx((best == sample.labels)[sample.labels >= 0].mean())


def test_samples_of_weight_zero_never_teach():
    poison = Sample(np.full((2, 20, 20), np.inf, np.float32), np.zeros((20, 20), np.int16))
    extras = Extras(weights=[0.0, 1.0, 0.0])
    done = train(network(), [poison, image(1), poison], CARD, recipe=replace(RECIPE, steps=5), extras=extras)
    assert np.isfinite(done.losses).all()


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(ModelError, match=r"weights for 2 samples"):
        train(network(), [image(1), image(2)], CARD, recipe=RECIPE, extras=Extras(weights=weights))


@pytest.mark.parametrize(
    ("objective", "text"),
    [(Objective(hierarchical=1), "needs groups"), (Objective(distillation=1), "needs a teacher")],
)
def test_an_objective_that_lacks_something_is_refused(objective, text):
    with pytest.raises(ModelError, match=text):
        train(network(), [image(1)], CARD, recipe=replace(RECIPE, objective=objective))


def test_no_sample_at_all_is_refused():
    with pytest.raises(ModelError, match="there is no sample"):
        train(network(), [], CARD, recipe=RECIPE)


def test_a_patch_whose_classes_are_known_is_not_cut():
    """Half of a patch need not hold what the whole holds."""
    with pytest.raises(ModelError, match="crops as large as the samples"):
        train(network(), [patch(1)], CARD, recipe=replace(RECIPE, crop=8, objective=Objective(0, present=1)))
