"""How much of a bare PyTorch loop's speed training keeps, side by side in one run.

    python benchmarks/bench_train.py [--engine small_unet] [--encoder NAME] [--side 96] [--batch 8] [--steps 40]
                                     [--rounds 5] [--threads 2] [--makers 1] [--processes 0] [--device auto]
                                     [--precision float32]

Each round trains the same network for the same steps twice: with `train`, which draws, turns and relights crops of
random images, and with a loop over batches that lie ready on the device. The first steps, which set things up, are
not counted. Prints medians of images a second and their ratio; both without TF32. CPU seconds of all threads tell the
work on a machine that others use too.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ecosg_update.sample import Sample
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.engine import device
from ecosg_update.segment.engines import build, design
from ecosg_update.segment.train import Extras, Recipe, train
from ecosg_update.segment.train.loop import LATE, autocast
from ecosg_update.segment.train.makers import Makers

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
CLASSES = 15

Timed = Callable[[], tuple[float, float]]
"""A run that says its (wall, CPU) seconds, without those of the first `LATE` steps."""


def card(engine: str) -> Card:
    """The card of an untrained network."""
    plan = design(engine)
    return Card(
        engine=engine, bands=BANDS, level="L2A", pixel_m=10, normalisation=Standard((0.2,) * 10, (0.1,) * 10),
        legend="corine-l2", codes=tuple(range(1, CLASSES + 1)), halo=plan.halo, stride=plan.stride,
        seamless=plan.seamless, provenance="random", licence="MIT",
    )  # fmt: skip


def images(count: int, side: int) -> list[Sample]:
    """Random reflectance with random labels."""
    rng = np.random.default_rng(0)
    return [
        Sample(
            rng.random((len(BANDS), side, side), dtype=np.float32),
            rng.integers(0, CLASSES, (side, side)).astype(np.int16),
        )
        for _ in range(count)
    ]


def bare(network: nn.Module, recipe: Recipe, place: torch.device) -> Timed:
    """The steps of a recipe on batches that lie ready."""
    shape = (recipe.batch, len(BANDS), recipe.crop, recipe.crop)
    values = torch.rand(shape).to(place, memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (recipe.batch, recipe.crop, recipe.crop)).to(place)

    def loop() -> tuple[float, float]:
        learner = copy.deepcopy(network).to(place, memory_format=torch.channels_last).train()
        optimiser = torch.optim.AdamW(learner.parameters(), lr=1e-3, fused=place.type == "cuda")
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=False):
            for step in range(recipe.steps):
                with autocast(recipe.precision, place):
                    logits = learner(values)
                loss = functional.cross_entropy(logits.float(), labels)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                if step == LATE - 1:
                    loss.item()
                    begun = clocks()
        loss.item()
        return passed(begun)

    return loop


def whole(network: nn.Module, recipe: Recipe, samples: list[Sample], options: argparse.Namespace) -> Timed:
    """The same steps with `train`."""

    def run() -> tuple[float, float]:
        seen: dict[int, tuple[float, float]] = {}
        extras = Extras(
            weights=[1.0] * len(samples),
            makers=Makers(options.makers, options.processes),
            report=lambda step: seen.setdefault(step.number, clocks()),
        )
        train(network, samples, card(options.engine), recipe=recipe, on=options.device, extras=extras)
        return tuple(end - begin for begin, end in zip(seen[LATE - 1], seen[recipe.steps - 1], strict=True))

    return run


def clocks() -> tuple[float, float]:
    """(wall, CPU) seconds, CPU of all threads of this process."""
    return time.perf_counter(), time.process_time()


def passed(begun: tuple[float, float]) -> tuple[float, float]:
    """Seconds since `begun` on both clocks."""
    return tuple(now - before for now, before in zip(clocks(), begun, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default="small_unet")
    parser.add_argument("--encoder")
    for name, default in (
        ("side", 96),
        ("batch", 8),
        ("steps", 40),
        ("rounds", 5),
        ("threads", 2),
        ("makers", 1),
        ("processes", 0),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="float32", choices=["float32", "bf16", "fp16"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    arguments = {"encoder": options.encoder} if options.encoder else {}
    network = build(options.engine, len(BANDS), CLASSES, **arguments)
    recipe = Recipe(steps=options.steps, batch=options.batch, crop=options.side, precision=options.precision)
    samples, place = images(32, options.side + 24), device(options.device)
    tasks = {"bare loop": bare(network, recipe, place), "train": whole(network, recipe, samples, options)}
    for task in tasks.values():
        task()  # warm up
    rounds = [{name: task() for name, task in tasks.items()} for _ in range(options.rounds)]
    for name in tasks:
        wall, cpu = (statistics.median(times[name][clock] for times in rounds) for clock in (0, 1))
        by_wall, by_cpu = (
            statistics.median(times["bare loop"][clock] / times[name][clock] for times in rounds) for clock in (0, 1)
        )
        speed = (recipe.steps - LATE) * recipe.batch / wall
        print(
            f"{name:10} {speed:7.1f} images/s, {wall:6.2f} s wall, {cpu:6.2f} s CPU, "
            f"speed of the bare loop x {by_wall:.2f} (wall), x {by_cpu:.2f} (CPU)"
        )


if __name__ == "__main__":
    main()
