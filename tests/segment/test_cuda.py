"""What a GPU says and learns, beside the CPU. Without one, every test here is skipped."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.segment import checkpoint, weights
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import Engine, device, normalised
from ecosg_update.segment.engines import build, design
from ecosg_update.segment.predict import strips
from ecosg_update.segment.train import Extras, Recipe, train
from ecosg_update.segment.train.makers import ONE, Makers
from ecosg_update.segment.train.recipe import Light, Objective, Watch
from ecosg_update.segment.train.teacher import teacher
from tests.segment.scenes import SO2SAT_BANDS, ArrayReader
from tests.segment.train.cases import CARD, LEGEND, RECIPE, equal, image

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device on this machine")

TOLERANCE = 5e-4
"""Of a probability: float32 sums in another order, through fifty layers. An H100 was at most 2.1e-4 away."""
NETWORKS = ("dynamicworld", "so2sat-lcz", "small_unet", "light_resnet", "fcn_resnet50", "deeplabv3_resnet50", "unet")


def land(shape: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    """Reflectance float32 (10, y, x): fields of ten pixels, each with its spectrum, and noise."""
    rng = np.random.default_rng(seed)
    fields = rng.uniform(0.02, 0.5, (10, -(-shape[0] // 10), -(-shape[1] // 10)))
    values = fields.repeat(10, axis=1).repeat(10, axis=2)[:, : shape[0], : shape[1]]
    return (values + rng.normal(0, 0.02, (10, *shape))).astype(np.float32).clip(min=0.001)


def scene(shape: tuple[int, int]) -> ArrayReader:
    return ArrayReader(land(shape), np.ones(shape, np.bool_), SO2SAT_BANDS)


def settled(network: nn.Module) -> nn.Module:
    """Untrained weights with the statistics of real features, so that each layer hands on numbers about 1."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for layer in norms:
        layer.momentum = 1.0
    with torch.inference_mode():
        network.train()(torch.from_numpy((np.stack([land((96, 96), seed=5), land((96, 96), seed=6)]) - 0.25) / 0.15))
    for layer in norms:
        layer.momentum = 0.1
    return network.eval()


def card(name: str) -> Card:
    form, legend = design(name), tables.legend("corine-l2")
    return Card(
        engine=name, arguments={"encoder": "resnet50"} if name == "unet" else {}, bands=SO2SAT_BANDS, level="L1C",
        pixel_m=10, normalisation=Standard((0.25,) * 10, (0.15,) * 10), legend=legend.name, codes=legend.codes,
        halo=form.halo, stride=form.stride, seamless=form.seamless, provenance="-", licence="-"
    )  # fmt: skip


def pair(name: str) -> tuple[Engine, Engine]:
    """The same engine on the CPU and on the GPU."""
    if name == "corine-light":
        return weights.shipped(on="cpu"), weights.shipped(on="cuda")
    torch.manual_seed(1)
    own, legend = card(name), tables.legend("corine-l2")
    network = settled(build(name, 10, len(legend), **own.arguments))
    with torch.inference_mode():
        logits = network(normalised(torch.from_numpy(land((96, 96), seed=7)[None]), own))
    own = replace(own, temperature=round(float(logits.std(dim=(2, 3)).max()), 6))  # neither sure nor blind
    return tuple(Engine(network, own, legend, device(on)) for on in ("cpu", "cuda"))


def joined(predictions) -> np.ndarray:
    return np.concatenate([part.values for part in predictions], axis=1)


@pytest.mark.parametrize("name", ["corine-light", *NETWORKS])
def test_the_gpu_says_what_the_cpu_says(name):
    values = land((190, 211))
    cpu, gpu = (engine(values) for engine in pair(name))
    assert np.ptp(cpu, axis=(1, 2)).max() > 0.2  # a network that sees something
    np.testing.assert_allclose(gpu, cpu, atol=TOLERANCE)
    first, second = np.sort(cpu, axis=0)[-1:-3:-1]
    clear = first - second > 2 * TOLERANCE
    assert clear.mean() > 0.95
    np.testing.assert_array_equal(gpu.argmax(axis=0)[clear], cpu.argmax(axis=0)[clear])


@pytest.mark.parametrize("name", ["corine-light", "dynamicworld", "so2sat-lcz", "unet", "deeplabv3_resnet50"])
def test_twice_the_same_bits(name):
    _, gpu = pair(name)
    values = land((160, 96))
    np.testing.assert_array_equal(gpu(values), gpu(values))


def test_the_published_networks_say_the_same_on_real_ground():
    """Their own weights, where the shared data lie beside the project."""
    from tests.conftest import shared  # noqa: PLC0415  (imports the command line)
    from tests.segment.scenes import DYNAMICWORLD_BANDS, punjab  # noqa: PLC0415

    for name, folder, bands in [
        ("dynamicworld", shared("weights_dynamicworld", "forward", "variables"), DYNAMICWORLD_BANDS),
        ("so2sat-lcz", shared("weights_so2sat_lcz"), SO2SAT_BANDS),
    ]:
        cpu, gpu = (weights.published(name, folder=folder, on=on)(punjab(bands)) for on in ("cpu", "cuda"))
        np.testing.assert_allclose(gpu, cpu, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(("name", "size"), [("corine-light", 160), ("unet", 320)])
def test_a_scene_walked_on_the_gpu_is_the_scene_walked_on_the_cpu(name, size, batch):
    cpu, gpu = pair(name)
    ground = scene((331, 387))
    ground.valid[7:40, 100:160] = False
    expected, found = (list(strips(ground, engine, size=size, batch=batch)) for engine in (cpu, gpu))
    assert len(found) == len(expected) > 1
    np.testing.assert_allclose(joined(found), joined(expected), atol=TOLERANCE)
    for one, other in zip(found, expected, strict=True):
        assert one.grid == other.grid and one.origin == other.origin
        np.testing.assert_array_equal(one.share, other.share)
    np.testing.assert_array_equal(joined(strips(ground, gpu, size=size, batch=batch)), joined(found))


def test_strips_that_are_kept_stay_as_they_were():
    """Memory that is used again must not be that of a strip which somebody still holds."""
    _, gpu = pair("corine-light")
    kept = list(strips(scene((700, 150)), gpu, size=160))
    copies = []
    for strip in strips(scene((700, 150)), gpu, size=160):
        copies.append(strip.values.copy())
    for strip, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(strip.values, copy)


def small(name: str = "small_unet", **arguments) -> nn.Module:
    torch.manual_seed(0)
    return build(name, 2, 3, **arguments)


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_the_gpu_learns(precision):
    recipe = replace(RECIPE, precision=precision)
    done = train(small(width=4), [image(1), image(2)], CARD, recipe=recipe, on="cuda")
    assert np.mean(done.losses[-10:]) < 0.3 * np.mean(done.losses[:5])
    unseen = image(9, unlabelled=0)
    for on in ("cpu", "cuda"):
        found = Engine(done.network, CARD, LEGEND, device(on))(unseen.values)
        assert (found.argmax(axis=0) == unseen.labels).mean() > 0.97


def test_the_first_step_on_the_gpu_is_that_of_the_cpu():
    """Later steps part: Adam divides by the size of a gradient, and where that is only rounding, signs differ."""
    recipe = replace(RECIPE, steps=4, rate=1e-4, schedule="constant")
    cpu, gpu = (train(small(width=4), [image(1)], CARD, recipe=recipe, on=on) for on in ("cpu", "cuda"))
    assert gpu.losses == pytest.approx(cpu.losses, rel=1e-3)
    assert gpu.losses[0] == pytest.approx(cpu.losses[0], rel=1e-5)


WIDE = replace(CARD, engine="unet", arguments={"encoder": "resnet18"}, halo=64, stride=32, seamless=False)
FULL = Objective(1, focal=0.3, dice=0.5, hierarchical=0.5, groups=((0, 0, 1),), present=0.1)
CASES = [
    ("small_unet", {"width": 4}, CARD, RECIPE),
    ("small_unet", {"width": 4}, CARD, replace(RECIPE, precision="fp16")),
    ("unet", {"encoder": "resnet18"}, WIDE, replace(RECIPE, crop=29, objective=FULL)),
    ("unet", {"encoder": "resnet18"}, WIDE, replace(RECIPE, crop=64, precision="bf16")),
    ("light_resnet", {}, replace(CARD, engine="light_resnet", arguments={}), RECIPE),
]


class StopError(Exception):
    """The power went off."""


@pytest.mark.parametrize(("name", "arguments", "own", "recipe"), CASES)
def test_a_training_ends_with_the_same_bits_whether_it_was_interrupted_or_not(tmp_path, name, arguments, own, recipe):
    recipe = replace(recipe, steps=20, light=Light(atmosphere=0.5), watch=Watch(every=6))
    samples = [image(seed, shape=(72, 72)) for seed in (1, 2)]
    state = tmp_path / "net.state.safetensors"

    def run(stop=None, path=None, makers=ONE):
        def report(step):
            if step.number == stop:
                raise StopError

        weights = None if not recipe.objective.present else [1.0, 1.0]
        rest = Extras(weights=weights, validation=[image(3)], state=path, save_every=5, report=report, makers=makers)
        return train(small(name, **arguments), samples, own, recipe=recipe, on="cuda", extras=rest)

    whole = run()
    twice = run(makers=Makers(processes=3))
    assert twice.losses == whole.losses and equal(twice.network, whole.network)
    with pytest.raises(StopError):
        run(stop=13, path=state)
    again = run(path=state)
    assert again.losses == whole.losses and again.lowest == whole.lowest and equal(again.network, whole.network)


def test_a_checkpoint_learned_on_the_gpu_predicts_on_the_cpu(tmp_path):
    done = train(small(width=4), [image(1)], CARD, recipe=replace(RECIPE, steps=10), on="cuda")
    checkpoint.save(done.network, CARD, tmp_path / "net.safetensors")
    found = [
        checkpoint.load(tmp_path / "net.safetensors", on=on, legend=LEGEND)(image(9).values) for on in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(found[1], found[0], atol=TOLERANCE)
    assert checkpoint.load(tmp_path / "net.safetensors", legend=LEGEND).device.type == "cuda"  # "auto" takes the GPU


def test_a_teacher_on_the_gpu_teaches_there():
    master = train(small(width=8), [image(1), image(2)], CARD, recipe=RECIPE, on="cuda").network
    guide = teacher(Engine(master, CARD, LEGEND, device("cuda")), CARD)
    blank = [replace_labels(image(seed)) for seed in (4, 5)]
    recipe = replace(RECIPE, objective=Objective(cross_entropy=0, distillation=1))
    extras = Extras(teacher=guide, weights=[1.0, 1.0])
    pupil = train(small(width=4), blank, CARD, recipe=recipe, on="cuda", extras=extras)
    unseen = image(9, unlabelled=0)
    found = Engine(pupil.network, CARD, LEGEND, device("cpu"))(unseen.values)
    assert (found.argmax(axis=0) == unseen.labels).mean() > 0.95


def replace_labels(sample):
    return replace(sample, labels=np.full_like(sample.labels, -1))


@pytest.fixture
def little_memory():
    """A GPU with 300 MiB left for this process."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 300 * 2**20) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


@pytest.mark.usefixtures("little_memory")
def test_a_window_that_the_memory_does_not_hold_is_one_clear_line():
    _, gpu = pair("small_unet")
    with pytest.raises(ModelError, match=r"engine small_unet: .* does not fit .* smaller window") as caught:
        list(strips(scene((2048, 2048)), gpu, size=2048))
    assert "\n" not in str(caught.value)
    assert joined(strips(scene((300, 200)), gpu, size=128)).shape == (15, 300, 200)  # and the next one goes on


@pytest.mark.usefixtures("little_memory")
def test_a_batch_that_the_memory_does_not_hold_is_one_clear_line():
    recipe = replace(RECIPE, batch=64, crop=256, steps=2)
    with pytest.raises(ModelError, match=r"64 crops of 256 x 256 .* smaller batch") as caught:
        train(small(width=64), [image(1, shape=(256, 256))], CARD, recipe=recipe, on="cuda")
    assert "\n" not in str(caught.value)


ROOT = Path(__file__).resolve().parents[2]

WORK = """
import os, sys
import torch
from torch import distributed
from safetensors.torch import save_file
from ecosg_update.segment.train import Extras, train
from ecosg_update.segment.train.crew import Crew
from tests.segment.test_cuda import CREW_RECIPE, CREW_SAMPLES, small
from tests.segment.train.cases import CARD

folder, backend, shares = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.cuda.set_device(0)
distributed.init_process_group(backend)
party = Crew(distributed.get_rank(), shares)
done = train(small(width=4), CREW_SAMPLES, CARD, recipe=CREW_RECIPE, on="cuda",
             extras=Extras(crew=party, validation=CREW_SAMPLES[:1]))
state = {key: tensor.contiguous() for key, tensor in done.network.state_dict().items()}
save_file(state, f"{folder}/{party.rank}.safetensors")
distributed.destroy_process_group()
"""

CREW_RECIPE = replace(RECIPE, steps=8, watch=Watch(every=4), rate=1e-3)
CREW_SAMPLES = [image(1, unlabelled=0), image(2, unlabelled=0)]


def torchrun(folder: Path, processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=environment, cwd=folder, check=False
    )


@pytest.mark.parametrize(("backend", "processes"), [("nccl", 1), ("gloo", 2)])
def test_processes_that_share_a_batch_learn_together(tmp_path, backend, processes):
    """nccl wants a GPU a process: one of two processes learns its half alone. Over gloo two share a GPU."""
    from safetensors.torch import load_file  # noqa: PLC0415

    (tmp_path / "work.py").write_text(WORK)
    done = torchrun(tmp_path, processes, "work.py", str(tmp_path), backend, "2")
    assert done.returncode == 0, done.stderr[-3000:]
    found = [load_file(tmp_path / f"{rank}.safetensors") for rank in range(processes)]
    assert all(torch.isfinite(tensor).all() for tensor in found[0].values())
    if processes == 1:
        return
    assert all(torch.equal(found[0][name], tensor) for name, tensor in found[1].items())
    alone = train(
        small(width=4), CREW_SAMPLES, CARD, recipe=CREW_RECIPE, on="cuda", extras=Extras(validation=CREW_SAMPLES[:1])
    ).network.state_dict()
    first = small(width=4).state_dict()
    for name, tensor in alone.items():
        torch.testing.assert_close(found[0][name], tensor, rtol=1e-3, atol=5e-4)
    assert max((alone[name] - tensor).abs().max() for name, tensor in first.items() if "weight" in name) > 3e-3


def test_more_processes_than_gpus_are_one_clear_line(tmp_path):
    (tmp_path / "ask.py").write_text("from ecosg_update.segment.train.crew import crew\nwith crew('cuda'): pass\n")
    many = torch.cuda.device_count() + 1
    done = torchrun(tmp_path, many, "ask.py")
    assert done.returncode != 0
    assert f"ModelError: training: process {many} of this machine has no GPU" in done.stderr


RECIPES = [Recipe(steps=2, batch=2, crop=16, precision=precision) for precision in ("float32", "bf16", "fp16")]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_state_of_torch_is_as_it_was(recipe):
    """Neither prediction nor training leaves its settings behind."""

    def settings():
        cudnn = torch.backends.cudnn
        return cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, torch.are_deterministic_algorithms_enabled()

    before = settings()
    done = train(small(width=4), [image(1)], CARD, recipe=recipe, on="cuda")
    Engine(done.network, CARD, LEGEND, device("cuda"))(image(2).values)
    assert settings() == before
