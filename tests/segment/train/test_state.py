"""A training that was interrupted ends with the bits of one that was not."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from ecosg_update.errors import ModelError
from ecosg_update.segment.engines import build
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.makers import Makers
from ecosg_update.segment.train.recipe import Light, Objective, Watch
from ecosg_update.segment.train.state import reached
from tests.segment.train.cases import CARD, RECIPE, equal, image, network

RECIPE = replace(
    RECIPE, steps=24, light=Light(atmosphere=0.5), objective=Objective(1, dice=0.5), watch=Watch(every=6)
)
SAMPLES, VALIDATION = [image(1), image(2)], [image(3)]


class StopError(Exception):
    """The power went off."""


def trained(state=None, *, stop=None, recipe=RECIPE, first=None, **extras):
    def report(step):
        if step.number == stop:
            raise StopError

    rest = Extras(validation=VALIDATION, state=state, save_every=5, report=report, **extras)
    return train(first or network(), SAMPLES, CARD, recipe=recipe, extras=rest)


@pytest.fixture(scope="module")
def whole():
    return trained()


@pytest.mark.parametrize("stop", [2, 5, 13, 22])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path, whole, stop):
    state = tmp_path / "net.state.safetensors"
    with pytest.raises(StopError):
        trained(state, stop=stop)
    assert reached(state) == stop // 5 * 5
    again = trained(state)
    assert again.losses == whole.losses and again.lowest == whole.lowest and equal(again.network, whole.network)


def test_batches_made_ahead_in_threads_are_the_same(whole):
    assert equal(trained(makers=Makers(0)).network, whole.network)
    assert equal(trained(makers=Makers(3)).network, whole.network)


def test_batches_made_by_other_processes_are_the_same(whole):
    assert equal(trained(makers=Makers(processes=2)).network, whole.network)


@pytest.mark.parametrize("makers", [Makers(0), Makers(2), Makers(processes=2)])
def test_what_a_maker_refuses_is_the_same_line_whoever_it_is(makers):
    small = image(1, shape=(9, 9))
    extras = Extras(weights=[1.0], makers=makers)
    with pytest.raises(ModelError, match=r"^training: a sample of 9 pixels is smaller than the crop \(16\); [^\n]*$"):
        train(network(), [small], CARD, recipe=RECIPE, extras=extras)


def test_a_network_with_dropout_goes_on_with_the_same_bits(tmp_path):
    """DeepLab's head drops features at random: the generator of torch is as it would have been."""
    card = replace(CARD, engine="deeplabv3_mobilenet_v3_large", arguments={}, stride=16)
    recipe = replace(RECIPE, steps=4, batch=2)
    state = tmp_path / "net.state.safetensors"

    def run(stop=None, state=None):
        torch.manual_seed(0)
        first = build(card.engine, 2, 3)

        def report(step):
            if step.number == stop:
                raise StopError

        return train(first, SAMPLES, card, recipe=recipe, extras=Extras(state=state, save_every=1, report=report))

    uninterrupted = run()
    with pytest.raises(StopError):
        run(stop=2, state=state)
    assert reached(state) == 2
    assert equal(run(state=state).network, uninterrupted.network)


KILLED = """
import sys, time
import torch
torch.set_num_threads(1)
from pathlib import Path
from safetensors.torch import save_file
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.makers import Makers
from tests.segment.train.cases import CARD, image, network
from tests.segment.train.test_state import RECIPE, SAMPLES, VALIDATION

def report(step):
    print(step.number, flush=True)
    if len(sys.argv) > 2 and step.number == int(sys.argv[2]):
        time.sleep(60)

folder = Path(sys.argv[1])
extras = Extras(validation=VALIDATION, state=folder / "net.state.safetensors", save_every=5, report=report)
done = train(network(), SAMPLES, CARD, recipe=RECIPE, extras=extras)
weights = {name: tensor.contiguous() for name, tensor in done.network.state_dict().items()}
save_file(weights, folder / "done.safetensors")
"""


def test_a_killed_process_loses_nothing(tmp_path, whole):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    root = str(Path(__file__).resolve().parents[3])
    environment = os.environ | {"PYTHONPATH": root}
    with subprocess.Popen([*command, "16"], stdout=subprocess.PIPE, text=True, env=environment) as running:
        assert any(line.strip() == "16" for line in running.stdout)
        running.send_signal(signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL and reached(tmp_path / "net.state.safetensors") == 15
    steps = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.split()
    assert steps == [str(step) for step in range(15, 24)]
    found = load_file(tmp_path / "done.safetensors")
    assert all(torch.equal(tensor, found[name]) for name, tensor in whole.network.state_dict().items())


@pytest.mark.parametrize("other", ["recipe", "weights"])
def test_the_state_of_another_training_is_refused(tmp_path, other):
    state = tmp_path / "net.state.safetensors"
    with pytest.raises(StopError):
        trained(state, stop=6)
    torch.manual_seed(1)
    change = {
        "recipe": {"recipe": replace(RECIPE, rate=0.1)},
        "weights": {"first": build("small_unet", 2, 3, width=4)},
    }
    with pytest.raises(ModelError, match="state of another training"):
        trained(state, **change[other])


def test_a_damaged_state_is_one_clear_error(tmp_path):
    state = tmp_path / "net.state.safetensors"
    with pytest.raises(StopError):
        trained(state, stop=6)
    state.write_bytes(state.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"net.state.safetensors: is no state of a training"):
        trained(state)
    save_file({"a": torch.zeros(1)}, state)
    with pytest.raises(ModelError, match="state of another training"):
        trained(state)
