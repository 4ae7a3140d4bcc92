from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import mobilenet_v3_large, resnet18, resnet50

from ecosg_update.errors import ModelError
from ecosg_update.segment.engines import build
from ecosg_update.segment.imagenet import stem_weights, with_imagenet

BANDS = ("B02", "B03", "B04", "B08", "B11")
CLASSIFIERS = [
    ("fcn_resnet50", {}, resnet50, "conv1", "conv1"),
    ("deeplabv3_mobilenet_v3_large", {}, mobilenet_v3_large, "0.0", "features.0.0"),
    ("unet", {"encoder": "resnet18"}, resnet18, "conv1", "conv1"),
]


def filed(classifier: torch.nn.Module, path) -> None:
    save_file({name: tensor.contiguous() for name, tensor in classifier.state_dict().items()}, path)


def test_red_green_and_blue_filters_go_to_their_bands_and_their_mean_to_the_others():
    rgb = torch.rand(2, 3, 3, 3)
    found = stem_weights(rgb, BANDS) * len(BANDS) / 3
    for place, channel in [(2, 0), (1, 1), (0, 2)]:
        torch.testing.assert_close(found[:, place], rgb[:, channel])
    for place in (3, 4):
        torch.testing.assert_close(found[:, place], rgb.mean(dim=1))


@pytest.mark.parametrize("bands", [BANDS, ("B04", "B03", "B02"), BANDS[::-1]])
def test_a_grey_image_gives_the_features_of_the_grey_photograph(bands):
    rgb, grey = torch.rand(8, 3, 7, 7), torch.rand(1, 1, 20, 20)
    expected = torch.nn.functional.conv2d(grey.expand(-1, 3, -1, -1), rgb)
    found = torch.nn.functional.conv2d(grey.expand(-1, len(bands), -1, -1), stem_weights(rgb, bands))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("engine", "arguments", "classifier", "stem", "published_stem"), CLASSIFIERS)
def test_a_backbone_takes_a_classifier_s_filters(tmp_path, engine, arguments, classifier, stem, published_stem):
    torch.manual_seed(5)
    source = classifier(weights=None)
    filed(source, tmp_path / "photographs.safetensors")
    network = build(engine, len(BANDS), 4, **arguments)
    assert with_imagenet(network, bands=BANDS, source=tmp_path / "photographs.safetensors") is network
    state = network.backbone.state_dict()
    rgb = source.state_dict()[f"{published_stem}.weight"]
    torch.testing.assert_close(state[f"{stem}.weight"], stem_weights(rgb, BANDS))
    deepest = [name for name in state if name.endswith("weight")][-1]
    candidates = [tensor for name, tensor in source.state_dict().items() if name.endswith(deepest)]
    assert any(torch.equal(tensor, state[deepest]) for tensor in candidates)


def test_an_engine_without_published_weights_is_refused():
    with pytest.raises(ModelError, match="no published weights fit DynamicWorld"):
        with_imagenet(build("dynamicworld", 5, 4), bands=BANDS)


def test_the_weights_of_another_classifier_are_refused(tmp_path):
    filed(resnet18(weights=None), tmp_path / "photographs.safetensors")
    with pytest.raises(ModelError, match="in another shape"):
        with_imagenet(build("fcn_resnet50", 5, 4), bands=BANDS, source=tmp_path / "photographs.safetensors")


def test_a_pickle_of_photograph_weights_is_refused(tmp_path):
    torch.save(resnet18(weights=None).state_dict(), tmp_path / "resnet18.pth")
    with pytest.raises(ModelError, match="may run code"):
        with_imagenet(build("unet", 5, 4, encoder="resnet18"), bands=BANDS, source=tmp_path / "resnet18.pth")


@pytest.fixture
def cached(tmp_path, monkeypatch) -> Path:
    """Where torchvision looks for the weights of ResNet-18 before it downloads them."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    return path


def test_torchvision_s_own_file_is_used_where_no_other_is_named(cached):
    source = resnet18(weights=None).state_dict()
    torch.save(source, cached)
    network = with_imagenet(build("unet", 5, 4, encoder="resnet18"), bands=BANDS)
    assert torch.equal(network.backbone.state_dict()["layer4.1.conv2.weight"], source["layer4.1.conv2.weight"])


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_code_in_torchvision_s_file_is_not_run(cached, tmp_path):
    torch.save({"conv1.weight": Trap(tmp_path / "sprung")}, cached)
    with pytest.raises(ModelError, match="cannot be had") as caught:
        with_imagenet(build("unet", 5, 4, encoder="resnet18"), bands=BANDS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "sprung").exists()
