"""Cover maps of any format: the ending of a name says which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ecosg_update import tables
from ecosg_update.errors import ConfigError
from ecosg_update.formats import direct, geotiff, netcdf
from ecosg_update.formats.provenance import Provenance
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, CoverReader
from ecosg_update.legend import Legend

ENDINGS = (".dir", ".nc", ".tif")


@dataclass(frozen=True)
class CoverFile:
    """A cover map on the disk, read by window: a `CoverReader`."""

    path: Path
    grid: LatLonGrid
    legend: Legend

    def read(self, cells: LatLonGrid) -> CoverMap:
        """A window; FormatError for a file that is no cover map, CoverageError for cells that it lacks."""
        if self.path.suffix == ".nc":
            return netcdf.read_cover(self.path, cells)
        if self.path.suffix == ".tif":
            return geotiff.read_cover(self.path, cells)
        return direct.read(self.path, cells)

    @property
    def files(self) -> list[Path]:
        """The files that hold it."""
        return [self.path] if self.path.suffix in (".nc", ".tif") else list(direct.pair(self.path))


def opened(path: Path) -> CoverFile:
    """The map of a file: a `.nc` or `.tif` that this tool made, else a `.dir` with its `.hdr`; raises FormatError."""
    if path.suffix == ".nc":
        return CoverFile(path, netcdf.grid(path), netcdf.legend(path))
    if path.suffix == ".tif":
        return CoverFile(path, geotiff.cover_grid(path), tables.legend("ecosg"))
    return CoverFile(path, direct.info(path).grid, tables.legend("ecosg"))


def targets(output: Path) -> list[Path]:
    """The files that `write` makes; ConfigError for another ending, OutputError for a stem that SURFEX misses."""
    if output.suffix == ".dir":
        return list(direct.targets(output))
    if output.suffix == ".nc":
        return [output]
    if output.suffix == ".tif":
        return list(geotiff.targets(output))
    raise ConfigError(
        f"{output}: the ending says the format, found {output.suffix!r}, expected {', '.join(ENDINGS[:-1])} or "
        f"{ENDINGS[-1]}"
    )


def write(cover: CoverReader, output: Path, about: Provenance, *, overwrite: bool = False) -> list[Path]:
    """Write a cover map, block by block, by the ending of `output`; raises as `targets` and the format's writer."""
    files = targets(output)
    if output.suffix == ".dir":
        direct.write(cover, output, title=about.title, overwrite=overwrite)
    elif output.suffix == ".nc":
        netcdf.write_cover(cover, output, provenance=about, overwrite=overwrite)
    else:
        geotiff.write(cover, output, provenance=about, overwrite=overwrite)
    return files
