"""What a network takes over: a classifier's backbone, filters by the names of their bands, ImageNet's weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from ecosg_update.errors import ModelError
from ecosg_update.sample import UNLABELLED, Sample
from ecosg_update.segment.backbone import placed
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.checkpoint import save
from ecosg_update.segment.engines import build
from ecosg_update.segment.imagenet import stem_weights
from ecosg_update.segment.losses import pooled
from ecosg_update.segment.train import Extras, Recipe, train
from ecosg_update.segment.train.makers import Makers
from ecosg_update.segment.train.recipe import Objective
from ecosg_update.segment.train.validate import figures
from ecosg_update.segment.transfer import Start, begun, with_checkpoint

SOURCE = Card(
    engine="classifier", bands=("B02", "B04"), level="L2A", pixel_m=10,
    normalisation=Standard((0.2,) * 2, (0.1,) * 2),
    legend="three", codes=(1, 2, 7), halo=64, stride=32, seamless=False, provenance="test", licence="MIT",
    arguments={"engine": "unet", "encoder": "resnet18"},
)  # fmt: skip
TARGET = replace(SOURCE, engine="unet", codes=(1, 2), arguments={"encoder": "resnet18"})


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A checkpoint of random weights, and the network."""
    network = begun(SOURCE, Start(), seed=4).eval()
    path = tmp_path_factory.mktemp("checkpoint") / "classifier.safetensors"
    save(network, SOURCE, path)
    return path, network


def test_the_mean_of_the_pixels_is_the_answer_of_a_pooling_classifier(classifier):
    """ResNet-18's last features pooled over the image, times the matrix: numbers from torchvision's own network."""
    _, network = classifier
    theirs = resnet18(weights=None)
    theirs.conv1 = torch.nn.Conv2d(2, 64, 7, 2, 3, bias=False)
    theirs.load_state_dict(network.backbone.state_dict() | theirs.fc.state_dict(prefix="fc."))
    theirs.fc = torch.nn.Linear(512, 3)
    theirs.fc.load_state_dict({"weight": network.head.weight[..., 0, 0], "bias": network.head.bias})
    images = torch.rand(2, 2, 64, 96)
    with torch.inference_mode():
        found, expected = network(images).mean(dim=(2, 3)), theirs.eval()(images)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        yes, _ = pooled(network(images), "mean")
        torch.testing.assert_close(yes.exp(), expected.sigmoid(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(33, 40), (64, 64), (7, 100)])
@pytest.mark.parametrize(("engine", "arguments"), [("unet", {"encoder": "resnet18"}), ("fcn_resnet50", {})])
def test_a_classifier_answers_for_each_pixel_of_any_image(engine, arguments, shape):
    network = build("classifier", 3, 5, engine=engine, **arguments).eval()
    with torch.inference_mode():
        assert network(torch.rand(1, 3, *shape)).shape == (1, 5, *shape)


def test_an_engine_without_a_backbone_makes_no_classifier():
    with pytest.raises(ModelError, match="small_unet has no backbone to lend"):
        build("classifier", 3, 5, engine="small_unet")


def test_a_segmentation_network_takes_the_classifier_s_backbone(classifier):
    path, source = classifier
    network = begun(TARGET, Start("checkpoint", path))
    own, theirs = network.backbone.state_dict(), source.backbone.state_dict()
    assert own.keys() == theirs.keys() and all(torch.equal(own[name], theirs[name]) for name in own)


def test_the_same_encoder_fits_into_another_design(tmp_path):
    """A classifier on a plain ResNet-50 into the dilated one of FCN, as Ulmas and Liiv 2020."""
    card = replace(SOURCE, arguments={"engine": "unet", "encoder": "resnet50"})
    source = begun(card, Start())
    save(source, card, tmp_path / "classifier.safetensors")
    network = begun(
        replace(TARGET, engine="fcn_resnet50", arguments={}), Start("checkpoint", tmp_path / "classifier.json")
    )
    theirs = source.backbone.state_dict()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in network.backbone.state_dict().items())


def test_other_classes_leave_only_the_last_layer_to_chance(tmp_path):
    card = replace(SOURCE, engine="small_unet", arguments={"width": 4})
    source = begun(card, Start(), seed=1)
    save(source, card, tmp_path / "net.safetensors")
    network = begun(replace(card, codes=(1, 2, 3, 4)), Start("checkpoint", tmp_path / "net.safetensors"), seed=2)
    theirs = source.state_dict()
    fresh = [name for name, tensor in network.state_dict().items() if not torch.equal(tensor, theirs[name])]
    assert fresh == ["head.weight", "head.bias"]


def test_the_same_engine_and_classes_take_everything_over(classifier):
    path, source = classifier
    network = begun(SOURCE, Start("checkpoint", path), seed=9)
    assert all(torch.equal(tensor, source.state_dict()[name]) for name, tensor in network.state_dict().items())


def test_filters_go_to_the_bands_of_their_names(classifier):
    path, source = classifier
    card = replace(TARGET, bands=("B08", "B04", "B02"), normalisation=Standard((0.2,) * 3, (0.1,) * 3))
    filters = begun(card, Start("checkpoint", path)).backbone.state_dict()["conv1.weight"]
    theirs = source.backbone.state_dict()["conv1.weight"]
    for place, expected in enumerate((theirs.mean(dim=1), theirs[:, 1], theirs[:, 0])):
        torch.testing.assert_close(filters[:, place], expected * 2 / 3)
    grey = torch.rand(1, 1, 20, 20)
    seen = (torch.nn.functional.conv2d(grey.expand(-1, n, -1, -1), f) for n, f in ((3, filters), (2, theirs)))
    torch.testing.assert_close(*seen, rtol=1e-4, atol=1e-4)


def test_the_same_bands_keep_their_filters_to_the_bit():
    filters = torch.rand(4, 2, 3, 3)
    assert placed(filters, ["B02", "B04"], ("B02", "B04")) is filters


def test_imagenet_s_weights_start_a_classifier(tmp_path):
    theirs = resnet18(weights=None).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in theirs.items()}, tmp_path / "photographs.safetensors")
    network = begun(SOURCE, Start("imagenet", tmp_path / "photographs.safetensors"))
    own = network.backbone.state_dict()
    torch.testing.assert_close(own["conv1.weight"], stem_weights(theirs["conv1.weight"], SOURCE.bands))
    assert torch.equal(own["layer4.1.conv2.weight"], theirs["layer4.1.conv2.weight"])


def test_networks_with_nothing_in_common_are_refused(classifier):
    path, _ = classifier
    with pytest.raises(ModelError, match="share no backbone"):
        begun(replace(TARGET, engine="small_unet", arguments={}), Start("checkpoint", path))
    with pytest.raises(ModelError, match=r"backbone lacks layer1.2.conv1.weight|in another shape"):
        begun(replace(TARGET, arguments={"encoder": "resnet34"}), Start("checkpoint", path))


def test_the_width_of_the_same_engine_must_agree(tmp_path):
    card = replace(SOURCE, engine="small_unet", arguments={})
    save(build("small_unet", 2, 3), card, tmp_path / "net.safetensors")
    other = replace(card, arguments={"width": 4})
    with pytest.raises(ModelError, match="share no backbone"):
        with_checkpoint(build("small_unet", 2, 3, width=4), card=other, path=tmp_path / "net.safetensors")


@pytest.mark.parametrize("wrong", [("random", "a"), ("checkpoint", None)])
def test_a_start_says_what_it_needs(wrong):
    with pytest.raises(ModelError, match="start: "):
        Start(*wrong)


def scene(seed: int) -> Sample:
    """A patch all of one of two classes, of which only that is known."""
    rng, kind = np.random.default_rng(seed), seed % 2
    values = rng.normal((0.1, 0.3)[kind], 0.05, (2, 32, 32)).astype(np.float32)
    return Sample(values, np.full((32, 32), UNLABELLED, np.int16), np.array([kind == 0, kind == 1, False]))


def test_a_classifier_learns_from_whole_patches_and_its_backbone_goes_on(tmp_path):
    """The chain of the papers on a toy: pre-training on what patches hold, then pixels."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    samples = [scene(seed) for seed in range(16)]
    recipe = Recipe(steps=12, batch=8, crop=32, rate=2e-3, objective=Objective(0, present=1, pooling="mean"))
    first = train(begun(SOURCE, Start(), seed=0), samples, SOURCE, recipe=recipe, extras=Extras(makers=Makers(0)))
    found = figures(first.network, [scene(seed) for seed in range(50, 60)], SOURCE, recipe)
    torch.set_num_threads(before)
    assert found["accuracy"] > 0.95 and found["f1"] > 0.95
    save(first.network, SOURCE, tmp_path / "first.safetensors")
    second = begun(TARGET, Start("checkpoint", tmp_path / "first.safetensors"))
    assert torch.equal(
        second.backbone.state_dict()["layer3.0.conv1.weight"],
        first.network.backbone.state_dict()["layer3.0.conv1.weight"],
    )
