"""The order of the stages: from evidence to a patched map on disk."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecosg_update import __version__, tables
from ecosg_update.config import Config, OutputSection, toml
from ecosg_update.crosswalk.rules import notes
from ecosg_update.crosswalk.sieve import margin_rows
from ecosg_update.deciding import rules
from ecosg_update.deciding.crossing import Crossed, cropped, crossed, for_engine, tells_rivers, zone_number
from ecosg_update.deciding.decision import believed, judged, member_with_waters, warned, with_waters
from ecosg_update.errors import CoverageError
from ecosg_update.evidence import Evidence, evidence, footprint
from ecosg_update.formats import atomic, direct, folder, products, stac
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import Bounds, LatLonGrid, cut
from ecosg_update.layers import CoverMap, Patch, Prediction
from ecosg_update.manifest import manifest
from ecosg_update.patch.sweep import sweeps
from ecosg_update.progress import Progress, silent
from ecosg_update.report.quicklook import panel_size, quicklook
from ecosg_update.variants import Settled, Variants, add_members, finish

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Each = Callable[[Prediction, Patch], None]

log = logging.getLogger(__name__)

WHOLE_BASE_CELLS = 100_000_000
"""A base of up to so many target cells is written whole; of a larger one, only what the scene can touch."""

EVIDENCE_VALUES = 200_000_000
"""Class sums held at once (float64): 1.6 GB. A target with more is predicted in blocks of rows."""

UNDATED = "the evidence does not say when it was seen: datetime is when this map was made"

COVER_VALUES = 30_000_000
"""Cover probabilities held at once (float32): 120 MB and a few times that in passing."""


@dataclass(frozen=True, eq=False)
class Run:
    """What a run made: the patch, the share of each cell that was seen, the files, the manifest."""

    patch: Patch
    share: NDArray[np.float32]
    products: list[Path]
    manifest: dict[str, Any]


def run(config: Config, *, progress: Progress = silent) -> Run:
    """Everything that a configuration asks for; the products are complete or absent.

    Their names are claimed before the work begins, so that what would be refused at the end is refused at once.
    """
    started = datetime.now(UTC)
    output = config.output
    names, variants = beside(output.folder / output.stem), Variants.of(output)
    more, files = variants.targets(), products.targets(output.folder / output.stem, output.formats)
    with (
        tables.overlaid(config.crosswalk.tables),
        folder.made(output.folder),
        atomic.parts(*names, *more, *files, overwrite=output.overwrite) as parts,
    ):
        part = dict(zip([*names, *more, *files], parts, strict=True))
        drawn = partial(add_members, variants, part, config.patch.policy())
        with evidence(config) as seen:
            target = target_grid(config.base.path, seen, config.target.per_degree, config.target.area())
            for note in seen.notes:
                log.info("%s", note)
            log.info("target: %d x %d cells, %d a degree", *target.shape, target.per_degree)
            patch, share = patched(seen, config, target, each=drawn, progress=progress)
            image = seen.image(panel_size(target), target)
        provenance = _provenance(config, seen)
        products.encode(patch, {file: part[file] for file in files}, provenance=provenance, share=share)
        finish(variants, part, patch, title=provenance.title, settled=_settled(config, seen, patch))
        look, settings, item, record = names
        quicklook(patch, provenance.title, image).save(part[look], format="PNG")
        part[settings].write_text(toml(config), encoding="utf-8")
        made = {file: part[file] for file in (*files, *more, look, settings)}
        part[item].write_text(_item(output, patch, made, provenance, seen.acquired, started), encoding="utf-8")
        found = manifest(
            patch=patch,
            config=config.model_dump(mode="json", exclude_none=True),
            inputs=[*direct.pair(config.base.path), *config.target.inputs, *config.crosswalk.inputs, *seen.inputs],
            engine=seen.engine,
            products={file.name: part[file] for file in (*made, item)},
            notes=[*seen.notes, *notes(patch), *warned(sweeps(patch))],
            started=started,
        )
        if variants.ensemble:
            found["ensemble"] = variants.ensemble.as_dict()
        part[record].write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return Run(patch, share, [*files, *more, *names], found)


def plan(config: Config) -> dict[str, Any]:
    """What `run` would do, once every input was opened and checked: for a dry run."""
    output = config.output
    stem = output.folder / output.stem
    names = [*products.targets(stem, output.formats), *Variants.of(output).targets(), *beside(stem)]
    with tables.overlaid(config.crosswalk.tables), evidence(config) as seen:
        target = target_grid(config.base.path, seen, config.target.per_degree, config.target.area())
        zone_number(seen.legend.name, config.crosswalk)
        rules.checked_rasters(config.crosswalk)
        config.patch.policy().check(tables.legend("ecosg"))
        west, south, east, north = target.bounds
        return {
            "evidence": seen.name,
            "legend": seen.legend.name,
            "notes": list(seen.notes),
            "target": f"{target.rows} x {target.cols} cells, {target.per_degree} a degree",
            "bounds": [west, south, east, north],
            "would write": [str(path) for path in names],
            "exist already": [str(path) for path in names if path.exists()],
        }


def beside(stem: Path) -> tuple[Path, Path, Path, Path]:
    """The quicklook, the resolved configuration, the STAC item and the manifest that a run leaves by its products."""
    return (
        stem.with_name(f"{stem.name}_quicklook.png"),
        stem.with_name(f"{stem.name}_run.toml"),
        stac.beside(stem),
        stem.with_name(f"{stem.name}_manifest.json"),
    )


def target_grid(base: Path, seen: Evidence, per_degree: int, bounds: Bounds | None) -> LatLonGrid:
    """The cells of the result: the asked bounds, else the whole base, else what the evidence can touch of it.

    Raises CoverageError where the base does not hold the bounds, or where evidence and target do not meet.
    """
    whole = direct.info(base).grid
    reach = footprint(seen.grid, per_degree)
    if bounds is not None:
        target = LatLonGrid.from_bounds(per_degree, bounds)
    elif whole.rows * whole.cols * (per_degree / whole.per_degree) ** 2 <= WHOLE_BASE_CELLS:
        target = whole.at(per_degree)
    else:
        overlap = whole.at(per_degree).intersection(reach)
        target = overlap if overlap is not None else reach
    if not whole.contains(target.at(whole.per_degree)):
        raise CoverageError(f"{base}: holds {whole}, the target is {target}; ask for less or give a larger base")
    if target.intersection(reach) is None:
        raise CoverageError(f"{seen.name}: lies in {reach}, the target is {target}; they do not meet")
    return target


def patched(
    seen: Evidence, config: Config, target: LatLonGrid, *, each: Each | None = None, progress: Progress = silent
) -> tuple[Patch, NDArray[np.float32]]:
    """The patch on `target` and the share (float32, y, x) of each cell that valid evidence covers.

    each: is given every band of rows in turn, from the north: the covers' probabilities and the patch of them.
    Cells and smallest patches are settled block by block, each with the margin that they need; the kinds of water
    (rule R4) on the whole target at the end, of codes of one byte a cell.
    """
    policy, legend, section = config.patch.policy(), tables.legend("ecosg"), for_engine(config.crosswalk, seen.engine)
    switches = section.rules
    told = tells_rivers(seen.legend.name, config.crosswalk)  # what is wrong is refused here, not after hours
    policy.check(legend)
    rules.checked_rasters(config.crosswalk)
    margin = margin_rows(switches.smallest_patch)
    codes, base, reason, second = (np.zeros(target.shape, np.uint8) for _ in range(4))
    confidence, share, entropy = (np.zeros(target.shape, np.float32) for _ in range(3))
    blocks = list(_row_blocks(target, EVIDENCE_VALUES // len(seen.legend)))
    whole = on_block(seen, target, progress) if len(blocks) == 1 else None

    def on(cells: LatLonGrid) -> Prediction:
        return on_block(seen, cells, progress) if whole is None else cropped(whole, cells)

    def judgeable(prediction: Prediction) -> Crossed:
        return crossed(prediction, config.base.path, section).judgeable(switches)

    belief = believed(lambda cells: judgeable(on(cells)), target, policy)
    for block in blocks:
        prediction = on(_taller(block, target, margin))
        for band in _row_blocks(block, COVER_VALUES // len(legend)):
            part = cropped(prediction, _taller(band, target, margin))
            weighed, found = judged(judgeable(part), policy, switches, belief)
            piece = _part_of(found, band)
            if each:
                each(cropped(weighed, band), piece)
            at = slice(band.row - target.row, band.row - target.row + band.rows)
            codes[at], base[at], reason[at] = piece.cover.codes, piece.base, piece.reason
            confidence[at], share[at] = piece.confidence, cropped(part, band).share
            if piece.entropy is not None and piece.second is not None:
                entropy[at], second[at] = piece.entropy, piece.second
    patch = Patch(CoverMap(codes, target, legend), base, reason, confidence, entropy, second)
    return (with_waters(patch, config.base.path, policy, told=told) if switches.water else patch), share


def on_block(seen: Evidence, block: LatLonGrid, progress: Progress) -> Prediction:
    """The evidence on a block of cells; only the cells that it can touch are computed."""
    reach = block.intersection(footprint(seen.grid, block.per_degree))
    values = np.zeros((len(seen.legend), *block.shape), np.float32)
    share = np.zeros(block.shape, np.float32)
    if reach is None:
        return Prediction(values, share, seen.legend, block, "no evidence")
    found = seen.on(reach, progress)
    for (rows, cols), (to_rows, to_cols) in reach.windows_in(block):
        values[:, to_rows, to_cols] = found.values[:, rows, cols]
        share[to_rows, to_cols] = found.share[rows, cols]
    return Prediction(values, share, seen.legend, block, found.origin)


def _row_blocks(cells: LatLonGrid, most: int) -> Iterator[LatLonGrid]:
    """A grid in blocks of whole rows of at most `most` cells each."""
    height = max(1, most // cells.cols)
    for top in range(0, cells.rows, height):
        rows = min(height, cells.rows - top)
        yield LatLonGrid(cells.per_degree, cells.row + top, cells.col, rows, cells.cols)


def _taller(cells: LatLonGrid, target: LatLonGrid, margin: int) -> LatLonGrid:
    """A block of whole rows with `margin` rows above and below, as far as the target goes."""
    top = max(target.row, cells.row - margin)
    bottom = min(target.row + target.rows, cells.row + cells.rows + margin)
    return LatLonGrid(cells.per_degree, top, cells.col, bottom - top, cells.cols)


def _part_of(patch: Patch, cells: LatLonGrid) -> Patch:
    """The cells of a patch that lie in `cells`."""
    grid = patch.cover.grid
    if cells == grid:
        return patch
    layers = {one.name: getattr(patch, one.name) for one in fields(patch)}
    arrays = {name: cut(layer, grid, cells) for name, layer in layers.items() if isinstance(layer, np.ndarray)}
    return replace(patch, cover=patch.cover.read(cells), **arrays)


def _settled(config: Config, seen: Evidence, patch: Patch) -> Settled | None:
    """What R4 makes of a member of the ensemble; None where that rule is off."""
    if not config.crosswalk.rules.water:
        return None
    told = tells_rivers(seen.legend.name, config.crosswalk)
    return partial(member_with_waters, patch=patch, base=config.base.path, policy=config.patch.policy(), told=told)


def _provenance(config: Config, seen: Evidence) -> Provenance:
    title = config.output.title or f"ECOCLIMAP-SG cover renewed by ecosg-update {__version__}"
    origin = seen.engine["engine"] if seen.engine else seen.legend.name
    return Provenance(
        title=title,
        source=f"{seen.name} ({origin}), base {config.base.path.name}",
        history=f"ecosg-update {__version__} run",
        comment="; ".join(seen.notes),
    )


def _item(
    output: OutputSection,
    patch: Patch,
    made: dict[Path, Path],
    origin: Provenance,
    acquired: datetime | None,
    started: datetime,
) -> str:
    """The STAC item of a run; without a time of acquisition it has that of the run, and says so."""
    cover, stem, when = patch.cover, output.folder / output.stem, acquired or started
    if acquired is None:
        told = "; ".join(part for part in (origin.comment, UNDATED) if part)
        origin = replace(origin, comment=told)
    return stac.text(
        stem,
        cover.grid,
        cover.legend,
        made,
        about=origin,
        when=stac.Period(when, when),
        bands=stac.patch_bands(cover.legend),
        linked=beside(stem)[-1:],
    )
