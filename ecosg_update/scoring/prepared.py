"""Scoring on a prepared training set: its split as plots, and the contestants that its samples allow."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ecosg_update import tables
from ecosg_update.errors import ConfigError, ModelError
from ecosg_update.layers import Level
from ecosg_update.legend import Legend
from ecosg_update.scoring.contestant import Contestant, OtherLevel, baseline, network
from ecosg_update.scoring.tally import Plot

if TYPE_CHECKING:
    from ecosg_update.training.store import Store

BASELINES = ("majority", "forest", "dynamicworld")
log = logging.getLogger(__name__)


def plots(store: Store, split: str) -> Iterator[Plot]:
    """The samples of a split that have a label, with their blocks, levels, sources and countries."""
    for line, sample in zip(store.entries(split), store.samples(split), strict=True):
        if (sample.labels >= 0).any():
            parts = {"level": line.level, "source": line.source, "country": line.country}
            named = {kind: value for kind, value in parts.items() if value}
            yield Plot(sample, line.block, _level(line.level, line.name), named)


def legend(store: Store) -> Legend:
    """The classes of a set's labels: the tables' own where they are the same, which know more columns."""
    if store.legend.name in tables.legend_names() and tables.legend(store.legend.name) == store.legend:
        return tables.legend(store.legend.name)
    return store.legend


def groupings(store: Store, names: Sequence[str]) -> list[Legend]:
    """The legends to score in, by name: of the tables, or the set's own; the set's own alone where none is named."""
    own = legend(store)
    return [own if name == own.name else tables.legend(name) for name in names] or [own]


def baselines(
    store: Store, names: Sequence[str], *, weights: Path | None = None, device: str = "auto", seed: int = 0
) -> list[Contestant]:
    """The baselines of `BASELINES` by name; the first two learn from the set's training split.

    weights: the folder of Dynamic World's published weights, None fetches them. Raises ConfigError for another
    name, ModelError where the training split has no label or the samples lack a band.
    """
    unknown = sorted(set(names) - set(BASELINES))
    if unknown:
        raise ConfigError(f"baseline: {', '.join(unknown)} does not exist, expected {', '.join(BASELINES)}")
    return [_baseline(store, name, weights, device, seed) for name in names]


def engines(
    store: Store, checkpoints: Sequence[Path], *, device: str = "auto", other_level: OtherLevel = "convert"
) -> list[Contestant]:
    """The engines of checkpoints, named after their files, or by their paths where two files have one name."""
    from ecosg_update.segment import checkpoint  # noqa: PLC0415

    stems = [path.stem for path in checkpoints]
    found = []
    for path in checkpoints:
        own = legend(store) if checkpoint.card(path).legend == store.legend.name else None
        name = path.stem if stems.count(path.stem) == 1 else str(path)
        engine = checkpoint.load(path, on=device, legend=own)
        found.append(network(name, engine, store.bands, store.pixel_m, other_level=other_level))
    return found


def _baseline(store: Store, name: str, weights: Path | None, device: str, seed: int) -> Contestant:
    if name == "dynamicworld":
        from ecosg_update.segment.weights import published  # noqa: PLC0415

        return network(name, published(folder=weights, on=device), store.bands, store.pixel_m)
    if name == "majority":
        from ecosg_update.baselines.majority import shares  # noqa: PLC0415

        return baseline(name, shares(store.samples("train"), legend(store)))
    from ecosg_update.baselines.forest import grown  # noqa: PLC0415

    log.info("growing a random forest from the training split")
    return baseline(name, grown(store.samples("train"), store.bands, legend(store), seed=seed))


def _level(name: str, sample: str) -> Level:
    for level in get_args(Level):
        if level == name:
            return level  # type: ignore[no-any-return]
    raise ModelError(f"sample {sample}: level is {name!r}, expected {' or '.join(get_args(Level))}; prepare it again")
