"""How much of the bare network's speed the walk over a scene keeps, side by side in one run.

    python benchmarks/bench_predict.py [--side 2048] [--rounds 5] [--threads 2] [--weights FOLDER] [--onnx FILE]
                                       [--device cpu] [--batch 1] [--networks corine-light dynamicworld ...]

Each round predicts one scene of random reflectance with `strips`, with the engine of the package, with Dynamic World
and with untrained networks of other engines (44 classes), and runs the bare networks over the same windows with their
input ready on the device: in the arithmetic of `strips`, and on a GPU in TF32 and bfloat16 too, which the tool does
not use. Where --onnx names the converted Dynamic World, ONNX Runtime runs over them too. Prints the medians, each
engine's ratio to its bare network and all speeds beside the last network's. Speed does not depend on weights:
without --weights Dynamic World's are random.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from numpy.typing import NDArray

from ecosg_update import tables
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reflectance
from ecosg_update.segment.card import Card, Standard
from ecosg_update.segment.dynamicworld import BANDS, DynamicWorld
from ecosg_update.segment.engine import Celled, Engine, device, normalised
from ecosg_update.segment.engines import build, design
from ecosg_update.segment.predict import plan, strips
from ecosg_update.segment.weights import CARD, published, shipped

TEN = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


@dataclass(frozen=True)
class Noise:
    """A scene of random reflectance, held in memory."""

    values: NDArray[np.float32]
    grid: GeoGrid
    bands: tuple[str, ...] = TEN
    level: Level = "L1C"

    def read(self, rows: slice, cols: slice) -> Reflectance:
        """A window in which every pixel is valid."""
        values = self.values[:, rows, cols]
        valid = np.ones(values.shape[1:], np.bool_)
        return Reflectance(values, valid, self.bands, self.grid.window(rows, cols), self.level)


def noise(side: int) -> Noise:
    """A square scene."""
    values = np.random.default_rng(0).random((len(TEN), side, side), dtype=np.float32)
    return Noise(values, GeoGrid("EPSG:32633", Affine(10, 0, 600_000, 0, -10, 5_800_000), (side, side)))


def seconds(task: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds of one run; CPU seconds of all threads tell the work on a machine that others use too."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


def bare(engine: Engine, scene: Noise, batch: int, arithmetic: str = "float32") -> Callable[[], None]:
    """The network alone over the windows of the scene, which lie on its device. Equal windows share a call."""
    layout, order = plan(scene.grid.shape, engine.card), _order(engine.card.bands)
    network = engine._inference
    memory = engine._layout if arithmetic == "float32" else torch.channels_last  # what is fast in it
    if arithmetic != "float32":
        network = copy.deepcopy(network).to(memory_format=memory)
    with torch.inference_mode():
        windows = [
            normalised(
                torch.from_numpy(scene.values[order, row.pixels, col.pixels].copy())[None].to(engine.device),
                engine.card,
            ).contiguous(memory_format=memory)
            for row in layout.rows
            for col in layout.cols
        ]
        calls = [
            torch.cat([one for one in windows if one.shape == shape][at : at + batch])
            for shape in dict.fromkeys(one.shape for one in windows)
            for at in range(0, sum(one.shape == shape for one in windows), batch)
        ]
    answer = network.cells if isinstance(network, Celled) else network

    def loop() -> None:
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, allow_tf32=arithmetic != "float32")
        with torch.inference_mode(), flags, _cast(arithmetic, engine.device):
            for call in calls:
                answer(call)
        if engine.device.type == "cuda":
            torch.cuda.synchronize()

    return loop


def _cast(arithmetic: str, place: torch.device) -> AbstractContextManager[object]:
    return torch.autocast(place.type, torch.bfloat16) if arithmetic == "bfloat16" else nullcontext()


def network(name: str, weights: Path | None, on: str) -> Engine:
    """An engine by its name: the package's own, Dynamic World, or an untrained one of 44 classes."""
    if name == "corine-light":
        return shipped(on=on)
    if name == "dynamicworld":
        if weights:
            return published(folder=weights, on=on)
        return Engine(DynamicWorld(), CARD, tables.legend(CARD.legend), device(on))
    legend, form = tables.legend("corine-l3"), design(name)
    arguments = {"encoder": "resnet50"} if name == "unet" else {}
    card = Card(
        engine=name, arguments=arguments, bands=TEN, level="L1C", pixel_m=10,
        normalisation=Standard((0.5,) * 10, (0.3,) * 10), legend=legend.name, codes=legend.codes, halo=form.halo,
        stride=form.stride, seamless=form.seamless, provenance="random", licence="MIT",
    )  # fmt: skip
    return Engine(build(name, 10, len(legend), **arguments), card, legend, device(on))


def onnx(path: Path, scene: Noise, threads: int) -> Callable[[], None]:
    """ONNX Runtime over the windows of the scene."""
    import onnxruntime  # noqa: PLC0415  (a development dependency, needed for --onnx only)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    layout = plan(scene.grid.shape, CARD)

    def loop() -> None:
        for row in layout.rows:
            for col in layout.cols:
                window = scene.values[_order(BANDS), row.pixels, col.pixels].transpose(1, 2, 0)[None]
                session.run(None, {"input_3": np.ascontiguousarray(window)})

    return loop


def walked(scene: Noise, engine: Engine, batch: int) -> None:
    """The scene predicted strip by strip, each dropped as it comes."""
    for _ in strips(scene, engine, batch=batch):
        pass


def _order(bands: tuple[str, ...]) -> list[int]:
    return [TEN.index(band) for band in bands]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--onnx", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--networks", nargs="+", default=["corine-light", "dynamicworld"])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scene = noise(options.side)
    tasks: dict[str, Callable[[], object]] = {}
    for name in options.networks:
        engine = network(name, options.weights, options.device)
        engine(np.ascontiguousarray(scene.values[_order(engine.card.bands), :512, :512]))  # warm up
        tasks[f"{name}, bare"] = bare(engine, scene, options.batch)
        tasks[f"{name}, strips"] = partial(walked, scene, engine, options.batch)
        for other in ("tf32", "bfloat16") if engine.device.type == "cuda" else ():
            tasks[f"{name}, bare in {other}"] = bare(engine, scene, options.batch, other)
    if options.onnx:
        tasks["dynamicworld, onnxruntime"] = onnx(options.onnx, scene, options.threads)
    for task in tasks.values() if options.device != "cpu" else ():
        task()  # the first run takes memory from the system
    rounds = [{name: seconds(task) for name, task in tasks.items()} for _ in range(options.rounds)]
    for name in tasks:
        wall, cpu = (statistics.median(times[name][clock] for times in rounds) for clock in (0, 1))
        by_wall, by_cpu = (
            statistics.median(times[f"{name.split(',')[0]}, bare"][clock] / times[name][clock] for times in rounds)
            for clock in (0, 1)
        )
        last = f"{options.networks[-1]}, strips"
        gain = statistics.median(times[last][0] / times[name][0] for times in rounds)
        speed = options.side**2 / 1e6 / wall
        print(
            f"{name:32} {wall:7.2f} s wall, {cpu:7.2f} s CPU, {speed:8.3f} Mpx/s of the scene, "
            f"its bare network x {by_wall:.2f} (wall), x {by_cpu:.2f} (CPU), {last} x {gain:.1f}"
        )


if __name__ == "__main__":
    main()
