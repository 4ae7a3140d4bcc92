"""How much of the bare network's speed the walk over a scene keeps, side by side in one run.

    python benchmarks/bench_predict.py [--side 2048] [--rounds 5] [--threads 2] [--weights FOLDER] [--onnx FILE]

Each round predicts one scene of random reflectance with `strips`, runs the bare network over the same windows with
its input ready in memory, and, where --onnx names the converted Dynamic World, ONNX Runtime over them too. Prints the
medians and the ratios. The speed does not depend on the weights: without --weights they are random.
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
from ecosg_update.segment.engine import Engine, normalised
from ecosg_update.segment.predict import plan, strips
from ecosg_update.segment.weights import CARD, published


@dataclass(frozen=True)
class Noise:
    """A scene of random reflectance, held in memory."""

    values: NDArray[np.float32]
    grid: GeoGrid
    bands: tuple[str, ...] = BANDS
    level: Level = "L1C"

    def read(self, rows: slice, cols: slice) -> Reflectance:
        """A window in which every pixel is valid."""
        values = self.values[:, rows, cols]
        valid = np.ones(values.shape[1:], np.bool_)
        return Reflectance(values, valid, self.bands, self.grid.window(rows, cols), self.level)


def noise(side: int) -> Noise:
    """A square scene."""
    values = np.random.default_rng(0).random((len(BANDS), side, side), dtype=np.float32)
    return Noise(values, GeoGrid("EPSG:32633", Affine(10, 0, 600_000, 0, -10, 5_800_000), (side, side)))


def seconds(task: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds of one run; CPU seconds of all threads tell the work on a machine that others use too."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return time.perf_counter() - wall, time.process_time() - cpu


def bare(engine: Engine, scene: Noise) -> Callable[[], None]:
    """The network alone over the windows of the scene."""
    layout = plan(scene.grid.shape, engine.card)
    with torch.inference_mode():
        windows = [
            normalised(
                torch.from_numpy(scene.values[:, row.pixels, col.pixels].copy())[None], engine.card
            ).contiguous(memory_format=torch.channels_last)
            for row in layout.rows
            for col in layout.cols
        ]
    network = engine._inference

    def loop() -> None:
        with torch.inference_mode():
            for window in windows:
                network(window)

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
                window = scene.values[:, row.pixels, col.pixels].transpose(1, 2, 0)[None]
                session.run(None, {"input_3": np.ascontiguousarray(window)})

    return loop


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
    engine = (
        published(folder=options.weights, on="cpu")
        if options.weights
        else Engine(DynamicWorld(), CARD, tables.legend(CARD.legend), torch.device("cpu"))
    )
    scene = noise(options.side)
    tasks: dict[str, Callable[[], object]] = {
        "bare network": bare(engine, scene),
        "strips": lambda: [None for _ in strips(scene, engine)],
    }
    if options.onnx:
        tasks["onnxruntime"] = onnx(options.onnx, scene, options.threads)
    engine(scene.values[:, :512, :512])  # warm up
    rounds = [{name: seconds(task) for name, task in tasks.items()} for _ in range(options.rounds)]
    for name in tasks:
        wall, cpu = (statistics.median(times[name][clock] for times in rounds) for clock in (0, 1))
        by_wall, by_cpu = (
            statistics.median(times["bare network"][clock] / times[name][clock] for times in rounds)
            for clock in (0, 1)
        )
        speed = options.side**2 / 1e6 / wall
        print(
            f"{name:13} {wall:7.2f} s wall, {cpu:7.2f} s CPU, {speed:6.3f} Mpx/s of the scene, "
            f"speed of the bare network x {by_wall:.2f} (wall), x {by_cpu:.2f} (CPU)"
        )


if __name__ == "__main__":
    main()
