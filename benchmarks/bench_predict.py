"""How much of the bare network's speed the walk over a scene keeps, side by side in one run.

    python benchmarks/bench_predict.py [--side 2048] [--rounds 5] [--threads 2] [--weights FOLDER] [--onnx FILE]

Each round predicts one scene of random reflectance with `strips`, with the engine of the package and with Dynamic
World, runs the bare networks over the same windows with their input ready in memory, and, where --onnx names the
converted Dynamic World, ONNX Runtime over them too. Prints the medians, each engine's ratio to its bare network and
all speeds beside Dynamic World's. Speed does not depend on weights: without --weights Dynamic World's are random.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from affine import Affine
from numpy.typing import NDArray

from ecosg_update import tables
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reflectance
from ecosg_update.segment.dynamicworld import BANDS, DynamicWorld
from ecosg_update.segment.engine import Celled, Engine, normalised
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


def bare(engine: Engine, scene: Noise) -> Callable[[], None]:
    """The network alone over the windows of the scene."""
    layout, order = plan(scene.grid.shape, engine.card), _order(engine.card.bands)
    with torch.inference_mode():
        windows = [
            normalised(
                torch.from_numpy(scene.values[order, row.pixels, col.pixels].copy())[None], engine.card
            ).contiguous(memory_format=torch.channels_last)
            for row in layout.rows
            for col in layout.cols
        ]
    network = engine._inference

    answer = network.cells if isinstance(network, Celled) else network

    def loop() -> None:
        with torch.inference_mode():
            for window in windows:
                answer(window)

    return loop


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
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    world = (
        published(folder=options.weights, on="cpu")
        if options.weights
        else Engine(DynamicWorld(), CARD, tables.legend(CARD.legend), torch.device("cpu"))
    )
    scene = noise(options.side)
    tasks: dict[str, Callable[[], object]] = {}
    for name, engine in (("corine-light", shipped(on="cpu")), ("dynamicworld", world)):
        engine(np.ascontiguousarray(scene.values[_order(engine.card.bands), :512, :512]))  # warm up
        tasks[f"{name}, bare"] = bare(engine, scene)
        tasks[f"{name}, strips"] = lambda engine=engine: [None for _ in strips(scene, engine)]
    if options.onnx:
        tasks["dynamicworld, onnxruntime"] = onnx(options.onnx, scene, options.threads)
    rounds = [{name: seconds(task) for name, task in tasks.items()} for _ in range(options.rounds)]
    for name in tasks:
        wall, cpu = (statistics.median(times[name][clock] for times in rounds) for clock in (0, 1))
        by_wall, by_cpu = (
            statistics.median(times[f"{name.split(',')[0]}, bare"][clock] / times[name][clock] for times in rounds)
            for clock in (0, 1)
        )
        gain = statistics.median(times["dynamicworld, strips"][0] / times[name][0] for times in rounds)
        speed = options.side**2 / 1e6 / wall
        print(
            f"{name:25} {wall:7.2f} s wall, {cpu:7.2f} s CPU, {speed:6.3f} Mpx/s of the scene, "
            f"its bare network x {by_wall:.2f} (wall), x {by_cpu:.2f} (CPU), dynamicworld x {gain:.1f}"
        )


if __name__ == "__main__":
    main()
