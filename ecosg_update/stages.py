"""Each stage from file to file: what the commands `predict`, `map`, `patch` and `export` do."""

from __future__ import annotations

from pathlib import Path

from ecosg_update import __version__, pipeline
from ecosg_update.config import CrosswalkSection, LabelsSection
from ecosg_update.errors import ConfigError, CoverageError
from ecosg_update.evidence import Evidence, footprint
from ecosg_update.evidence.labels import Labels
from ecosg_update.formats import atomic, direct, geotiff, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import Bounds, LatLonGrid
from ecosg_update.layers import CoverMap, Patch
from ecosg_update.patch.decide import Policy
from ecosg_update.patch.resample import resampled
from ecosg_update.progress import Progress, silent


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
    reach = footprint(seen.grid, per_degree)
    cells = LatLonGrid.from_bounds(per_degree, bounds) if bounds else reach
    if cells.intersection(reach) is None:
        raise CoverageError(f"{seen.name}: lies in {reach}, the bounds are {cells}; they do not meet")
    with atomic.parts(output, overwrite=overwrite) as (part,):
        found = pipeline.on_block(seen, cells, progress)
        netcdf.encode_prediction(found, part, provenance=_about("class probabilities", seen.name))
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
    seen = Labels.opened(labels)
    cells = pipeline.target_grid(base, seen, per_degree, bounds)
    found = pipeline.mapped(pipeline.on_block(seen, cells, progress), base, section)
    return netcdf.write_prediction(
        found, output, provenance=_about("cover probabilities", seen.name), overwrite=overwrite
    )


def map_prediction(
    prediction: Path, base: Path, section: CrosswalkSection, output: Path, *, overwrite: bool = False
) -> Path:
    """Write the cover probabilities of class probabilities that `predict` wrote."""
    found = pipeline.mapped(netcdf.read_prediction(prediction), base, section)
    return netcdf.write_prediction(
        found, output, provenance=_about("cover probabilities", prediction.name), overwrite=overwrite
    )


def patch(
    covers: Path, base: Path, policy: Policy, output: Path, *, title: str | None = None, overwrite: bool = False
) -> tuple[Patch, list[Path]]:
    """Decide each cell of the cover probabilities that `map_prediction` or `map_labels` wrote; write by ending."""
    prediction = netcdf.read_prediction(covers)
    found = pipeline.decided_on(prediction, base, policy)
    about = _about(title or "ECOCLIMAP-SG cover renewed", covers.name, exact=title is not None)
    if output.suffix == ".nc":
        return found, [netcdf.write(found, output, provenance=about, share=prediction.share, overwrite=overwrite)]
    return found, write_cover(found.cover, output, about, overwrite=overwrite)


def export(
    source: Path,
    output: Path,
    *,
    bounds: Bounds | None = None,
    per_degree: int | None = None,
    title: str | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write a cover map in the format that the ending of `output` names, cut and resampled as asked."""
    whole = cover_grid(source)
    wanted = per_degree or whole.per_degree
    cells = LatLonGrid.from_bounds(wanted, bounds) if bounds else whole.at(wanted)
    found = read_cover(source, cells.at(whole.per_degree))
    about = _about(title or "ECOCLIMAP-SG cover", source.name, exact=title is not None)
    return write_cover(resampled(found, cells), output, about, overwrite=overwrite)


def cover_grid(path: Path) -> LatLonGrid:
    """The grid of a cover map: .dir or .hdr, .nc or .tif."""
    if path.suffix == ".nc":
        return netcdf.grid(path)
    if path.suffix == ".tif":
        return geotiff.cover_grid(path)
    return direct.info(path).grid


def read_cover(path: Path, cells: LatLonGrid | None = None) -> CoverMap:
    """A cover map, or a window of it, from .dir or .hdr, .nc or .tif."""
    if path.suffix == ".nc":
        return netcdf.read_cover(path, cells)
    if path.suffix == ".tif":
        return geotiff.read_cover(path, cells)
    return direct.read(path, cells)


def write_cover(cover: CoverMap, output: Path, about: Provenance, *, overwrite: bool) -> list[Path]:
    """Write a cover map by the ending of `output`; ConfigError for another ending."""
    if output.suffix == ".dir":
        return list(direct.write(cover, output, title=about.title, overwrite=overwrite))
    if output.suffix == ".nc":
        return [netcdf.write_cover(cover, output, provenance=about, overwrite=overwrite)]
    if output.suffix == ".tif":
        return list(geotiff.write(cover, output, provenance=about, overwrite=overwrite))
    raise ConfigError(f"{output}: the ending says the format, found {output.suffix!r}, expected .dir, .nc or .tif")


def _about(title: str, source: str, *, exact: bool = False) -> Provenance:
    """What a file says of its origin."""
    text = title if exact else f"{title}, ecosg-update {__version__}"
    return Provenance(title=text, source=source, history=f"ecosg-update {__version__}")
