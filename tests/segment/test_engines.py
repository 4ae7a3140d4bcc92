import subprocess
import sys

import pytest
import torch

from ecosg_update.errors import ModelError
from ecosg_update.segment.engines import available, build, design

SMALL = {"unet": {"encoder": "resnet18"}}


@pytest.mark.parametrize("name", available())
def test_every_engine_maps_bands_of_an_odd_size_to_plain_logits(name):
    network = build(name, 2, 5, **SMALL.get(name, {})).eval()
    with torch.inference_mode():
        logits = network(torch.rand(1, 2, 37, 45))
        assert _trained(network, bands := torch.rand(2, 2, 37, 45)).ne(_trained(network, bands.flip(1))).any()
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (1, 5, 37, 45)
    assert torch.isfinite(logits).all()


def _trained(network: torch.nn.Module, bands: torch.Tensor) -> torch.Tensor:
    """The logits of a training step: batch normalisation keeps the signal of fresh weights from dying away."""
    torch.manual_seed(0)  # dropout
    logits: torch.Tensor = network.train()(bands)
    return logits


def test_only_engines_with_a_halo_as_wide_as_their_sight_are_seamless():
    assert [name for name in available() if design(name).seamless] == [
        "dynamicworld", "light_resnet", "small_unet", "so2sat-lcz",
    ]  # fmt: skip


def test_an_unknown_engine_lists_those_that_exist():
    with pytest.raises(ModelError, match="'segformer' does not exist, available are dynamicworld, fcn_resnet50"):
        build("segformer", 3, 4)


def test_an_unknown_argument_names_those_that_exist():
    with pytest.raises(ModelError, match=r"unexpected keyword argument 'depth'; its arguments are: encoder"):
        build("unet", 3, 4, depth=3)


@pytest.mark.parametrize("encoder", ["resnet1", "tu-resnet1", "tu-hf-hub:somebody/something"])
def test_an_unknown_encoder_is_refused(encoder):
    with pytest.raises(ModelError, match=f"encoder '{encoder}' does not exist"):
        build("unet", 3, 4, encoder=encoder)


def test_a_network_of_no_class_is_refused():
    with pytest.raises(ModelError, match="3 bands and 0 classes"):
        build("dynamicworld", 3, 0)


PLUGIN = """
from torch import nn
from ecosg_update.segment.design import Design
PIXEL = Design(lambda in_bands, classes: nn.Conv2d(in_bands, classes, 1), halo=0, seamless=True)
WRONG = nn.Conv2d
"""
ENTRY_POINTS = """[ecosg_update.engines]
pixelwise = plugged_nets:PIXEL
wrong = plugged_nets:WRONG
absent = plugged_elsewhere:DESIGN
dynamicworld = plugged_nets:PIXEL
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A distribution as pip would lay it out, on the path for one test."""
    (tmp_path / "plugged_nets.py").write_text(PLUGIN)
    info = tmp_path / "plugged_nets-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-nets\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("plugin")
def test_a_plugged_in_engine_is_built_by_name():
    assert "pixelwise" in available()
    assert build("pixelwise", 3, 4)(torch.rand(1, 3, 5, 6)).shape == (1, 4, 5, 6)


@pytest.mark.usefixtures("plugin")
def test_a_plug_in_cannot_take_the_name_of_a_built_in_engine():
    assert design("dynamicworld").halo == 22


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize(
    ("name", "message"), [("wrong", "is a type, expected a Design"), ("absent", "cannot be imported")]
)
def test_a_broken_plug_in_is_named(name, message):
    with pytest.raises(ModelError, match=message):
        build(name, 3, 4)


def test_the_light_engine_imports_no_model_library():
    code = (
        "import sys; from ecosg_update.segment import predict, weights, checkpoint, engines;"
        "engines.build('dynamicworld', 9, 9); print('torchvision' in sys.modules, 'timm' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
