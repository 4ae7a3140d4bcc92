"""The encoder of ukis-csmask in our networks: the same numbers as in ONNX Runtime, and each filter at its band."""

import sys
from dataclasses import replace
from functools import lru_cache
from importlib.util import find_spec

import numpy as np
import onnxruntime
import pytest
import segmentation_models_pytorch as smp
import torch

from ecosg_update.errors import ModelError
from ecosg_update.segment import onnxfile, ukis
from ecosg_update.segment.backbone import IDLE
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.checkpoint import save
from ecosg_update.segment.engine import normalised
from ecosg_update.segment.engines import build
from ecosg_update.segment.transfer import Start, begun
from tests.segment.onnx_made import masks, model, tensor
from tests.segment.scenes import brandenburg

NAMES = list(ukis.SENTINEL2)
SIX = tuple(ukis.SENTINEL2.values())
FOUR = SIX[:4]
MANY = ("B02", "B03", "B04", "B05", "B08", "B8A", "B11")
SMALL = {"encoder": "efficientnet-b0"}  # of the family and a quarter of the size: the mapping goes by names alone
CARD = Card(
    engine="unet", bands=FOUR, level="L2A", pixel_m=10,
    normalisation=Standard((0.2,) * 4, (0.1,) * 4),
    legend="three", codes=(1, 2), halo=64, stride=32, seamless=False, provenance="test", licence="MIT",
    arguments=SMALL,
)  # fmt: skip
STEM = "_conv_stem.weight"


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def card(bands, **changes) -> Card:
    other = Standard((0.2,) * len(bands), (0.1,) * len(bands))
    return replace(CARD, bands=tuple(bands), normalisation=other, **changes)


@lru_cache
def encoder() -> dict[str, torch.Tensor]:
    """A small encoder of 4 bands with all that a published one has, every number one of half precision."""
    torch.manual_seed(7)
    state = build("unet", 4, 2, **SMALL).backbone.state_dict()
    given = {name: values for name, values in state.items() if not name.startswith(IDLE) and values.ndim}
    return {name: (values + 0.1 * torch.rand(values.shape)).half().float() for name, values in given.items()}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return masks(encoder(), tmp_path_factory.mktemp("masks") / "model_4b_l2a.onnx", NAMES[:4])


def test_each_tensor_goes_to_the_layer_of_its_name(file):
    found = begun(CARD, Start("ukis-csmask", file)).backbone.state_dict()
    assert all(torch.equal(found[name], values) for name, values in encoder().items())


def test_layers_that_no_feature_passes_stay_as_they_were(file):
    fresh = begun(CARD, Start(), seed=3).backbone.state_dict()
    found = begun(CARD, Start("ukis-csmask", file), seed=3).backbone.state_dict()
    left = {name for name in fresh if torch.equal(found[name], fresh[name])}
    assert left == {name for name in fresh if name.startswith(IDLE) or name.endswith("num_batches_tracked")}


def test_filters_go_to_their_bands_and_their_mean_to_the_others(file):
    found = begun(card(MANY), Start("ukis-csmask", file)).backbone.state_dict()[STEM] * len(MANY) / 4
    theirs = encoder()[STEM]
    for place, band in enumerate(MANY):
        expected = theirs[:, FOUR.index(band)] if band in FOUR else theirs.mean(dim=1)
        torch.testing.assert_close(found[:, place], expected)


def test_the_order_of_the_bands_does_not_matter(file):
    """A network of the bands in another order gives the features of the image in that order."""
    turned = (2, 0, 3, 1)
    one = begun(CARD, Start("ukis-csmask", file)).backbone.eval()
    other = begun(card([FOUR[place] for place in turned]), Start("ukis-csmask", file)).backbone.eval()
    image = torch.rand(1, 4, 32, 64)
    with torch.inference_mode():
        for expected, found in zip(one(image)[1:], other(image[:, turned])[1:], strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_a_classifier_begins_with_it_and_hands_it_on_to_more_bands(file, tmp_path):
    first = card(FOUR, engine="classifier", arguments={"engine": "unet", **SMALL})
    classifier = begun(first, Start("ukis-csmask", file))
    assert torch.equal(classifier.backbone.state_dict()[STEM], encoder()[STEM])
    save(classifier, first, tmp_path / "classifier.safetensors")
    second = begun(card(MANY), Start("checkpoint", tmp_path / "classifier.safetensors")).backbone.state_dict()
    torch.testing.assert_close(second[STEM][:, MANY.index("B08")], encoder()[STEM][:, 3] * 4 / len(MANY))
    deepest = "_blocks.15._project_conv.weight"
    assert torch.equal(second[deepest], encoder()[deepest])


def test_every_parameter_in_training_gets_a_gradient():
    """What DistributedDataParallel asks for."""
    network = build("unet", 2, 2, **SMALL)
    network(torch.rand(2, 2, 32, 32)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_bands_of_the_model_keep_its_numbers_and_others_those_of_the_set(file):
    own = Standard(tuple(place / 10 for place in range(7)), tuple(1 + place / 10 for place in range(7)))
    found = ukis.carried(own, bands=MANY, path=file)
    given = ukis.inputs(file).standard
    for place, band in enumerate(MANY):
        source, at = (given, FOUR.index(band)) if band in FOUR else (own, place)
        assert (found.mean[place], found.std[place]) == (source.mean[at], source.std[at])


@pytest.mark.parametrize("folder", ["", "ukis_csmask"])
@pytest.mark.parametrize(
    ("bands", "level", "expected"),
    [
        (SIX, "L2A", "model_6b_l2a.onnx"),
        (SIX[::-1], "L1C", "model_6b_l1c.onnx"),
        (MANY, "L1C", "model_4b_l1c.onnx"),
        (FOUR, "L2A", "model_4b_l2a.onnx"),
    ],
)
def test_bands_and_level_choose_the_model_of_a_folder(tmp_path, folder, bands, level, expected):
    (tmp_path / folder).mkdir(exist_ok=True)
    for name in ("4b_l1c", "4b_l2a", "6b_l1c", "6b_l2a"):
        (tmp_path / folder / f"model_{name}.onnx").touch()
    assert ukis.model(tmp_path, bands=bands, level=level) == tmp_path / folder / expected


def test_an_engine_of_both_levels_must_name_the_file(file):
    assert ukis.model(file, bands=FOUR, level="any") == file
    refused("name a model_", lambda: ukis.model(file.parent, bands=FOUR, level="any"))


def test_filters_that_know_reflectance_are_not_fed_logarithms(file):
    own = Standard((0.2,) * 4, (0.1,) * 4, logarithm=0.01)
    refused("not its logarithm 0.01", lambda: ukis.carried(own, bands=FOUR, path=file))


def refused(text, action):
    with pytest.raises(ModelError, match=text) as caught:
        action()
    assert "\n" not in str(caught.value)


def test_a_folder_without_the_model_is_refused(tmp_path):
    refused("holds no model_6b_l1c.onnx; pip", lambda: ukis.model(tmp_path, bands=SIX, level="L1C"))


def test_a_package_that_is_not_installed_is_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "ukis_csmask", None)
    refused("not installed; pip install ukis-csmask", lambda: begun(CARD, Start("ukis-csmask")))


@pytest.mark.parametrize(
    ("engine", "arguments", "text"),
    [
        ("unet", {"encoder": "efficientnet-b1"}, r"fits no layer of the network .* encoder = \"efficientnet-b4\""),
        ("unet", {"encoder": "resnet18"}, "_conv_stem.weight of model_4b_l2a.onnx fits no layer"),
        ("fcn_resnet50", {}, "fits no layer"),
        ("small_unet", {}, "SmallUNet has no encoder to fill"),
    ],
)
def test_another_network_is_refused(file, engine, arguments, text):
    refused(text, lambda: begun(card(FOUR, engine=engine, arguments=arguments), Start("ukis-csmask", file)))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"_blocks.3._bn1.running_var": None}, r"lacks _blocks.3._bn1.running_var \(1 such\)"),
        ({"_blocks.3._bn1.running_var": torch.full((144,), torch.inf)}, "running_var holds numbers that are not"),
        ({STEM: None}, "holds no filters model.encoder._conv_stem.weight"),
        ({STEM: torch.zeros(32, 5, 3, 3)}, "is for 5 bands, the file beside it names 4"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, text):
    state = {name: values for name, values in (encoder() | change).items() if values is not None}
    path = masks(state, tmp_path / "model_4b_l2a.onnx", NAMES[:4])
    refused(text, lambda: begun(CARD, Start("ukis-csmask", path)))


def test_the_model_of_something_else_is_refused(tmp_path):
    (tmp_path / "lcz.onnx").write_bytes(model(tensor("w1", np.zeros((16, 10, 3, 3), "<f4"))))
    refused("lcz.onnx holds no filters", lambda: begun(CARD, Start("ukis-csmask", tmp_path / "lcz.onnx")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "model_4b_l2a.json: No such file or directory beside model_4b_l2a.onnx; unzip both"),
        ("{", "does not tell bands"),
        ("[]", "does not tell bands"),
        ('{"data": {"dataset_statistics": {"img": [[1], [1]], "band_names": ["thermal"]}}}', "KeyError..thermal"),
        ('{"data": {"dataset_statistics": {"img": [[1]], "band_names": ["red"]}}}', "does not tell bands"),
        ('{"data": {"dataset_statistics": {"img": [[1], [1]], "band_names": ["red", "nir"]}}}', "1 means for 2"),
        ('{"data": {"dataset_statistics": {"img": [[1], [0]], "band_names": ["red"]}}}', "finite positive std"),
    ],
)
def test_a_file_beside_the_model_that_says_nothing_is_refused(tmp_path, text, expected):
    path = tmp_path / "model_4b_l2a.onnx"
    if text is not None:
        path.with_suffix(".json").write_text(text)
    refused(expected, lambda: ukis.inputs(path))


# The published files


def published(name):
    """A model of the installed package; skips the test where there is none."""
    spec = find_spec("ukis_csmask")
    if spec is None:
        pytest.skip("the package ukis-csmask with the published weights is not installed (pip install ukis-csmask)")
    path = ukis.model(None, bands=SIX if name.startswith("6b") else FOUR, level=name[-3:].upper())
    assert path.name == f"model_{name}.onnx"
    return path


FEATURES = [
    "/model/encoder/_swish/Mul_output_0",
    *(f"/model/encoder/_blocks.{block}/Add_output_0" for block in (5, 9, 21, 31)),
]
"""The values of the published graph that its decoder reads, finest first."""


def in_single_precision(path, image) -> list[np.ndarray]:
    """The features of the published graph in ONNX Runtime, its arithmetic taken from half to single precision.

    The weights keep the numbers that they were stored with.
    """
    onnx = pytest.importorskip("onnx", reason="the onnx package cuts the published graph (pip install onnx)")
    graph = onnx.load(path)

    def single(values):
        return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(values).astype(np.float32), values.name)

    half, full = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT
    for values in graph.graph.initializer:
        values.CopyFrom(single(values))
    for node in graph.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == half:
                attribute.i = full
            if node.op_type == "Constant" and attribute.t.data_type == half:
                attribute.t.CopyFrom(single(attribute.t))
    del graph.graph.value_info[:], graph.graph.output[:]
    graph.graph.output.extend(onnx.helper.make_tensor_value_info(name, full, None) for name in FEATURES)
    return answers(graph.SerializeToString(), image)


def answers(content, image) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": image.numpy()})


def lakes(given: Card) -> torch.Tensor:
    """A real image of lakes and woods as a network of the card sees it."""
    reflectance = brandenburg(given.bands)[None, :, 300:556, 800:1056]
    return normalised(torch.from_numpy(reflectance.copy()), given)


def published_card(name) -> Card:
    """A card for the bands, the level and the normalisation of a published model."""
    known = ukis.inputs(published(name))
    other = card(known.bands, level=name[-3:].upper(), arguments={"encoder": "efficientnet-b4"})
    return replace(other, normalisation=known.standard)


@pytest.mark.parametrize("name", ["4b_l2a", "6b_l1c"])
def test_the_encoder_gives_the_features_of_the_published_graph(name):
    given = published_card(name)
    image = lakes(given)
    network = begun(given, Start("ukis-csmask")).backbone.eval()
    with torch.inference_mode():
        found = network(image)[1:]
    for own, theirs in zip(found, in_single_precision(published(name), image), strict=True):
        rounding = 1e-4 * max(1, theirs.std())  # finer features deviate by 2 to 9, the deepest by 0.3 to 0.6
        np.testing.assert_allclose(own.numpy(), theirs, rtol=1e-4, atol=rounding)


def test_the_whole_network_names_each_pixel_as_the_published_file_does():
    """The file as it is shipped, in half precision, against segmentation-models-pytorch with all of its tensors."""
    path = published("6b_l1c")
    image = lakes(published_card("6b_l1c"))
    (expected,) = answers(path.read_bytes(), image)
    network = smp.Unet("efficientnet-b4", encoder_weights=None, in_channels=6, classes=3).eval()
    state = {name.removeprefix("model."): values for name, values in onnxfile.tensors(path.read_bytes()).items()}
    network.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()}, strict=False)
    with torch.inference_mode():
        found = network(image).numpy()
    assert len(np.unique(expected.argmax(axis=1))) == 3
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.999
