"""What training on BigEarthNet v2 would take: the recipe of docs/training.md on made-up patches of its size and form.

    python benchmarks/bench_reben.py [--patches 1500] [--steps 200] [--makers 12] [--device auto]
                                     [--batches 64 256 ...]

Writes a set of random patches (120 x 120 pixels, ten bands, the 44 classes of CORINE's level 3) as `train prepare`
does, and learns from it with `learning.run`: the classifier of the recipe, then the segmentation network with each
batch size, until one does not fit. Prints the set's images a second without a network, each step's images a second
between its first quarter and its end, and the most memory that the GPU gave out.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ecosg_update import tables
from ecosg_update.errors import ModelError
from ecosg_update.learning.config import load
from ecosg_update.learning.run import run
from ecosg_update.sample import Sample
from ecosg_update.segment.engine import device
from ecosg_update.segment.train import Recipe
from ecosg_update.segment.train.batches import Source, by_weight
from ecosg_update.segment.train.makers import Makers, stream
from ecosg_update.segment.weights import LCZ_CARD
from ecosg_update.training.entry import Entry
from ecosg_update.training.store import opened
from ecosg_update.training.writer import Layout, writing

BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
SIDE = 120

CONFIG = """
[data]
folder = "set"
[output]
folder = "{folder}"
licence = "none"
[machine]
device = "{device}"
processes = {makers}
[[step]]
name = "classifier"
engine = "classifier"
arguments = {{ engine = "unet", encoder = "resnet50" }}
[step.recipe]
steps = {steps}
batch = 128
crop = 120
rate = 1e-3
precision = "bf16"
watch = {{ every = {steps} }}
objective = {{ cross_entropy = 0, present = 1, pooling = "mean" }}
[[step]]
name = "segmentation"
engine = "unet"
arguments = {{ encoder = "resnet50" }}
start = {{ kind = "previous" }}
hierarchy = ["group"]
[step.recipe]
steps = {steps}
batch = {batch}
crop = 120
rate = 1e-3
schedule = "cosine"
precision = "bf16"
watch = {{ every = {steps} }}
objective = {{ hierarchical = 0.5 }}
light = {{ atmosphere = 0.3 }}
"""


def write_set(folder: Path, patches: int) -> None:
    """Random patches: fields of ten pixels, each of a class; a sixth of them for validation."""
    rng, legend = np.random.default_rng(0), tables.legend("corine-l3")
    with writing(folder, Layout(legend, BANDS, "L2A", 10.0)) as writer:
        for number in range(patches):
            fields = rng.integers(0, len(legend), (12, 12)).astype(np.int16)
            values = rng.random((len(BANDS), SIDE, SIDE), dtype=np.float32) * 0.5 + 0.01
            present = np.isin(np.arange(len(legend)), fields)
            sample = Sample(values, fields.repeat(10, axis=0).repeat(10, axis=1), present)
            split = "val" if number % 6 == 0 else "train"
            writer.add(
                sample,
                Entry(f"s{number}", split, "", "made", "L2A", "1", "", 7.5, 51.25, (SIDE, SIDE), 1.0, None, ()),
            )
        writer.finish(np.ones(patches), {})


class Clock:
    """Listens to the progress of a training, and prints its speed at the end of each step."""

    def __init__(self, batch: dict[str, int]) -> None:
        """batch: the images of a step of each network."""
        self.batch = batch
        self.times: dict[str, dict[int, float]] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """A step is done; the last but one is the last that no look at validation follows."""
        times = self.times.setdefault(what, {})
        times[done] = time.perf_counter()
        if done == total:
            last = max(number for number in times if number < total - 20)  # losses are read in groups
            first = min(number for number in times if number >= total // 4)
            speed = (last - first) * self.batch[what] / (times[last] - times[first])
            print(f"{what}, batch {self.batch[what]}: {speed:.0f} images/s", end="", flush=True)


def loaded(folder: Path, makers: Makers, batches: int = 60) -> float:
    """Images a second of the set, read, cropped and ready to be sent, with no network behind."""
    store = opened(folder)
    card = replace(LCZ_CARD, legend=store.legend.name, codes=store.legend.codes)  # of the same bands
    draw = by_weight(store.samples("train"), store.weights("train").tolist(), SIDE)
    source = Source(draw, Recipe(batch=64, crop=SIDE), card)
    begun = time.perf_counter()
    for _ in stream(source.batch, range(batches), makers, place=device()):
        pass
    return 64 * batches / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("patches", 1500), ("steps", 200), ("makers", 12)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batches", type=int, nargs="+", default=[64])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_set(folder / "set", options.patches)
        for makers in (Makers(1), Makers(options.makers), Makers(processes=options.makers)):
            print(f"the set alone, {makers}: {loaded(folder / 'set', makers):.0f} images/s", flush=True)
        for batch in options.batches:
            learn(folder, batch, options)


def learn(folder: Path, batch: int, options: argparse.Namespace) -> None:
    """Run the recipe with a batch size of the segmentation network, and say what it took."""
    text = CONFIG.format(
        folder=f"run{batch}", device=options.device, makers=options.makers, steps=options.steps, batch=batch
    )
    (folder / "training.toml").write_text(text, encoding="utf-8")
    on_gpu = device(options.device).type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    begun = time.perf_counter()
    try:
        run(load(folder / "training.toml"), progress=Clock({"classifier": 128, "segmentation": batch}))
    except ModelError as error:
        print(f" {error}")
        return
    peak = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else float("nan")
    print(f"; both steps {time.perf_counter() - begun:.0f} s with all around them, at most {peak:.1f} GiB")


if __name__ == "__main__":
    main()
