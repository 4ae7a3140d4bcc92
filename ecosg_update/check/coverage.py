"""The rules of a model's domain: a cell without a pixel is filled from its neighbours, and PGD does not say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecosg_update.check.geometry import Geometry
from ecosg_update.domain import RADIUS, Domain
from ecosg_update.errors import GridError
from ecosg_update.fault import Fault, Severity

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILLED = "PGD fills them from the 3 nearest cells that have data and does not say so"


def domain_faults(name: str, found: Geometry, domain: Domain, pixels: NDArray[np.integer]) -> list[Fault]:
    """The faults of a map for `domain`; pixels: with data in each cell, (ny, nx), y from the south.

    Raises GridError where `pixels` has another shape.
    """
    if pixels.shape != domain.shape:
        raise GridError(f"domain {domain.name}: found counts of shape {pixels.shape}, expected {domain.shape}")
    where = f"{name} for {domain.name}"
    empty = pixels == 0
    if empty.all():
        return [_nothing(where, domain)]
    lon, lat = domain.centres()
    beyond = empty & ~_holds(found, lon, lat)
    faults = _longitudes(where, found, domain)
    if beyond.any():
        faults.append(
            Fault(
                Severity.ERROR,
                "domain-outside",
                where,
                f"{_some(beyond, lon, lat, domain)} lie outside the map",
                FILLED + ": the map's border is smeared over them",
                "take a map that holds the whole domain",
            )
        )
    inside = empty & ~beyond
    if inside.any():
        finer = _is_finer(found, domain, lat)
        faults.append(
            Fault(
                Severity.WARNING,
                "domain-finer" if finer else "domain-holes",
                where,
                f"{_some(inside, lon, lat, domain)} hold no pixel's centre with data"
                + (": the cells are finer than the map" if finer else ""),
                FILLED,
                "take a finer map (export --per-degree repeats cells)" if finer else "fill the holes of the map",
            )
        )
    return faults


def _nothing(where: str, domain: Domain) -> Fault:
    return Fault(
        Severity.ERROR, "domain-empty", where, f"none of the {domain.cells:,} cells holds a pixel with data",
        "PGD stops: some points lack data and are too far away from other points",
        "take the map of this area, or name another domain",
    )  # fmt: skip


def _longitudes(where: str, found: Geometry, domain: Domain) -> list[Fault]:
    """The trap of `get_mesh_index_lonlat_reg`, which turns only longitudes 360 degrees off the domain's middle."""
    if domain.projection is not None:
        return []
    half = domain.nx * domain.dx / 2
    west, east = domain.loncen - half, domain.loncen + half
    turns = np.ceil((found.west - west) / 360 - 1e-9) * 360
    if (found.west - 1e-9 <= west and east <= found.east + 1e-9) or not west + turns < found.east:
        return []
    return [
        Fault(
            Severity.ERROR,
            "domain-longitudes",
            where,
            f"the domain has longitudes {west:g}..{east:g}, the map {found.west:g}..{found.east:g}",
            "on a LONLAT REG grid SURFEX does not turn them by 360 and loses the pixels, or fills their cells",
            "write both with longitudes in -180..180, or both in 0..360",
        )
    ]


def _holds(found: Geometry, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
    across = (lon - found.west) % 360 <= found.east - found.west
    return np.asarray((lat <= found.north) & (lat >= found.south) & across)


def _is_finer(found: Geometry, domain: Domain, lat: NDArray[np.float64]) -> bool:
    """Whether a cell of the domain is lower or narrower than a pixel of the map somewhere."""
    if domain.projection is None:
        return domain.dx < found.wide or domain.dy < found.high
    metres = np.radians(1) * RADIUS
    narrow = found.wide * float(np.cos(np.radians(np.abs(lat).min())))
    return bool(domain.dy < found.high * metres or domain.dx < narrow * metres)


def _some(cells: NDArray[np.bool_], lon: NDArray[np.float64], lat: NDArray[np.float64], domain: Domain) -> str:
    west, east, south, north = lon[cells].min(), lon[cells].max(), lat[cells].min(), lat[cells].max()
    count = int(cells.sum())
    box = f"{west:.3f}..{east:.3f} E {south:.3f}..{north:.3f} N"
    return f"{count:,} of {domain.cells:,} model cells ({count / domain.cells:.1%}; {box})"
