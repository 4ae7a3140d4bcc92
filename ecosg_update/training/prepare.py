"""Sources become a training set: each piece is split, selected, counted and stored before the next is read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ecosg_update import manifest, tables
from ecosg_update.errors import ConfigError
from ecosg_update.progress import Progress, silent
from ecosg_update.sample import Sample
from ecosg_update.training import balance, coding, select, tally
from ecosg_update.training.config import Config
from ecosg_update.training.entry import SPLITS, Entry
from ecosg_update.training.piece import Piece, Source
from ecosg_update.training.select import Opinion, Selected
from ecosg_update.training.sources import division, rules, sources, target
from ecosg_update.training.split import Blocks, Division
from ecosg_update.training.tally import Tally
from ecosg_update.training.writer import SHARD_BYTES, Layout, Writer, writing

SHARED, NOWHERE = "margin between splits", "no split"
BLOCK_KM = 20.0
"""Side of the blocks that the index names where the split itself has none: what a bootstrap draws."""


def prepare(
    config: Config,
    folder: Path,
    *,
    overwrite: bool = False,
    opinion: Opinion | None = None,
    shard_bytes: int = SHARD_BYTES,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Make the training set of `config` in `folder`, and return its manifest.

    The folder appears whole at the end or not at all. In memory are one piece, a shard of each split, and the index.
    opinion: a model that has a say in what is likely label noise. shard_bytes: when a shard is closed. Raises the
    errors of its sources and tables, ConfigError where no sample trains, OutputError where the folder exists (without
    `overwrite`) or the disk is full.
    """
    legend = target(config.labels)
    found = sources(config, legend)
    layout = Layout(legend, config.samples.bands, config.samples.level, config.samples.pixel_m)
    with writing(folder, layout, overwrite=overwrite, shard_bytes=shard_bytes) as writer:
        job = _Job(config, division(config.split), writer, opinion, progress)
        documents = [job.take(source) for source in found]
        if not any(line.split == "train" for line in writer.index):
            raise ConfigError(f"training set: no sample is left to train on; {_why(job.tally)}")
        weights = balance.weights(writer.index, legend.codes, job.trust, power=config.select.balance)
        document = _manifest(config, documents, job, writer)
        writer.finish(weights, document)
    return document


class _Job:
    """The state of one preparation."""

    def __init__(
        self, config: Config, divide: Division, writer: Writer, opinion: Opinion | None, progress: Progress
    ) -> None:
        self.trust: list[float] = []
        self.tallies: list[Tally] = []
        self._divide = divide
        self._rules = rules(config)
        self._writer = writer
        self._opinion = opinion
        self._progress = progress
        self._blocks = divide if isinstance(divide, Blocks) else Blocks(BLOCK_KM, 0.0, {"train": 1.0}, 0)

    @property
    def tally(self) -> Tally:
        """All sources together."""
        return tally.total(self.tallies)

    def take(self, source: Source) -> dict[str, Any]:
        """All pieces of a source; what the manifest says of it."""
        counts, digest, number = Tally(), hashlib.sha256(), len(source)
        self.tallies.append(counts)
        levels: Counter[str] = Counter()
        for done, piece in enumerate(source.pieces(), start=1):
            where, chosen = self._chosen(piece)
            digest.update(piece.name.encode() + coding.stored(piece.values).tobytes() + piece.labels.tobytes())
            labelled = int((chosen.labels >= 0).sum())
            counts.add(
                pixels=piece.labels.size,
                labelled=labelled,
                dropped=chosen.dropped,
                suspects=chosen.suspects,
                lost=chosen.lost,
            )
            if not chosen.lost:
                self._store(piece, source.name, where, chosen)
            levels[piece.level] += 1
            self._progress(f"preparing {source.name}", done, number)
        return {
            "name": source.name,
            "levels": dict(levels),
            "notes": list(source.notes),
            "files": {str(path): manifest.sha256(path) for path in source.inputs},
            "pixels_sha256": digest.hexdigest(),
            "counts": counts.document(),
        }

    def _chosen(self, piece: Piece) -> tuple[str, Selected]:
        """The split of a piece and what is left of it there."""
        reached = self._divide.reached(piece)
        if len(reached) != 1:
            return "", select.without(piece, SHARED if reached else NOWHERE)
        (where,) = reached
        return where, select.selected(piece, where, self._rules, self._opinion)

    def _store(self, piece: Piece, source: str, where: str, chosen: Selected) -> None:
        lon, lat = piece.centre
        row, column = self._blocks.cell(lon, lat)
        block = f"{row}/{column}"
        place = (source, piece.level, block, piece.country, lon, lat)
        line = Entry(piece.name, where, "", *place, (0, 0), 0.0, None, ())
        self._writer.add(Sample(piece.values, chosen.labels, piece.present), line)
        self.trust.append(chosen.trust)


def _manifest(config: Config, documents: Sequence[dict[str, Any]], job: _Job, writer: Writer) -> dict[str, Any]:
    return {
        "tool": manifest.tool(),
        "libraries": manifest.library_versions(),
        "config": config.model_dump(mode="json", exclude_none=True),
        "seed": config.split.seed,
        "least_distance_km": _distance(config),
        "counts": job.tally.document(),
        "splits": {name: _split(name, writer) for name in SPLITS},
        "sources": list(documents),
        "tables": tables.checksums(),
    }


def _split(name: str, writer: Writer) -> dict[str, Any]:
    """Samples, blocks, countries and labelled pixels of each class in a split."""
    lines = [line for line in writer.index if line.split == name]
    sums = [sum(column) for column in zip(*(line.counts for line in lines), strict=True)]
    legend = writer.layout.legend
    return {
        "samples": len(lines),
        "blocks": len({line.block for line in lines}),
        "countries": sorted({line.country for line in lines} - {""}),
        "pixels": {
            f"{code} {text}": count
            for code, text, count in zip(legend.codes, legend.names, sums, strict=False)
            if count
        },
    }


def _distance(config: Config) -> float | None:
    """The distance that pieces of different splits keep, km; None where the division promises none."""
    section = config.split
    if section.kind == "published" or (section.kind == "countries" and section.countries is None):
        return None
    return section.margin_km


def _why(counts: Tally) -> str:
    lost = ", ".join(f"{number} {reason}" for reason, number in counts.lost.most_common(3))
    return f"of {counts.pieces} pieces {lost or 'none'} were dropped, {counts.samples} are in other splits"
