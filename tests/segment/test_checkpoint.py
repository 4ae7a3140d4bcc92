import hashlib
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of

from ecosg_update.errors import ModelError, OutputError, TableError
from ecosg_update.segment import card as cards
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.checkpoint import load, save
from ecosg_update.segment.engine import Engine, device
from ecosg_update.segment.engines import build
from ecosg_update.segment.weights import CARD
from tests.segment.test_predict import five_classes

BANDS = ("B03", "B04", "B8A")


def own_card(**changes) -> Card:
    card = Card(
        engine="dynamicworld", bands=BANDS, level="L2A", pixel_m=20.0,
        normalisation=Standard((0.1, 0.12, 0.3), (0.05, 0.06, 0.1)), legend="made for a test", codes=(1, 2, 3, 4, 5),
        halo=22, stride=2, seamless=True, provenance="random numbers", licence="none",
    )  # fmt: skip
    return replace(card, **changes)


@pytest.fixture
def saved(tmp_path) -> Path:
    """A checkpoint of a network with random weights."""
    torch.manual_seed(2)
    save(build("dynamicworld", 3, 5), own_card(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def rewritten(path: Path, blob: bytes, **changes) -> Path:
    """The checkpoint with other weights and a card that vouches for them."""
    path.write_bytes(blob)
    card = json.loads(path.with_suffix(".json").read_text())
    card |= {"sha256": hashlib.sha256(blob).hexdigest()} | changes
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_a_loaded_engine_says_what_the_saved_network_says(tmp_path):
    torch.manual_seed(4)
    network = build("dynamicworld", 3, 5).eval()
    card = save(network, own_card(), tmp_path / "net.safetensors")
    reflectance = np.random.default_rng(1).random((3, 15, 22), dtype=np.float32)
    expected = Engine(network, card, five_classes(), device("cpu"))(reflectance)
    for name in ("net.safetensors", "net.json"):
        engine = load(tmp_path / name, on="cpu", legend=five_classes())
        assert engine.card == card
        np.testing.assert_array_equal(engine(reflectance), expected)
    np.testing.assert_allclose(expected.sum(axis=0), 1, atol=1e-6)


def test_a_checkpoint_that_names_a_legend_of_the_tables_needs_nothing_else(tmp_path):
    torch.manual_seed(4)
    save(build("dynamicworld", 9, 9), CARD, tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors").legend.name == "dynamicworld"


def test_the_card_s_sum_is_that_of_sha256sum(saved):
    card = json.loads(saved.with_suffix(".json").read_text())
    assert card["sha256"] == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert sorted(path.name for path in saved.parent.iterdir()) == ["net.json", "net.safetensors"]


@pytest.mark.parametrize(
    "card",
    [
        CARD,
        own_card(),
        own_card(arguments={"encoder": "resnet18"}, notes="déjà"),
        own_card(level="any", optional=("B03", "B8A")),
    ],
)
def test_a_card_comes_back_from_json(card):
    assert cards.from_json(cards.to_json(card), "card") == card


def test_a_card_of_before_is_read_as_one_that_needs_all_its_bands():
    card = own_card()
    before = {key: value for key, value in json.loads(cards.to_json(card)).items() if key != "optional"}
    assert cards.from_json(json.dumps(before).encode(), "card") == card
    assert card.needed == list(range(len(card.bands)))
    assert [card.eats(level) for level in ("L1C", "L2A")] == [level == card.level for level in ("L1C", "L2A")]


@pytest.mark.parametrize("optional", [("B02",), ("B03", "B03"), ("B03", "B04", "B8A")])
def test_optional_bands_are_some_of_the_card_s(optional):
    assert "B02" not in own_card().bands
    with pytest.raises(ModelError, match="expected some and not all of B03, B04, B8A, each once"):
        own_card(optional=optional)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".ckpt", ".PTH"])
def test_a_pickle_is_refused_unread(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ModelError, match="a pickle can run code"):
        load(path)
    assert not (tmp_path / "sprung").exists()


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_under_a_false_name_is_refused_unread(saved):
    blob = pickle.dumps(Trap(saved.parent / "sprung"))
    with pytest.raises(ModelError, match="no safetensors file"):
        load(rewritten(saved, blob))
    assert not (saved.parent / "sprung").exists()


def test_one_changed_byte_is_found(saved):
    blob = bytearray(saved.read_bytes())
    blob[-1] ^= 1
    saved.write_bytes(blob)
    with pytest.raises(ModelError, match=r"sha256 is .* its card says"):
        load(saved)


def bomb(header: dict | bytes, *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"\x00" * 7,
        bomb(b"{}", length=2**63),
        bomb(b"{}", length=2**40),
        bomb(b"[" * 5000 + b"]" * 5000),
        bomb({"head.bias": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
        bomb({"head.bias": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 0]}}),
    ],
    ids=["empty", "short", "longest header", "long header", "deep header", "huge tensor", "overflow"],
)
def test_a_header_bomb_is_refused(saved, blob):
    with pytest.raises(ModelError, match="no safetensors file"):
        load(rewritten(saved, blob))


def changed(path: Path, change) -> bytes:
    state = dict(tensors_of(path.read_bytes()))
    change(state)
    return bytes_of(state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("head.bias"), r"lacks head.bias \(1 tensors missing, 0 unknown\)"),
        (lambda state: state.update(more=torch.zeros(1)), "holds more, which the engine lacks"),
        (lambda state: state.update({"head.bias": torch.zeros(6)}), r"head.bias has shape \(6,\), expected \(5,\)"),
        (lambda state: state["head.bias"].fill_(float("nan")), "head.bias holds numbers that are not finite"),
    ],
)
def test_weights_that_do_not_fit_the_engine_are_named(saved, change, message):
    with pytest.raises(ModelError, match=message):
        load(rewritten(saved, changed(saved, change)), legend=five_classes())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "segformer"}, "'segformer' does not exist"),
        ({"arguments": {"depth": 3}}, "unexpected keyword argument 'depth'"),
        ({"level": "L1B"}, "level: .*'L1C', 'L2A' or 'any'"),
        ({"pixel_m": "20"}, "pixel_m: .*number"),
        ({"bands": []}, "bands are"),
        ({"bands": ["B03", "B03", "B04"]}, "each once"),
        ({"codes": [0, 1, 2, 3, 4]}, "codes must be"),
        ({"normalisation": "imagenet"}, "normalisation"),
        ({"normalisation": {"mean": [0.1], "std": [0.0]}}, "positive std"),
        ({"normalisation": {"mean": [0.1], "std": [0.1]}}, "1 means for 3 bands"),
        ({"halo": -1}, "halo at least 0"),
        ({"colour": "red"}, "colour: "),
    ],
)
def test_a_card_with_a_wrong_entry_is_refused(saved, changes, message):
    with pytest.raises(ModelError, match=message) as caught:
        load(rewritten(saved, saved.read_bytes(), **changes), legend=five_classes())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"{" * 100_000, b" " * (1 << 20) + b"{}"])
def test_a_card_that_is_no_json_object_is_refused(saved, text):
    saved.with_suffix(".json").write_bytes(text)
    with pytest.raises(ModelError, match=r"net\.json") as caught:
        load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", [".json", ".safetensors"])
def test_half_a_checkpoint_is_refused(saved, missing):
    saved.with_suffix(missing).unlink()
    with pytest.raises(ModelError, match=f"net{missing}: No such file"):
        load(saved)


def test_a_legend_that_is_not_the_card_s_is_refused(saved):
    with pytest.raises(ModelError, match="has codes 1, 2, 3, 4, the card has 1, 2, 3, 4, 5"):
        load(saved, legend=five_classes(4))
    with pytest.raises(TableError, match="'made for a test' does not exist"):
        load(saved)


def test_an_older_checkpoint_is_replaced_and_a_folder_that_is_not_there_is_refused(saved):
    before = saved.read_bytes()
    save(build("dynamicworld", 3, 5), own_card(), saved)
    assert saved.read_bytes() != before
    load(saved, legend=five_classes())
    with pytest.raises(OutputError, match="No such file or directory"):
        save(build("dynamicworld", 3, 5), own_card(), saved.parent / "absent" / "net.safetensors")
    with pytest.raises(OutputError, match=r"ends in \.safetensors"):
        save(build("dynamicworld", 3, 5), own_card(), saved.with_suffix(".pt"))


def test_predicting_leaves_the_network_as_it_is(saved):
    engine = load(saved, on="cpu", legend=five_classes())
    before = {name: tensor.clone() for name, tensor in engine.network.state_dict().items()}
    engine(np.zeros((3, 4, 6), np.float32))
    after = engine.network.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_folding_batch_normalisation_changes_nothing_but_rounding(saved):
    engine = load(saved, on="cpu", legend=five_classes())
    for module in engine.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -1, 1)
            torch.nn.init.uniform_(module.running_var, 0.2, 3)
    reflectance = np.random.default_rng(1).random((3, 15, 22), dtype=np.float32)
    mean, std = (torch.tensor(part)[:, None, None] for part in ((0.1, 0.12, 0.3), (0.05, 0.06, 0.1)))
    with torch.inference_mode():
        plain = engine.network.eval()((torch.from_numpy(reflectance)[None] - mean) / std).softmax(dim=1)[0]
    np.testing.assert_allclose(engine(reflectance), plain.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "values", [np.zeros((4, 5, 6), np.float32), np.zeros((3, 5, 6)), np.zeros((5, 6), np.float32)]
)
def test_an_array_of_another_kind_is_refused(saved, values):
    with pytest.raises(ModelError, match=r"expected float32 with 3 bands \(B03, B04, B8A\)"):
        load(saved, legend=five_classes())(values)


def test_devices_are_named_and_an_absent_one_is_refused():
    assert device("cpu").type == "cpu"
    assert device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ModelError, match="'tpu' is not known, expected auto, cpu or cuda"):
        device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="cuda was asked for"):
            device("cuda")
