"""A trained engine as a second opinion on labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.errors import ModelError, TableError
from ecosg_update.sample import UNLABELLED, absent
from ecosg_update.training import labelling
from ecosg_update.training.config import Config
from ecosg_update.training.select import Opinion
from ecosg_update.training.sources import target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ecosg_update.legend import Legend


def opinion(config: Config) -> Opinion | None:
    """What the checkpoint of [select.noise] takes an image for, None without one. Torch is imported here only.

    Raises ModelError where the engine sees other bands than the samples have, or knows other classes: its legend must
    be the set's, or CORINE of the same or a finer level.
    """
    section = config.select.noise
    if section is None or section.checkpoint is None:
        return None
    from ecosg_update.segment import checkpoint  # noqa: PLC0415

    engine = checkpoint.load(section.checkpoint)
    if engine.card.bands != config.samples.bands:
        raise ModelError(
            f"{section.checkpoint}: sees {', '.join(engine.card.bands)}, the samples have "
            f"{', '.join(config.samples.bands)}; take the same bands in the same order"
        )
    rows = _rows(engine.legend, target(config.labels), config.labels.level)

    def of_engine(values: NDArray[np.float32]) -> NDArray[np.int16]:
        if absent(values)[engine.card.needed].any():
            return np.full(values.shape[1:], UNLABELLED, np.int16)
        found: NDArray[np.int16] = rows[engine(values).argmax(axis=0)]
        return found

    return of_engine


def _rows(known: Legend, wanted: Legend, level: int | None) -> NDArray[np.int16]:
    """The row of the wanted legend for each class of the engine."""
    if known.codes == wanted.codes:
        return np.arange(len(known), dtype=np.int16)
    try:
        return labelling.to_level(known, level or 0).rows[:-1]
    except (TableError, KeyError) as error:
        raise ModelError(
            f"checkpoint: knows {known.name}, the set learns {wanted.name}; take another engine"
        ) from error
