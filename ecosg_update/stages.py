"""Each stage from file to file: what the commands `predict`, `map` and `patch` do."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from ecosg_update import pipeline, tables
from ecosg_update.config import CrosswalkSection, LabelsSection, RulesSection
from ecosg_update.deciding import crossing
from ecosg_update.deciding.crossing import Crossed, crossed, for_engine
from ecosg_update.deciding.decision import NO_RULES, believed, judged, member_with_waters, warned, with_waters
from ecosg_update.evidence import Evidence, asked_cells
from ecosg_update.evidence.labels import Labels
from ecosg_update.formats import atomic, netcdf
from ecosg_update.formats.covers import write
from ecosg_update.formats.provenance import about
from ecosg_update.grid import Bounds
from ecosg_update.layers import Patch
from ecosg_update.patch.decide import Policy
from ecosg_update.patch.sweep import sweeps
from ecosg_update.progress import Progress, silent
from ecosg_update.variants import Variants, written

log = logging.getLogger(__name__)


def predict(
    seen: Evidence,
    output: Path,
    per_degree: int,
    bounds: Bounds | None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write the class probabilities of open evidence on its own footprint, or on `bounds`, as NetCDF."""
    cells = asked_cells(seen, per_degree, bounds)
    for note in seen.notes:
        log.info("%s", note)
    with atomic.parts(output, overwrite=overwrite) as (part,):
        found = pipeline.on_block(seen, cells, progress)
        netcdf.encode_prediction(
            found,
            part,
            provenance=about("class probabilities", seen.name),
            tells_low_plants=(seen.engine or {}).get("tells_low_plants", True),
        )
    return output


def map_labels(
    labels: LabelsSection,
    base: Path,
    section: CrosswalkSection,
    output: Path,
    per_degree: int,
    bounds: Bounds | None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write the cover probabilities of a raster of classes on the cells of `pipeline.target_grid`."""
    with tables.overlaid(section.tables):
        seen = Labels.opened(labels)
        cells = pipeline.target_grid(base, seen, per_degree, bounds)
        found = crossed(pipeline.on_block(seen, cells, progress), base, for_engine(section, seen.engine))
    return _written(found, output, seen.name, overwrite=overwrite)


def map_prediction(
    prediction: Path, base: Path, section: CrosswalkSection, output: Path, *, overwrite: bool = False
) -> Path:
    """Write the cover probabilities of class probabilities that `predict` wrote."""
    with tables.overlaid(section.tables):
        card = {"tells_low_plants": netcdf.tells_low_plants(prediction)}
        found = crossed(netcdf.read_prediction(prediction), base, for_engine(section, card))
    return _written(found, output, prediction.name, overwrite=overwrite)


def patch(
    covers: Path,
    base: Path,
    policy: Policy,
    output: Path,
    *,
    variants: Variants | None = None,
    switches: RulesSection = NO_RULES,
    title: str | None = None,
    overwrite: bool = False,
) -> tuple[Patch, list[Path]]:
    """Decide each cell of the cover probabilities that `map_prediction` or `map_labels` wrote; write by ending.

    Of the rules, R4 and R7 are applied if they are on; what the others did is remembered by `covers`.
    """
    more = variants or Variants(output.with_suffix(""))
    said = crossing.read(covers, base).judgeable(switches)
    weighed, found = judged(said, policy, switches, believed(said.cropped, said.grid, policy))
    settled = None
    if switches.water:
        found = with_waters(found, base, policy, told=said.told)
        settled = partial(member_with_waters, patch=found, base=base, policy=policy, told=said.told)
    warned(sweeps(found))
    origin = about(title or "ECOCLIMAP-SG cover renewed", covers.name, exact=title is not None)
    with written(more, weighed, found, policy, title=origin.title, settled=settled, overwrite=overwrite) as beside:
        if output.suffix == ".nc":
            share = said.prediction.share
            files = [netcdf.write(found, output, provenance=origin, share=share, overwrite=overwrite)]
        else:
            files = write(found.cover, output, origin, overwrite=overwrite)
    return found, [*files, *beside]


def _written(found: Crossed, output: Path, name: str, *, overwrite: bool) -> Path:
    """The cover probabilities of some evidence on the disk, with what `patch` needs to know of the rules."""
    return netcdf.write_prediction(
        found.prediction,
        output,
        provenance=about("cover probabilities", name),
        rules=netcdf.RulesBehind(found.chosen, found.told),
        overwrite=overwrite,
    )
