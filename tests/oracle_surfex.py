"""What SURFEX 8.1 PGD makes of a `.dir` and `.hdr`: an independent reader that shares nothing with the package.

Written from a reading of `read_direct.F90` (record type, records) and `readhead.F90` (keys, geometry): fixed
columns, at most 11 and 10 lines, unsigned bytes, pixels placed by their centres. It does what Fortran would do,
mistakes of the file included, and raises ValueError where the executable stops.
"""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

EPSILON = 2.0**-52
COLUMN = {"nodat": 8, "cutva": 10, "north": 7, "south": 7, "east:": 6, "west:": 6}
COLUMN |= {"rows:": 6, "cols:": 6, "fact:": 6, "compr": 10}
"""The first five characters of a key, and the column (from 1) where its value begins."""


@dataclass
class Surfex:
    kind: str
    bits: int
    nodata: float
    fact: float
    compress: bool
    rows: int
    cols: int
    lats: list[float]
    lons: list[float]

    def record(self, path: Path, number: int) -> tuple[int, ...]:
        """The row `number` (from 1) of the `.dir`, read as characters and made unsigned."""
        with path.open("rb") as stream:
            stream.seek((number - 1) * self.cols)
            content = stream.read(self.cols)
        if len(content) < self.cols:
            raise ValueError("Non-existing record number")
        signed = struct.unpack(f"{self.cols}b", content)
        return tuple(value + 256 if value < 0 else value for value in signed)

    def covers(self, path: Path) -> list[list[int]]:
        """All rows; ValueError for a pixel that would be written outside LCOVER(33)."""
        table = [list(self.record(path, number)) for number in range(1, self.rows + 1)]
        for row in table:
            for value in row:
                if abs(value - self.nodata) > 1e-10 and not 1 <= value <= 33:
                    raise ValueError(f"LCOVER({value}) does not exist")
        return table


def surfex(header: Path) -> Surfex:
    lines = header.read_bytes().decode("latin-1").split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    lines = [line.removesuffix("\r") for line in lines]
    kind, bits = _record_type(lines)
    values = _read_head(lines)
    if values["rows:"] != int(values["rows:"]) or values["cols:"] != int(values["cols:"]):
        raise ValueError("rows and cols are integers")
    rows, cols = int(values["rows:"]), int(values["cols:"])
    north, south, west, east = (values[key] for key in ("north", "south", "west:", "east:"))
    east += 360 * _nint((west - east + 180 * (1 + EPSILON)) / 360)
    high, wide = (north - south) / rows, (east - west) / cols
    lats = [north - (number - 0.5) * high for number in range(1, rows + 1)]
    lons = [west + (number - 0.5) * wide for number in range(1, cols + 1)]
    return Surfex(kind, bits, values["nodat"], values["fact:"], values["compr"] == 1, rows, cols, lats, lons)


def _record_type(lines: list[str]) -> tuple[str, int]:
    for line in lines[:11]:
        if line[0:10] != "recordtype":
            continue
        rest = line[11:100]
        bits = 0
        for character, meaning in (("8", 8), ("1", 16), ("3", 32), ("4", 64)):
            if character in rest:
                bits = meaning
        kind = "integer" if "n" in rest else "real"
        if (kind, bits) not in {("integer", n) for n in (8, 16, 32, 64)} | {("real", n) for n in (32, 64)}:
            raise ValueError("DATA TYPE NOT SUPPORTED")
        return kind, bits
    raise ValueError("End of file")


def _read_head(lines: list[str]) -> dict[str, float]:
    values = {"nodat": 1.0, "north": 1.0, "south": 1.0, "east:": 1.0, "west:": 1.0}
    values |= {"rows:": 1.0, "cols:": 1.0, "fact:": 1.0, "compr": 0.0}
    known = False
    for line in lines[1:10]:
        content = line[:100].lstrip(" ")
        key = content[:5]
        if key in COLUMN:
            target = "nodat" if key == "cutva" else key
            values[target] = _number(content[COLUMN[key] - 1 :])
            known = True
        elif not known:
            raise ValueError("an index without a value")
    return values


def _number(rest: str) -> float:
    text = rest
    for letter, sign in (("N", ""), ("E", ""), ("S", "-"), ("W", "-")):
        if letter in rest:
            text = sign + rest[: rest.index(letter)].strip(" ")
            break
    text = text.strip(" ")
    if any(character in text for character in "\t\r_#wsWSinfa"):
        raise ValueError("Bad value during floating point read")
    value = float((text if "." in text else text + ".").replace(" ", ""))
    if math.isinf(value):
        raise ValueError("Range error during floating point read")
    return value


def _nint(value: float) -> int:
    whole = math.floor(abs(value))
    whole += abs(value) - whole >= 0.5
    return whole if value >= 0 else -whole
