"""Two processes of torchrun, over gloo, train the network that one process trains."""

import os
import subprocess
import sys
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from ecosg_update.errors import ModelError
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.crew import ALONE, Crew, crew
from ecosg_update.segment.train.recipe import Watch
from tests.segment.train.cases import CARD, RECIPE, image, network

RECIPE = replace(RECIPE, steps=8, watch=Watch(every=4))
SAMPLES, VALIDATION = [image(1, unlabelled=0), image(2, unlabelled=0)], [image(3)]

WORK = """
import sys
import torch
torch.set_num_threads(1)
from safetensors.torch import save_file
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.crew import crew
from tests.segment.train.cases import CARD, network
from tests.segment.train.test_crew import RECIPE, SAMPLES, VALIDATION, plain

with crew("cpu") as party:
    for name, first in (("plain", plain()), ("statistics", network())):
        extras = Extras(crew=party, validation=VALIDATION)
        done = train(first, SAMPLES, CARD, recipe=RECIPE, extras=extras)
        state = {key: tensor.contiguous() for key, tensor in done.network.state_dict().items()}
        save_file(state, f"{sys.argv[1]}/{name}{party.rank}.safetensors")
        open(f"{sys.argv[1]}/{name}{party.rank}.txt", "w").write(str(done.lowest))
"""


def plain() -> nn.Module:
    """A network whose answer for an image does not depend on the others of its batch."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crew")
    (folder / "work.py").write_text(WORK)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(folder / "work.py")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command, str(folder)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("name", ["plain", "statistics"])
def test_all_processes_end_with_the_same_weights(two, name):
    one, other = (load_file(two / f"{name}{rank}.safetensors") for rank in (0, 1))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert (two / f"{name}0.txt").read_text() == (two / f"{name}1.txt").read_text()


def test_two_processes_learn_what_one_learns_from_the_same_batches(two):
    alone = train(plain(), SAMPLES, CARD, recipe=RECIPE, extras=Extras(validation=VALIDATION)).network.state_dict()
    together = load_file(two / "plain0.safetensors")
    start = plain().state_dict()
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, rtol=1e-4, atol=1e-5)
        assert (tensor - start[name]).abs().max() > 0.01


def test_the_shares_of_a_batch_are_the_whole_batch_once():
    shares = [list(range(12))[Crew(rank, 3).share(12)] for rank in range(3)]
    assert sorted(chain(*shares)) == list(range(12)) and len({len(share) for share in shares}) == 1


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ModelError, match="a batch of 4 cannot be shared by 3 processes"):
        train(network(), SAMPLES, CARD, recipe=RECIPE, extras=Extras(crew=Crew(0, 3)))


def test_without_torchrun_a_process_is_alone():
    with crew("cpu") as party:
        assert party == ALONE and party.leads
