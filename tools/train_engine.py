"""Train the default engine, and the engines that prove it, each of which never saw some of the regions.

    python tools/train_engine.py SETS RUNS [--hold REGION]...

SETS comes from tools/engine_set.py. Without --hold, RUNS/all/light.safetensors learns from everything; with it,
RUNS/REGION+REGION/light.safetensors from everything but those regions (blanks become underscores). Both begin with
the backbone of RUNS/classifier.safetensors, which is trained first. About ten minutes each on one CPU core; a run
that was killed goes on where it was. `proof` finds the run that never saw a region.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ecosg_update.learning.config import DataSection, StartSection, Training, load
from ecosg_update.learning.run import Done, run
from tools.engine_set import without

CONFIG = Path(__file__).with_name("engine.toml")
NAME = "light.safetensors"


def classified(config: Training, sets: Path, runs: Path) -> Done:
    """The classifier of EuroSAT's patches."""
    first = config.step[0]
    step = first.model_copy(update={"data": DataSection(folder=sets / "eurosat")})
    return _run(config, (step,), sets / "eurosat", runs)


def trained(config: Training, sets: Path, runs: Path, held: Sequence[str]) -> Done:
    """The engine that never saw the regions `held`."""
    name = "+".join(held).replace(" ", "_") or "all"
    data = sets / "mixed"
    if held:
        data = sets / f"without_{name}"
        shutil.rmtree(data, ignore_errors=True)
        without(sets / "mixed", data, held)
    start = StartSection(kind="checkpoint", path=runs / "classifier.safetensors")
    return _run(config, (config.step[1].model_copy(update={"start": start}),), data, runs / name)


def proof(runs: Path, region: str) -> Path | None:
    """The checkpoint of a run that never saw a region, None where there is none."""
    for folder in sorted(runs.iterdir()):
        if region.replace(" ", "_") in folder.name.split("+") and (folder / NAME).exists():
            return folder / NAME
    return None


def _run(config: Training, steps: tuple[object, ...], data: Path, folder: Path) -> Done:
    folder.mkdir(parents=True, exist_ok=True)
    changed = {
        "step": steps,
        "data": config.data.model_copy(update={"folder": data}),
        "output": config.output.model_copy(update={"folder": folder}),
    }
    (done,) = run(config.model_copy(update=changed), progress=_progress)
    return done


def _progress(what: str, number: int, total: int) -> None:
    if number % 250 == 0:
        sys.stderr.write(f"{what}: {number} of {total}\n")


def main() -> None:
    """Train what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--hold", action="append", default=[], metavar="REGION")
    given = parser.parse_args()
    torch.set_num_threads(1)
    config = load(CONFIG)
    print(classified(config, given.sets, given.runs).card.notes)
    done = trained(config, given.sets, given.runs, given.hold)
    print(f"{', '.join(given.hold) or 'all'}: {done.checkpoint}: {done.card.notes}")


if __name__ == "__main__":
    main()
