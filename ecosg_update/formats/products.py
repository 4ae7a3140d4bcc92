"""A patch as the set of files that people take away: all complete, or none."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Write `STEM.dir`, `.hdr`, `.nc`, `.tif` and `.tif.aux.xml`, as far as asked for, and return the paths.

    Every file is complete and verified before the first gets its name; the `.hdr` is named last. share: as
    in `netcdf.write`. Raises ConfigError for a format that does not exist and OutputError as the single writers.
    """
    wanted = _targets(Path(stem), formats)
    targets = [target for group in wanted.values() for target in group]
    needed = 8 * patch.base.size
    with atomic.parts(*targets, overwrite=overwrite, needed=needed) as written:
        part = dict(zip(targets, written, strict=True))
        if "nc" in wanted:
            netcdf.encode(patch, part[wanted["nc"][0]], provenance=provenance, share=share)
        if "tif" in wanted:
            names, raster = wanted["tif"]
            geotiff.encode(patch.cover, part[raster], part[names], provenance=provenance)
        if "dir" in wanted:
            data, text = wanted["dir"]
            direct.encode(patch.cover, part[data], part[text], title=provenance.title)
    return targets


def _targets(stem: Path, formats: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """The files of each format, in the order in which they get their names."""
    unknown = sorted(set(formats) - set(FORMATS))
    if unknown or not formats:
        raise ConfigError(f"formats: found {', '.join(unknown) or 'none'}, expected some of {', '.join(FORMATS)}")
    raster, names = geotiff.targets(stem.with_name(f"{stem.name}.tif"))
    files: dict[str, tuple[Path, ...]] = {"nc": (stem.with_name(f"{stem.name}.nc"),), "tif": (names, raster)}
    if "dir" in formats:
        files["dir"] = direct.targets(stem)
    return {kind: files[kind] for kind in FORMATS if kind in formats}
