"""A patch as the set of files that people take away: all complete, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecosg_update.errors import ConfigError
from ecosg_update.formats import atomic, direct, geotiff, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.layers import Patch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMATS = ("nc", "tif", "dir")
"""What can be written: NetCDF, Cloud-Optimised GeoTIFF, and the pair that SURFEX reads."""


def write_patch(
    patch: Patch,
    stem: Path | str,
    *,
    provenance: Provenance,
    formats: Sequence[str] = FORMATS,
    share: NDArray[np.float32] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write `STEM.dir`, `.hdr`, `.nc`, `.tif`, `.tif.aux.xml` and `.qml`, as far as asked for, and return the paths.

    Every file is complete and verified before the first gets its name; the `.hdr` is named last. share: as
    in `netcdf.write`. Raises ConfigError for a format that does not exist and OutputError as the single writers.
    """
    files = targets(stem, formats)
    with atomic.parts(*files, overwrite=overwrite, needed=13 * patch.base.size) as parts:
        encode(patch, dict(zip(files, parts, strict=True)), provenance=provenance, share=share)
    return files


def encode(
    patch: Patch, parts: Mapping[Path, Path], *, provenance: Provenance, share: NDArray[np.float32] | None = None
) -> None:
    """Fill the part of each file that `targets` named; whoever claimed them with `atomic.parts` makes them land."""
    for target, part in parts.items():
        if target.suffix == ".nc":
            netcdf.encode(patch, part, provenance=provenance, share=share)
        elif target.suffix == ".tif":
            _, names, style = geotiff.targets(target)
            geotiff.encode(patch.cover, part, parts[names], parts[style], provenance=provenance)
        elif target.suffix == ".dir":
            _, text = direct.targets(target)
            direct.encode(patch.cover, part, parts[text], title=provenance.title)


def targets(stem: Path | str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """The files of each format, in the order in which they get their names: the `.hdr` last.

    Raises ConfigError for a format that does not exist, OutputError for a stem that SURFEX would not find.
    """
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ConfigError(f"formats: found {', '.join(unknown) or 'none'}, expected some of {', '.join(FORMATS)}")
    stem = Path(stem)
    raster, *beside = geotiff.targets(stem.with_name(f"{stem.name}.tif"))
    files: dict[str, tuple[Path, ...]] = {"nc": (stem.with_name(f"{stem.name}.nc"),), "tif": (*beside, raster)}
    if "dir" in formats:
        files["dir"] = direct.targets(stem)
    return [file for kind in FORMATS if kind in formats for file in files[kind]]
