"""Patches, cover maps and predictions as CF-1.11 NetCDF: for people, plotting tools and the stages themselves.

No public SURFEX reads covers from NetCDF: the `.dir` is what PGD reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecosg_update import tables
from ecosg_update.errors import FormatError, GridError
from ecosg_update.formats import atomic, cf
from ecosg_update.formats.ncfile import (
    DECIDED,
    Field,
    attribute,
    grid_of,
    opened,
    store,
    store_cover,
    variable,
    window,
)
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader, Patch, Prediction
from ecosg_update.legend import Legend

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RulesBehind:
    """What stands behind the probabilities of covers, for who decides by them.

    chosen: uint8 (y, x), the `Reason` of the rule that made a cover the most probable one, 0 for none. tells_rivers:
    whether the classes behind the covers tell rivers from lakes (rule R4).
    """

    chosen: NDArray[np.uint8]
    tells_rivers: bool


def write(
    patch: Patch,
    path: Path | str,
    *,
    provenance: Provenance,
    share: NDArray[np.float32] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a patch and return the path. Variables: cover, base_cover, reason, confidence and, if given,
    entropy, second_cover and share.

    share: float32 (y, x), the part (0..1) of each cell that valid evidence covers. Raises OutputError for all
    that `atomic.parts` refuses and where the file does not hold what was written, GridError for a share of
    another shape.
    """
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=_size(patch)) as (part,):
        encode(patch, part, provenance=provenance, share=share)
    return path


def encode(patch: Patch, part: Path, *, provenance: Provenance, share: NDArray[np.float32] | None = None) -> None:
    """Fill `part` with a patch and verify it; `write` makes it land."""
    grid, legend = patch.cover.grid, patch.cover.legend
    beside = [
        Field("base_cover", patch.base, cf.flags(legend, "land cover before the update")),
        Field("reason", patch.reason, cf.reasons()),
        Field("confidence", patch.confidence, cf.fraction("probability of the land cover given all evidence")),
    ]
    if patch.entropy is not None:
        beside.append(Field("entropy", patch.entropy, cf.bits("entropy of the probabilities of all land covers")))
    if patch.second is not None:
        beside.append(Field("second_cover", patch.second, cf.flags(legend, "most probable other land cover")))
    if share is not None:
        if share.shape != grid.shape or share.dtype != np.float32:
            raise GridError(f"share: found {share.dtype} of {share.shape}, expected float32 of {grid.shape}")
        beside.append(Field("share", share, cf.fraction("part of the cell that valid evidence covers")))
    names = " ".join(one.name for one in beside)
    cover = Field("cover", patch.cover.codes, cf.flags(legend, "land cover") | {"ancillary_variables": names})
    store(part, grid, [cover, *beside], cf.about(provenance, legend=legend.name))


def read(path: Path | str, cells: LatLonGrid | None = None) -> Patch:
    """The patch of a file that `write` made, or the window `cells` of it.

    Raises FormatError for another file, CoverageError for a window that it does not hold.
    """
    with opened(Path(path)) as file:
        whole = grid_of(file)
        part = cells or whole
        covers, base, reason = (window(file, name, whole, part) for name in DECIDED)
        legend = tables.legend(str(attribute(file, "legend")))
        cover = CoverMap(covers, part, legend)
        confidence = window(file, "confidence", whole, part)
        entropy, second = (
            window(file, name, whole, part) if name in file.variables else None
            for name in ("entropy", "second_cover")
        )
        return Patch(cover, base, reason, confidence, entropy, second)


def write_cover(cover: CoverReader, path: Path | str, *, provenance: Provenance, overwrite: bool = False) -> Path:
    """Write a bare cover map (variable cover), block by block, and return the path; raises OutputError as `write`."""
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=cover.grid.cells) as (part,):
        attributes = cf.flags(cover.legend, "land cover")
        store_cover(part, cover, attributes, cf.about(provenance, legend=cover.legend.name))
    return path


def read_cover(path: Path | str, cells: LatLonGrid | None = None) -> CoverMap:
    """The cover map, or the window `cells` of it, of a file that `write` or `write_cover` made; raises as `read`."""
    with opened(Path(path)) as file:
        whole = grid_of(file)
        legend = tables.legend(str(attribute(file, "legend")))
        return CoverMap(window(file, "cover", whole, cells or whole), cells or whole, legend)


def grid(path: Path | str) -> LatLonGrid:
    """The cells of a file of this tool; FormatError for another file."""
    with opened(Path(path)) as file:
        return grid_of(file)


def legend(path: Path | str) -> Legend:
    """The legend of the codes in a file of this tool; FormatError for another file."""
    with opened(Path(path)) as file:
        return tables.legend(str(attribute(file, "legend")))


def holds_prediction(path: Path | str) -> bool:
    """Whether a NetCDF file holds class probabilities rather than a cover map."""
    with opened(Path(path)) as file:
        return "probability" in file.variables


def holds_patch(path: Path | str) -> bool:
    """Whether a NetCDF file holds a patch, with the original map, rather than a bare cover map."""
    with opened(Path(path)) as file:
        return all(name in file.variables for name in DECIDED)


def write_prediction(
    prediction: Prediction,
    path: Path | str,
    *,
    provenance: Provenance,
    rules: RulesBehind | None = None,
    overwrite: bool = False,
) -> Path:
    """Write class probabilities on a lat-lon grid and return the path; `read_prediction` returns the same.

    Variables: probability (code, lat, lon) and share (lat, lon), both float32, the class codes and, if given, the
    rule (lat, lon) behind each cell's best class. Raises GridError for a prediction that is not on a lat-lon grid,
    OutputError as `write`.
    """
    path = Path(path)
    with atomic.parts(path, overwrite=overwrite, needed=prediction.values.nbytes) as (part,):
        encode_prediction(prediction, part, provenance=provenance, rules=rules)
    return path


def encode_prediction(
    prediction: Prediction,
    part: Path,
    *,
    provenance: Provenance,
    rules: RulesBehind | None = None,
    tells_low_plants: bool = True,
) -> None:
    """Fill `part` with class probabilities and verify it; `write_prediction` makes it land.

    tells_low_plants: what the engine's card says of grass and crops.
    """
    if not isinstance(prediction.grid, LatLonGrid):
        raise GridError(
            f"{part}: the prediction is on pixels of {prediction.grid.crs[:40]}; aggregate it to cells first"
        )
    legend = prediction.legend
    codes = {"long_name": f"class of the legend {legend.name}", "flag_values": np.array(legend.codes, np.int16)}
    fields = [
        Field("code", np.array(legend.codes, np.int16), codes | {"flag_meanings": cf.meanings(legend)}, ("code",)),
        Field("probability", prediction.values, cf.fraction("probability of a class"), ("code", "lat", "lon")),
        Field("share", prediction.share, cf.fraction("part of the cell that valid evidence covers")),
    ]
    more = {}
    if rules is not None:
        fields.append(Field("rule", rules.chosen, cf.reasons("rule that made a cover the most probable one")))
        more = {"tells_rivers": str(rules.tells_rivers).lower()}
    if not tells_low_plants:
        more["tells_low_plants"] = "false"
    store(part, prediction.grid, fields, cf.about(provenance, legend=legend.name, origin=prediction.origin, **more))


def read_prediction(path: Path | str, cells: LatLonGrid | None = None, *, legend: Legend | None = None) -> Prediction:
    """The prediction of a file that `write_prediction` made, or the window `cells` of it.

    legend: where None, the table of the name that the file gives. Raises FormatError for another file or
    where the legend's codes are not the file's, CoverageError for a window that it does not hold.
    """
    with opened(Path(path)) as file:
        whole = grid_of(file)
        known = legend or tables.legend(str(attribute(file, "legend")))
        codes = tuple(variable(file, "code")[:].tolist())
        if codes != known.codes:
            raise FormatError(
                f"found {len(codes)} classes {codes[:6]}..., the legend {known.name} has others; name it"
            )
        part = cells or whole
        values, share = (window(file, name, whole, part) for name in ("probability", "share"))
        return Prediction(values, share, known, part, str(attribute(file, "origin")))


def tells_low_plants(path: Path | str) -> bool:
    """Whether the engine behind a file of class probabilities tells grass from crops; True where it does not say."""
    with opened(Path(path)) as file:
        return "tells_low_plants" not in file.ncattrs()


def read_rules(path: Path | str, cells: LatLonGrid | None = None) -> RulesBehind:
    """The rules behind the covers of a file, or of a window; none where the file does not say. Raises FormatError."""
    with opened(Path(path)) as file:
        whole = grid_of(file)
        part = cells or whole
        if "rule" not in file.variables:
            return RulesBehind(np.zeros(part.shape, np.uint8), tells_rivers=False)
        told = str(attribute(file, "tells_rivers")) == "true"
        return RulesBehind(window(file, "rule", whole, part), tells_rivers=told)


def _size(patch: Patch) -> int:
    layers = (patch.cover.codes, patch.base, patch.reason, patch.confidence, patch.entropy, patch.second)
    return sum(layer.nbytes for layer in layers if layer is not None)
