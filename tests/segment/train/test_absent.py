"""Training with bands that samples may lack: the card says which, the network sees their mean."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.sample import Sample
from ecosg_update.segment.card import Standard
from ecosg_update.segment.engine import Engine, normalised
from ecosg_update.segment.train import Extras, standard, train
from ecosg_update.segment.train.batches import Source, by_weight
from ecosg_update.segment.train.calibrate import calibrated
from ecosg_update.segment.train.recipe import Light
from ecosg_update.segment.train.teacher import teacher
from ecosg_update.segment.train.validate import figures
from tests.segment.train.cases import CARD, LEGEND, RECIPE, equal, image, network
from tests.segment.train.test_light import relit

THREE = replace(
    CARD, bands=("B02", "B04", "B08"), optional=("B02", "B08"), normalisation=Standard((0.1, 0.2, 0.3), (0.1,) * 3)
)
MAY_LACK = replace(CARD, optional=("B08",))


def without(sample, *rows):
    """The sample with some bands absent."""
    values = sample.values.copy()
    values[list(rows)] = np.nan
    return Sample(values, sample.labels, sample.present)


def batch(card, *, absent=0.0, step=1, count=32):
    samples = [
        Sample(np.repeat(one.values, 2, axis=0)[: len(card.bands)], one.labels) for one in (image(1), image(2))
    ]
    recipe = replace(RECIPE, batch=count, absent=absent)
    return Source(by_weight(samples, [1, 1], recipe.crop), recipe, card).batch(step)


def test_an_absent_band_is_fed_as_its_mean_and_a_band_that_is_needed_is_not_mended():
    values = np.random.default_rng(0).random((2, 3, 5, 7), dtype=np.float32)
    at_mean = values.copy()
    values[0, 0], at_mean[0, 0] = np.nan, 0.1
    found, expected = (normalised(torch.from_numpy(one), THREE) for one in (values, at_mean))
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    values[1, 1] = np.nan
    assert normalised(torch.from_numpy(values), THREE)[1, 1].isnan().all()
    assert normalised(torch.from_numpy(values), replace(THREE, optional=()))[0, 0].isnan().all()


def test_an_image_with_all_bands_is_fed_as_by_a_card_without_optional_ones():
    values = torch.rand(2, 3, 5, 7)
    assert torch.equal(normalised(values, THREE), normalised(values, replace(THREE, optional=())))


def test_a_recipe_that_takes_nothing_away_draws_the_crops_of_one_that_cannot():
    for one, other in zip(
        vars(batch(THREE)).values(), vars(batch(replace(THREE, optional=()))).values(), strict=True
    ):
        assert torch.equal(one.nan_to_num(-1), other.nan_to_num(-1))


def test_bands_go_at_random_and_what_stays_is_the_same():
    whole, fewer = batch(THREE, count=400), batch(THREE, absent=0.5, count=400)
    gone = fewer.values.isnan()
    lost = gone.flatten(2).all(dim=2)
    assert torch.equal(lost, gone.flatten(2).any(dim=2)) and not lost[:, 1].any()
    assert torch.equal(fewer.values[~gone], whole.values[~gone]) and torch.equal(fewer.labels, whole.labels)
    assert torch.equal(fewer.clean, whole.clean)
    for row in (0, 2):
        assert float(lost[:, row].float().mean()) == pytest.approx(0.25, abs=0.06)
    assert float((lost[:, 0] & lost[:, 2]).float().mean()) == pytest.approx(0.125, abs=0.05)
    assert torch.equal(batch(THREE, absent=0.5, count=400).values.isnan(), gone)


def test_another_light_leaves_absent_bands_absent_and_no_data_empty():
    values = np.random.default_rng(0).random((3, 4, 5), dtype=np.float32)
    values[:, 1, 2] = 0
    lacking = values.copy()
    lacking[0] = np.nan
    light = Light(haze=0.1, atmosphere=1)
    whole, found = (relit(one, THREE.bands, light, np.random.default_rng(1)) for one in (values, lacking))
    np.testing.assert_array_equal(found[1:], whole[1:])
    assert np.isnan(found[0]).all() and not found[1:, 1, 2].any()


def test_the_standard_of_a_band_is_that_of_the_samples_which_have_it():
    samples = [image(1), without(image(2), 1), without(image(3), 0), image(4)]
    found = standard(samples)
    for row in (0, 1):
        pixels = np.concatenate(
            [one.values[row][one.labels >= 0] for one in samples if not np.isnan(one.values[row]).any()]
        )
        assert found.mean[row] == pytest.approx(pixels.mean(), abs=1e-5)
        assert found.std[row] == pytest.approx(pixels.std(), abs=1e-5)
    with pytest.raises(ModelError, match="no labelled pixel of the samples has band 2 of 2"):
        standard([without(image(1), 1), without(image(2), 1)])


def test_a_network_that_met_absent_bands_does_without_them_and_one_that_did_not_does_not():
    samples = [image(1), image(2)]
    rough = train(network(), samples, MAY_LACK, recipe=RECIPE)
    taught = train(network(), samples, MAY_LACK, recipe=replace(RECIPE, absent=0.7, steps=80))
    unseen = image(9, unlabelled=0)

    def right(trained, sample):
        engine = Engine(trained.network, MAY_LACK, LEGEND, torch.device("cpu"))
        return (engine(sample.values).argmax(axis=0) == sample.labels).mean()

    assert right(taught, unseen) > 0.95
    assert right(taught, without(unseen, 1)) > 0.9 > right(rough, without(unseen, 1))


def test_an_interrupted_training_with_absent_bands_ends_with_the_same_bits(tmp_path):
    class StopError(Exception):
        pass

    def stop(step):
        if step.number == 7:
            raise StopError

    samples, recipe = [image(1), without(image(2), 1)], replace(RECIPE, absent=0.5, steps=10)
    whole = train(network(), samples, MAY_LACK, recipe=recipe)
    state = tmp_path / "net.state.safetensors"
    with pytest.raises(StopError):
        train(network(), samples, MAY_LACK, recipe=recipe, extras=Extras(state=state, save_every=5, report=stop))
    again = train(network(), samples, MAY_LACK, recipe=recipe, extras=Extras(state=state, save_every=5))
    assert again.losses == whole.losses and equal(again.network, whole.network)


def test_samples_that_lack_a_band_are_validated_and_calibrated_on():
    net, samples = network().eval(), [image(1), without(image(2), 1)]
    at_mean = Sample(np.where(np.isnan(samples[1].values), np.float32(0.2), samples[1].values), samples[1].labels)
    found, expected = (figures(net, [image(1), one], MAY_LACK, RECIPE) for one in (samples[1], at_mean))
    assert found == pytest.approx(expected, abs=1e-5)
    assert (
        calibrated(net, samples, MAY_LACK).temperature == calibrated(net, [image(1), at_mean], MAY_LACK).temperature
    )


def test_a_sample_without_a_band_that_is_needed_is_refused_by_name():
    with pytest.raises(ModelError, match="a sample lacks B04; name such bands in optional"):
        train(network(), [without(image(1), 0)], MAY_LACK, recipe=RECIPE)
    with pytest.raises(ModelError, match=r"absent is 0.5 and no band is optional"):
        train(network(), [image(1)], CARD, recipe=replace(RECIPE, absent=0.5))
    with pytest.raises(ModelError, match=r"absent is 1.5, expected a share"):
        replace(RECIPE, absent=1.5)


def test_a_teacher_is_silent_where_it_lacks_a_band_and_speaks_where_it_does_without():
    values = torch.rand(2, 2, 8, 9)
    values[0, 1] = float("nan")
    values[1, :, 0, 0] = 0
    for card, silent in ((CARD, True), (MAY_LACK, False)):
        found = teacher(Engine(network(), card, LEGEND, torch.device("cpu")), MAY_LACK).probabilities(values)
        assert found.isfinite().all() and bool((found[0] == 0).all()) is silent
        assert not found[1, :, 0, 0].any() and found[1, :, 1:].sum(dim=0).allclose(torch.ones(()))


def test_a_teacher_of_both_levels_teaches_each_and_one_of_one_level_no_mixture():
    both, one = (
        Engine(network(), replace(CARD, level=level), LEGEND, torch.device("cpu")) for level in ("any", "L1C")
    )
    for level in ("L1C", "L2A", "any"):
        assert teacher(both, replace(CARD, level=level)).rows == (0, 1)
    with pytest.raises(ModelError, match="of L1C at 10 m, the samples have B04, B08 of any"):
        teacher(one, replace(CARD, level="any"))
