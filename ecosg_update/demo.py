"""The main job on an embedded default: a simulated scene, an old map with known mistakes, how many were mended."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecosg_update import config, pipeline
from ecosg_update.domain import ConfProj, Domain
from ecosg_update.domains.layouts import deode_text
from ecosg_update.errors import OutputError
from ecosg_update.formats import direct
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import Reason
from ecosg_update.progress import Progress, silent
from ecosg_update.simulate.base import MISTAKES, OldMap, old_map
from ecosg_update.simulate.landscape import landscape
from ecosg_update.simulate.parameters import write_parameters
from ecosg_update.simulate.product import write_safe

SEED = 20221005
"""Of the demo's landscape: none of those that its checkpoint was trained on."""

CHECKPOINT = Path(__file__).resolve().parent / "simulate" / "weights" / "demo.safetensors"

MODEL_CELLS, MODEL_M = 10, 1000.0
"""Of the demo's model grid: 10 km across, a little less than the map."""

CONFIG = """\
# What the demo runs. For a real job change the paths, and take an engine that was trained on real scenes.
[scene]
path = "{scene}"

[engine]
checkpoint = "{checkpoint}"   # trained on simulated landscapes: good for nothing else

[base]
path = "input/simulated_base.dir"

[target]
per_degree = 360                  # 360 = 300 m, 1800 = 60 m

[output]
folder = "output"
stem = "simulated_demo"
title = "SIMULATED landscape, patched by the demo of ecosg-update"
"""


@dataclass(frozen=True)
class Mended:
    """One kind of mistake of the old map: its cells, how many hold the true cover now, and whether they could.

    hidden: cells of which the policy's share was not seen (cloud, no data). visible: an image can show the mistake.
    """

    name: str
    cells: int
    mended: int
    hidden: int
    visible: bool


@dataclass(frozen=True)
class Demo:
    """What the demo did. wrong_before and wrong_after: cells that differ from the simulated truth."""

    run: pipeline.Run
    config: Path
    mistakes: tuple[Mended, ...]
    wrong_before: int
    wrong_after: int
    spoiled: int
    """Cells that were right before and are wrong now."""


def demo(folder: Path, *, overwrite: bool = False, progress: Progress = silent) -> Demo:
    """Simulate, run, and compare with the truth; everything lies in `folder` afterwards.

    Raises OutputError where the folder holds anything and `overwrite` is False; with it, `input`, `output` and
    `demo.toml` in it are replaced and nothing else is touched.
    """
    _emptied(folder, overwrite=overwrite)
    source = folder / "input"
    source.mkdir(parents=True)
    land = landscape(SEED)
    scene = write_safe(land, source, seed=SEED)
    maps = old_map(land)
    direct.write(maps.base, source / "simulated_base.dir", title="SIMULATED base map with deliberate mistakes")
    direct.write(maps.truth, source / "simulated_truth.dir", title="SIMULATED truth")
    (source / "simulated_domain.toml").write_text(deode_text(model_domain(maps.base.grid)), encoding="utf-8")
    tree = source / "simulated_tree"
    write_parameters(maps.base, tree)
    (tree / "COVER").mkdir()
    direct.write(maps.base, tree / "COVER" / "ecosg_final_map.dir", title="SIMULATED base map in a data tree")
    settings = folder / "demo.toml"
    text = CONFIG.format(scene=scene.relative_to(folder), checkpoint=CHECKPOINT)
    settings.write_text(text, encoding="utf-8")
    done = pipeline.run(config.load(settings), progress=progress)
    return _compared(done, settings, maps)


def model_domain(grid: LatLonGrid) -> Domain:
    """A square model grid in the middle of the map: `MODEL_CELLS` cells of `MODEL_M` metres along each side."""
    west, south, east, north = grid.bounds
    lon, lat = round((west + east) / 2, 3), round((south + north) / 2, 3)
    cone = ConfProj(lon0=lon, lat0=lat, rpk=math.sin(math.radians(lat)))
    return Domain("SIMULATED", MODEL_CELLS, MODEL_CELLS, MODEL_M, MODEL_M, lon, lat, cone)


def _emptied(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file, expected a folder for the demo; name another")
    if folder.exists() and any(folder.iterdir()) and not overwrite:
        raise OutputError(f"{folder}: holds files already; pass --overwrite or name another")
    for name in ("input", "output"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "demo.toml").unlink(missing_ok=True)


def _compared(done: pipeline.Run, settings: Path, maps: OldMap) -> Demo:
    right = done.patch.cover.codes == maps.truth.codes
    hidden = np.isin(done.patch.reason, (Reason.KEPT_NO_DATA, Reason.KEPT_LOW_SHARE))
    mistakes = tuple(
        Mended(one.name, int(spoilt.sum()), int((spoilt & right).sum()), int((spoilt & hidden).sum()), one.visible)
        for one, spoilt in ((one, maps.mistake == number) for number, one in enumerate(MISTAKES, start=1))
    )
    was_right = ~maps.wrong
    return Demo(
        run=done,
        config=settings,
        mistakes=mistakes,
        wrong_before=int(np.count_nonzero(maps.wrong)),
        wrong_after=int(np.count_nonzero(~right)),
        spoiled=int(np.count_nonzero(was_right & ~right)),
    )
