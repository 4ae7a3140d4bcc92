"""How the workflows write down a domain: HARMONIE, pysurfex and Deode, read and written.

HARMONIE counts the extension zone in NLON and NLAT, PGD does not: NIMAX = NLON - EZONE (`NDLUXG` in
scr/Harmonie_domains.pm, which scr/Prepare_pgd hands to PGD as NIMAX; METCOOP25D's 960 x 1080 points are the
949 x 1069 of the published files, DKCOEXP's 648 are nimax = 637 in tactus). pysurfex and Deode give NIMAX.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecosg_update.domain import ConfProj, Domain
from ecosg_update.errors import ConfigError

EZONE = 11
"""Points of HARMONIE's extension zone where a definition does not say (`default_ezone`)."""

TANGENT = 1e-9
"""A cone's constant this near to sin(lat0) is the tangent cone's."""


@dataclass(frozen=True)
class Block:
    """The keys of one block of a file, lower case. where: the file and the block, for messages."""

    where: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, values: Any, where: str) -> Block:
        """A block with its keys in lower case; ConfigError for what is no block."""
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: found {_short(values)}, expected a block of keys; give a domain")
        return cls(where, {str(key).lower(): value for key, value in values.items()})

    def block(self, key: str) -> Block:
        """A block within this one."""
        return Block.of(self._value(key), f"{self.where}: {key}")

    def text(self, key: str) -> str:
        """A value as text."""
        return str(self._value(key))

    def number(self, key: str, default: float | None = None) -> float:
        """A number; `default` stands in where the key is absent or empty, as Deode leaves it."""
        if default is not None and self.values.get(key, "") == "":
            return default
        value = self._value(key)
        try:
            if isinstance(value, (int, float, str)) and not isinstance(value, bool):
                return float(value)
        except (ValueError, OverflowError):
            pass
        raise ConfigError(f"{self.where}: {key}: found {_short(value)}, expected a number; correct the file")

    def count(self, key: str, default: int | None = None) -> int:
        """A whole number of cells."""
        value = self.number(key, default)
        if not value.is_integer():
            raise ConfigError(f"{self.where}: {key}: found {value}, expected a whole number; correct the file")
        return int(value)

    def _value(self, key: str) -> Any:
        if key not in self.values:
            found = ", ".join(list(self.values)[:8]) or "nothing"
            raise ConfigError(f"{self.where}: {key} is missing, found {found}; add it")
        return self.values[key]


def of_harmonie(values: Any, where: str) -> Domain:
    """The domain of a row of `tables/domains.csv`, whose keys are those of Harmonie_domains.pm."""
    block = Block.of(values, where)
    ezone = block.count("ezone", EZONE)
    return Domain(
        name=block.text("name"),
        nx=block.count("nlon") - ezone,
        ny=block.count("nlat") - ezone,
        dx=block.number("gsize"),
        dy=block.number("gsize"),
        loncen=block.number("lonc"),
        latcen=block.number("latc"),
        projection=_projection(block.number("lon0"), block.number("lat0"), block),
    )


def of_pysurfex(document: Any, name: str, where: str) -> Domain:
    """The domain of a pysurfex JSON, which is PGD's namelist: `CONF PROJ` or `LONLAT REG`, keys in any case.

    `xrpk` and `xbeta` are read where they are given; pysurfex itself always takes the tangent cone and 0.
    """
    whole = Block.of(document, where)
    grid = whole.block("nam_pgd_grid").text("cgrid").upper()
    if grid == "CONF PROJ":
        cone = whole.block("nam_conf_proj")
        projection = _projection(cone.number("xlon0"), cone.number("xlat0"), cone)
        return _conf_proj(name, whole.block("nam_conf_proj_grid"), projection)
    if grid == "LONLAT REG":
        return _lonlat_reg(name, whole.block("nam_lonlat_reg"))
    raise ConfigError(f"{where}: cgrid: found {grid!r}, expected CONF PROJ or LONLAT REG; give a domain of those")


def of_deode(document: Any, name: str, where: str) -> Domain:
    """The domain of a Deode configuration: its section `[domain]`, or a file that is only that section.

    Where `xlon0` and `xlat0` are absent or empty they are the middle's. Mind that newer Deode (tactus) also
    takes a zero for absent; here a zero is a zero.
    """
    block = Block.of(document, where)
    if "domain" in block.values:
        block = block.block("domain")
    lon0 = block.number("xlon0", block.number("xloncen"))
    lat0 = block.number("xlat0", block.number("xlatcen"))
    return _conf_proj(str(block.values.get("name", name)), block, _projection(lon0, lat0, block))


def pysurfex_text(domain: Domain) -> str:
    """A domain as pysurfex's JSON, which `of_pysurfex` reads back.

    The layout holds no name: that of the file is the domain's. ConfigError for a cone that pysurfex does not know.
    """
    if domain.projection is None:
        blocks: dict[str, Any] = {"nam_pgd_grid": {"cgrid": "LONLAT REG"}, "nam_lonlat_reg": _edge_keys(domain)}
    else:
        _check_tangent(domain, "pysurfex", domain.projection)
        if domain.projection.beta:
            raise ConfigError(f"domain {domain.name}: pysurfex knows no xbeta, found {domain.projection.beta}")
        blocks = {
            "nam_pgd_grid": {"cgrid": "CONF PROJ"},
            "nam_conf_proj": {"xlon0": domain.projection.lon0, "xlat0": domain.projection.lat0},
            "nam_conf_proj_grid": _grid_keys(domain),
        }
    return json.dumps(blocks, indent=2) + "\n"


def deode_text(domain: Domain) -> str:
    """A domain as Deode's section `[domain]`, which `of_deode` reads back.

    ConfigError for a grid of longitudes and latitudes and for a cone that Deode does not know.
    """
    if domain.projection is None:
        raise ConfigError(f"domain {domain.name}: Deode has no LONLAT REG grids; print it in pysurfex's layout")
    _check_tangent(domain, "Deode", domain.projection)
    cone = domain.projection
    keys = {"name": domain.name, **_grid_keys(domain), "xlon0": cone.lon0, "xlat0": cone.lat0, "xbeta": cone.beta}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join(["[domain]", *lines]) + "\n"


def _projection(lon0: float, lat0: float, block: Block) -> ConfProj:
    """The tangent cone, unless the block says another (PGD's XRPK), turned by its XBETA."""
    rpk = block.number("xrpk", math.sin(math.radians(lat0)))
    return ConfProj(lon0=lon0, lat0=lat0, rpk=rpk, beta=block.number("xbeta", 0.0))


def _conf_proj(name: str, block: Block, projection: ConfProj) -> Domain:
    return Domain(
        name=name,
        nx=block.count("nimax"),
        ny=block.count("njmax"),
        dx=block.number("xdx"),
        dy=block.number("xdy"),
        loncen=block.number("xloncen"),
        latcen=block.number("xlatcen"),
        projection=projection,
    )


def _lonlat_reg(name: str, block: Block) -> Domain:
    """XLONMIN..XLATMAX are the outer edges of the cells (`mode_gridtype_lonlat_reg.F90`)."""
    west, east = block.number("xlonmin"), block.number("xlonmax")
    south, north = block.number("xlatmin"), block.number("xlatmax")
    nx, ny = block.count("nlon"), block.count("nlat")
    if min(nx, ny) < 1:
        raise ConfigError(f"{block.where}: found {nx} x {ny} cells, expected at least one; correct the file")
    return Domain(
        name=name,
        nx=nx,
        ny=ny,
        dx=(east - west) / nx,
        dy=(north - south) / ny,
        loncen=(west + east) / 2,
        latcen=(south + north) / 2,
        projection=None,
    )


def _grid_keys(domain: Domain) -> dict[str, float]:
    return {
        "nimax": domain.nx,
        "njmax": domain.ny,
        "xdx": domain.dx,
        "xdy": domain.dy,
        "xloncen": domain.loncen,
        "xlatcen": domain.latcen,
    }


def _edge_keys(domain: Domain) -> dict[str, float]:
    half_width, half_height = domain.nx * domain.dx / 2, domain.ny * domain.dy / 2
    return {
        "xlonmin": domain.loncen - half_width,
        "xlonmax": domain.loncen + half_width,
        "xlatmin": domain.latcen - half_height,
        "xlatmax": domain.latcen + half_height,
        "nlon": domain.nx,
        "nlat": domain.ny,
    }


def _check_tangent(domain: Domain, workflow: str, cone: ConfProj) -> None:
    tangent = math.sin(math.radians(cone.lat0))
    if abs(cone.rpk - tangent) > TANGENT:
        raise ConfigError(
            f"domain {domain.name}: {workflow} knows only the cone that touches at lat0 (xrpk {tangent:.6f}),"
            f" found {cone.rpk:.6f}; give the namelist to PGD itself"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
