"""Typed files (`DIRTYP`) without the package: a writer and a reader in plain Python, from `read_direct.F90` and
`uncompress_field.F90` alone, and made-up leaf area, albedo and tree height for any cover map.

No real parameter file is at hand. The values are made up: leaf area by latitude and season, albedo by type, height by
type; only their layout is SURFEX's.
"""

import math
import struct
from pathlib import Path

DECADES = [f"{month:02}{day:02}" for month in range(1, 13) for day in (5, 15, 25)]
TREES = {7, 8, 9, 10, 11, 12, 13, 14, 15, 22}


def packed_row(pixels: list[int]) -> list[int]:
    """The words of a row: a pixel below 4000, a run of n empty ones as 4000 + n, at most 65535."""
    words: list[int] = []
    at = 0
    while at < len(pixels):
        if pixels[at]:
            words.append(pixels[at])
            at += 1
            continue
        end = at
        while end < len(pixels) and not pixels[end] and end - at < 61535:
            end += 1
        words.append(4000 + end - at)
        at = end
    return words


def unpacked_row(words: list[int], cols: int) -> list[int]:
    """The loop of UNCOMPRESS_FIELD; IndexError where Fortran would read past the row's words."""
    pixels: list[int] = []
    at = 0
    while len(pixels) < cols:
        word = words[at]
        at += 1
        if word < 4000:
            pixels.append(0 if word % 100 == 0 else word)
        else:
            pixels += [0] * min(word - 4000, cols - len(pixels))
    return pixels


def write_packed(path: Path, table: list[list[int]]) -> None:
    rows = [packed_row(row) for row in table]
    body = b"".join(struct.pack("<i", len(row)) for row in rows)
    path.write_bytes(body + b"".join(struct.pack(f"<{len(row)}H", *row) for row in rows))


def write_plain(path: Path, table: list[list[int]], order: str = "<") -> None:
    path.write_bytes(b"".join(struct.pack(f"{order}{len(row)}H", *row) for row in table))


def read_packed(path: Path, rows: int, cols: int) -> list[list[int]]:
    content = path.read_bytes()
    counts = struct.unpack_from(f"<{rows}i", content)
    at, table = 4 * rows, []
    for count in counts:
        table.append(unpacked_row(list(struct.unpack_from(f"<{count}H", content, at)), cols))
        at += 2 * count
    return table


def read_plain(path: Path, rows: int, cols: int) -> list[list[int]]:
    """Little-endian until a row has a signed value above 15000, then all of it big-endian."""
    content = path.read_bytes()
    for order in "<>":
        table = [struct.unpack_from(f"{order}{cols}h", content, 2 * cols * row) for row in range(rows)]
        if order == ">" or all(max(row) <= 15000 for row in table):
            return [[value % 65536 for value in row] for row in table]
    raise AssertionError


def write_header(path: Path, bounds: tuple, rows: int, cols: int, *, fact: int, compress: int = 1) -> None:
    west, south, east, north = bounds
    path.write_text(
        "Made up, in the layout of ECOCLIMAP-SG\nnodata: 0\n"
        f"north: {north:.10f}\nsouth: {south:.10f}\nwest: {west:.10f}\neast: {east:.10f}\n"
        f"rows: {rows}\ncols: {cols}\nfact: {fact}\ncompress: {compress}\nrecordtype: integer 16 bytes\n"
    )


def leaf_area(cover: int, latitude: float, decade: int) -> int:
    """Tenths of m2/m2: highest in the summer of its half of the globe; none for water, rock, snow, bare land."""
    if not 7 <= cover <= 33:
        return 0
    summer = 0.5 - 0.5 * math.cos(2 * math.pi * (decade + 0.5) / 36)
    season = summer if latitude > 0 else 1 - summer
    return max(1, min(99, round(5 + 40 * season * math.cos(math.radians(latitude)) + cover % 7)))


def albedo(cover: int, decade: int, near_infrared: bool) -> int:
    """Hundredths; none for water."""
    return 0 if cover < 4 else (22 if near_infrared else 7) + cover % 9 + (decade % 36) // 12


def height(cover: int, column: int) -> int:
    """Metres; trees only."""
    return 5 + cover % 11 + column % 3 if cover in TREES else 0


def typed(covers: list[list[int]], value) -> list[list[int]]:
    """100 x cover + value(cover, row, column); 0 where the value is 0."""
    table = []
    for row, line in enumerate(covers):
        values = [value(cover, row, col) for col, cover in enumerate(line)]
        table.append([100 * cover + v if v else 0 for cover, v in zip(line, values, strict=True)])
    return table


def write_tree(folder: Path, covers: list[list[int]], bounds: tuple, decades: list[str] = DECADES) -> list[Path]:
    """All parameter files of a folder, in ECOCLIMAP-SG's names, that fit `covers` cell by cell; their .dir paths."""
    rows, cols = len(covers), len(covers[0])
    step = (bounds[3] - bounds[1]) / rows
    written = []

    def put(name: str, fact: int, value) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_packed(path.with_suffix(".dir"), typed(covers, value))
        write_header(path.with_suffix(".hdr"), bounds, rows, cols, fact=fact)
        written.append(path.with_suffix(".dir"))

    for name in decades:
        t = DECADES.index(name)
        put(f"LAI_SAT/LAI_SAT_{name}_c", 10, lambda c, r, _, t=t: leaf_area(c, bounds[3] - (r + 0.5) * step, t))
        put(f"ALB_SAT/ALB_SAT_NI_{name}_c", 100, lambda c, _r, _c, t=t: albedo(c, t, near_infrared=True))
        put(f"ALB_SAT/ALB_SAT_VI_{name}_c", 100, lambda c, _r, _c, t=t: albedo(c, t, near_infrared=False))
    put("HT/new_ht_c", 1, lambda c, _r, col: height(c, col))
    return written
