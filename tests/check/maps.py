"""A small right map, and its header to spoil."""

from pathlib import Path

import numpy as np

from ecosg_update.formats import header
from ecosg_update.formats.header import Header
from ecosg_update.grid import LatLonGrid

GRID = LatLonGrid(360, 13212, 61524, 37, 53)
"""Ireland; the edges need more than 6 decimals."""

TEXT = header.text(Header("A map of Ireland", GRID))


def codes(seed=0, grid=GRID):
    """Covers with large patches, as maps have: sea in the west, some of them nodata."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(4, 34, (grid.rows // 6 + 1, grid.cols // 6 + 1), dtype=np.uint8)
    found = np.kron(coarse, np.ones((6, 6), np.uint8))[: grid.rows, : grid.cols].copy()
    found[:, : grid.cols // 5] = 1
    found[-2:, -3:] = 0
    return found


def pair(folder, text=TEXT, content=None, stem="map") -> Path:
    """Write a pair as it is given and return the .dir; text: str or bytes, content: codes or bytes."""
    data = folder / f"{stem}.dir"
    content = codes() if content is None else content
    data.write_bytes(content if isinstance(content, bytes) else np.ascontiguousarray(content, np.uint8).tobytes())
    data.with_suffix(".hdr").write_bytes(text if isinstance(text, bytes) else text.encode("latin-1"))
    return data


def changed(old, new):
    """The header with one thing different."""
    assert TEXT.count(old) >= 1
    return TEXT.replace(old, new)
