"""How fast the LCZ engine walks a scene, beside ONNX Runtime on the same squares, in one run.

    python benchmarks/bench_lcz.py [--weights FOLDER] [--side 1024] [--rounds 5] [--threads 2]

Each round predicts one scene of random reflectance with `strips`, gives the engine the whole scene as one window,
runs the bare network on the squares of 32 x 32 pixels ready in memory and, where --weights names the folder of the
published file, ONNX Runtime on them. Prints medians and the ratios to the bare network. The speed does not depend on
the weights: without --weights they are random.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from affine import Affine

from ecosg_update import tables
from ecosg_update.grid import GeoGrid
from ecosg_update.layers import Level, Reflectance
from ecosg_update.segment.engine import Engine
from ecosg_update.segment.predict import strips
from ecosg_update.segment.so2satlcz import BANDS, PATCH, So2SatLcz
from ecosg_update.segment.weights import LCZ_CARD, LCZ_FILE, published

BATCH = 256
"""Squares a call: a window of 512 x 512 pixels."""


class Noise:
    """A square scene of random reflectance, held in memory."""

    bands = BANDS
    level: Level = "L1C"

    def __init__(self, side: int) -> None:
        self.values = np.random.default_rng(0).random((len(BANDS), side, side), dtype=np.float32) * np.float32(0.4)
        self.grid = GeoGrid("EPSG:32633", Affine(10, 0, 600_000, 0, -10, 5_800_000), (side, side))

    def read(self, rows: slice, cols: slice) -> Reflectance:
        """A window in which every pixel is valid."""
        values = self.values[:, rows, cols]
        valid = np.ones(values.shape[1:], np.bool_)
        return Reflectance(values, valid, self.bands, self.grid.window(rows, cols), self.level)


def seconds(task: Callable[[], object]) -> float:
    """Wall seconds of one run."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def opened(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """The published network in ONNX Runtime."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(file), settings, providers=["CPUExecutionProvider"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scene = Noise(options.side)
    engine = (
        published("so2sat-lcz", folder=options.weights, on="cpu")
        if options.weights
        else Engine(So2SatLcz(), LCZ_CARD, tables.legend(LCZ_CARD.legend), torch.device("cpu"))
    )
    squares = options.side // PATCH
    patches = scene.values.reshape(len(BANDS), squares, PATCH, squares, PATCH).transpose(1, 3, 0, 2, 4)
    batches = [
        np.ascontiguousarray(part)
        for part in np.array_split(patches.reshape(-1, *patches.shape[2:]), max(1, squares**2 // BATCH))
    ]
    tensors = [torch.from_numpy(batch).contiguous(memory_format=torch.channels_last) for batch in batches]

    def bare() -> None:
        with torch.inference_mode():
            for batch in tensors:
                engine._inference.patches(batch)  # type: ignore[operator]

    tasks: dict[str, Callable[[], object]] = {
        "bare network": bare,
        "engine": lambda: engine(scene.values),
        "strips": lambda: [None for _ in strips(scene, engine)],
    }
    if options.weights:
        session = opened(options.weights / LCZ_FILE, options.threads)
        tasks["onnxruntime"] = lambda: [session.run(["prob"], {"s2": batch}) for batch in batches]
    for task in tasks.values():
        task()  # warm up
    rounds = [{name: seconds(task) for name, task in tasks.items()} for _ in range(options.rounds)]
    for name in tasks:
        wall = statistics.median(times[name] for times in rounds)
        ratio = statistics.median(times["bare network"] / times[name] for times in rounds)
        speed = options.side**2 / 1e6 / wall
        print(f"{name:13} {wall:6.2f} s, {speed:6.3f} Mpx/s, speed of the bare network x {ratio:.2f}")


if __name__ == "__main__":
    main()
