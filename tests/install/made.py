"""A made-up ECOCLIMAP-SG data tree: the names of the real one, small maps of random covers, written by hand.

No real tree is at hand. The writer shares nothing with the package.
"""

import os
import struct
from pathlib import Path

import numpy as np

ROWS, COLS = 7, 11
NORTH, WEST = 53.0, -9.0
DECADES = [f"{month:02d}{day:02d}" for month in range(1, 13) for day in (5, 15, 25)]


def header(*, per_degree=360, rows=ROWS, cols=COLS, north=NORTH, west=WEST, typed=False, nodata=0):
    lines = ["made up", f"nodata: {nodata}", f"north: {north:.10f}", f"south: {north - rows / per_degree:.10f}"]
    lines += [f"west: {west:.10f}", f"east: {west + cols / per_degree:.10f}", f"rows: {rows}", f"cols: {cols}"]
    lines += ["fact: 10", "compress: 1", "recordtype: integer 16 bits"] if typed else ["recordtype: integer 8 bits"]
    return "\n".join(lines) + "\n"


def cover_pair(path: Path, *, seed=0, codes=None, **place) -> Path:
    """A cover map with every byte in 0..33; `place` as for `header`."""
    shape = (place.get("rows", ROWS), place.get("cols", COLS))
    found = np.random.default_rng(seed).integers(0, 34, shape, dtype=np.uint8) if codes is None else codes
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(found.tobytes())
    path.with_suffix(".hdr").write_text(header(**place))
    return path


def sparse_globe(path: Path) -> Path:
    """A map of the whole globe without data: 8.4 GB that take no room on the disk."""
    path.write_bytes(b"")
    os.truncate(path, 64800 * 129600)
    path.with_suffix(".hdr").write_text(header(rows=64800, cols=129600, north=90.0, west=-180.0))
    return path


def typed_pair(path: Path, *, seed=0) -> Path:
    """A packed map of parameters: a count of words for each row, then the words, one a pixel."""
    words = 100 * np.random.default_rng(seed).integers(7, 24, (ROWS, COLS)) + 17
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f"<{ROWS}i", *[COLS] * ROWS) + words.astype("<u2").tobytes())
    path.with_suffix(".hdr").write_text(header(typed=True))
    return path


def parameters(folder: Path, *, seed=0) -> Path:
    """LAI, albedo and tree height under their names, 36 decades."""
    for number, decade in enumerate(DECADES):
        typed_pair(folder / "LAI_SAT" / f"LAI_SAT_{decade}_c.dir", seed=seed + number)
        for band in ("NI", "VI"):
            typed_pair(folder / "ALB_SAT" / f"ALB_SAT_{band}_{decade}_c.dir", seed=seed + 100 + number)
    typed_pair(folder / "HT" / "new_ht_c.dir", seed=seed + 200)
    return folder


def data_tree(folder: Path) -> Path:
    """Everything that a tree in use may have: sub-folders, links of each kind, files that nobody reads."""
    elsewhere = folder.with_name("elsewhere")
    elsewhere.mkdir(parents=True)
    (elsewhere / "soil.txt").write_text("sand")
    typed_pair(elsewhere / "deep" / "LAI_OLD_0105_c.dir")
    parameters(folder)
    cover_pair(folder / "COVER" / "ecosg_final_map.dir")
    (folder / "COVER" / "ecosg_final_map.nc").write_bytes(b"the original's NetCDF")
    (folder / "README").write_text("read me")
    (folder / "EMPTY").mkdir()
    (folder / "soil.txt").symlink_to(elsewhere / "soil.txt")
    (folder / "DEEP").symlink_to(elsewhere / "deep")
    (folder / "ALBNIR_SAT").symlink_to("ALB_SAT")
    (folder / "LAI_SAT" / "first.dir").symlink_to("LAI_SAT_0105_c.dir")
    (folder / "COVER" / "latest.dir").symlink_to("ecosg_final_map.dir")
    (folder / "lost.txt").symlink_to(elsewhere / "lost.txt")
    return folder


def below(folder: Path) -> set[str]:
    """Every name below a folder, through links, as a program sees it that opens paths."""
    found = set()
    for path in folder.iterdir():
        found.add(path.name)
        if path.is_dir():
            found |= {f"{path.name}/{name}" for name in below(path)}
    return found


def snapshot(*folders: Path) -> dict[str, tuple[int, bytes | str]]:
    """Bytes (or the end of a link) and time of change of all that lies below the folders."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*"))]
    files = [path for path in paths if path.is_symlink() or path.is_file()]
    return {
        str(path): (path.lstat().st_mtime_ns, str(path.readlink()) if path.is_symlink() else path.read_bytes())
        for path in files
    }
