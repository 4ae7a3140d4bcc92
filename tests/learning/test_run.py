"""From a training set on the disk and a TOML file to checkpoints that predict."""

import csv
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ecosg_update.errors import ConfigError, OutputError
from ecosg_update.learning.config import load
from ecosg_update.learning.run import run
from ecosg_update.segment import checkpoint, ukis
from ecosg_update.segment.backbone import IDLE
from ecosg_update.segment.card import Standard
from ecosg_update.segment.engines import build
from tests.learning.made import CHAIN, CONFIG, LEGEND, sample, write_set
from tests.segment.onnx_made import masks


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def config(folder, text=CONFIG):
    (folder / "training.toml").write_text(text)
    return load(folder / "training.toml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    write_set(folder / "set")
    return folder, run(config(folder))


def test_the_checkpoint_knows_what_it_learned(trained):
    folder, (done,) = trained
    engine = checkpoint.load(folder / "run" / "net.safetensors", on="cpu")
    unseen = sample(20, shape=(29, 37))
    best, known = engine(unseen.values).argmax(axis=0), unseen.labels >= 0
    assert (best == unseen.labels)[known].mean() > 0.85
    assert done.checkpoint == folder / "run" / "net.safetensors" and not done.before


def test_the_card_says_where_it_comes_from_and_what_it_never_saw(trained):
    folder, (done,) = trained
    card = checkpoint.card(done.checkpoint)
    assert card == done.card and card.legend == "corine-l2" and card.bands == ("B04", "B08") and card.licence == "MIT"
    assert "6 samples of set" in card.provenance and "first weights: random" in card.provenance
    unseen = [str(code) for code in LEGEND.codes if code not in (11, 21)]
    assert f"never seen in training: {', '.join(unseen)}." in card.notes and "On the split val" in card.notes
    labelled = sum(int((sample(seed).labels >= 0).sum()) for seed in (6, 7))
    assert sum(card.reliability.pixels) == labelled
    with (folder / "run" / "net.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30 and [row["step"] for row in rows if row["val_miou"]] == ["9", "19", "29"]


def test_the_normalisation_is_that_of_the_training_split(trained):
    _, (done,) = trained
    pixels = np.concatenate([(one := sample(seed)).values[:, one.labels >= 0] for seed in range(6)], axis=1)
    assert done.card.normalisation.mean == pytest.approx(pixels.mean(axis=1), abs=1e-4)  # stored as 1/10000
    assert done.card.normalisation.std == pytest.approx(pixels.std(axis=1), abs=1e-4)


def test_what_is_finished_is_left_alone(trained):
    folder, (done,) = trained
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "run").iterdir()}
    (again,) = run(config(folder))
    assert again.before and again.card == done.card
    assert before == {path.name: path.stat().st_mtime_ns for path in (folder / "run").iterdir()}


def test_other_settings_do_not_touch_what_lies_there(trained):
    folder, (done,) = trained
    other = config(folder, CONFIG.replace("steps = 30", "steps = 31"))
    with pytest.raises(OutputError, match="belongs to a training with other settings"):
        run(other)
    assert checkpoint.card(done.checkpoint) == done.card


class StopError(Exception):
    """The power went off."""


def test_an_interrupted_run_ends_with_the_bits_of_a_whole_one(trained, tmp_path):
    folder, (done,) = trained
    write_set(tmp_path / "set")

    def stop(what, step, total):
        assert (what, total) == ("net", 30)
        if step == 15:
            raise StopError

    with pytest.raises(StopError):
        run(config(tmp_path), progress=stop)
    assert (tmp_path / "run" / "net.state.safetensors").exists() and not (
        tmp_path / "run" / "net.safetensors"
    ).exists()
    (again,) = run(config(tmp_path))
    assert again.card == done.card and not (tmp_path / "run" / "net.state.safetensors").exists()
    whole, found = (load_file(one / "run" / "net.safetensors") for one in (folder, tmp_path))
    assert all(torch.equal(tensor, found[name]) for name, tensor in whole.items())
    assert (tmp_path / "run" / "net.csv").read_bytes() == (folder / "run" / "net.csv").read_bytes()


def test_processes_make_the_batches_that_a_thread_makes(trained, tmp_path):
    _, (done,) = trained
    write_set(tmp_path / "set")
    (again,) = run(config(tmp_path, CONFIG.replace("[[step]]", "[machine]\nprocesses = 2\n[[step]]")))
    assert again.card == done.card


def test_overwrite_starts_anew(tmp_path):
    write_set(tmp_path / "set")
    text = CONFIG.replace("steps = 30", "steps = 2")
    run(config(tmp_path, text))
    (again,) = run(config(tmp_path, text.replace("steps = 2", "steps = 3")), overwrite=True)
    assert not again.before and "at most 3 steps" in again.card.provenance
    assert len((tmp_path / "run" / "net.csv").read_text().splitlines()) == 4


def test_a_chain_hands_the_backbone_on(tmp_path):
    write_set(tmp_path / "set", val=0)
    first, second = run(config(tmp_path, CHAIN))
    assert (
        json.loads((tmp_path / "run" / "classifier.plan.json").read_text())["recipe"]["steps"] == 3
    )  # 2 epochs of 6 / 4
    assert first.card.reliability is None and second.card.reliability is None  # there is no validation split
    assert f"checkpoint classifier.safetensors ({first.card.sha256[:12]})" in second.card.provenance
    assert second.card.normalisation == first.card.normalisation
    assert not list((tmp_path / "run").glob("*.board"))


def test_a_chain_that_begins_with_cloud_masks_keeps_their_normalisation_and_names_their_licence(tmp_path):
    write_set(tmp_path / "set", val=0)
    state = build("unet", 4, 2, encoder="efficientnet-b0").backbone.state_dict()
    given = {name: values for name, values in state.items() if not name.startswith(IDLE) and values.ndim}
    file = masks(given, tmp_path / "model_4b_l2a.onnx", ["blue", "green", "red", "nir"])
    text = CHAIN.replace("resnet18", "efficientnet-b0").replace(
        "epochs = 2", 'epochs = 1\nstart = { kind = "ukis-csmask", path = "." }'
    )
    first, second = run(config(tmp_path, text))
    known = ukis.inputs(file).standard
    assert first.card.normalisation == Standard(known.mean[2:], known.std[2:])  # of red and near infrared
    assert second.card.normalisation == first.card.normalisation
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    said = f"first weights: ukis-csmask (DLR, Apache-2.0) model_4b_l2a.onnx ({sha[:12]})"
    assert said in first.card.provenance and said in second.card.provenance
    plan = json.loads((tmp_path / "run" / "classifier.plan.json").read_text())
    assert plan["start"] == ["ukis-csmask", sha]


def test_a_new_first_step_makes_the_second_one_another_training(tmp_path):
    write_set(tmp_path / "set", val=0)
    run(config(tmp_path, CHAIN))
    (tmp_path / "run" / "classifier.safetensors").unlink()
    for path in (tmp_path / "run").glob("classifier.*json"):
        path.unlink()
    with pytest.raises(OutputError, match=r"pixels.* belongs to a training with other settings, data or start"):
        run(config(tmp_path, CHAIN.replace("epochs = 2", "epochs = 1")))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (('["group"]', '["level9"]'), "has no column 'level9', it has group"),
        (('folder = "set"', 'folder = "set"\nlevel = "L1C"'), "is of level L2A, data.level says L1C"),
    ],
)
def test_what_does_not_fit_the_set_is_one_clear_error(tmp_path, change, text):
    write_set(tmp_path / "set")
    with pytest.raises(ConfigError, match=text):
        run(config(tmp_path, CONFIG.replace(*change)))


def test_a_set_of_mixed_levels_needs_a_word(tmp_path):
    write_set(tmp_path / "set", level="mixed")
    with pytest.raises(ConfigError, match=r'mixes product levels; .* or "any" for an engine that eats both'):
        run(config(tmp_path))
    said = config(tmp_path, CONFIG.replace('folder = "set"', 'folder = "set"\nlevel = "L1C"').replace("30", "1"))
    assert run(said)[0].card.level == "L1C"


def test_machine_and_place_are_no_part_of_the_plan(trained):
    """A training goes on with more threads, or where its folders were moved to."""
    folder, _ = trained
    text = CONFIG.replace("[[step]]", "[machine]\nthreads = 0\n[[step]]").replace("save_every = 4", "save_every = 9")
    assert run(config(folder, text))[0].before
    same = replace(checkpoint.card(folder / "run" / "net.safetensors"), notes="")
    assert "/" not in same.provenance


def test_a_set_of_both_levels_makes_an_engine_that_eats_both_and_may_lack_a_band(tmp_path):
    write_set(tmp_path / "set", level="mixed")
    text = CONFIG.replace('folder = "set"', 'folder = "set"\nlevel = "any"')
    text = text.replace("hierarchy", 'optional = ["B08"]\nhierarchy').replace(
        "steps = 30", "steps = 40\nabsent = 0.5"
    )
    (done,) = run(config(tmp_path, text))
    assert (done.card.level, done.card.optional) == ("any", ("B08",))
    engine, unseen = checkpoint.load(done.checkpoint, on="cpu"), sample(20, shape=(29, 37))
    fewer = unseen.values.copy()
    fewer[1] = np.nan
    known = unseen.labels >= 0
    for values in (unseen.values, fewer):
        assert (engine(values).argmax(axis=0) == unseen.labels)[known].mean() > 0.8
    other = text.replace('optional = ["B08"]', 'optional = ["B04"]')
    with pytest.raises(OutputError, match="belongs to a training with other settings"):
        run(config(tmp_path, other))


def test_a_set_of_one_level_makes_no_engine_of_both(tmp_path):
    write_set(tmp_path / "set")
    with pytest.raises(ConfigError, match=r"is of level L2A, data\.level says any"):
        run(config(tmp_path, CONFIG.replace('folder = "set"', 'folder = "set"\nlevel = "any"')))
