"""What may be written beside a map: members of an ensemble, and maps in which one kind of change is applied.

Each is a `.dir` and a `.hdr` of its own, on the cells of the map: whatever reads the map reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecosg_update.config import OutputSection
from ecosg_update.errors import ConfigError
from ecosg_update.formats import atomic, direct
from ecosg_update.formats.header import LINE_LENGTH
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Prediction
from ecosg_update.patch.attribution import SUFFIXES, Attribution, attributed
from ecosg_update.patch.decide import Policy
from ecosg_update.patch.ensemble import Ensemble, drawn, posterior

Settled = Callable[[CoverMap], CoverMap]

BAND_VALUES = 30_000_000
"""Chances of covers that are looked at together (float32): 120 MB."""


@dataclass(frozen=True)
class Variants:
    """Which maps are wanted beside FOLDER/STEM: STEM_m00 ... for the members, STEM_urban ... for the changes.

    products: "full" is the map itself and makes no file here.
    """

    stem: Path
    ensemble: Ensemble | None = None
    products: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [name for name in self.products if name not in SUFFIXES]
        if unknown:
            raise ConfigError(f"products: found {unknown[0]!r}, expected some of {', '.join(SUFFIXES)}")

    @classmethod
    def of(cls, output: OutputSection) -> Variants:
        """Those that a configuration asks for."""
        wanted = Ensemble(output.members, output.correlation_km, output.seed) if output.members else None
        return cls(output.folder / output.stem, wanted, output.products)

    @property
    def members(self) -> list[Path]:
        """The stem of each member, the best estimate first."""
        count = self.ensemble.members if self.ensemble else 0
        return [self.stem.with_name(f"{self.stem.name}_m{number:02d}") for number in range(count)]

    @property
    def changes(self) -> dict[Attribution, Path]:
        """The stem of each map of one kind of change."""
        wanted = {name: tail for name, tail in SUFFIXES.items() if tail and name in self.products}
        return {name: self.stem.with_name(self.stem.name + tail) for name, tail in wanted.items()}

    def targets(self) -> list[Path]:
        """The files; OutputError for a name that SURFEX would not find."""
        return [file for stem in (*self.members, *self.changes.values()) for file in direct.targets(_named(stem))]


def add_members(
    variants: Variants, parts: Mapping[Path, Path], policy: Policy, prediction: Prediction, patch: Patch
) -> None:
    """Append the next rows to the `.dir` of each member. Rows come from the north, each window of the full width.

    parts: the part of each target. prediction: what the patch was decided by.
    """
    if variants.ensemble is None:
        return
    covers = [patch.cover.codes, *drawn(posterior(prediction, patch, policy), variants.ensemble)]
    for stem, codes in zip(variants.members, covers, strict=True):
        direct.append(parts[direct.pair(_named(stem))[0]], codes)


def finish(
    variants: Variants, parts: Mapping[Path, Path], patch: Patch, *, title: str, settled: Settled | None = None
) -> None:
    """Write the headers of the members and the maps of one kind of change, once the patch is whole.

    settled: what a rule of whole maps (R4) makes of a member; the patch has it already.
    """
    for number, (stem, what) in enumerate(zip(variants.members, _told(variants.ensemble), strict=True)):
        data, text = (parts[file] for file in direct.pair(_named(stem)))
        if settled is None:
            direct.encode_header(text, patch.cover.grid, title=_title(title, what))
            continue
        cover = settled(direct.appended(data, patch.cover.grid)) if number else patch.cover
        direct.encode(cover, data, text, title=_title(title, what))
    for product, stem in variants.changes.items():
        data, text = direct.pair(_named(stem))
        direct.encode(attributed(patch, product), parts[data], parts[text], title=_title(title, f", {product}"))


@contextmanager
def written(
    variants: Variants,
    prediction: Prediction,
    patch: Patch,
    policy: Policy,
    *,
    title: str,
    settled: Settled | None = None,
    overwrite: bool = False,
) -> Iterator[list[Path]]:
    """The files of all variants of a patch in memory: they get their names when the block ends well."""
    targets = variants.targets()
    if not targets:
        yield []
        return
    needed = patch.base.size * len(targets) // 2
    with atomic.parts(*targets, overwrite=overwrite, needed=needed) as claimed:
        parts = dict(zip(targets, claimed, strict=True))
        for chances, piece in _bands(prediction, patch):
            add_members(variants, parts, policy, chances, piece)
        finish(variants, parts, patch, title=title, settled=settled)
        yield targets


def _bands(prediction: Prediction, patch: Patch) -> Iterator[tuple[Prediction, Patch]]:
    """A prediction and its patch by rows, without copies."""
    grid, legend = patch.cover.grid, patch.cover.legend
    height = max(1, BAND_VALUES // (len(legend) * grid.cols))
    for top in range(0, grid.rows, height):
        rows = slice(top, min(top + height, grid.rows))
        cells = LatLonGrid(grid.per_degree, grid.row + top, grid.col, rows.stop - top, grid.cols)
        cover = CoverMap(patch.cover.codes[rows], cells, legend)
        values, share = prediction.values[:, rows], prediction.share[rows]
        yield (
            Prediction(values, share, legend, cells, prediction.origin),
            Patch(cover, patch.base[rows], patch.reason[rows], patch.confidence[rows]),
        )


def _named(stem: Path) -> Path:
    """The `.dir` of a stem, which may itself hold a point."""
    return stem.with_name(f"{stem.name}.dir")


def _told(ensemble: Ensemble | None) -> Iterator[str]:
    """What the title of each member ends in."""
    if ensemble is None:
        return
    for number in range(ensemble.members):
        drawn_by = f"seed {ensemble.seed}, {ensemble.correlation_km:g} km" if number else "best estimate"
        yield f", member {number} of 0..{ensemble.members - 1}, {drawn_by}"


def _title(title: str, tail: str) -> str:
    """The first line of a header: the map's own as far as there is room, and what this one is."""
    room = LINE_LENGTH - len(tail.encode())
    return title.encode()[:room].decode(errors="ignore") + tail
