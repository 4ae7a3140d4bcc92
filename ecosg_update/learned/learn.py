"""From two maps to a table: what `ecosg-update crosswalk learn` and `crosswalk apply` do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecosg_update import tables
from ecosg_update.config import LabelsSection
from ecosg_update.crosswalk.apply import classes
from ecosg_update.errors import ConfigError
from ecosg_update.evidence import asked_cells
from ecosg_update.evidence.labels import Labels
from ecosg_update.formats import atomic, netcdf
from ecosg_update.formats.provenance import about
from ecosg_update.grid import Bounds
from ecosg_update.layers import Prediction
from ecosg_update.learned import blocks, report
from ecosg_update.learned.cooccurrence import counted, together
from ecosg_update.learned.evidence import Votes
from ecosg_update.learned.heldout import HeldOut, held_out
from ecosg_update.learned.posterior import Posterior, posterior
from ecosg_update.learned.prior import Prior, prior
from ecosg_update.learned.rows import rows, text
from ecosg_update.learned.truth import Truth
from ecosg_update.progress import Progress, silent

DEFAULT_FOLDS = 5


@dataclass(frozen=True)
class Method:
    """How a table is learned.

    zone: whose rows. strength: effective pixels that the expert's table weighs, None for what makes the data
    likeliest. block_km: side of the blocks whose pixels are taken for alike. folds: parts of scattered blocks, each
    asked about with what the others taught; 1 asks nothing.
    """

    zone: str = tables.DEFAULT_ZONE
    strength: float | None = None
    block_km: float = blocks.DEFAULT_BLOCK_KM
    folds: int = DEFAULT_FOLDS

    def __post_init__(self) -> None:
        if self.strength is not None and not 0 < self.strength < math.inf:
            raise ConfigError(f"strength: found {self.strength}, expected more than 0 effective pixels")
        if self.folds < 1:
            raise ConfigError(f"folds: found {self.folds}, expected at least 1")


@dataclass(frozen=True, eq=False)
class Learned:
    """A learned table, what it was learned from, and what it is worth on held-out blocks (None: not asked)."""

    posterior: Posterior
    prior: Prior
    held_out: HeldOut | None
    rows: list[dict[str, str]]

    @property
    def report(self) -> dict[str, Any]:
        """As `report.document`."""
        return report.document(self.posterior, self.prior, self.held_out)


def learned(votes: Votes, truth: Truth, how: Method | None = None, *, progress: Progress = silent) -> Learned:
    """The table from the classes of a map to those of the truth.

    Raises TableError where no expert's table leads from one legend to the other, CoverageError where the maps do not
    meet, ConfigError for a method that cannot be.
    """
    how = how or Method()
    expert = prior(votes.legend, truth.target, zone=how.zone)
    counts = counted(votes, truth, block_km=how.block_km, folds=how.folds, progress=progress)
    found = posterior(expert.weights, together(counts), how.strength)
    check = held_out(
        votes, truth, counts, expert.weights, strength=how.strength, block_km=how.block_km, progress=progress
    )
    reference = (
        f"learned from {votes.name} and {truth.name} in blocks of {how.block_km:g} km; "
        f"prior {expert.origin}, {found.strength:g} effective pixels"
    )
    return Learned(found, expert, check, rows(found, expert, zone=how.zone, reference=reference))


def write(
    votes: Votes,
    truth: Truth,
    path: Path,
    how: Method | None = None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Learned:
    """Write the learned table as CSV; its name is claimed before the work. Raises as `learned` and `atomic.parts`."""
    with atomic.parts(path, overwrite=overwrite) as (part,):
        found = learned(votes, truth, how, progress=progress)
        part.write_text(text(found.rows), encoding="utf-8")
    return found


def apply_prediction(prediction: Path, table: Path, output: Path, *, overwrite: bool = False) -> Path:
    """Write class probabilities that `predict` wrote in the legend of a table's target."""
    return _applied(netcdf.read_prediction(prediction), table, output, prediction.name, overwrite=overwrite)


def apply_labels(
    labels: LabelsSection,
    table: Path,
    output: Path,
    per_degree: int,
    bounds: Bounds | None,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Path:
    """Write the fractions of a raster of classes on lat-lon cells in the legend of a table's target."""
    seen = Labels.opened(labels)
    cells = asked_cells(seen, per_degree, bounds)
    return _applied(seen.on(cells, progress), table, output, seen.name, overwrite=overwrite)


def _applied(prediction: Prediction, table: Path, output: Path, name: str, *, overwrite: bool) -> Path:
    if output.suffix.lower() != ".nc":
        raise ConfigError(f"{output}: class probabilities are written as NetCDF; name a file that ends in .nc")
    found = classes(prediction, tables.crosswalk_file(table))
    origin = about(f"class probabilities of {found.legend.name}", f"{name} by {table.name}")
    return netcdf.write_prediction(found, output, provenance=origin, overwrite=overwrite)
