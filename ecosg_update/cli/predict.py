"""`ecosg-update predict`: class probabilities of a scene on lat-lon cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ecosg_update.cli import options
from ecosg_update.cli.options import shown_progress


@click.command()
@click.argument("scene", type=options.ANY)
@options.output
@options.per_degree
@options.area
@options.engine_options
@options.scene_options
@options.overwrite
def command(
    *, scene: Path, output: Path, per_degree: int, bounds: Any, domain: str | None, overwrite: bool, **given: Any
) -> None:
    """Predict the classes of SCENE and aggregate them exactly to lat-lon cells.

    OUTPUT is NetCDF: the probability of each class of the engine and the share of each cell that was seen.
    """
    from ecosg_update import stages
    from ecosg_update.config import EngineSection, SceneSection, checked
    from ecosg_update.evidence.scene import scene_evidence

    area = options.area_bounds(bounds, domain)
    bands = tuple(given["bands"].split(",")) if given["bands"] else None
    names = {key: given[key] for key in ("level", "quantification", "offset")}
    product = checked(SceneSection, {"path": scene, "bands": bands, **names}, "options")
    network = checked(
        EngineSection,
        {
            "name": given["engine"],
            **{key: given[key] for key in ("checkpoint", "weights", "device", "window")},
            "atmosphere": {"aot550": given["aot550"]},
        },
        "options",
    )
    with scene_evidence(product, network) as seen, shown_progress() as progress:
        stages.predict(seen, output, per_degree, area, overwrite=overwrite, progress=progress)
    click.echo(str(output))
