"""What the real PGD computed, small maps written by hand, and domains of every kind."""

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ecosg_update.domain import ConfProj, Domain
from tests.conftest import SHARED, shared

REFERENCE = SHARED / "pgd_reference"
NAMES = [
    "mosaic_a_2500m",
    "mosaic_a_2500m_lon0_5",
    "mosaic_a_2500m_norivers_sea20",
    "mosaic_a_2500m_overhang",
    "muenster_300m_1000m",
    "muenster_60m_1000m",
    "muenster_60m_750m_rmcover5",
]
SETTINGS = {"mosaic_a_2500m_norivers_sea20": ["LRM_RIVER=T", "XRM_SEA=0.2"]}
SETTINGS["muenster_60m_750m_rmcover5"] = ["XRM_COVER=.05"]


class Case(NamedTuple):
    """A run of the real PGD: its map, its grid, its NAM_COVER and what came out."""

    stem: Path
    domain: Domain
    settings: list[str]
    result: dict[str, np.ndarray]


def reference(name: str) -> Case:
    """A run of the real PGD; skips the test where the data is absent."""
    (found,) = (
        case for case in json.loads(shared("pgd_reference", "cases.json").read_text()) if case["case"] == name
    )
    assert set(found["nam_cover"]) == {text.partition("=")[0] for text in SETTINGS.get(name, [])}
    result = dict(np.load(REFERENCE / f"{name}.npz"))
    return Case(REFERENCE / found["map"], of_grid(name, found["grid"]), SETTINGS.get(name, []), result)


def of_grid(name, grid) -> Domain:
    """A domain of the reference's own words: tangent cone."""
    cone = ConfProj(grid["lon0"], grid["lat0"], math.sin(math.radians(grid["lat0"])))
    return Domain(name, grid["nx"], grid["ny"], grid["dx"], grid["dy"], grid["loncen"], grid["latcen"], cone)


def written(folder, codes, north, south, west, east, *, nodata=0, name="map") -> Path:
    """A pair written by hand; the path is the stem."""
    rows, cols = codes.shape
    lines = ["by hand", f"nodata: {nodata}", f"north: {north}", f"south: {south}", f"west: {west}", f"east: {east}"]
    lines += [f"rows: {rows}", f"cols: {cols}", "recordtype: integer 8 bits", ""]
    (folder / f"{name}.hdr").write_text("\n".join(lines))
    (folder / f"{name}.dir").write_bytes(np.ascontiguousarray(codes, np.uint8).tobytes())
    return folder / name


def tangent(name, nx, ny, size, lon, lat, *, lon0=None, lat0=None) -> Domain:
    """HARMONIE's kind of domain."""
    lat0 = lat if lat0 is None else lat0
    cone = ConfProj(lon if lon0 is None else lon0, lat0, math.sin(math.radians(lat0)))
    return Domain(name, nx, ny, size, size, lon, lat, cone)


@st.composite
def domains(draw) -> Domain:
    """Small domains of all projections, on both halves, at the dateline and around the poles."""
    nx, ny = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    lon = draw(st.sampled_from([0.0, 7.31, -8.25, 179.97, -179.99, 123.4]))
    kind = draw(st.sampled_from(["cone", "south", "pole", "south pole", "cylinder", "degrees"]))
    size = draw(st.sampled_from([3000.0, 11_111.0, 40_000.0]))
    if kind == "degrees":
        lat = draw(st.sampled_from([-70.3, 0.0, 52.1]))
        return Domain(kind, nx, ny, draw(st.sampled_from([0.05, 0.1])), 0.07, lon, lat, None)
    if "pole" in kind:
        sign = -1.0 if "south" in kind else 1.0
        return Domain(
            kind, nx, ny, size, 1.3 * size, lon, sign * draw(st.sampled_from([89.9, 88.0])), _polar(lon, sign)
        )
    if kind == "cylinder":
        lat, beta = draw(st.sampled_from([-12.0, 3.0])), draw(st.sampled_from([0.0, 30.0]))
        return Domain(kind, nx, ny, size, size, lon, lat, ConfProj(lon + 3, 0.0, 0.0, beta))
    lat = draw(st.sampled_from([35.2, 52.75, 71.0])) * (-1 if kind == "south" else 1)
    cone = ConfProj(lon + draw(st.sampled_from([0.0, 13.0, 357.0])), lat, math.sin(math.radians(lat)))
    return Domain(kind, nx, ny, size, size, lon, lat, cone)


def _polar(lon, sign) -> ConfProj:
    return ConfProj(lon, 60.0 * sign, sign, 10.0)
